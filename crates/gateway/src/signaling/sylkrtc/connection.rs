//! One WebSocket: its frames, its clock, and its end.
//!
//! One task owns the socket, the client's accounts and its session map ([`Client`]). Requests are
//! carried out one after the other and answered before anything they cause is told: events wait
//! in the mailbox while a request is being answered. When the socket is gone, for whatever cause,
//! the client's calls end and its registrations are removed.

mod accounts;
mod admission;
mod call_events;
mod client;
mod incoming;
mod liveness;
mod sessions;
mod transfer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sylkrtc_protocol::{Dialect, ErrorAnswer, ErrorCode, Refusal, encode_error};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use self::client::Client;
use self::liveness::Liveness;
use super::outbox::Outbox;
use super::rate::Rate;
use crate::backend::Backend;
use crate::client::{ClientLink, ClientMailbox};
use crate::supervisor::{Phase, stopping};

/// How long the last frames, the close frame among them, may take to leave.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A WebSocket that has been accepted.
pub struct Connection<S> {
    socket: S,
    client: Client,
    mailbox: ClientMailbox,
    outbox: Outbox,
    rate: Rate,
    liveness: Liveness,
    phase: watch::Receiver<Phase>,
    backend: Arc<Backend>,
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// The network closed it, or the client without a word.
    Lost,
    /// The client closed it as the protocol has it.
    ClosedByClient,
    /// We close it, telling why.
    Closed(CloseCode, &'static str),
    /// The client does not take what is told to it.
    Stalled,
}

impl<S> Connection<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send,
{
    /// Takes over an upgraded socket.
    #[must_use]
    pub fn new(socket: S, dialect: Dialect, backend: Arc<Backend>) -> Self {
        let (link, mailbox) = ClientLink::new();
        let limits = &backend.limits;
        let now = now();
        Self {
            socket,
            client: Client::new(dialect, link, backend.clone()),
            mailbox,
            outbox: Outbox::new(
                limits.write_queue,
                Duration::from_secs(limits.write_seconds),
            ),
            rate: Rate::new(limits.requests_per_second, limits.requests_burst, now),
            liveness: Liveness::new(limits, now),
            phase: backend.phase.clone(),
            backend,
        }
    }

    /// Serves the client until one of both ends it. A connection is mostly waiting: what its task
    /// holds is boxed once, and what it does now and then is boxed while it is done.
    pub fn run(self) -> impl Future<Output = ()> + Send {
        Box::new(self).run_boxed()
    }

    async fn run_boxed(mut self: Box<Self>) {
        let ready = self.client.ready();
        let end = match self.push_text(ready) {
            Ok(()) => self.serve().await,
            Err(end) => end,
        };
        tracing::info!(?end, "connection ended");
        Box::pin(self.client.leave(&end)).await;
        match end {
            End::Lost => {}
            End::ClosedByClient => Box::pin(self.answer_close()).await,
            End::Closed(code, reason) => Box::pin(self.close(code, reason)).await,
            End::Stalled => {
                self.outbox.clear();
                Box::pin(self.close(CloseCode::Policy, "Too slow")).await;
            }
        }
    }

