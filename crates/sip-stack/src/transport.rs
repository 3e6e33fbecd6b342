//! Where messages come from and where they go: plain values, no sockets.
//!
//! The transaction layer, the user agent and the driver all speak in these types.
//! RFC 3261 §18 rules the words; "flow" is the word of RFC 5626 §2.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

/// A transport protocol this stack can send and receive on.
///
/// The open set of names a peer may write into a Via or a URI belongs to the message
/// layer; this closed set is what we can actually do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams (RFC 3261 §18).
    Udp,
    /// A byte stream without encryption.
    Tcp,
    /// TLS over TCP (RFC 3261 §26.3.1, RFC 5922).
    Tls,
}

impl Transport {
    /// Whether the transport delivers in order and retransmits by itself. Timers A, E
    /// and G do not run on such a transport, and D, I, J and K are zero.
    pub fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }

    /// The port used when neither the URI nor SRV names one (RFC 3261 §19.1.2).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// The name in a Via header field: `UDP`, `TCP`, `TLS`.
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The value of a `transport=` URI parameter: `udp`, `tcp`, `tls`.
    pub fn uri_name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Reads a Via or URI transport name of either case; `None` for one we do not have.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls]
            .into_iter()
            .find(|transport| transport.uri_name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_name())
    }
}

/// One connected stream, or one UDP socket. Never used twice within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// Where a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The protocol it came by.
    pub transport: Transport,
    /// Our end of the flow, as bound (not as advertised).
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// The stream or the UDP socket it came by.
    pub flow: Option<FlowId>,
}

impl Source {
    /// The way back over the same flow: the destination of in-dialog requests to a peer
    /// that is only reachable over the connection it opened (RFC 5626 §5.3).
    pub fn back(&self) -> Destination {
        Destination {
            transport: self.transport,
            addr: self.remote,
            tls_name: None,
            flow: self.flow,
        }
    }
}

/// One concrete place to send to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The protocol to use.
    pub transport: Transport,
    /// Address and port.
    pub addr: SocketAddr,
    /// The domain a TLS certificate must be valid for: the SIP domain as it stood in the
    /// URI, before NAPTR and SRV (RFC 5922 §4). `None` on TLS means: only an existing
    /// flow may be used, a connection cannot be opened.
    pub tls_name: Option<String>,
    /// Use this flow while it lives. When it is gone, `addr` is connected to instead.
    pub flow: Option<FlowId>,
}

impl Destination {
    /// A UDP destination.
    pub fn udp(addr: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            addr,
            tls_name: None,
            flow: None,
        }
    }

    /// A TCP destination.
    pub fn tcp(addr: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            ..Self::udp(addr)
        }
    }

    /// A TLS destination whose certificate has to be valid for `name`.
    pub fn tls(addr: SocketAddr, name: impl Into<String>) -> Self {
        Self {
            transport: Transport::Tls,
            tls_name: Some(name.into()),
            ..Self::udp(addr)
        }
    }
}

/// Bytes to put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: Destination,
    /// One whole message, or a keep-alive.
    pub bytes: Bytes,
    /// Names the transaction that wants to hear of a failure. `None`: nobody does.
    pub token: Option<TransmitToken>,
}

/// Names the transaction behind a [`Transmit`]; opaque to drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransmitToken(pub(crate) u64);

impl TransmitToken {
    /// Whether the sender waits for an answer: then the end of the flow is a failure even
    /// after the bytes were written.
    pub fn expects_answer(self) -> bool {
        self.0 & 1 == 0
    }
}

/// A [`Transmit`] that could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransmitFailure {
    /// Whose message it was.
    pub token: TransmitToken,
    /// What went wrong.
    pub why: TransportError,
}

/// Why bytes could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The peer refused the connection, or an ICMP error says that nobody listens.
    Refused,
    /// No connection within the time allowed.
    ConnectTimeout,
    /// The TLS handshake failed for a reason other than the certificate.
    TlsHandshake,
    /// The peer's certificate is not valid for the SIP domain we want to reach.
    TlsIdentity,
    /// The flow's write queue was full: the peer does not read. The flow was dropped.
    QueueFull,
    /// The flow ended before or while the bytes were written.
    FlowClosed,
    /// No socket of that transport and address family.
    NoSocket,
    /// The cap on connections is reached.
    TooManyFlows,
    /// Anything else the operating system said.
    Io(ErrorKind),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::ConnectTimeout => f.write_str("no connection in time"),
            Self::TlsHandshake => f.write_str("TLS handshake failed"),
            Self::TlsIdentity => f.write_str("certificate not valid for the SIP domain"),
            Self::QueueFull => f.write_str("write queue full"),
            Self::FlowClosed => f.write_str("flow closed"),
            Self::NoSocket => f.write_str("no socket for that transport and address family"),
            Self::TooManyFlows => f.write_str("too many connections"),
            Self::Io(kind) => write!(f, "{kind}"),
        }
    }
}

