//! Reading one UDP socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::door::Door;
use super::input::Input;
use super::keep_alive::stun::{self, Stun};
use super::now;
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
pub(super) async fn read(port: UdpPort, door: Arc<Door>, inputs: mpsc::Sender<Input>) {
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
        let Some(input) = read_datagram(&buffer[..length], source, &port, &door) else {
            continue;
        };
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}

/// `None`: a keep-alive that has been seen to, or a stranger's noise.
fn read_datagram(datagram: &[u8], source: Source, port: &UdpPort, door: &Door) -> Option<Input> {
    tracing::trace!(remote = %source.remote, bytes = datagram.len(), "datagram received");
    if datagram.first().is_some_and(|first| *first < 4) {
        return read_stun(datagram, source, port, door);
    }
    if is_keep_alive(datagram) || !door.admits_datagram(datagram, source.remote.ip(), now()) {
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

/// STUN begins with two zero bits (RFC 5626 §8, RFC 7983), a SIP message with a letter.
fn read_stun(datagram: &[u8], source: Source, port: &UdpPort, door: &Door) -> Option<Input> {
    match stun::parse(datagram)? {
        Stun::Request { transaction } => {
            let response = stun::response(transaction, source.remote);
            // Strangers get no more bytes than they sent: they may not be who they say.
            if door.knows(source.remote.ip()) || response.len() <= datagram.len() {
                // Like any datagram it may be lost; the peer asks again.
                let _ = port.socket.try_send_to(&response, source.remote);
            }
            None
        }
        Stun::Response {
            transaction,
            mapped,
        } => Some(Input::Mapped {
            source,
            transaction,
            mapped,
        }),
    }
}

/// Line breaks (RFC 5626 §3.5.1), which nobody answers on UDP.
fn is_keep_alive(datagram: &[u8]) -> bool {
    let blank = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    datagram.iter().all(blank)
}
