//! Hosts, as they stand in URIs and Via headers (RFC 3261 section 25.1, RFC 5118).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smol_str::SmolStr;

use super::error::Unreadable;
use super::grammar::is_host_byte;

/// A host: a name or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name, as written.
    Name(SmolStr),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; in brackets on the wire.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a host: a name, an IPv4 address, or an IPv6 address in brackets.
    ///
    /// Underscores are taken in names, because private networks have them. An IPv6 address
    /// with three colons in a row is read as with two (RFC 5118 section 4.10).
    ///
    /// # Errors
    /// [`Unreadable::Host`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(Unreadable::Host)?;
            return parse_v6(inner).map(Self::V6).ok_or(Unreadable::Host);
        }
        let begins_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        if begins_with_digit && let Ok(v4) = text.parse() {
            return Ok(Self::V4(v4));
        }
        match is_name(text) {
            true => Ok(Self::Name(text.into())),
            false => Err(Unreadable::Host),
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(v4) => Some(IpAddr::V4(*v4)),
            Self::V6(v6) => Some(IpAddr::V6(*v6)),
        }
    }

    /// Whether both are the same host; names are compared without regard to case.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        }
    }
}

/// The longest name that DNS knows, with its closing dot.
const MAX_NAME: usize = 254;

fn is_name(text: &str) -> bool {
    let mut before = b'.';
    let readable = text.bytes().all(|byte| {
        let good = is_host_byte(byte) && !(byte == b'.' && before == b'.');
        before = byte;
        good
    });
    readable && !text.is_empty() && text.len() <= MAX_NAME
}

fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    text.replacen(":::", "::", 1).parse().ok()
}

/// An address as parameters such as `received` and `maddr` write it: brackets may be missing.
pub(super) fn parse_loose_ip(text: &str) -> Option<IpAddr> {
    if let Some(v6) = parse_v6(text) {
        return Some(IpAddr::V6(v6));
    }
    Host::parse(text).ok()?.ip()
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6(v6),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(v4) => write!(f, "{v4}"),
            Self::V6(v6) => write!(f, "[{v6}]"),
        }
    }
}
