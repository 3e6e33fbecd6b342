//! Probes to one UDP destination (RFC 5626 §4.4.2): a STUN binding request where the peer
//! knows STUN, else a double line break, which nobody answers.
//!
//! STUN is tried where the registrar agreed to `outbound`. A peer that has never answered is
//! given up on: line breaks from then on. One that did and stops, or that sees us at another
//! address than before, has lost the way to us: the flow has failed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

use super::{DATAGRAM_PERIOD, pause};
use crate::keep_alive::Terms;

/// RTO of RFC 5389 §7.2.1: the first repeat of a STUN request; the pauses double.
const FIRST_REPEAT: Duration = Duration::from_millis(500);
/// STUN requests of one probe, the first included. Fewer than RFC 5389's seven, so that a
/// probe is over before the next one is due.
const REQUESTS: u32 = 5;
/// After the last of them: RFC 5389's 16 RTO.
const LAST_WAIT: Duration = Duration::from_secs(8);

/// The keep-alive of one UDP destination.
#[derive(Debug)]
pub(in crate::driver) struct DatagramKeepAlive {
    terms: Terms,
    stun: Stun,
    next: Next,
    /// Where the peer sees us.
    mapped: Option<SocketAddr>,
}

/// Whether the peer knows STUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stun {
    /// It agreed to `outbound` and has not shown it yet.
    Promised,
    /// It has answered.
    Known,
    /// It never promised, or never answered.
    Unknown,
}

#[derive(Debug)]
enum Next {
    Probe {
        at: Instant,
    },
    Answer {
        transaction: [u8; 12],
        sent: u32,
        repeat_at: Instant,
    },
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Probe {
    /// A double line break.
    LineBreaks,
    /// A STUN binding request of this transaction.
    Stun([u8; 12]),
    /// Nothing: the flow has failed.
    Dead,
}

impl DatagramKeepAlive {
    pub(in crate::driver) fn new(terms: Terms, now: Instant, rng: &mut impl Rng) -> Self {
        Self {
            terms,
            stun: promised(terms),
            next: Next::Probe {
                at: now + pause(terms, DATAGRAM_PERIOD, rng),
            },
            mapped: None,
        }
    }

    pub(in crate::driver) fn set_terms(&mut self, terms: Terms, now: Instant, rng: &mut impl Rng) {
        if terms.outbound != self.terms.outbound {
            self.stun = promised(terms);
        }
        self.terms = terms;
        if let Next::Probe { at } = &mut self.next {
            *at = now + pause(terms, DATAGRAM_PERIOD, rng);
        }
    }

    /// The peer answered; `mapped` is where it sees us. Whether the flow is as before.
    #[must_use]
    pub(in crate::driver) fn handle_answer(
        &mut self,
        answered: [u8; 12],
        mapped: SocketAddr,
        now: Instant,
        rng: &mut impl Rng,
    ) -> bool {
        match self.next {
            Next::Answer { transaction, .. } if transaction == answered => {}
            Next::Answer { .. } | Next::Probe { .. } => return true,
        }
        self.stun = Stun::Known;
        self.rest(now, rng);
        let before = self.mapped.replace(mapped);
        before.is_none_or(|before| before == mapped)
    }

