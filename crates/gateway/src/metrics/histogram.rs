//! A histogram that many may feed at once.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts observations by upper bounds that never change.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// One for each bound; what is beyond the last one is only in `count`.
    buckets: Vec<AtomicU64>,
    count: AtomicU64,
    /// Fed a few times in a call's life: a lock is good enough.
    sum: Mutex<f64>,
}

impl Histogram {
    /// With these bounds, in ascending order.
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            buckets: bounds.iter().map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU64::new(0),
            sum: Mutex::new(0.0),
        }
    }

    pub(super) fn observe(&self, value: f64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        if let Some(bucket) = bucket.and_then(|at| self.buckets.get(at)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        *self.sum.lock().unwrap_or_else(PoisonError::into_inner) += value;
    }

    /// Bounds with the number of observations up to each.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let buckets = self.bounds.iter().zip(&self.buckets);
        buckets.scan(0, |below, (bound, bucket)| {
            *below += bucket.load(Ordering::Relaxed);
            Some((*bound, *below))
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn sum(&self) -> f64 {
        *self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
