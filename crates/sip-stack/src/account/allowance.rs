//! How many messages an account takes from its peers: a burst, then a rate.

use std::time::{Duration, Instant};

/// Messages taken at once.
const BURST: u32 = 50;
/// Time that each of them takes to be forgotten.
const EACH: Duration = Duration::from_millis(100);

/// A bucket that empties with time (RFC 7415 calls it leaky).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    /// When it will be empty.
    empty_at: Option<Instant>,
}

impl Allowance {
    /// Whether one more may come in now.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        let empty_at = self.empty_at.map_or(now, |at| at.max(now)) + EACH;
        if empty_at - now > EACH * BURST {
            return false;
        }
        self.empty_at = Some(empty_at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn a_burst_is_taken_then_ten_a_second() {
        let start = Instant::now();
        let mut allowance = Allowance::default();
        let admitted = |allowance: &mut Allowance, now, count: usize| {
            (0..count).filter(|_| allowance.admit(now)).count()
        };
        assert_eq!(admitted(&mut allowance, start, 100), 50);
        let later = start + Duration::from_secs(1);
        assert_eq!(admitted(&mut allowance, later, 100), 10);
        let much_later = start + Duration::from_secs(100);
        assert_eq!(admitted(&mut allowance, much_later, 100), 50);
    }
}