impl std::error::Error for TransportError {}

/// The addresses we tell peers, one per listening socket: what Via and Contact say.
///
/// The driver fills this in after binding; port 0 and the unspecified address have been
/// replaced by real ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalAddresses {
    advertised: Vec<(Transport, SocketAddr)>,
}

impl LocalAddresses {
    /// An empty set; [`Self::advertise`] adds to it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the address that peers should use to reach us over `transport`.
    pub fn advertise(&mut self, transport: Transport, addr: SocketAddr) -> &mut Self {
        self.advertised.push((transport, addr));
        self
    }

    /// Every advertised address, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (Transport, SocketAddr)> + '_ {
        self.advertised.iter().copied()
    }

    /// What to write into the Contact of a message that goes to `peer` over `transport`:
    /// where its requests shall come, and by which transport.
    ///
    /// As [`Self::toward`], except that TCP where we do not listen on it becomes UDP: a
    /// large request may go by TCP, but its peer could not call back that way. TLS stays,
    /// so that nobody is told to leave encryption; it lives on the stream we opened.
    pub fn contact(&self, transport: Transport, peer: IpAddr) -> Option<(Transport, SocketAddr)> {
        let listens = |wanted| self.iter().any(|(transport, _)| transport == wanted);
        let transport =
            if transport == Transport::Tcp && !listens(transport) && listens(Transport::Udp) {
                Transport::Udp
            } else {
                transport
            };
        Some((transport, self.toward(transport, peer)?))
    }

    /// What to write into the Via of a message that goes to `peer` over
    /// `transport`.
    ///
    /// The best match wins: same transport and address family, then same transport, then
    /// same family with the transport's default port, then anything. `None` only if
    /// nothing is advertised at all.
    pub fn toward(&self, transport: Transport, peer: IpAddr) -> Option<SocketAddr> {
        let same_family = |addr: &SocketAddr| addr.is_ipv4() == peer.is_ipv4();
        let by_transport = || {
            self.iter()
                .filter(move |(t, _)| *t == transport)
                .map(|(_, addr)| addr)
        };
        let any = || self.iter().map(|(_, addr)| addr);
        by_transport()
            .find(same_family)
            .or_else(|| by_transport().next())
            .or_else(|| {
                let addr = any().find(same_family).or_else(|| any().next())?;
                Some(SocketAddr::new(addr.ip(), transport.default_port()))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_names_are_read_in_either_case() {
        assert_eq!(Transport::from_name("TLS"), Some(Transport::Tls));
        assert_eq!(Transport::from_name("udp"), Some(Transport::Udp));
        assert_eq!(Transport::from_name("quic"), None);
    }

    #[test]
    fn the_advertised_address_of_the_same_transport_and_family_wins() {
        let mut local = LocalAddresses::new();
        local
            .advertise(Transport::Udp, addr("192.0.2.1:5060"))
            .advertise(Transport::Udp, addr("[2001:db8::1]:5060"))
            .advertise(Transport::Tcp, addr("192.0.2.1:5070"));

        let v6 = local.toward(Transport::Udp, addr("[2001:db8::9]:1").ip());
        let tcp = local.toward(Transport::Tcp, addr("198.51.100.1:1").ip());

        assert_eq!(v6, Some(addr("[2001:db8::1]:5060")));
        assert_eq!(tcp, Some(addr("192.0.2.1:5070")));
    }

    #[test]
    fn a_transport_we_do_not_listen_on_borrows_the_ip_and_its_default_port() {
        let mut local = LocalAddresses::new();
        local.advertise(Transport::Udp, addr("192.0.2.1:5080"));

        let tls = local.toward(Transport::Tls, addr("198.51.100.1:1").ip());

        assert_eq!(tls, Some(addr("192.0.2.1:5061")));
    }

    #[test]
    fn a_contact_never_invites_to_a_tcp_port_that_nobody_listens_on() {
        let mut local = LocalAddresses::new();
        local.advertise(Transport::Udp, addr("192.0.2.1:5080"));
        let peer = addr("198.51.100.1:1").ip();

        let by_udp = Some((Transport::Udp, addr("192.0.2.1:5080")));
        assert_eq!(local.contact(Transport::Tcp, peer), by_udp);

        local.advertise(Transport::Tcp, addr("192.0.2.1:5090"));
        let by_tcp = Some((Transport::Tcp, addr("192.0.2.1:5090")));
        assert_eq!(local.contact(Transport::Tcp, peer), by_tcp);
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }
}
