//! A table of deadlines: who wants to be woken, and when.
//!
//! One table serves a whole layer, so that a driver needs one sleep and not one per
//! transaction. A key has at most one deadline. It reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Deadlines by key, soonest first; equal deadlines come in the order of their keys, so
/// that a run on virtual time is repeatable.
#[derive(Debug)]
pub struct TimerTable<K> {
    by_key: BTreeMap<K, Instant>,
    by_deadline: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> TimerTable<K> {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_deadline: BTreeSet::new(),
        }
    }

    /// Sets, moves or (with `None`) stops the deadline of `key`.
    pub fn set(&mut self, key: K, deadline: Option<Instant>) {
        let before = match deadline {
            Some(deadline) => self.by_key.insert(key, deadline),
            None => self.by_key.remove(&key),
        };
        if before == deadline {
            return;
        }
        if let Some(before) = before {
            self.by_deadline.remove(&(before, key));
        }
        if let Some(deadline) = deadline {
            self.by_deadline.insert((deadline, key));
        }
    }

    /// Stops the deadline of `key`, if it has one.
    pub fn stop(&mut self, key: K) {
        self.set(key, None);
    }

    /// The deadline of `key`, if it has one.
    pub fn deadline(&self, key: K) -> Option<Instant> {
        self.by_key.get(&key).copied()
    }

    /// The soonest deadline.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out one key whose deadline is not after `now`.
    pub fn pop_expired(&mut self, now: Instant) -> Option<K> {
        let (deadline, key) = *self.by_deadline.first()?;
        if deadline > now {
            return None;
        }
        self.stop(key);
        Some(key)
    }

    /// How many deadlines are set.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no deadline is set.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl<K: Ord + Copy> Default for TimerTable<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_soonest_deadline_comes_first_whatever_the_order_of_setting() {
        let t0 = epoch();
        let mut timers = TimerTable::new();
        timers.set('b', Some(t0 + Duration::from_secs(2)));
        timers.set('a', Some(t0 + Duration::from_secs(1)));

        assert_eq!(timers.next_timeout(), Some(t0 + Duration::from_secs(1)));
        assert_eq!(timers.pop_expired(t0 + Duration::from_secs(5)), Some('a'));
        assert_eq!(timers.pop_expired(t0 + Duration::from_secs(5)), Some('b'));
        assert_eq!(timers.pop_expired(t0 + Duration::from_secs(5)), None);
    }

    #[test]
    fn a_deadline_that_has_not_come_is_left_alone() {
        let t0 = epoch();
        let mut timers = TimerTable::new();
        timers.set(1, Some(t0 + Duration::from_millis(500)));

        assert_eq!(timers.pop_expired(t0 + Duration::from_millis(499)), None);
        assert_eq!(timers.pop_expired(t0 + Duration::from_millis(500)), Some(1));
    }

    #[test]
    fn setting_again_moves_the_deadline_and_stopping_removes_it() {
        let t0 = epoch();
        let mut timers = TimerTable::new();
        timers.set(1, Some(t0));
        timers.set(1, Some(t0 + Duration::from_secs(9)));

        assert_eq!(timers.pop_expired(t0), None);
        assert_eq!(timers.len(), 1);

        timers.stop(1);
        assert!(timers.is_empty());
        assert_eq!(timers.next_timeout(), None);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
