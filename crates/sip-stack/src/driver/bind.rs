//! Binding sockets, and finding out what to tell peers about them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

use super::config::{DriverConfig, Listen};
use super::tls;
use crate::transport::{LocalAddresses, Transport};

/// Room in the kernel for a burst of datagrams while the driver is busy. Bytes.
const UDP_RECEIVE_BUFFER: usize = 1 << 20;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 256;

/// Everything bound.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) local: LocalAddresses,
    pub(super) udp: Vec<Arc<UdpSocket>>,
    pub(super) listeners: Vec<Listener>,
}

/// A socket that accepts streams.
pub(super) struct Listener {
    pub(super) transport: Transport,
    pub(super) socket: TcpListener,
    pub(super) acceptor: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("transport", &self.transport)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// Binds every configured socket, or none.
pub(super) fn bind(config: &DriverConfig) -> io::Result<Bound> {
    let mut bound = Bound {
        local: LocalAddresses::new(),
        udp: Vec::new(),
        listeners: Vec::new(),
    };
    for listen in &config.listen {
        let named = |error: io::Error| {
            let text = format!("{} {}: {error}", listen.transport, listen.bind);
            io::Error::new(error.kind(), text)
        };
        let actual = match listen.transport {
            Transport::Udp => {
                let socket = UdpSocket::from_std(udp(listen.bind).map_err(named)?.into())?;
                let actual = socket.local_addr()?;
                bound.udp.push(Arc::new(socket));
                actual
            }
            Transport::Tcp | Transport::Tls => {
                let acceptor = acceptor(listen)?;
                let socket = TcpListener::from_std(stream(listen.bind).map_err(named)?.into())?;
                let actual = socket.local_addr()?;
                bound.listeners.push(Listener {
                    transport: listen.transport,
                    socket,
                    acceptor,
                });
                actual
            }
        };
        let advertised = advertised(listen, actual);
        tracing::info!(transport = %listen.transport, bound = %actual, %advertised, "listening");
        bound.local.advertise(listen.transport, advertised);
    }
    Ok(bound)
}

fn acceptor(listen: &Listen) -> io::Result<Option<TlsAcceptor>> {
    match (listen.transport, &listen.identity) {
        (Transport::Udp | Transport::Tcp, _) => Ok(None),
        (Transport::Tls, Some(identity)) => tls::acceptor(identity).map(Some),
        (Transport::Tls, None) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "listening on TLS needs a certificate and a key",
        )),
    }
}

fn udp(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, addr)?;
    // The kernel may grant less; that is no reason not to start.
    let _ = socket.set_recv_buffer_size(UDP_RECEIVE_BUFFER);
    socket.bind(&addr.into())?;
    Ok(socket)
}

fn stream(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket, addr)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn prepare(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(())
}

/// What peers are told: as configured, as bound, or what the routing table would use.
fn advertised(listen: &Listen, actual: SocketAddr) -> SocketAddr {
    let wanted = listen.advertise.unwrap_or(actual);
    let ip = if !wanted.ip().is_unspecified() {
        wanted.ip()
    } else if !actual.ip().is_unspecified() {
        actual.ip()
    } else {
        outward(actual.is_ipv4())
    };
    let port = match wanted.port() {
        0 => actual.port(),
        port => port,
    };
    SocketAddr::new(ip, port)
}

/// The address of ours that packets to the outside would carry. Nothing is sent.
fn outward(v4: bool) -> IpAddr {
    // Addresses reserved for documentation (RFC 5737, RFC 3849).
    let (any, outside, loopback): (SocketAddr, SocketAddr, IpAddr) = if v4 {
        (
            (Ipv4Addr::UNSPECIFIED, 0).into(),
            (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
            Ipv4Addr::LOCALHOST.into(),
        )
    } else {
        (
            (Ipv6Addr::UNSPECIFIED, 0).into(),
            (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(),
            Ipv6Addr::LOCALHOST.into(),
        )
    };
    let route = || -> io::Result<IpAddr> {
        let socket = std::net::UdpSocket::bind(any)?;
        socket.connect(outside)?;
        Ok(socket.local_addr()?.ip())
    };
    route().unwrap_or(loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_cannot_be_had_is_named() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let addr = taken.local_addr().expect("bound");
        let config = DriverConfig {
            listen: vec![Listen::new(Transport::Udp, addr)],
            ..DriverConfig::default()
        };
        let error = bind(&config).expect_err("the port is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&addr.to_string()), "{error}");
    }
}
