//! Notices that a leg which should be receiving media receives none.
//!
//! A call on hold is not silent, it is held: only while media is expected does the clock run.

use std::time::{Duration, Instant};

/// The watch of one leg.
#[derive(Debug)]
pub(crate) struct SilenceWatch {
    limit: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// On hold, not bridged, not connected.
    Unexpected,
    /// Media should come; it last did, or was first due, then.
    Expecting { since: Instant },
    /// Said so; waiting for media to come again.
    Told,
}

impl SilenceWatch {
    /// A limit of zero: never.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            state: State::Unexpected,
        }
    }

    /// Media is expected from now on, or no longer.
    pub(crate) fn expect(&mut self, expected: bool, now: Instant) {
        match (&self.state, expected) {
            (State::Unexpected, true) if !self.limit.is_zero() => {
                self.state = State::Expecting { since: now };
            }
            (State::Expecting { .. } | State::Told, false) => self.state = State::Unexpected,
            (State::Unexpected, true | false) | (State::Expecting { .. } | State::Told, true) => {}
        }
    }

    /// A packet has come.
    pub(crate) fn heard(&mut self, now: Instant) {
        match &mut self.state {
            State::Expecting { since } => *since = now,
            State::Told => self.state = State::Expecting { since: now },
            State::Unexpected => {}
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Expecting { since } => Some(since + self.limit),
            State::Unexpected | State::Told => None,
        }
    }

    /// How long it has been silent, once, when that is too long.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Expecting { since } if now >= since + self.limit => {
                self.state = State::Told;
                Some(now - since)
            }
            State::Expecting { .. } | State::Unexpected | State::Told => None,
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn says_once_that_media_has_stopped() {
        let start = Instant::now();
        let mut watch = SilenceWatch::new(LIMIT);
        watch.expect(true, start);
        watch.heard(start + LIMIT / 2);
        assert_eq!(watch.handle_timeout(start + LIMIT), None);
        let silence = watch.handle_timeout(start + LIMIT + LIMIT / 2);
        assert_eq!(silence, Some(LIMIT));
        assert_eq!(watch.handle_timeout(start + 4 * LIMIT), None);
        watch.heard(start + 5 * LIMIT);
        assert_eq!(watch.poll_timeout(), Some(start + 6 * LIMIT));
    }

    #[test]
    fn a_held_call_is_never_silent() {
        let start = Instant::now();
        let mut watch = SilenceWatch::new(LIMIT);
        watch.expect(true, start);
        watch.expect(false, start + LIMIT / 2);
        assert_eq!(watch.poll_timeout(), None);
        assert_eq!(watch.handle_timeout(start + 9 * LIMIT), None);
        watch.expect(true, start + 9 * LIMIT);
        assert_eq!(watch.poll_timeout(), Some(start + 10 * LIMIT));
    }
}