    /// What is due, if anything is.
    pub(in crate::driver) fn handle_timeout(
        &mut self,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Option<Probe> {
        if self.poll_timeout() > now {
            return None;
        }
        match (&mut self.next, self.stun) {
            (Next::Probe { .. }, Stun::Unknown) => {
                self.rest(now, rng);
                Some(Probe::LineBreaks)
            }
            (Next::Probe { .. }, Stun::Promised | Stun::Known) => {
                let transaction = rng.random();
                self.next = Next::Answer {
                    transaction,
                    sent: 1,
                    repeat_at: now + FIRST_REPEAT,
                };
                Some(Probe::Stun(transaction))
            }
            (
                Next::Answer {
                    transaction,
                    sent,
                    repeat_at,
                },
                _,
            ) if *sent < REQUESTS => {
                *sent += 1;
                *repeat_at = now
                    + match *sent {
                        REQUESTS => LAST_WAIT,
                        sent => FIRST_REPEAT * (1 << (sent - 1)),
                    };
                Some(Probe::Stun(*transaction))
            }
            (Next::Answer { .. }, Stun::Known) => {
                self.stun = promised(self.terms);
                self.mapped = None;
                self.rest(now, rng);
                Some(Probe::Dead)
            }
            (Next::Answer { .. }, Stun::Promised | Stun::Unknown) => {
                self.stun = Stun::Unknown;
                self.rest(now, rng);
                Some(Probe::LineBreaks)
            }
        }
    }

    pub(in crate::driver) fn poll_timeout(&self) -> Instant {
        match self.next {
            Next::Probe { at } => at,
            Next::Answer { repeat_at, .. } => repeat_at,
        }
    }

    fn rest(&mut self, now: Instant, rng: &mut impl Rng) {
        let at = now + pause(self.terms, DATAGRAM_PERIOD, rng);
        self.next = Next::Probe { at };
    }
}

fn promised(terms: Terms) -> Stun {
    match terms.outbound {
        true => Stun::Promised,
        false => Stun::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn line_breaks_go_every_24_to_29_seconds_to_a_peer_without_stun() {
        let (mut rng, mut now) = (rng(), epoch());
        let mut machine = DatagramKeepAlive::new(Terms::default(), now, &mut rng);
        for _ in 0..200 {
            let at = machine.poll_timeout();
            let waited = (at - now).as_secs_f64();
            assert!((24.0..=29.0).contains(&waited), "{waited}");
            assert_eq!(machine.handle_timeout(now, &mut rng), None);
            now = at;
            let probe = machine.handle_timeout(now, &mut rng);
            assert_eq!(probe, Some(Probe::LineBreaks));
        }
    }

    #[test]
    fn a_peer_that_promised_stun_and_never_answers_gets_line_breaks() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = DatagramKeepAlive::new(outbound(), now, &mut rng);
        let began = machine.poll_timeout();
        let mut requests = 0;
        let ended = loop {
            let at = machine.poll_timeout();
            match machine.handle_timeout(at, &mut rng) {
                Some(Probe::Stun(_)) => requests += 1,
                Some(Probe::LineBreaks) => break at,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(requests, REQUESTS);
        assert_eq!(ended - began, Duration::from_millis(15_500));
        let at = machine.poll_timeout();
        let probe = machine.handle_timeout(at, &mut rng);
        assert_eq!(probe, Some(Probe::LineBreaks));
    }

    #[test]
    fn a_peer_that_knew_stun_and_stops_answering_is_dead() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = DatagramKeepAlive::new(outbound(), now, &mut rng);
        answer(&mut machine, 1000, &mut rng);
        loop {
            let at = machine.poll_timeout();
            match machine.handle_timeout(at, &mut rng) {
                Some(Probe::Stun(_)) => {}
                Some(Probe::Dead) => break,
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_peer_that_sees_us_elsewhere_has_lost_the_flow() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = DatagramKeepAlive::new(outbound(), now, &mut rng);
        assert!(answer(&mut machine, 1000, &mut rng));
        assert!(answer(&mut machine, 1000, &mut rng));
        assert!(!answer(&mut machine, 2000, &mut rng));
        assert!(answer(&mut machine, 2000, &mut rng));
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let (mut rng, now) = (rng(), epoch());
        let mut machine = DatagramKeepAlive::new(outbound(), now, &mut rng);
        let at = machine.poll_timeout();
        machine.handle_timeout(at, &mut rng);
        let before = machine.poll_timeout();
        assert!(machine.handle_answer([0; 12], mapped(1), at, &mut rng));
        assert_eq!(machine.poll_timeout(), before);
    }

    /// The next probe, answered.
    fn answer(machine: &mut DatagramKeepAlive, port: u16, rng: &mut StdRng) -> bool {
        let at = machine.poll_timeout();
        let Some(Probe::Stun(transaction)) = machine.handle_timeout(at, rng) else {
            panic!("STUN is due");
        };
        machine.handle_answer(transaction, mapped(port), at, rng)
    }

    fn mapped(port: u16) -> SocketAddr {
        ([203, 0, 113, 1], port).into()
    }

    fn outbound() -> Terms {
        Terms {
            flow_timer: None,
            outbound: true,
        }
    }

    fn rng() -> StdRng {
        StdRng::from_seed([6; 32])
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
