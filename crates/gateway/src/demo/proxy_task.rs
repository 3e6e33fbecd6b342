//! The socket of the demo's proxy, and its clock.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tokio::net::UdpSocket;

use super::proxy::Proxy;
use super::registrar::Registrar;

/// The largest datagram UDP can carry.
const MAX_DATAGRAM: usize = 65_535;

/// A bound socket, not yet served.
pub(super) struct ProxySocket {
    socket: UdpSocket,
    addr: SocketAddr,
}

impl ProxySocket {
    /// Binds `port` of `ip`, or any other port if that one is taken.
    pub(super) async fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let socket = match UdpSocket::bind((ip, port)).await {
            Ok(socket) => socket,
            Err(_) => UdpSocket::bind((ip, 0)).await?,
        };
        let addr = socket.local_addr()?;
        Ok(Self { socket, addr })
    }

    /// Where it is reached.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves `domain` with its accounts, for ever.
    pub(super) async fn serve(
        self,
        domain: &'static str,
        accounts: Vec<(String, String)>,
        secret: u64,
    ) {
        let registrar = Registrar::new(domain, accounts, secret, clock());
        let mut proxy = Proxy::new(registrar, self.addr);
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let (length, from) = match self.socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(error) => {
                    // what ICMP says of an earlier datagram
                    tracing::debug!(%error, "demo proxy");
                    continue;
                }
            };
            if let Some((to, bytes)) = proxy.handle_datagram(&buffer[..length], from, clock())
                && let Err(error) = self.socket.send_to(&bytes, to).await
            {
                tracing::debug!(%error, %to, "demo proxy");
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the proxy's clock")]
fn clock() -> Instant {
    Instant::now()
}
