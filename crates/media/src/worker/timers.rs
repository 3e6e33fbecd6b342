//! The deadlines of all legs of a worker, earliest first.

use std::collections::BTreeSet;
use std::time::Instant;

use super::legs::LegKey;

/// One entry per leg at most. The leg remembers its own, so that the packet path can tell with
/// one comparison that there is nothing to do: a deadline that has moved to later is found out
/// when the old one comes.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Instant, LegKey)>,
}

impl Timers {
    /// Sees to it that the leg is woken by `next`; `armed` is where the leg remembers when.
    pub(crate) fn arm(&mut self, key: LegKey, armed: &mut Option<Instant>, next: Option<Instant>) {
        let Some(next) = next else {
            return;
        };
        if armed.is_some_and(|armed| armed <= next) {
            return;
        }
        self.disarm(key, armed);
        self.queue.insert((next, key));
        *armed = Some(next);
    }

    /// The leg is not to be woken.
    pub(crate) fn disarm(&mut self, key: LegKey, armed: &mut Option<Instant>) {
        if let Some(old) = armed.take() {
            self.queue.remove(&(old, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out a leg whose deadline has come: whatever becomes of the leg, it is not asked for
    /// again and again.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<LegKey> {
        let (deadline, key) = self.queue.pop_first()?;
        if deadline > now {
            self.queue.insert((deadline, key));
            return None;
        }
        Some(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}
