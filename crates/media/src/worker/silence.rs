//! Notices that a leg which should be receiving media receives none.
//!
//! A call on hold is not silent, it is held: only while media is expected does the clock run.
//! Reports count as media: who mutes himself, or detects silence, is still there.

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
    /// Media should come; it last did, or was first due, then. When it is time to say that it
    /// does not.
    Expecting { since: Instant, due: Instant },
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
            (State::Unexpected, true) if !self.limit.is_zero() => self.begin(now),
            (State::Expecting { .. }, false) => self.state = State::Unexpected,
            (State::Unexpected, true | false) | (State::Expecting { .. }, true) => {}
        }
    }

    /// A packet has come.
    pub(crate) fn heard(&mut self, now: Instant) {
        match self.state {
            State::Expecting { .. } => self.begin(now),
            State::Unexpected => {}
        }
    }

    fn begin(&mut self, now: Instant) {
        let due = now + self.limit;
        self.state = State::Expecting { since: now, due };
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Expecting { due, .. } => Some(due),
            State::Unexpected => None,
        }
    }

    /// How long it has been silent, when that is too long, and again after as long: what is no
    /// matter while a call rings may be one once it is answered.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Duration> {
        match &mut self.state {
            State::Expecting { since, due } if now >= *due => {
                *due = now + self.limit;
                Some(now - *since)
            }
            State::Expecting { .. } | State::Unexpected => None,
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
    fn says_that_media_has_stopped_and_says_it_again() {
        let start = Instant::now();
        let mut watch = SilenceWatch::new(LIMIT);
        watch.expect(true, start);
        watch.heard(start + LIMIT / 2);
        assert_eq!(watch.handle_timeout(start + LIMIT), None);
        let silence = watch.handle_timeout(start + LIMIT + LIMIT / 2);
        assert_eq!(silence, Some(LIMIT));
        assert_eq!(watch.handle_timeout(start + 2 * LIMIT), None);
        let silence = watch.handle_timeout(start + 2 * LIMIT + LIMIT / 2);
        assert_eq!(silence, Some(2 * LIMIT));
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
