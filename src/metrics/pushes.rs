//! What became of requests to an OpenTelemetry collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Pushes(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

impl Pushes {
    /// A request was taken, but for `rejected` data points of it.
    pub fn count_taken(&self, rejected: u64) {
        self.0.taken.fetch_add(1, Ordering::Relaxed);
        self.0.rejected.fetch_add(rejected, Ordering::Relaxed);
    }

    /// A request was not taken.
    pub fn count_failed(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Requests that were not: each try counts.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Data points that were not taken.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.0.rejected.load(Ordering::Relaxed)
    }
}
