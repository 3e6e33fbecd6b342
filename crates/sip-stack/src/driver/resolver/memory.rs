//! What look-ups have come to: which targets have lately been found not to exist, and what was
//! said of those that the name servers have fallen silent about (RFC 2308 §5, RFC 8767).
//!
//! The records themselves are cached by hickory as long as they allow.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::target::{ResolveError, Target};

/// How long a target that does not exist is not asked for again.
const ABSENT: Duration = Duration::from_secs(30);
/// How long the last good answer stands in while no name server answers.
const STALE: Duration = Duration::from_secs(3600);
/// Targets remembered of each kind; when there are more, all that can be forgotten is, and
/// else nothing new is remembered.
const MAX_TARGETS: usize = 4096;

/// Results of look-ups.
pub(super) struct Memory<Found> {
    good: HashMap<Target, (Found, Instant)>,
    absent: HashMap<Target, (ResolveError, Instant)>,
}

impl<Found> Default for Memory<Found> {
    fn default() -> Self {
        Self {
            good: HashMap::new(),
            absent: HashMap::new(),
        }
    }
}

impl<Found: Clone> Memory<Found> {
    /// Why a look-up is not worth it right now.
    pub(super) fn absent(&self, target: &Target, now: Instant) -> Option<ResolveError> {
        let (why, since) = self.absent.get(target)?;
        (now.saturating_duration_since(*since) < ABSENT).then_some(*why)
    }

    /// Whether there is an old answer to fall back to.
    pub(super) fn is_known(&self, target: &Target, now: Instant) -> bool {
        let known = self.good.get(target);
        known.is_some_and(|(_, since)| now.saturating_duration_since(*since) < STALE)
    }

    /// Notes a result, and says what to make of it: an old answer may be better than none.
    pub(super) fn note(
        &mut self,
        target: &Target,
        result: Result<Found, ResolveError>,
        now: Instant,
    ) -> Result<Found, ResolveError> {
        match result {
            Ok(found) => {
                self.absent.remove(target);
                remember(&mut self.good, target, found.clone(), STALE, now);
                Ok(found)
            }
            Err(why @ (ResolveError::NoSuchDomain | ResolveError::NotOffered)) => {
                self.good.remove(target);
                remember(&mut self.absent, target, why, ABSENT, now);
                Err(why)
            }
            Err(ResolveError::Unavailable) => match self.good.get(target) {
                Some((found, since)) if now.saturating_duration_since(*since) < STALE => {
                    tracing::warn!("name servers do not answer: going by an old answer");
                    Ok(found.clone())
                }
                Some(_) | None => Err(ResolveError::Unavailable),
            },
        }
    }
}

fn remember<T>(
    known: &mut HashMap<Target, (T, Instant)>,
    target: &Target,
    value: T,
    life: Duration,
    now: Instant,
) {
    if known.len() >= MAX_TARGETS && !known.contains_key(target) {
        known.retain(|_, (_, since)| now.saturating_duration_since(*since) < life);
        if known.len() >= MAX_TARGETS {
            return;
        }
    }
    known.insert(target.clone(), (value, now));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_does_not_exist_is_not_asked_for_again_for_a_while() {
        let now = epoch();
        let mut memory = Memory::default();
        let missing: Result<Vec<u16>, _> = Err(ResolveError::NoSuchDomain);
        assert_eq!(memory.note(&target("a"), missing.clone(), now), missing);

        let absent = Some(ResolveError::NoSuchDomain);
        assert_eq!(memory.absent(&target("a"), now), absent);
        assert_eq!(memory.absent(&target("b"), now), None);
        assert_eq!(memory.absent(&target("a"), now + ABSENT), None);
    }

    #[test]
    fn the_last_good_answer_stands_in_for_silent_name_servers_for_an_hour() {
        let now = epoch();
        let mut memory = Memory::default();
        let silent = || Err(ResolveError::Unavailable);
        assert_eq!(memory.note(&target("a"), silent(), now), silent());
        assert_eq!(memory.absent(&target("a"), now), None);

        let found = Ok(vec![5060]);
        assert_eq!(memory.note(&target("a"), found.clone(), now), found);
        let later = now + STALE / 2;
        assert_eq!(memory.note(&target("a"), silent(), later), found);
        assert_eq!(memory.note(&target("a"), silent(), now + STALE), silent());
    }

    #[test]
    fn a_domain_that_has_gone_has_no_old_answer() {
        let now = epoch();
        let mut memory = Memory::default();
        let found = Ok(vec![5060]);
        let _ = memory.note(&target("a"), found, now);
        let _ = memory.note(&target("a"), Err(ResolveError::NoSuchDomain), now);
        let silent = Err(ResolveError::Unavailable);
        assert_eq!(memory.note(&target("a"), silent.clone(), now), silent);
    }

    fn target(host: &str) -> Target {
        Target {
            host: host.to_owned(),
            port: None,
            transport: None,
            secure: false,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
