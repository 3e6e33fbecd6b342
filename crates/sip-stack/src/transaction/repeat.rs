//! The schedule of retransmissions: Timers A, E and G.

use std::time::{Duration, Instant};

/// When the next copy is due, and how long to wait after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) at: Instant,
    interval: Duration,
}

impl Repeat {
    /// The first copy is due one T1 after the original; none on a reliable transport.
    pub(super) fn unless_reliable(reliable: bool, t1: Duration, now: Instant) -> Option<Self> {
        (!reliable).then(|| Self {
            at: now + t1,
            interval: t1,
        })
    }

    /// A copy has been sent: waits twice as long as before, `cap` at most.
    pub(super) fn again(self, cap: Duration, now: Instant) -> Self {
        let interval = (self.interval * 2).min(cap);
        Self {
            at: now + interval,
            interval,
        }
    }

    /// A copy has been sent: waits exactly `interval`.
    pub(super) fn every(interval: Duration, now: Instant) -> Self {
        Self {
            at: now + interval,
            interval,
        }
    }
}
