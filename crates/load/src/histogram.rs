//! Counts durations in buckets, so that quantiles cost no memory per sample.
//!
//! Buckets grow with the value: 64 for each doubling, so a quantile is off by at most 1.6 %.
//! Values below 64 ns are exact; values above an hour are counted as an hour.

use std::time::Duration;

/// Buckets per doubling.
const FINE: u64 = 64;
const FINE_BITS: u32 = FINE.trailing_zeros();
const LONGEST: u64 = 3_600_000_000_000;

/// A distribution of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Grown to the largest bucket used; never beyond that of [`LONGEST`].
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(LONGEST);
        let bucket = bucket_of(nanoseconds.min(LONGEST));
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.longest = self.longest.max(duration);
    }

    /// Adds another distribution to this one.
    pub fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (ours, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *ours += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest one, exactly.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The duration that a part of all (0.5: half of them) does not exceed, to 1.6 %; `None`
    /// when nothing was counted.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let wanted = ((self.count as f64 * part).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= wanted {
                return Some(Duration::from_nanos(upper_bound(bucket)).min(self.longest));
            }
        }
        None
    }
}

fn bucket_of(nanoseconds: u64) -> usize {
    let doublings = (nanoseconds / FINE)
        .checked_ilog2()
        .map_or(0, |log| log + 1);
    let shift = doublings.saturating_sub(1);
    let base = u64::from(shift) * FINE;
    (base + (nanoseconds >> shift)) as usize
}

/// The largest value of a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket >> FINE_BITS).saturating_sub(1);
    let fine = bucket - shift * FINE;
    ((fine + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_are_narrow() {
        let mut value = 1;
        while value < LONGEST {
            for near in [value - 1, value, value + 1, value + value / 3] {
                let bucket = bucket_of(near);
                let upper = upper_bound(bucket);
                assert!(upper >= near, "{near} in bucket {bucket} up to {upper}");
                assert!(upper - near <= near / FINE + 1, "{near} up to {upper}");
                assert!(bucket == 0 || upper_bound(bucket - 1) < near);
            }
            value = value * 3 / 2 + 1;
        }
    }

    #[test]
    fn quantiles_of_a_known_distribution() {
        let mut histogram = Histogram::default();
        for microseconds in 1..=1000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        let near = |part: f64, expected: f64| {
            let found = histogram.quantile(part).expect("samples").as_secs_f64() * 1e6;
            assert!((found / expected - 1.0).abs() < 0.02, "{part}: {found}");
        };
        near(0.5, 500.0);
        near(0.99, 990.0);
        near(1.0, 1000.0);
        assert_eq!(histogram.longest(), Duration::from_millis(1));
    }

    #[test]
    fn a_merge_counts_both() {
        let mut first = Histogram::default();
        first.record(Duration::from_micros(1));
        let mut second = Histogram::default();
        second.record(Duration::from_secs(2));
        first.merge(&second);
        assert_eq!(first.count(), 2);
        assert_eq!(first.longest(), Duration::from_secs(2));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
