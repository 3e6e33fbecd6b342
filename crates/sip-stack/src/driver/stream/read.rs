//! What comes by a stream: messages for the driver, pings and pongs for the writer. Strangers'
//! streams end when they say nothing, or nothing that the door lets in.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Nudge, broken, until};
use crate::driver::door::Door;
use crate::driver::input::Input;
use crate::driver::now;
use crate::message::{FrameError, Framed, Framer};
use crate::transport::{Source, TransportError};

/// For the rest of a message, once its beginning is there.
pub(super) const PARTIAL_LIMIT: Duration = Duration::from_secs(30);
/// For the first message or ping on a stream that the peer opened: who opens one has
/// something to say.
pub(super) const FIRST_LIMIT: Duration = Duration::from_secs(30);
/// What a stranger may send in a row that nobody looks at, before its stream is closed.
const MAX_TURNED_AWAY: u32 = 32;
/// What is read at once; idle streams hold that much. Bytes.
const READ_AT_ONCE: usize = 4096;

/// What holds for streams that peers opened.
pub(super) struct Guard<'a> {
    pub(super) door: &'a Door,
    /// For a sign of life.
    pub(super) idle_limit: Duration,
}

pub(super) async fn read(
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
