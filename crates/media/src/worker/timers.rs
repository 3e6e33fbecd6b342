//! The deadlines of all legs of a worker, earliest first.

use std::collections::BTreeSet;
use std::time::Instant;

use super::legs::LegKey;

/// One deadline per leg at most. The leg remembers its own, so that the packet path can tell
/// with one comparison that nothing has changed.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Instant, LegKey)>,
}

impl Timers {
    /// Sets the leg's deadline; `armed` is where the leg remembers it.
    pub(crate) fn arm(&mut self, key: LegKey, armed: &mut Option<Instant>, next: Option<Instant>) {
        if *armed == next {
            return;
        }
        if let Some(old) = *armed {
            self.queue.remove(&(old, key));
        }
        if let Some(new) = next {
            self.queue.insert((new, key));
        }
        *armed = next;
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(deadline, _)| *deadline)
    }

    /// A leg whose deadline has come. It has to be armed again.
    pub(crate) fn expired(&self, now: Instant) -> Option<LegKey> {
        match self.queue.first() {
            Some((deadline, key)) if *deadline <= now => Some(*key),
            Some(_) | None => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}
