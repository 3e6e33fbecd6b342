//! One listening socket: binding, accepting, and serving each connection in its own task.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::peers::{Peer, Peers};
use super::tls;
use crate::config::web::WebListen;
use crate::supervisor::{Phase, stopping};
use crate::tasks::Tasks;

/// How long a listener rests when the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a web listener cannot be had.
#[derive(Debug)]
pub enum WebError {
    /// The address cannot be bound.
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A certificate or key cannot be used.
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for WebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, error } => write!(f, "web listener {address}: {error}"),
            Self::Certificate { path, reason } => write!(f, "{}: {reason}", path.display()),
        }
    }
}

impl Error for WebError {}

/// A bound listener that nobody is accepted on yet.
pub struct Bound {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    address: SocketAddr,
}

/// Reads the certificates and binds the address of one listener.
///
/// # Errors
/// When a file cannot be used or the address cannot be bound.
pub async fn bind(listen: &WebListen) -> Result<Bound, WebError> {
    let acceptor = match (&listen.certificate, &listen.key) {
        (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
        (Some(_), None) | (None, Some(_)) | (None, None) => None,
    };
    let failed = |error| WebError::Bind {
        address: listen.address,
        error,
    };
    let listener = TcpListener::bind(listen.address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound {
        listener,
        acceptor,
        address,
    })
}

/// What a listener needs to serve its connections.
#[derive(Debug, Clone)]
pub struct Serving {
    /// The tasks of connections.
    pub tasks: Tasks,
    /// Connections by client address.
    pub peers: Peers,
    /// For the TLS handshake, and for the head of each request.
    pub handshake: Duration,
    /// When the daemon stops, accepting ends and idle connections close.
    pub phase: watch::Receiver<Phase>,
}

impl Bound {
    /// The bound address; with port 0 in the configuration, the port the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until the daemon stops. `service` makes the service of one connection.
    pub async fn serve<S, B>(self, serving: Serving, service: impl Fn(Peer) -> S)
    where
        S: Service<hyper::Request<Incoming>, Response = http::Response<B>, Error = Infallible>
            + Send
            + 'static,
        S::Future: Send,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let mut phase = serving.phase.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stopping(&mut phase) => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(listener = %self.address, %error, "cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(peer) = serving.peers.admit(address) else {
                tracing::debug!(peer = %address, "closed: too many connections from this address");
                continue;
            };
            let connection = Connection {
                stream,
                acceptor: self.acceptor.clone(),
                handshake: serving.handshake,
                phase: serving.phase.clone(),
                peer: peer.clone(),
            };
            serving.tasks.spawn(connection.run(service(peer)));
        }
    }
}

struct Connection {
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    handshake: Duration,
    phase: watch::Receiver<Phase>,
    peer: Peer,
}

impl Connection {
    async fn run<S, B>(mut self, service: S)
    where
        S: Service<hyper::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    {
        let peer = self.peer.address;
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "no TCP_NODELAY");
        }
        let result = match self.acceptor {
            None => {
                http(
                    TokioIo::new(self.stream),
                    self.handshake,
                    &mut self.phase,
                    service,
                )
                .await
            }
            Some(acceptor) => {
                let handshake = acceptor.accept(self.stream);
                match tokio::time::timeout(self.handshake, handshake).await {
                    Ok(Ok(stream)) => {
                        http(
                            TokioIo::new(stream),
                            self.handshake,
                            &mut self.phase,
                            service,
                        )
                        .await
                    }
                    Ok(Err(error)) => {
                        tracing::debug!(%peer, %error, "TLS handshake failed");
                        return;
                    }
                    Err(_elapsed) => {
                        tracing::debug!(%peer, "TLS handshake took too long");
                        return;
                    }
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(%peer, %error, "HTTP connection failed");
        }
    }
}

async fn http<I, S, B>(
    io: I,
    head: Duration,
    phase: &mut watch::Receiver<Phase>,
    service: S,
) -> Result<(), hyper::Error>
where
    I: Read + Write + Unpin + Send + 'static,
    S: Service<hyper::Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(io, service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => result,
        () = stopping(phase) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
