//! One stream: connecting or accepting it, then carrying messages both ways until an end.
//!
//! Keep-alive (RFC 5626 §4.4.1): streams that we opened are pinged; once a peer has shown
//! that it answers, a missing answer is the end of the stream.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::door::Door;
use super::input::Input;
use super::keep_alive::{Fired, StreamKeepAlive};
use super::{now, tls};
use crate::keep_alive::Terms;
use crate::message::{FrameError, Framed, Framer, PING, PONG};
use crate::transport::{FlowId, Source, TransmitToken, Transport, TransportError};

/// For TCP and TLS handshakes together. Shorter than the transaction layer's patience.
const OPEN_LIMIT: Duration = Duration::from_millis(3500);
/// For one message to be taken by the peer's and our kernel.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// For the rest of a message, once its beginning is there.
const PARTIAL_LIMIT: Duration = Duration::from_secs(30);
/// For the first message or ping on a stream that the peer opened: who opens one has
/// something to say.
const FIRST_LIMIT: Duration = Duration::from_secs(30);
/// For a sign of life on such a stream, once there has been one.
const IDLE_LIMIT: Duration = Duration::from_secs(3600);
/// What a stranger may send in a row that nobody looks at, before its stream is closed.
const MAX_TURNED_AWAY: u32 = 32;
/// What is read at once; idle streams hold that much. Bytes.
const READ_AT_ONCE: usize = 4096;
/// For what we wrote to be acknowledged by the peer's kernel.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(20);
/// An idle stream is asked by TCP itself after so long, and then every so often.
const TCP_PROBES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));
/// Requests without an answer yet that are remembered, to be failed with the stream.
const MAX_UNANSWERED: usize = 1024;
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

/// How the stream comes to be.
pub(super) enum Opening {
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

enum Socket {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
}

async fn open(opening: Opening) -> Result<(Socket, SocketAddr, SocketAddr), TransportError> {
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

/// What the reader tells the writer.
enum Nudge {
    AnswerPing,
    PongCame,
}

/// What holds for streams that peers opened.
struct Guard<'a> {
    door: &'a Door,
    /// For a sign of life.
    idle_limit: Duration,
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    source: Source,
    guard: Option<Guard<'_>>,
    nudge: mpsc::Sender<Nudge>,
    inputs: &mpsc::Sender<Input>,
) -> TransportError {
    let mut framer = Framer::new();
    let mut buffer = vec![0; READ_AT_ONCE];
    let mut partial_since: Option<Instant> = None;
    let mut has_spoken = false;
    let mut turned_away = 0;
    let idle_limit = guard.as_ref().map(|guard| guard.idle_limit);
    loop {
        let deadline = match partial_since {
            Some(since) => Some(since + PARTIAL_LIMIT),
            None if has_spoken => idle_limit.map(|limit| Instant::now() + limit),
            None => idle_limit.map(|limit| Instant::now() + limit.min(FIRST_LIMIT)),
        };
        let length = tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(0) => return TransportError::FlowClosed,
                Ok(length) => length,
                Err(error) => return broken(&error),
            },
            () = until(deadline) => {
                tracing::debug!(remote = %source.remote, "nothing more came on a stream");
                return TransportError::FlowClosed;
            }
        };
        tracing::trace!(remote = %source.remote, bytes = length, "stream received");
        framer.push(&buffer[..length]);
        while let Some(framed) = framer.next() {
            partial_since = None;
            has_spoken = true;
            let (input, lost) = match framed {
                Ok(Framed::Message(message)) => {
                    let message = Box::new(message);
                    (Input::Message { message, source }, false)
                }
                Ok(Framed::Ping) => {
                    let _ = nudge.try_send(Nudge::AnswerPing);
                    continue;
                }
                Ok(Framed::Pong) => {
                    let _ = nudge.try_send(Nudge::PongCame);
                    continue;
                }
                Err(FrameError::Malformed(error)) => (Input::Malformed { error, source }, false),
                Err(FrameError::Lost(error)) => (Input::Malformed { error, source }, true),
            };
            if let Some(guard) = &guard
                && !guard.admits(&input)
            {
                turned_away += 1;
                if lost || turned_away >= MAX_TURNED_AWAY {
                    tracing::debug!(remote = %source.remote, "stream of a stranger closed");
                    return TransportError::FlowClosed;
                }
                continue;
            }
            turned_away = 0;
            if inputs.send(input).await.is_err() || lost {
                return TransportError::FlowClosed;
            }
        }
        partial_since = match (framer.is_partial(), partial_since) {
            (false, _) => None,
            (true, Some(since)) => Some(since),
            (true, None) => Some(Instant::now()),
        };
    }
}

