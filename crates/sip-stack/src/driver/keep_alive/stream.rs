//! Pings on a stream that we opened (RFC 5626 §4.4.1).
//!
//! A ping is sent in any case: it keeps NATs awake. That its answer is missing means
//! something only if the peer has ever answered one, or has agreed to.

use std::time::{Duration, Instant};

use rand::Rng;

use super::{STREAM_PERIOD, pause};
use crate::keep_alive::Terms;

/// For the answer to a ping.
pub(in crate::driver) const PONG_LIMIT: Duration = Duration::from_secs(10);

/// The keep-alive of one stream.
#[derive(Debug)]
pub(in crate::driver) struct StreamKeepAlive {
    terms: Terms,
    /// The peer has answered a ping.
    answers: bool,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Ping { at: Instant },
    Pong { by: Instant },
}

/// What a deadline has come to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Fired {
    /// Nothing: it was too early.
    Nothing,
    /// Send a ping.
    Ping,
    /// The peer owes a pong: the stream is dead.
    Dead,
}

impl StreamKeepAlive {
    pub(in crate::driver) fn new(now: Instant, rng: &mut impl Rng) -> Self {
        let terms = Terms::default();
        let at = now + pause(terms, STREAM_PERIOD, rng);
        Self {
            terms,
            answers: false,
            next: Next::Ping { at },
        }
    }

    /// The registrar at the other end has said how often it wants to hear from us.
    pub(in crate::driver) fn set_terms(&mut self, terms: Terms, now: Instant, rng: &mut impl Rng) {
        self.terms = terms;
        if let Next::Ping { at } = &mut self.next {
            *at = now + pause(terms, STREAM_PERIOD, rng);
        }
    }

    pub(in crate::driver) fn handle_pong(&mut self, now: Instant, rng: &mut impl Rng) {
        self.answers = true;
        if let Next::Pong { .. } = self.next {
            let at = now + pause(self.terms, STREAM_PERIOD, rng);
            self.next = Next::Ping { at };
        }
    }

    pub(in crate::driver) fn handle_timeout(&mut self, now: Instant, rng: &mut impl Rng) -> Fired {
        if self.poll_timeout() > now {
            return Fired::Nothing;
        }
        match self.next {
            Next::Pong { .. } => Fired::Dead,
            Next::Ping { .. } => {
                self.next = if self.answers || self.terms.outbound {
                    let by = now + PONG_LIMIT;
                    Next::Pong { by }
                } else {
                    let at = now + pause(self.terms, STREAM_PERIOD, rng);
                    Next::Ping { at }
                };
                Fired::Ping
            }
        }
    }

    pub(in crate::driver) fn poll_timeout(&self) -> Instant {
        match self.next {
            Next::Ping { at } => at,
            Next::Pong { by } => by,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn pings_every_95_to_120_seconds_at_a_peer_that_never_answers() {
        let (mut rng, mut now) = (rng(), epoch());
        let mut machine = StreamKeepAlive::new(now, &mut rng);
        for _ in 0..200 {
            let at = machine.poll_timeout();
            let waited = (at - now).as_secs_f64();
            assert!((95.0..=120.0).contains(&waited), "{waited}");
            assert_eq!(machine.handle_timeout(now, &mut rng), Fired::Nothing);
            now = at;
            assert_eq!(machine.handle_timeout(now, &mut rng), Fired::Ping);
        }
    }

    #[test]
    fn a_flow_timer_is_kept_to_four_fifths_at_least() {
        let (mut rng, mut now) = (rng(), epoch());
        let mut machine = StreamKeepAlive::new(now, &mut rng);
        machine.set_terms(terms(60, false), now, &mut rng);
        for _ in 0..200 {
            let at = machine.poll_timeout();
            let waited = (at - now).as_secs_f64();
            assert!((48.0..=60.0).contains(&waited), "{waited}");
            now = at;
            assert_eq!(machine.handle_timeout(now, &mut rng), Fired::Ping);
        }
    }

    #[test]
    fn no_flow_timer_makes_us_a_flood() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = StreamKeepAlive::new(now, &mut rng);
        machine.set_terms(terms(0, false), now, &mut rng);
        assert!(machine.poll_timeout() - now >= Duration::from_secs(8));
    }

    #[test]
    fn a_peer_that_answered_once_and_stops_is_dead_after_ten_seconds() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = StreamKeepAlive::new(now, &mut rng);
        let first = machine.poll_timeout();
        assert_eq!(machine.handle_timeout(first, &mut rng), Fired::Ping);
        machine.handle_pong(first, &mut rng);

        let second = machine.poll_timeout();
        assert_eq!(machine.handle_timeout(second, &mut rng), Fired::Ping);
        machine.handle_pong(second + PONG_LIMIT / 2, &mut rng);
        let third = machine.poll_timeout();
        assert_eq!(machine.handle_timeout(third, &mut rng), Fired::Ping);

        assert_eq!(machine.poll_timeout(), third + PONG_LIMIT);
        assert_eq!(
            machine.handle_timeout(third + PONG_LIMIT, &mut rng),
            Fired::Dead
        );
    }

    #[test]
    fn a_peer_that_agreed_to_outbound_owes_the_first_pong_already() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = StreamKeepAlive::new(now, &mut rng);
        machine.set_terms(terms(100, true), now, &mut rng);
        let first = machine.poll_timeout();
        assert_eq!(machine.handle_timeout(first, &mut rng), Fired::Ping);
        assert_eq!(
            machine.handle_timeout(first + PONG_LIMIT, &mut rng),
            Fired::Dead
        );
    }

    fn terms(seconds: u64, outbound: bool) -> Terms {
        Terms {
            flow_timer: Some(Duration::from_secs(seconds)),
            outbound,
        }
    }

    fn rng() -> StdRng {
        StdRng::from_seed([5; 32])
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
