//! When to register again: after success, after failure, after a lost connection.

use std::time::Duration;

use rand::{Rng, RngExt};

/// First and longest wait between attempts (RFC 5626 §4.5, all flows failed).
const BASE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(1800);
/// A binding is refreshed at least this long before it ends, where it is long enough.
const MARGIN: f64 = 10.0;

/// Whether a failure response may be followed by another attempt without the
/// application asking. All others (403, 404 ...) stop it: locked accounts and banned
/// addresses come from not stopping.
pub(super) fn may_pass(code: u16) -> bool {
    match code {
        408 | 430 | 480 => true,
        501 | 505 | 513 => false,
        500..=599 => true,
        _ => false,
    }
}

/// Uniformly within 50-90 % of the grant, and 10 s before its end.
pub(super) fn refresh_after(granted: u32, rng: &mut impl Rng) -> Duration {
    let granted = f64::from(granted);
    let uniform = granted * rng.random_range(0.5..0.9);
    Duration::from_secs_f64(uniform.min((granted - MARGIN).max(granted * 0.5)))
}

/// Retry-After, or 30 s doubled with each failure up to half an hour, of which a random
/// 50-100 %.
pub(super) fn back_off(failures: u32, retry_after: Option<u32>, rng: &mut impl Rng) -> Duration {
    if let Some(seconds) = retry_after {
        return asked_pause(seconds).mul_f64(rng.random_range(1.0..1.1));
    }
    let doubled = BASE.saturating_mul(1 << failures.min(10)).min(LONGEST);
    doubled.mul_f64(rng.random_range(0.5..1.0))
}

/// Retry-After, within reason.
pub(super) fn asked_pause(seconds: u32) -> Duration {
    let asked = Duration::from_secs(seconds.into());
    asked.clamp(Duration::from_secs(1), LONGEST * 2)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn refreshes_between_half_and_nine_tenths_and_ten_seconds_before_the_end() {
        let mut rng = StdRng::from_seed([1; 32]);
        for _ in 0..1000 {
            let long = refresh_after(600, &mut rng).as_secs_f64();
            assert!((300.0..540.0).contains(&long));
            let short = refresh_after(60, &mut rng).as_secs_f64();
            assert!((30.0..=50.0).contains(&short));
            let tiny = refresh_after(5, &mut rng).as_secs_f64();
            assert!((2.0..=2.6).contains(&tiny));
        }
    }

    #[test]
    fn waits_double_up_to_half_an_hour() {
        let mut rng = StdRng::from_seed([2; 32]);
        for (failures, longest) in [(0, 30), (1, 60), (2, 120), (20, 1800), (u32::MAX, 1800)] {
            let wait = back_off(failures, None, &mut rng).as_secs_f64();
            assert!(wait <= f64::from(longest) && wait >= f64::from(longest) / 2.0);
        }
    }
}
