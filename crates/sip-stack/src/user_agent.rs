//! The whole SIP user agent, sans-IO (RFC 3261 §8, §10-15): accounts and their
//! registrations, dialogs, and INVITE usages on top of the transaction layer.
//!
//! Bytes and commands go in, datagrams, questions to the resolver and events come
//! out. The driver calls a `handle_*` and then drains every `poll_*`. `now` never
//! goes backwards. It is not a proxy and not a registrar, and knows nothing of
//! what SDP says.

use std::time::Duration;

/// What the user agent must be told about its surroundings and its limits.
#[derive(Clone, Debug)]
pub struct UserAgentConfig {
    /// User-Agent and Server header, unless an account has its own.
    pub user_agent: String,
    /// Sessions one account may have at once. Beyond: 486 to callers, and to the application.
    pub sessions_per_account: usize,
    /// Sessions in all. Beyond: 503.
    pub sessions: usize,
    /// How long an outgoing call may ring (an INVITE answered only by 1xx) before it is cancelled.
    pub outgoing_ringing: Duration,
    /// How long an incoming call may ring before it is answered 480.
    pub incoming_ringing: Duration,
}

impl Default for UserAgentConfig {
    fn default() -> Self {
        Self {
            user_agent: concat!("sylk-gateway/", env!("CARGO_PKG_VERSION")).to_owned(),
            sessions_per_account: 16,
            sessions: 10_000,
            outgoing_ringing: Duration::from_secs(180),
            incoming_ringing: Duration::from_secs(180),
        }
    }
}

/// Live objects of the user agent; all zero when nothing is left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts added and not removed.
    pub accounts: usize,
    /// Bindings held, or being made or removed.
    pub registrations: usize,
    /// INVITE usages that have not ended on the wire.
    pub sessions: usize,
    /// Dialogs, early ones included.
    pub dialogs: usize,
    /// Transactions.
    pub transactions: usize,
    /// Running timers, those of transactions included.
    pub timers: usize,
}

impl Counts {
    /// Whether nothing is left.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
