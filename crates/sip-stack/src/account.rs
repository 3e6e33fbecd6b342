//! Accounts as the application describes them: an address-of-record, its
//! credentials, and where its requests go (RFC 3261 §6 "Address-of-Record", §10).
//!
//! Plain data. What the user agent makes of an account (registration, Contact
//! token, nonces) is not here.

use std::fmt;

use crate::message::Uri;
use crate::transport::Transport;

mod allowance;
mod attempt;
mod capabilities;
mod keyring;
mod known;
mod live;

pub use crate::digest::Ha1;
pub(crate) use attempt::{Attempt, is_challenge};
pub(crate) use capabilities::{Capabilities, DESCRIPTIONS, KEYS, MEDIA_CONTROL};
pub(crate) use keyring::{CannotAnswer, Challenger, Keyring, Scope};
pub(crate) use known::{Known, Noted};
pub(crate) use live::Account;

/// An account of the user agent, numbered by the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u64);

impl AccountId {
    /// An identifier the application has not used before in this process.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account-{}", self.0)
    }
}

/// A call: one INVITE usage, from its first message to its end.
///
/// Outgoing sessions are numbered by the application, incoming ones by the user
/// agent; the two ranges cannot meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

impl SessionId {
    const INCOMING: u64 = 1 << 63;

    /// The application's `number`th outgoing session.
    pub const fn outgoing(number: u64) -> Self {
        Self(number & !Self::INCOMING)
    }

    /// The user agent's `number`th incoming session.
    pub(crate) const fn incoming(number: u64) -> Self {
        Self(number | Self::INCOMING)
    }

    /// Whether the peer has called.
    #[cfg(any(test, feature = "simulate"))]
    pub(crate) const fn is_incoming(self) -> bool {
        self.0 & Self::INCOMING != 0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & Self::INCOMING == 0 {
            write!(f, "out-{}", self.0)
        } else {
            write!(f, "in-{}", self.0 & !Self::INCOMING)
        }
    }
}

/// Everything the user agent has to know about an account. An address-of-record that is
/// no SIP address makes an account that cannot register or call.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// Address-of-record without scheme, `user@domain`.
    pub aor: String,
    /// Name shown beside the address, in From. Quoted as needed when printed.
    pub display_name: Option<String>,
    /// User name in credentials; the user part of [`aor`](Self::aor) if `None`.
    pub username: Option<String>,
    /// What answers challenges.
    pub ha1: Ha1,
    /// Realms whose challenges may be answered, besides the domain of the
    /// address-of-record and the realm pinned by the first success.
    pub realms: Vec<String>,
    /// Where every request of the account goes first (RFC 3261 §8.1.2). `;lr` is
    /// added if it is missing. `None`: REGISTER goes to the account's domain,
    /// calls to the domain of the called URI.
    pub outbound_proxy: Option<Uri>,
    /// User-Agent header; the user agent's own if `None`.
    pub user_agent: Option<String>,
    /// Requested duration of the registration, in seconds.
    pub expires: u32,
    /// UUID text of the instance, for `+sip.instance="<urn:uuid:…>"` (RFC 5626 §4.1).
    pub instance: String,
    /// Whether messages (RFC 3428) are passed up. If not: 488.
    pub takes_messages: bool,
    /// Whether calls to it are passed up. If not: 403.
    pub takes_calls: bool,
    /// Calls at a time, if the application refuses further ones: OPTIONS says so (RFC 3261
    /// §11.2). The user agent's own limit comes besides.
    pub max_calls: Option<usize>,
    /// Transport asked for in requests that resolve a domain, if none is named
    /// by the URI or the proxy: `;transport=` of the URI. `None` leaves the choice
    /// to RFC 3263.
    pub transport: Option<Transport>,
}

impl AccountConfig {
    /// An account without outbound proxy that registers for 600 seconds.
    pub fn new(aor: impl Into<String>, ha1: Ha1, instance: impl Into<String>) -> Self {
        Self {
            aor: aor.into(),
            display_name: None,
            username: None,
            ha1,
            realms: Vec::new(),
            outbound_proxy: None,
            user_agent: None,
            expires: 600,
            instance: instance.into(),
            takes_messages: true,
            takes_calls: true,
            max_calls: None,
            transport: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incoming_and_outgoing_sessions_never_share_a_number() {
        assert_ne!(SessionId::incoming(1), SessionId::outgoing(1));
        assert_ne!(SessionId::incoming(1), SessionId::outgoing(1 | 1 << 63));
    }
}
