//! What registrars of one domain have taught us, for all its accounts: the shortest
//! duration they grant (423), and how many credentials they refuse.
//!
//! Registrars and firewalls lock out the address that guesses passwords, and with it every
//! account behind this user agent. So when too many different credentials of a domain are
//! refused within a while, those that have never been accepted have to wait: they are not
//! tried at all. Accounts that were registered before go on as ever.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Domains remembered. One beyond takes the place of the first that is not closed.
const MAX_DOMAINS: usize = 4096;
/// Accepted credentials remembered; further ones take the place of any.
const MAX_ACCEPTED: usize = 65_536;

/// When a domain has seen too many wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Different credentials refused within [`window`](Self::window); 0: any number.
    pub refusals: usize,
    /// How long a refusal counts.
    pub window: Duration,
    /// How long unproven credentials are then not tried.
    pub pause: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            refusals: 20,
            window: Duration::from_secs(60),
            pause: Duration::from_secs(60),
        }
    }
}

/// A user with a password, without telling either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// `parts` name the user and hold the password's hash.
    pub(crate) fn of(parts: &str) -> Self {
        let digest = md5::compute(parts).0;
        let (half, _) = digest.split_at(8);
        Self(half.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

/// All domains that have taught us something.
pub(crate) struct Domains {
    config: BreakerConfig,
    by_name: BTreeMap<Arc<str>, Domain>,
    accepted: BTreeSet<Fingerprint>,
}

#[derive(Default)]
struct Domain {
    min_expires: Option<u32>,
    refused: VecDeque<(Instant, Fingerprint)>,
    closed_until: Option<Instant>,
}

impl Domains {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            by_name: BTreeMap::new(),
            accepted: BTreeSet::new(),
        }
    }

    /// What has to be asked for where `wanted` seconds are.
    pub(crate) fn expires(&self, name: &str, wanted: u32) -> u32 {
        let domain = self.by_name.get(name);
        let least = domain.and_then(|domain| domain.min_expires);
        least.map_or(wanted, |least| wanted.max(least))
    }

    /// A registrar grants nothing below this.
    pub(crate) fn note_min_expires(&mut self, name: &Arc<str>, seconds: u32, now: Instant) {
        self.domain(name, now).min_expires = Some(seconds);
    }

    /// A registrar took these credentials.
    pub(crate) fn note_accepted(&mut self, credentials: Fingerprint) {
        if self.accepted.len() >= MAX_ACCEPTED && !self.accepted.contains(&credentials) {
            self.accepted.pop_first();
        }
        self.accepted.insert(credentials);
    }

    /// A registrar refused these credentials.
    pub(crate) fn note_refused(&mut self, name: &Arc<str>, credentials: Fingerprint, now: Instant) {
        self.accepted.remove(&credentials);
        let BreakerConfig {
            refusals,
            window,
            pause,
        } = self.config;
        if refusals == 0 {
            return;
        }
        let domain = self.domain(name, now);
        domain.forget(window, now);
        domain.refused.retain(|(_, before)| *before != credentials);
        domain.refused.push_back((now, credentials));
        if domain.refused.len() >= refusals {
            domain.refused.clear();
            domain.closed_until = Some(now + pause);
            tracing::warn!(
                seconds = pause.as_secs(),
                "too many wrong passwords of one SIP domain: new accounts of it have to wait"
            );
        }
    }

    /// Whether these credentials may be tried.
    pub(crate) fn lets_pass(&self, name: &str, credentials: Fingerprint, now: Instant) -> bool {
        let closed = self
            .by_name
            .get(name)
            .and_then(|domain| domain.closed_until);
        closed.is_none_or(|until| until <= now) || self.accepted.contains(&credentials)
    }

    fn domain(&mut self, name: &Arc<str>, now: Instant) -> &mut Domain {
        if self.by_name.len() >= MAX_DOMAINS && !self.by_name.contains_key(name) {
            let open = |domain: &Domain| domain.closed_until.is_none_or(|until| until <= now);
            let first = self.by_name.iter().find(|(_, domain)| open(domain));
            let first = first.or_else(|| self.by_name.first_key_value());
            if let Some(name) = first.map(|(name, _)| name.clone()) {
                self.by_name.remove(&name);
            }
        }
        self.by_name.entry(name.clone()).or_default()
    }
}

impl Domain {
    fn forget(&mut self, window: Duration, now: Instant) {
        while let Some((at, _)) = self.refused.front()
            && *at + window <= now
        {
            self.refused.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_wrong_passwords_close_a_domain_to_unproven_ones_for_a_while() {
        let (mut domains, now) = (domains(), epoch());
        domains.note_accepted(credentials(100));
        for n in 0..3 {
            assert!(domains.lets_pass("a.example", credentials(9), now));
            domains.note_refused(&name(), credentials(n), now);
        }

        assert!(!domains.lets_pass("a.example", credentials(9), now));
        assert!(domains.lets_pass("a.example", credentials(100), now));
        assert!(domains.lets_pass("b.example", credentials(9), now));
        let later = now + Duration::from_secs(30);
        assert!(domains.lets_pass("a.example", credentials(9), later));
    }

    #[test]
    fn the_same_wrong_password_counts_once_and_old_ones_do_not_count() {
        let (mut domains, now) = (domains(), epoch());
        for second in 0..10 {
            let at = now + Duration::from_secs(second);
            domains.note_refused(&name(), credentials(1), at);
        }
        for n in 0..10 {
            let at = now + Duration::from_secs(20 + n * 6);
            domains.note_refused(&name(), credentials(n), at);
        }
        let end = now + Duration::from_secs(100);
        assert!(domains.lets_pass("a.example", credentials(99), end));
    }

    #[test]
    fn the_shortest_duration_is_remembered_per_domain() {
        let mut domains = domains();
        domains.note_min_expires(&name(), 1800, epoch());
        assert_eq!(domains.expires("a.example", 600), 1800);
        assert_eq!(domains.expires("a.example", 3600), 3600);
        assert_eq!(domains.expires("b.example", 600), 600);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut domains = domains();
        for n in 0..=MAX_DOMAINS {
            domains.note_min_expires(&format!("{n}.example").into(), 1, epoch());
        }
        assert_eq!(domains.by_name.len(), MAX_DOMAINS);
        for n in 0..=MAX_ACCEPTED {
            domains.note_accepted(Fingerprint::of(&n.to_string()));
        }
        assert_eq!(domains.accepted.len(), MAX_ACCEPTED);
    }

    fn domains() -> Domains {
        Domains::new(BreakerConfig {
            refusals: 3,
            window: Duration::from_secs(10),
            pause: Duration::from_secs(30),
        })
    }

    fn credentials(n: u64) -> Fingerprint {
        Fingerprint(n)
    }

    fn name() -> Arc<str> {
        "a.example".into()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
