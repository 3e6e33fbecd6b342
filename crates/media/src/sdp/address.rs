//! Where media may be sent: SDP comes from strangers and names any address it likes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
        self.check_ip(ip)?;
        if let Some(inner) = embedded(ip) {
            self.check_ip(inner)?;
        }
        if self
            .refused
            .iter()
            .any(|own| is_own(*own, ip, address.port()))
        {
            return Err(UnsafeAddress::Own);
        }
        Ok(())
    }

    fn check_ip(&self, ip: IpAddr) -> Result<(), UnsafeAddress> {
        if ip.is_loopback() && !self.allow_loopback {
            return Err(UnsafeAddress::Loopback);
        }
        if is_link_local(ip) {
            return Err(UnsafeAddress::LinkLocal);
        }
        if !is_unicast(ip) {
            return Err(UnsafeAddress::NotUnicast);
        }
        Ok(())
    }
}

/// Whether an address is one of our own sockets'. Which addresses a socket on all interfaces has is
/// not known here: it may have any private one. (A public one is advertised, and listed.)
fn is_own(own: SocketAddr, ip: IpAddr, port: u16) -> bool {
    let own_ip = own.ip().to_canonical();
    let anywhere = own_ip.is_unspecified() && (ip.is_loopback() || is_private(ip));
    own.port() == port && (own_ip == ip || anywhere)
}

/// Whether an address means nothing outside its own network (RFC 1918, RFC 6598, RFC 4193).
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// The IPv4 address where a translator or a tunnel takes what is sent to this IPv6 one:
/// IPv4-compatible (RFC 4291 §2.5.5.1), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2).
fn embedded(ip: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(ip) = ip else {
        return None;
    };
    let [a, b, c, d, e, f, high, low] = ip.segments();
    let (high, low) = match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0] if high != 0 => (high, low),
        [0x64, 0xff9b, 0, 0, 0, 0] => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into())
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
            refused: vec![
                SocketAddr::from(([198, 51, 100, 1], 5060)),
                SocketAddr::from(([0, 0, 0, 0], 10900)),
            ],
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
            ("10.1.2.3:10900", Err(Own)),
            ("100.64.2.3:10900", Err(Own)),
            ("[fd12::1]:10900", Err(Own)),
            ("192.0.2.7:10900", Ok(())),
            ("[64:ff9b::c000:207]:4000", Ok(())),
            ("[64:ff9b::7f00:1]:4000", Err(Loopback)),
            ("[64:ff9b::a9fe:a9fe]:4000", Err(LinkLocal)),
            ("[2002:7f00:1::1]:4000", Err(Loopback)),
            ("[2002:e000:1::1]:4000", Err(NotUnicast)),
            ("[::127.0.0.1]:4000", Err(Loopback)),
            ("[::169.254.169.254]:4000", Err(LinkLocal)),
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
