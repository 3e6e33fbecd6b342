//! Where media may be sent: SDP comes from strangers and names any address it likes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Ports below this are never sent to: no phone receives there, but other services do.
const LOWEST_PORT: u16 = 1024;

/// Which addresses phones may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Allow 127.0.0.0/8 and ::1, for tests and the demo on one machine.
    pub allow_loopback: bool,
    /// Never send there: our own sockets that are not phone legs (SIP, web, browser media).
    pub refused: Vec<SocketAddr>,
}

/// Why an address is not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsafeAddress {
    /// This machine.
    Loopback,
    /// Link-local: neighbours and cloud metadata services.
    LinkLocal,
    /// Multicast, broadcast or reserved.
    NotUnicast,
    /// A port below 1024.
    LowPort,
    /// In the policy's list.
    Own,
    /// A host name, or nothing that is an address.
    NoAddress,
}

impl AddressPolicy {
    /// Judges an address read from a phone's description. The unspecified address (hold) is not
    /// judged here.
    ///
    /// # Errors
    /// The reason why nothing may be sent there.
    pub fn check(&self, address: SocketAddr) -> Result<(), UnsafeAddress> {
        let ip = address.ip().to_canonical();
        if address.port() < LOWEST_PORT {
            return Err(UnsafeAddress::LowPort);
        }
        if ip.is_loopback() && !self.allow_loopback {
            return Err(UnsafeAddress::Loopback);
        }
        if is_link_local(ip) {
            return Err(UnsafeAddress::LinkLocal);
        }
        if !is_unicast(ip) {
            return Err(UnsafeAddress::NotUnicast);
        }
        let own = |own: &SocketAddr| own.ip().to_canonical() == ip && own.port() == address.port();
        if self.refused.iter().any(own) {
            return Err(UnsafeAddress::Own);
        }
        Ok(())
    }
}

/// 169.254.0.0/16, fe80::/10, and the metadata addresses that clouds put elsewhere.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.octets() == [100, 100, 100, 200],
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
}

fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        // 0.0.0.0/8 is "this network", 240.0.0.0/4 reserved with the broadcast address in it.
        IpAddr::V4(ip) => !ip.is_multicast() && ip.octets()[0] != 0 && ip.octets()[0] < 240,
        IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
    }
}

impl fmt::Display for UnsafeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback address",
            Self::LinkLocal => "link-local address",
            Self::NotUnicast => "not a unicast address",
            Self::LowPort => "privileged port",
            Self::Own => "an address of our own",
            Self::NoAddress => "no usable address",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str) -> Result<(), UnsafeAddress> {
        let policy = AddressPolicy {
            allow_loopback: false,
            refused: vec![SocketAddr::from(([198, 51, 100, 1], 5060))],
        };
        address
            .parse()
            .map_or(Err(UnsafeAddress::NoAddress), |address| {
                policy.check(address)
            })
    }

    #[test]
    fn only_plain_unicast_addresses_of_others_are_sent_to() {
        use UnsafeAddress::{LinkLocal, Loopback, LowPort, NotUnicast, Own};
        for (address, expected) in [
            ("192.0.2.7:4000", Ok(())),
            ("10.1.2.3:4000", Ok(())),
            ("[2001:db8::7]:4000", Ok(())),
            ("198.51.100.1:4000", Ok(())),
            ("198.51.100.1:5060", Err(Own)),
            ("[::ffff:198.51.100.1]:5060", Err(Own)),
            ("127.0.0.1:4000", Err(Loopback)),
            ("127.8.9.10:4000", Err(Loopback)),
            ("[::1]:4000", Err(Loopback)),
            ("[::ffff:127.0.0.1]:4000", Err(Loopback)),
            ("169.254.169.254:4000", Err(LinkLocal)),
            ("[fe80::1]:4000", Err(LinkLocal)),
            ("[fd00:ec2::254]:4000", Err(LinkLocal)),
            ("100.100.100.200:4000", Err(LinkLocal)),
            ("224.2.1.1:4000", Err(NotUnicast)),
            ("[ff02::1]:4000", Err(NotUnicast)),
            ("255.255.255.255:4000", Err(NotUnicast)),
            ("0.0.0.0:4000", Err(NotUnicast)),
            ("0.1.2.3:4000", Err(NotUnicast)),
            ("[::]:4000", Err(NotUnicast)),
            ("192.0.2.7:53", Err(LowPort)),
        ] {
            assert_eq!(judged(address), expected, "{address}");
        }
        let demo = AddressPolicy {
            allow_loopback: true,
            refused: Vec::new(),
        };
        assert_eq!(
            demo.check("127.0.0.1:4000".parse().expect("address")),
            Ok(())
        );
    }
}
