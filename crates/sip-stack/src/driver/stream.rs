//! One stream: connecting or accepting it, then carrying messages both ways until an end.
//!
//! Keep-alive (RFC 5626 §4.4.1): streams that we opened are pinged; once a peer has shown
//! that it answers, a missing answer is the end of the stream.

mod open;
mod read;
mod write;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

pub(super) use self::open::Opening;
use self::open::{Socket, open};
use self::read::{Guard, read};
use self::write::{Pinging, write};
use super::door::Door;
use super::input::Input;
use crate::keep_alive::Terms;
use crate::transport::{FlowId, Source, TransmitToken, Transport, TransportError};

/// For TCP and TLS handshakes together. Shorter than the transaction layer's patience.
const OPEN_LIMIT: Duration = Duration::from_millis(3500);
/// For a sign of life on a stream that the peer opened, once there has been one.
const IDLE_LIMIT: Duration = Duration::from_secs(3600);
/// Answers to pings that may wait behind a slow write; more are not worth it.
const MAX_NUDGES: usize = 8;

/// What the driver wants of a stream.
#[derive(Debug)]
pub(super) enum Order {
    /// To send something.
    Write(Write),
    /// To keep it alive by these terms.
    Keep(Terms),
}

/// Bytes for the peer.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) bytes: Bytes,
    pub(super) token: Option<TransmitToken>,
}

/// One stream's task.
pub(super) struct Stream {
    pub(super) flow: FlowId,
    pub(super) transport: Transport,
    /// For the times between pings.
    pub(super) rng: StdRng,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) kill: oneshot::Receiver<TransportError>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) door: Arc<Door>,
}

impl Stream {
    /// Carries messages until the stream ends, then reports what was not answered.
    pub(super) async fn run(mut self, opening: Opening) {
        let mut unanswered = VecDeque::new();
        let why = self.carry(opening, &mut unanswered).await;
        tracing::debug!(flow = self.flow.0, %why, "stream ended");
        self.orders.close();
        while let Some(order) = self.orders.recv().await {
            if let Order::Write(write) = order {
                unanswered.extend(write.token);
            }
        }
        let closed = Input::FlowClosed {
            flow: self.flow,
            unanswered: unanswered.into(),
            why,
        };
        // Nobody left to hear it: the driver has ended.
        let _ = self.inputs.send(closed).await;
    }

    async fn carry(
        &mut self,
        opening: Opening,
        unanswered: &mut VecDeque<TransmitToken>,
    ) -> TransportError {
        let ours = matches!(opening, Opening::Connect { .. });
        let opened = tokio::select! {
            opened = timeout(OPEN_LIMIT, open(opening)) => opened,
            why = &mut self.kill => return why.unwrap_or(TransportError::FlowClosed),
        };
        let (socket, local, remote) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(why)) => return why,
            Err(_) => return TransportError::ConnectTimeout,
        };
        let source = Source {
            transport: self.transport,
            local,
            remote,
            flow: Some(self.flow),
        };
        tracing::debug!(flow = self.flow.0, transport = %self.transport, %remote, ours, "stream open");
        match socket {
            Socket::Plain(stream) => self.exchange(stream, source, ours, unanswered).await,
            Socket::Tls(stream) => self.exchange(*stream, source, ours, unanswered).await,
        }
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: S,
        source: Source,
        ours: bool,
        unanswered: &mut VecDeque<TransmitToken>,
    ) -> TransportError {
        let (reader, writer) = tokio::io::split(stream);
        let (nudge, nudges) = mpsc::channel(MAX_NUDGES);
        let guard = (!ours).then_some(Guard {
            door: &self.door,
            idle_limit: IDLE_LIMIT,
        });
        let pinging = ours.then(|| Pinging::new(&mut self.rng));
        tokio::select! {
            why = read(reader, source, guard, nudge, &self.inputs) => why,
            why = write(writer, &mut self.orders, nudges, pinging, unanswered) => why,
            why = &mut self.kill => why.unwrap_or(TransportError::FlowClosed),
        }
    }
}

/// What the reader tells the writer.
enum Nudge {
    AnswerPing,
    PongCame,
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A stream that was open is no more, whatever the kernel calls it.
fn broken(error: &io::Error) -> TransportError {
    let why = io_failure(error);
    match why == TransportError::ConnectTimeout {
        true => TransportError::FlowClosed,
        false => why,
    }
}

pub(super) fn io_failure(error: &io::Error) -> TransportError {
    use io::ErrorKind;
    const GONE: [ErrorKind; 4] = [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
        ErrorKind::UnexpectedEof,
    ];
    let kind = error.kind();
    if kind == ErrorKind::ConnectionRefused {
        TransportError::Refused
    } else if kind == ErrorKind::TimedOut {
        TransportError::ConnectTimeout
    } else if GONE.contains(&kind) {
        TransportError::FlowClosed
    } else {
        TransportError::Io(kind)
    }
}

#[cfg(test)]
mod tests;
