//! Next hops whose word counts (RFC 3325 §2.3): networks of a trust domain.
//!
//! Who belongs to it is agreed on among operators, so it is told by configuration and never
//! found out. What is believed of whom belongs is not here.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Addresses that have their first bits in common: `192.0.2.0/24`, `2001:db8::/32`, or a single
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Whom the accounts of a SIP domain believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDomain {
    /// The domain of accounts, or of the outbound proxy that they use. In either case.
    pub name: String,
    /// Where its next hops are.
    pub networks: Vec<Network>,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANetwork {
    /// No address stands before the slash.
    Address,
    /// What follows the slash is no number of bits of such an address.
    Prefix,
    /// The address has bits beyond the prefix; this is the network that it is in.
    Beyond(Network),
}

impl Network {
    /// Whether the address is one of these. IPv4 addresses written as IPv6 ones are IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let same_family = address.is_ipv4() == self.address.is_ipv4();
        same_family && masked(address, self.prefix) == self.address
    }
}

impl TrustDomain {
    /// Whether this is about a domain of this name.
    pub(crate) fn is_of(&self, domain: &str) -> bool {
        self.name.eq_ignore_ascii_case(domain)
    }

    /// Whether a hop at this address is believed.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork::Address)?;
        let bits = bits_of(address);
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| NotANetwork::Prefix)?,
            None => bits,
        };
        if prefix > bits {
            return Err(NotANetwork::Prefix);
        }
        let network = Self {
            address: masked(address, prefix),
            prefix,
        };
        match network.address == address {
            true => Ok(network),
            false => Err(NotANetwork::Beyond(network)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("is no network such as `192.0.2.0/24`"),
            Self::Prefix => f.write_str("has no valid number of bits behind the slash"),
            Self::Beyond(network) => write!(f, "has bits beyond its prefix: `{network}`?"),
        }
    }
}

impl std::error::Error for NotANetwork {}

fn bits_of(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with nothing but its first bits.
fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix));
            IpAddr::V4((address.to_bits() & mask.unwrap_or(0)).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix));
            IpAddr::V6((address.to_bits() & mask.unwrap_or(0)).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::1", "192.0.2.1"),
        ] {
            let network: Network = network.parse().expect("valid");
            assert!(network.contains(address(inside)), "{inside} in {network}");
            assert!(
                !network.contains(address(outside)),
                "{outside} in {network}"
            );
        }
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_is_itself() {
        let network: Network = "192.0.2.0/24".parse().expect("valid");
        assert!(network.contains(address("::ffff:192.0.2.1")));
    }

    #[test]
    fn what_is_no_network_is_refused_and_says_why() {
        for (text, why) in [
            ("proxy.example.com", "is no network such as `192.0.2.0/24`"),
            (
                "192.0.2.0/33",
                "has no valid number of bits behind the slash",
            ),
            ("192.0.2.0/", "has no valid number of bits behind the slash"),
            (
                "192.0.2.1/24",
                "has bits beyond its prefix: `192.0.2.0/24`?",
            ),
        ] {
            let refused = text.parse::<Network>().expect_err(text);
            assert_eq!(refused.to_string(), why, "{text}");
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }
}