    async fn serve(&mut self) -> End {
        loop {
            let step = self.step().await;
            let result = match step {
                Step::Frame(frame) => Box::pin(self.handle_frame(frame)).await,
                Step::Event(event) => match Box::pin(self.client.handle_event(*event)).await {
                    Some(text) => self.push_text(text),
                    None => Ok(()),
                },
                Step::Written(result) => result.map_err(|error| {
                    tracing::debug!(%error, "cannot write");
                    End::Lost
                }),
                Step::Overflow => Err(End::Stalled),
                Step::Clock => self.handle_clock(now()),
                Step::Stopping => Err(Box::pin(self.stop()).await),
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    /// Waits for the next thing that happens. Safe to be dropped in between: nothing is lost.
    async fn step(&mut self) -> Step {
        let deadline = earliest(
            self.liveness.poll_timeout(self.client.has_accounts()),
            self.outbox.poll_timeout(),
        );
        let Self {
            socket,
            mailbox,
            outbox,
            phase,
            ..
        } = self;
        let writing = !outbox.is_idle();
        let has_room = outbox.has_room();
        // One socket, read and written in one place: polled by hand instead of being split.
        let io = std::future::poll_fn(|cx| {
            use std::task::Poll;
            if writing && let Poll::Ready(result) = outbox.poll_write(socket, cx, now()) {
                return Poll::Ready(Step::Written(result));
            }
            socket.poll_next_unpin(cx).map(Step::Frame)
        });
        tokio::select! {
            biased;
            () = stopping(phase) => Step::Stopping,
            () = mailbox.overflow.notified() => Step::Overflow,
            // What has been told leaves before more is taken up.
            event = mailbox.events.recv(), if has_room => match event {
                Some(event) => Step::Event(event),
                None => Step::Overflow,
            },
            step = io => step,
            () = sleep_until(deadline) => Step::Clock,
        }
    }

    async fn handle_frame(&mut self, frame: Option<Result<Message, Error>>) -> Result<(), End> {
        let frame = match frame {
            None => return Err(End::Lost),
            Some(Err(error)) => return Err(self.handle_broken(&error)),
            Some(Ok(frame)) => frame,
        };
        let now = now();
        self.liveness.heard(now);
        if !self.rate.admit(now) {
            self.push_error(&ErrorAnswer::from(&Refusal::TooFast))?;
            return Err(End::Closed(CloseCode::Policy, "Too many requests"));
        }
        match frame {
            Message::Text(text) => {
                let answer = self.client.handle_text(&text).await;
                self.push_text(answer.text)?;
                if answer.fatal {
                    return Err(End::Closed(CloseCode::Policy, "Malformed request"));
                }
                Ok(())
            }
            Message::Binary(_) => self.push_error(&ErrorAnswer::from(&Refusal::BinaryFrame)),
            Message::Close(_) => Err(End::ClosedByClient),
            // The library answers pings itself when it is polled next.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    /// A frame that could not be read.
    fn handle_broken(&mut self, error: &Error) -> End {
        tracing::debug!(%error, "WebSocket failed");
        if matches!(error, Error::Capacity(CapacityError::MessageTooLong { .. })) {
            let limit = self.backend.limits.message_bytes;
            let answer = ErrorAnswer {
                text: format!("Message too large (at most {limit} bytes)"),
                code: ErrorCode::TooLarge,
            };
            return match self.push_error(&answer) {
                Ok(()) => End::Closed(CloseCode::Size, "Message too large"),
                Err(end) => end,
            };
        }
        if matches!(error, Error::Utf8(_)) {
            return End::Closed(CloseCode::Invalid, "Text is not UTF-8");
        }
        if matches!(
            error,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        ) {
            return End::Lost;
        }
        if matches!(error, Error::Protocol(_)) {
            return End::Closed(CloseCode::Protocol, "Protocol error");
        }
        End::Lost
    }

    fn handle_clock(&mut self, now: Instant) -> Result<(), End> {
        if self
            .outbox
            .poll_timeout()
            .is_some_and(|deadline| now >= deadline)
        {
            return Err(End::Stalled);
        }
        match self
            .liveness
            .handle_timeout(self.client.has_accounts(), now)
        {
            liveness::Verdict::Alive => Ok(()),
            liveness::Verdict::Ping => self.push(Message::Ping(Default::default())),
            liveness::Verdict::Dead => Err(End::Lost),
            liveness::Verdict::Idle => Err(End::Closed(CloseCode::Normal, "No account was added")),
        }
    }

    /// The daemon stops: calls end, the client is told, then the socket is closed.
    async fn stop(&mut self) -> End {
        self.client.stop_calls().await;
        while !self.client.is_without_calls() {
            let Self {
                socket,
                mailbox,
                outbox,
                ..
            } = &mut *self;
            let (writing, has_room) = (!outbox.is_idle(), outbox.has_room());
            let written = std::future::poll_fn(|cx| outbox.poll_write(socket, cx, now()));
            let event = tokio::select! {
                biased;
                () = mailbox.overflow.notified() => return End::Stalled,
                result = written, if writing => match result {
                    Ok(()) => None,
                    Err(_) => return End::Lost,
                },
                event = mailbox.events.recv(), if has_room => event,
            };
            if let Some(event) = event
                && let Some(text) = self.client.handle_event(*event).await
                && let Err(end) = self.push_text(text)
            {
                return end;
            }
        }
        End::Closed(CloseCode::Away, "Gateway is stopping")
    }

    fn push_error(&mut self, answer: &ErrorAnswer) -> Result<(), End> {
        self.push_text(encode_error(self.client.dialect(), None, answer))
    }

    fn push_text(&mut self, text: String) -> Result<(), End> {
        self.push(Message::text(text))
    }

    fn push(&mut self, message: Message) -> Result<(), End> {
        self.outbox
            .push(message, now())
            .map_err(|_full| End::Stalled)
    }

    /// Lets the answer to the client's close frame leave, which the library has made
    /// (RFC 6455 §5.5.1).
    async fn answer_close(&mut self) {
        match tokio::time::timeout(CLOSE_WAIT, self.socket.flush()).await {
            Ok(Ok(()) | Err(Error::ConnectionClosed)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "close frame not answered"),
            Err(_elapsed) => tracing::debug!("close frame not answered in time"),
        }
    }

    async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if self.push(Message::Close(Some(frame))).is_err() {
            return;
        }
        let Self { socket, outbox, .. } = self;
        let leaving = async {
            let written = std::future::poll_fn(|cx| outbox.poll_write(socket, cx, now()));
            if written.await.is_ok() {
                // The client's own close frame ends the handshake (RFC 6455 §7.1.1).
                while let Some(Ok(_)) = socket.next().await {}
            }
            socket.close().await
        };
        match tokio::time::timeout(CLOSE_WAIT, leaving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "not closed cleanly"),
            Err(_elapsed) => tracing::debug!("client did not close in time"),
        }
    }
}

/// What woke the connection.
enum Step {
    Frame(Option<Result<Message, Error>>),
    Event(Box<crate::client::ClientEvent>),
    Written(Result<(), Error>),
    Overflow,
    Clock,
    Stopping,
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (Some(only), None) | (None, Some(only)) => Some(only),
        (None, None) => None,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
