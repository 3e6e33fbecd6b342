//! How a stream comes to be: connected or accepted, with TLS or without, and told what to expect
//! of its peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::io_failure;
use crate::driver::tls;
use crate::transport::TransportError;

/// For what we wrote to be acknowledged by the peer's kernel.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(20);
/// An idle stream is asked by TCP itself after so long, and then every so often.
const TCP_PROBES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// How the stream comes to be.
pub(in crate::driver) enum Opening {
    /// By us.
    Connect {
        addr: SocketAddr,
        tls: Option<(TlsConnector, ServerName<'static>)>,
    },
    /// By the peer.
    Accept {
        stream: TcpStream,
        /// The second bounds the handshakes at a time.
        tls: Option<(TlsAcceptor, Arc<Semaphore>)>,
    },
}

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
}

pub(super) async fn open(
    opening: Opening,
) -> Result<(Socket, SocketAddr, SocketAddr), TransportError> {
    match opening {
        Opening::Connect { addr, tls } => {
            let stream = TcpStream::connect(addr).await.map_err(|e| io_failure(&e))?;
            let ends = ends(&stream)?;
            let Some((connector, name)) = tls else {
                return Ok((Socket::Plain(stream), ends.0, ends.1));
            };
            let stream = connector
                .connect(name, stream)
                .await
                .map_err(|e| tls::handshake_failure(&e))?;
            Ok((Socket::Tls(Box::new(stream.into())), ends.0, ends.1))
        }
        Opening::Accept { stream, tls } => {
            let ends = ends(&stream)?;
            let Some((acceptor, handshakes)) = tls else {
                return Ok((Socket::Plain(stream), ends.0, ends.1));
            };
            let turn = handshakes.acquire().await;
            let _turn = turn.map_err(|_| TransportError::FlowClosed)?;
            let stream = acceptor
                .accept(stream)
                .await
                .map_err(|e| tls::handshake_failure(&e))?;
            Ok((Socket::Tls(Box::new(stream.into())), ends.0, ends.1))
        }
    }
}

fn ends(stream: &TcpStream) -> Result<(SocketAddr, SocketAddr), TransportError> {
    // SIP writes whole messages; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    // A peer that is gone without a word is found by what it does not acknowledge.
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_LIMIT));
    let probes = TcpKeepalive::new()
        .with_time(TCP_PROBES.0)
        .with_interval(TCP_PROBES.1);
    let _ = socket.set_tcp_keepalive(&probes);
    let local = stream.local_addr().map_err(|e| io_failure(&e))?;
    let remote = stream.peer_addr().map_err(|e| io_failure(&e))?;
    Ok((local, remote))
}
