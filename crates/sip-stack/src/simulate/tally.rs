//! What came of everything that was done, to see that no run is idle.

use std::ops::AddAssign;

use crate::message::{Message, Method};

/// Counted over one run or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls placed.
    pub calls: u32,
    /// Calls that were answered, as the caller heard it.
    pub answered: u32,
    /// Changes of a call that went through.
    pub changed: u32,
    /// Changes that did not.
    pub unchanged: u32,
    /// Refreshes of long calls, by UPDATE or re-INVITE, that an agent heard of.
    pub refreshed: u32,
    /// Sessions that ended with 408.
    pub timeouts: u32,
    /// REFERs that were answered, or whose outcome was told, as the one heard it who asked.
    pub referred: u32,
    /// Calls to somebody that another one asked for, that were answered.
    pub transferred: u32,
    /// Calls that took the place of another.
    pub replaced: u32,
    /// Texts that arrived, within calls and outside.
    pub texts: u32,
    /// PRACKs that reached an agent.
    pub pracks: u32,
    /// UPDATEs that reached an agent.
    pub updates: u32,
    /// Messages that reached an agent.
    pub messages: u64,
}

impl Tally {
    /// A message that reaches an agent.
    pub(super) fn heard(&mut self, message: &Message) {
        self.messages += 1;
        if let Message::Request(request) = message {
            let is = |method| u32::from(request.method == method);
            self.pracks += is(Method::Prack);
            self.updates += is(Method::Update);
            if request.body.is_empty() {
                self.refreshed += is(Method::Update);
            }
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.refreshed += other.refreshed;
        self.timeouts += other.timeouts;
        self.referred += other.referred;
        self.transferred += other.transferred;
        self.replaced += other.replaced;
        self.texts += other.texts;
        self.pracks += other.pracks;
        self.updates += other.updates;
        self.messages += other.messages;
    }
}
