//! How fast a client may ask: a token bucket.

use std::time::{Duration, Instant};

/// Admits a steady rate and, after a pause, a burst.
#[derive(Debug)]
pub(super) struct Rate {
    /// Requests per second in the long run.
    rate: f64,
    /// Requests that may come at once.
    burst: f64,
    tokens: f64,
    counted: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self {
            rate: per_second.into(),
            burst: burst.into(),
            tokens: burst.into(),
            counted: now,
        }
    }

    /// Whether one more request at `now` is within the rate.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.counted);
        self.counted = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate).min(self.burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin"
    )]
    fn admits_a_burst_and_then_the_rate() {
        let start = Instant::now();
        let mut rate = Rate::new(10, 3, start);
        let admitted = (0..5).filter(|_| rate.admit(start)).count();
        assert_eq!(admitted, 3);
        assert!(!rate.admit(start + Duration::from_millis(50)));
        assert!(rate.admit(start + Duration::from_millis(150)));
        assert!(!rate.admit(start + Duration::from_millis(160)));
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin"
    )]
    fn a_long_pause_earns_no_more_than_a_burst() {
        let start = Instant::now();
        let mut rate = Rate::new(10, 3, start);
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..5).filter(|_| rate.admit(later)).count(), 3);
    }
}