/// The keep-alive of a stream that we opened.
struct Pinging<'a> {
    machine: StreamKeepAlive,
    rng: &'a mut StdRng,
}

impl<'a> Pinging<'a> {
    fn new(rng: &'a mut StdRng) -> Self {
        let machine = StreamKeepAlive::new(now(), rng);
        Self { machine, rng }
    }

    fn handle_pong(&mut self) {
        self.machine.handle_pong(now(), self.rng);
    }

    fn set_terms(&mut self, terms: Terms) {
        self.machine.set_terms(terms, now(), self.rng);
    }

    fn handle_timeout(&mut self) -> Fired {
        self.machine.handle_timeout(now(), self.rng)
    }
}

impl Guard<'_> {
    fn admits(&self, input: &Input) -> bool {
        match input {
            Input::Message { message, source } => {
                self.door.admits_message(message, source.remote.ip(), now())
            }
            Input::Malformed { source, .. } => {
                let known = self.door.knows(source.remote.ip());
                if !known {
                    self.door.turn_away_malformed();
                }
                known
            }
            Input::Accepted { .. }
            | Input::FlowClosed { .. }
            | Input::Mapped { .. }
            | Input::Resolved { .. } => true,
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    orders: &mut mpsc::Receiver<Order>,
    mut nudges: mpsc::Receiver<Nudge>,
    mut pinging: Option<Pinging<'_>>,
    unanswered: &mut VecDeque<TransmitToken>,
) -> TransportError {
    loop {
        let deadline = pinging
            .as_ref()
            .map(|pinging| pinging.machine.poll_timeout().into());
        let written = tokio::select! {
            next = orders.recv() => match next {
                Some(Order::Write(Write { bytes, token })) => {
                    remember(unanswered, token);
                    put(&mut writer, &bytes).await
                }
                Some(Order::Keep(terms)) => {
                    if let Some(pinging) = &mut pinging {
                        pinging.set_terms(terms);
                    }
                    Ok(())
                }
                None => {
                    let _ = timeout(WRITE_LIMIT, writer.shutdown()).await;
                    return TransportError::FlowClosed;
                }
            },
            Some(nudge) = nudges.recv() => match nudge {
                Nudge::AnswerPing => put(&mut writer, PONG).await,
                Nudge::PongCame => {
                    if let Some(pinging) = &mut pinging {
                        pinging.handle_pong();
                    }
                    Ok(())
                }
            },
            () = until(deadline) => match pinging.as_mut().map(Pinging::handle_timeout) {
                Some(Fired::Dead) => {
                    tracing::info!("no answer to a ping: stream dropped");
                    return TransportError::FlowClosed;
                }
                Some(Fired::Ping) => put(&mut writer, PING).await,
                Some(Fired::Nothing) | None => Ok(()),
            }
        };
        if let Err(why) = written {
            return why;
        }
    }
}

fn remember(unanswered: &mut VecDeque<TransmitToken>, token: Option<TransmitToken>) {
    let Some(token) = token.filter(|token| token.expects_answer()) else {
        return;
    };
    if unanswered.len() == MAX_UNANSWERED {
        unanswered.pop_front();
    }
    unanswered.push_back(token);
}

async fn put(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), TransportError> {
    let written = timeout(WRITE_LIMIT, async {
        writer.write_all(bytes).await?;
        writer.flush().await
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(broken(&error)),
        Err(_) => Err(TransportError::QueueFull),
    }
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
