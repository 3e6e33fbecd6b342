//! Accounts as the application describes them: an address-of-record, its
//! credentials, and where its requests go (RFC 3261 §6 "Address-of-Record", §10).
//!
//! Plain data. What the user agent makes of an account (registration, Contact
//! token, nonces) is not here.

use std::fmt;

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
    #[allow(dead_code, reason = "the user agent is being built")]
    pub(crate) const fn incoming(number: u64) -> Self {
        Self(number | Self::INCOMING)
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

/// H(A1) of digest authentication with MD5: `MD5(user ":" realm ":" password)`
/// (RFC 2617 §3.2.2.2). As secret as the password; never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1([u8; 16]);

impl Ha1 {
    /// From its 16 bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From a password, for the realm it is valid in.
    pub fn from_password(user: &str, realm: &str, password: &str) -> Self {
        Self(md5::compute(format!("{user}:{realm}:{password}")).0)
    }

    /// From 32 hexadecimal digits of any case; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(bytes))
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(..)")
    }
}

/// Everything the user agent has to know about an account.
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
    /// User-Agent header; the user agent's own if `None`.
    pub user_agent: Option<String>,
    /// Requested duration of the registration, in seconds.
    pub expires: u32,
    /// UUID text of the instance, for `+sip.instance="<urn:uuid:…>"` (RFC 5626 §4.1).
    pub instance: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ha1_is_read_from_hex_of_any_case_and_nothing_else() {
        let ha1 = Ha1::from_password("alice", "example.com", "secret");
        let hex: String = ha1
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(Ha1::from_hex(&hex), Some(ha1));
        assert_eq!(Ha1::from_hex(&hex.to_uppercase()), Some(ha1));
        assert_eq!(Ha1::from_hex("secret"), None);
        assert_eq!(Ha1::from_hex(&format!("{hex}0")), None);
        assert_eq!(Ha1::from_hex(&"g".repeat(32)), None);
    }

    #[test]
    fn ha1_is_not_printed() {
        assert_eq!(format!("{:?}", Ha1::new([7; 16])), "Ha1(..)");
    }

    #[test]
    fn incoming_and_outgoing_sessions_never_share_a_number() {
        assert_ne!(SessionId::incoming(1), SessionId::outgoing(1));
        assert_ne!(SessionId::incoming(1), SessionId::outgoing(1 | 1 << 63));
    }
}
