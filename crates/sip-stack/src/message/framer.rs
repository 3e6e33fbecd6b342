//! Finding messages in a stream (RFC 3261 sections 7.5 and 18.3, RFC 5626 section 3.5.1).
//!
//! Only Content-Length says where a message ends. When it is missing, contradictory or
//! absurd, or when a line of the head cannot be read and might have been it, the stream is
//! lost: to guess would be to run a body as a request. Between messages stand the keep-alives:
//! a double line break asks, a single one answers.

use std::error::Error;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::Message;
use super::error::{Malformed, ParseError};
use super::parse::{Head, MAX_BODY, MAX_HEAD, check_complete, find_head_end, refuse};

/// Collects the bytes of one stream and gives messages.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Between two messages.
    #[default]
    Idle,
    /// Between two messages, and a single line break has just been taken for an answer: one
    /// more makes it a question.
    HalfPing,
    /// Inside a head, of which so much has been searched for its end.
    Head { searched: usize },
    /// Inside a body of so many bytes.
    Body { head: Box<Head>, length: usize },
    /// The next message cannot be found any more.
    Lost,
}

/// What was found in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// A message.
    Message(Message),
    /// A keep-alive that asks for a [`Framed::Pong`]: a double line break.
    Ping,
    /// The answer to a keep-alive: a single line break.
    Pong,
}

/// Why a piece of a stream gives no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// This message is malformed; the next one can be read.
    Malformed(ParseError),
    /// The stream cannot be read any further, and has to be closed.
    Lost(ParseError),
}

impl FrameError {
    /// What is wrong with the message.
    pub fn parse_error(&self) -> &ParseError {
        match self {
            Self::Malformed(error) | Self::Lost(error) => error,
        }
    }

    /// Whether the stream has to be closed.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parse_error().fmt(f)
    }
}

impl Error for FrameError {}

/// The most that waits here: one whole message and one more head. Who pushes takes out what
/// is complete before pushing more.
const MAX_BUFFER: usize = 2 * MAX_HEAD + MAX_BODY;

/// A question of RFC 5626, to be sent over a connected stream.
pub(crate) const PING: &[u8] = b"\r\n\r\n";
/// The answer to it.
pub(crate) const PONG: &[u8] = b"\r\n";

impl Framer {
    /// A framer at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they come from the stream. Call [`Self::next`] until it gives nothing
    /// before pushing more: what waits is bounded, and one byte too many loses the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Lost) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether part of a message has come: the driver gives the rest only so much time.
    pub fn is_partial(&self) -> bool {
        match self.state {
            State::Idle | State::HalfPing => !self.buffer.is_empty(),
            State::Head { .. } | State::Body { .. } => true,
            State::Lost => false,
        }
    }

    /// The next thing in the stream; nothing if more bytes are needed, or after
    /// [`FrameError::Lost`].
    #[expect(
        clippy::should_implement_trait,
        reason = "nothing now does not mean nothing later, as it does with an iterator"
    )]
    pub fn next(&mut self) -> Option<Result<Framed, FrameError>> {
        if self.buffer.len() > MAX_BUFFER {
            return self.lose(ParseError::new(Malformed::BodyTooLarge, None));
        }
        loop {
            match std::mem::take(&mut self.state) {
                State::Idle => {
                    if self.buffer.starts_with(PING) {
                        self.buffer.advance(PING.len());
                        return Some(Ok(Framed::Ping));
                    }
                    if self.buffer.starts_with(PONG) {
                        self.buffer.advance(PONG.len());
                        let half = matches!(&self.buffer[..], [] | [b'\r']);
                        self.state = match half {
                            true => State::HalfPing,
                            false => State::Idle,
                        };
                        return Some(Ok(Framed::Pong));
                    }
                    if matches!(&self.buffer[..], [] | [b'\r']) {
                        return None;
                    }
                    self.state = State::Head { searched: 0 };
                }
                State::HalfPing => {
                    if matches!(&self.buffer[..], [] | [b'\r']) {
                        self.state = State::HalfPing;
                        return None;
                    }
                    if self.buffer.starts_with(PONG) {
                        self.buffer.advance(PONG.len());
                        return Some(Ok(Framed::Ping));
                    }
                }
                State::Head { searched } => {
                    let Some(end) = find_head_end(&self.buffer, searched) else {
                        if self.buffer.len() >= MAX_HEAD {
                            return self.lose(ParseError::new(Malformed::HeadTooLarge, None));
                        }
                        let searched = self.buffer.len().saturating_sub(3);
                        self.state = State::Head { searched };
                        return None;
                    };
                    let bytes = self.buffer.split_to(end).freeze();
                    match measure(bytes) {
                        Ok((head, length)) => {
                            let head = Box::new(head);
                            self.state = State::Body { head, length };
                        }
                        Err(error) => return self.lose(error),
                    }
                }
                State::Body { head, length } => {
                    if self.buffer.len() < length {
                        self.state = State::Body { head, length };
                        return None;
                    }
                    let body = self.buffer.split_to(length).freeze();
                    return Some(complete(*head, body));
                }
                State::Lost => {
                    self.state = State::Lost;
                    return None;
                }
            }
        }
    }

    fn lose(&mut self, error: ParseError) -> Option<Result<Framed, FrameError>> {
        self.state = State::Lost;
        self.buffer = BytesMut::new();
        Some(Err(FrameError::Lost(error)))
    }
}

/// The lines of a head and the length of the body that follows.
fn measure(head: Bytes) -> Result<(Head, usize), ParseError> {
    let head = Head::split(head)?;
    if let Some(broken) = head.broken() {
        return Err(head.error(broken.clone()));
    }
    match head.content_length() {
        Ok(Some(length)) if length > MAX_BODY => Err(head.error(Malformed::BodyTooLarge)),
        Ok(Some(length)) => Ok((head, length)),
        Ok(None) => Err(head.error(Malformed::NoContentLength)),
        Err(why) => Err(head.error(why)),
    }
}

fn complete(head: Head, body: Bytes) -> Result<Framed, FrameError> {
    let message = head.interpret(body).map_err(FrameError::Malformed)?;
    match check_complete(&message) {
        Ok(()) => Ok(Framed::Message(message)),
        Err(why) => Err(FrameError::Malformed(refuse(&message, why))),
    }
}
