//! Reading one UDP socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::run::Input;
use crate::message::Message;
use crate::transport::{FlowId, Source, Transport};

/// The largest datagram that exists.
const LARGEST_DATAGRAM: usize = 65_535;
/// The pause after an error, so that a lasting one does not eat a core.
const AFTER_ERROR: Duration = Duration::from_millis(20);

/// A bound UDP socket.
#[derive(Clone, Debug)]
pub(super) struct UdpPort {
    pub(super) flow: FlowId,
    pub(super) local: SocketAddr,
    pub(super) socket: Arc<UdpSocket>,
}

/// Reads until nobody listens any more.
pub(super) async fn read(port: UdpPort, inputs: mpsc::Sender<Input>) {
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    loop {
        let (length, remote) = match port.socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, local = %port.local, "receiving failed");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        let source = Source {
            transport: Transport::Udp,
            local: port.local,
            remote,
            flow: Some(port.flow),
        };
        let Some(input) = read_datagram(&buffer[..length], source) else {
            continue;
        };
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}

/// `None`: a keep-alive.
fn read_datagram(datagram: &[u8], source: Source) -> Option<Input> {
    tracing::trace!(remote = %source.remote, bytes = datagram.len(), "datagram received");
    if is_keep_alive(datagram) {
        return None;
    }
    Some(match Message::parse_datagram(datagram) {
        Ok(message) => Input::Message {
            message: Box::new(message),
            source,
        },
        Err(error) => Input::Malformed { error, source },
    })
}

/// Line breaks, or STUN (RFC 5626 §3.5): a SIP message begins with a letter.
fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
        || datagram
            .iter()
            .all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
