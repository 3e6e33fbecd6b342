//! An answered call (RFC 3261 §13.2.2.4, §13.3.1.4, §14): its dialog, and the change of
//! the session that is being talked about.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::account::Attempt;
use crate::command::Reason;
use crate::dialog::Dialog;
use crate::message::{Request, Response};
use crate::transaction::{ClientTransactionId, ServerTransactionId, TimerValues};
use crate::transport::Source;

/// How long the application may think about a re-INVITE.
pub(crate) const REINVITE_LIMIT: Duration = Duration::from_secs(10);
/// How long the peer may think about ours, after a provisional response: its user may
/// have to be asked.
pub(crate) const OUR_REINVITE_LIMIT: Duration = Duration::from_secs(60);
/// How often our own re-INVITE gives way to the peer's (491) before it fails.
pub(crate) const MAX_GLARES: u8 = 4;

pub(crate) struct Established {
    pub(crate) dialog: Dialog,
    pub(crate) change: Change,
}

/// The INVITE transaction or offer/answer exchange in progress, in either direction: one
/// at a time (§14.1).
pub(crate) enum Change {
    /// The session is agreed.
    Settled,
    /// Our 2xx to an INVITE has not been acknowledged.
    Answered(Box<Unacknowledged>),
    /// Our re-INVITE has no final response.
    Ours(Box<Ours>),
    /// Our re-INVITE met the peer's and waits for its turn.
    Glare { sdp: Bytes, glares: u8 },
    /// The peer's re-INVITE or UPDATE waits for the application.
    Theirs(Box<Theirs>),
}

/// A 2xx of ours, repeated until the ACK comes (§13.3.1.4).
pub(crate) struct Unacknowledged {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) response: Response,
    /// Number of the INVITE.
    pub(crate) cseq: u32,
    /// It carried the offer; the ACK brings the answer.
    pub(crate) offered: bool,
    pub(crate) what: Answering,
    interval: Duration,
}

/// What a 2xx of ours answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    /// The first INVITE.
    Call,
    /// The first INVITE; the application hung up meanwhile. BYE has to wait for the ACK
    /// (§15.1.1).
    CallThenBye(Option<Reason>),
    /// A re-INVITE.
    Reinvite,
}

/// A re-INVITE of ours.
pub(crate) struct Ours {
    pub(crate) transaction: ClientTransactionId,
    pub(crate) attempt: Attempt,
    pub(crate) sdp: Bytes,
    pub(crate) glares: u8,
}

/// A re-INVITE or UPDATE of the peer.
pub(crate) struct Theirs {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) request: Request,
    pub(crate) source: Source,
    pub(crate) has_offer: bool,
}

impl Established {
    /// Whether the call is over for the application, and only the BYE is missing.
    pub(crate) fn is_leaving(&self) -> bool {
        match &self.change {
            Change::Answered(answered) => matches!(answered.what, Answering::CallThenBye(_)),
            Change::Settled | Change::Ours(_) | Change::Glare { .. } | Change::Theirs(_) => false,
        }
    }
}

impl Unacknowledged {
    pub(crate) fn new(
        transaction: ServerTransactionId,
        response: Response,
        cseq: u32,
        offered: bool,
        what: Answering,
        timers: &TimerValues,
    ) -> Self {
        Self {
            transaction,
            response,
            cseq,
            offered,
            what,
            interval: timers.t1,
        }
    }

    /// When it is repeated next: T1, doubled up to T2, on every transport.
    pub(crate) fn next_repeat(&mut self, timers: &TimerValues, now: Instant) -> Instant {
        let next = now + self.interval;
        self.interval = (self.interval * 2).min(timers.t2);
        next
    }
}
