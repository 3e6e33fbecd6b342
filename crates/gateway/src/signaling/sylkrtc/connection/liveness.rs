//! Whether a client is still there and still wants something.
//!
//! Pings go out at a steady pace; a client that lets one go unanswered, and says nothing else
//! either, is dead. A client that never adds an account is idle.

use std::time::{Duration, Instant};

use crate::config::Limits;

/// The clock of one connection.
#[derive(Debug)]
pub(super) struct Liveness {
    ping_every: Duration,
    pong_within: Duration,
    idle_after: Duration,
    next_ping: Instant,
    /// When the client has to have said something since the last ping.
    pong_due: Option<Instant>,
    /// Since when the client has no account.
    idle_since: Option<Instant>,
}

/// What a passed deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Alive,
    /// Time for a ping.
    Ping,
    /// The last ping was not answered.
    Dead,
    /// Nothing was ever wanted.
    Idle,
}

impl Liveness {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let ping_every = Duration::from_secs(limits.ping_seconds);
        Self {
            ping_every,
            pong_within: Duration::from_secs(limits.pong_seconds),
            idle_after: Duration::from_secs(limits.idle_seconds),
            next_ping: now + ping_every,
            pong_due: None,
            idle_since: Some(now),
        }
    }

    /// The client has said something.
    pub(super) fn heard(&mut self, now: Instant) {
        self.pong_due = None;
        if let Some(since) = &mut self.idle_since {
            // Only accounts end idleness; a client that merely pings stays idle.
            *since = (*since).min(now);
        }
    }

    pub(super) fn handle_timeout(&mut self, has_accounts: bool, now: Instant) -> Verdict {
        if has_accounts {
            self.idle_since = None;
        } else {
            let since = *self.idle_since.get_or_insert(now);
            if now >= since + self.idle_after {
                return Verdict::Idle;
            }
        }
        if self.pong_due.is_some_and(|due| now >= due) {
            return Verdict::Dead;
        }
        if now >= self.next_ping {
            self.next_ping = now + self.ping_every;
            self.pong_due.get_or_insert(now + self.pong_within);
            return Verdict::Ping;
        }
        Verdict::Alive
    }

    pub(super) fn poll_timeout(&self, has_accounts: bool) -> Option<Instant> {
        let idle = self
            .idle_since
            .filter(|_| !has_accounts)
            .map(|since| since + self.idle_after);
        [Some(self.next_ping), self.pong_due, idle]
            .into_iter()
            .flatten()
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_answers_pings_lives() {
        let (mut liveness, start) = liveness();
        for minute in 1..=100 {
            let now = start + Duration::from_secs(30 * minute);
            assert_eq!(liveness.handle_timeout(true, now), Verdict::Ping);
            liveness.heard(now + Duration::from_secs(1));
        }
    }

    #[test]
    fn a_client_that_lets_a_ping_go_unanswered_is_dead() {
        let (mut liveness, start) = liveness();
        let pinged = start + Duration::from_secs(30);
        assert_eq!(liveness.handle_timeout(true, pinged), Verdict::Ping);
        let again = pinged + Duration::from_secs(30);
        assert_eq!(liveness.handle_timeout(true, again), Verdict::Ping);
        let due = pinged + Duration::from_secs(60);
        assert!(liveness.poll_timeout(true) <= Some(due));
        assert_eq!(liveness.handle_timeout(true, due), Verdict::Dead);
    }

    #[test]
    fn a_client_without_an_account_is_idle_however_much_it_pings() {
        let (mut liveness, start) = liveness();
        liveness.heard(start + Duration::from_secs(299));
        let later = start + Duration::from_secs(300);
        assert_eq!(liveness.handle_timeout(false, later), Verdict::Idle);
    }

    #[test]
    fn idleness_is_counted_from_the_removal_of_the_last_account() {
        let (mut liveness, start) = liveness();
        let removed = start + Duration::from_secs(1000);
        liveness.handle_timeout(true, removed);
        liveness.heard(removed);
        assert_ne!(liveness.handle_timeout(false, removed), Verdict::Idle);
        let later = removed + Duration::from_secs(300);
        assert_eq!(liveness.handle_timeout(false, later), Verdict::Idle);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin"
    )]
    fn liveness() -> (Liveness, Instant) {
        let start = Instant::now();
        let limits = Limits {
            ping_seconds: 30,
            pong_seconds: 60,
            idle_seconds: 300,
            ..Limits::default()
        };
        (Liveness::new(&limits, start), start)
    }
}
