//! What waits to be written to one WebSocket.
//!
//! Bounded: a client that does not read is cut off when the queue is full, or when nothing could
//! be written for the configured time. Writing never blocks the connection's task.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::Sink;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The write queue.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Message>,
    limit: usize,
    patience: Duration,
    /// Something has been given to the socket that may not have left.
    unflushed: bool,
    /// Since when the socket has taken nothing although something waits.
    stalled: Option<Instant>,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Outbox {
    pub(super) fn new(limit: usize, patience: Duration) -> Self {
        Self {
            waiting: VecDeque::new(),
            limit,
            patience,
            unflushed: false,
            stalled: None,
        }
    }

    /// Queues a message.
    pub(super) fn push(&mut self, message: Message, now: Instant) -> Result<(), Full> {
        if self.waiting.len() >= self.limit {
            return Err(Full);
        }
        self.waiting.push_back(message);
        self.stalled.get_or_insert(now);
        Ok(())
    }

    /// Whether it is less than half full: the other half is for answers, which cannot wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < self.limit.div_ceil(2)
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether there is nothing to write.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.unflushed
    }

    /// When the client has had its time.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.stalled.map(|since| since + self.patience)
    }

    /// Writes as much as the socket takes; ready when everything has left.
    pub(super) fn poll_write<S>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<Result<(), Error>>
    where
        S: Sink<Message, Error = Error> + Unpin,
    {
        let mut socket = Pin::new(socket);
        while !self.waiting.is_empty() {
            ready!(socket.as_mut().poll_ready(cx))?;
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            socket.as_mut().start_send(message)?;
            self.unflushed = true;
            self.stalled = Some(now);
        }
        if self.unflushed {
            ready!(socket.poll_flush(cx))?;
            self.unflushed = false;
        }
        self.stalled = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin"
    )]
    fn a_full_queue_takes_no_more_and_a_stalled_one_has_a_deadline() {
        let now = Instant::now();
        let mut outbox = Outbox::new(2, Duration::from_secs(10));
        assert_eq!(outbox.poll_timeout(), None);
        assert_eq!(outbox.push(Message::text("a"), now), Ok(()));
        let later = now + Duration::from_secs(5);
        assert!(!outbox.has_room());
        assert_eq!(outbox.push(Message::text("b"), later), Ok(()));
        assert_eq!(outbox.push(Message::text("c"), later), Err(Full));
        assert_eq!(outbox.poll_timeout(), Some(now + Duration::from_secs(10)));
        outbox.clear();
        assert!(outbox.has_room());
    }
}
