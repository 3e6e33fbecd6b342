//! A worker's sockets towards browsers: bound on every address, and named as browsers see them.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;
use socket2::SockRef;

use super::media::advertised;
use crate::config::{BrowserAddress, TcpPort};
use crate::ports::{self, Families};
use crate::worker::{BrowserSockets, MAX_HOSTS};

/// The host candidates of a worker (RFC 8445 §5.1.1.1), best first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) tcp: Vec<SocketAddr>,
}

/// Binds the sockets of worker `index`.
pub(super) fn bind(
    config: &BrowserAddress,
    index: usize,
) -> io::Result<(BrowserSockets, Candidates)> {
    if config.hosts.is_empty() || config.hosts.len() > MAX_HOSTS {
        let text = "one to 16 addresses towards browsers";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let families = if config.hosts.len() == 1 {
        Families::Both
    } else {
        Families::Own
    };
    let mut candidates = Candidates::default();
    let mut sockets = BrowserSockets {
        udp: Vec::new(),
        listeners: Vec::new(),
    };
    for host in &config.hosts {
        let told = advertised(host.bind, host.advertised)?;
        // Browsers are told one address and port for each; a port that the system has chosen for
        // the first address is asked for on the others, too.
        let port = match candidates.udp.first() {
            Some(first) => first.port(),
            None => nth_port(config.port, index)?,
        };
        let socket = ports::bind_udp(SocketAddr::new(host.bind, port), families)?;
        tell_of_small_buffer(&socket);
        let port = socket.local_addr()?.port();
        sockets.udp.push(socket);
        candidates.udp.push(SocketAddr::new(told, port));
        let tcp = match config.tcp {
            TcpPort::Off => continue,
            // What the system has chosen for UDP may be taken for TCP.
            TcpPort::SameAsUdp if config.port == 0 => 0,
            TcpPort::SameAsUdp => port,
            TcpPort::From(first) => nth_port(first, index)?,
        };
        let listener = ports::bind_tcp(SocketAddr::new(host.bind, tcp), families)?;
        let port = listener.local_addr()?.port();
        sockets.listeners.push(listener);
        candidates.tcp.push(SocketAddr::new(told, port));
    }
    Ok((sockets, candidates))
}

fn nth_port(first: u16, index: usize) -> io::Result<u16> {
    if first == 0 {
        return Ok(0);
    }
    u16::try_from(usize::from(first) + index).map_err(io::Error::other)
}

/// One socket hears all browsers of a worker: what the system grants by default holds a few
/// milliseconds of a full load.
fn tell_of_small_buffer(socket: &UdpSocket) {
    let granted = SockRef::from(socket).recv_buffer_size().unwrap_or(0);
    if granted < ports::RECEIVE_BUFFER {
        let wanted = ports::RECEIVE_BUFFER;
        tracing::info!(
            granted,
            wanted,
            "small receive buffer; raise net.core.rmem_max"
        );
    }
}
