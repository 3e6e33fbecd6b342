//! What the user agent is told once, and what it tells of itself at any time.

use std::time::Duration;

use crate::registration::{BreakerConfig, PaceConfig};
use crate::transaction::TimerValues;
use crate::transport::LocalAddresses;
use crate::trust::TrustDomain;

/// What the user agent must be told about its surroundings and its limits.
#[derive(Clone, Debug)]
pub struct UserAgentConfig {
    /// Addresses that others reach us by: what Contact and Via say. The driver fills
    /// this in after binding.
    pub local: LocalAddresses,
    /// Whether descriptions that hold keys (RFC 4568) may go and come by UDP and TCP, where
    /// everybody reads them. For laboratories.
    pub keys_in_clear: bool,
    /// T1, T2 and T4 (RFC 3261 §17).
    pub timers: TimerValues,
    /// User-Agent and Server header, unless an account has its own.
    pub user_agent: String,
    /// Sessions one account may have at once. Beyond: 486, to callers and to the
    /// application.
    pub sessions_per_account: usize,
    /// Sessions in all. Beyond: 503.
    pub sessions: usize,
    /// How long an outgoing call may ring (an INVITE answered only by 1xx) before it is
    /// cancelled and ends with 408.
    pub outgoing_ringing: Duration,
    /// How long an incoming call may ring before it is answered, and ends with, 480.
    pub incoming_ringing: Duration,
    /// How fast REGISTERs leave towards one next hop.
    pub registration_pace: PaceConfig,
    /// When credentials that were never accepted are not tried any more.
    pub registration_breaker: BreakerConfig,
    /// How long a session lives without a refresh, in seconds: our wish (RFC 4028). At
    /// least 90; 0 does without session timers altogether.
    pub session_expires: u32,
    /// Whether callers that cannot receive reliable provisional responses are answered
    /// 421, and called peers have to send them (RFC 3262).
    pub require_100rel: bool,
    /// Whose P-Asserted-Identity is believed (RFC 3325); nobody's by default.
    pub trust_domains: Vec<TrustDomain>,
}

impl Default for UserAgentConfig {
    fn default() -> Self {
        Self {
            local: LocalAddresses::new(),
            keys_in_clear: false,
            timers: TimerValues::default(),
            user_agent: concat!("sylk-gateway/", env!("CARGO_PKG_VERSION")).to_owned(),
            sessions_per_account: 16,
            sessions: 10_000,
            outgoing_ringing: Duration::from_secs(180),
            incoming_ringing: Duration::from_secs(180),
            registration_pace: PaceConfig::default(),
            registration_breaker: BreakerConfig::default(),
            session_expires: 1800,
            require_100rel: false,
            trust_domains: Vec::new(),
        }
    }
}

/// Live objects of the user agent; all zero when nothing is left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts, those being removed in the background included.
    pub accounts: usize,
    /// Bindings held, or being made or removed.
    pub registrations: usize,
    /// Calls, those that are over for the application but not yet on the wire included.
    pub sessions: usize,
    /// Dialogs, early ones included.
    pub dialogs: usize,
    /// Transactions of both sides.
    pub transactions: usize,
    /// Running timers, those of transactions included.
    pub timers: usize,
    /// REFERs of living calls, of both sides.
    pub referrals: usize,
    /// Peers that messages are on their way to.
    pub chats: usize,
    /// What requests of ours and unanswered INVITEs are for: never without their transactions.
    pub uses: usize,
}

impl Counts {
    /// Whether nothing is left.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
