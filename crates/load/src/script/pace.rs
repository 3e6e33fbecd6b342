//! How many of something came within any one second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// A window of one second that remembers its fullest moment.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    window: VecDeque<Instant>,
    most: usize,
}

impl Pace {
    /// Counts one.
    pub fn note(&mut self, now: Instant) {
        while let Some(first) = self.window.front()
            && now.duration_since(*first) >= SECOND
        {
            self.window.pop_front();
        }
        self.window.push_back(now);
        self.most = self.most.max(self.window.len());
    }

    /// The most within one second so far.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a beginning to count from")]
    fn the_fullest_second_counts() {
        let start = Instant::now();
        let mut pace = Pace::default();
        for milliseconds in [0, 300, 600, 900, 1000, 1200, 2500] {
            pace.note(start + Duration::from_millis(milliseconds));
        }
        // 300 to 1200; what comes at 1000 is a second after the first, no longer with it.
        assert_eq!(pace.most(), 5);
    }
}
