//! What the daemon itself did: summaries written, inventories taken, reloads, pushes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Pushes;

/// A count since the start; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts since the start, of every output together; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    /// Summaries.
    pub summaries: Writings,
    /// Exchanges of `--exchanges` that were not written.
    pub lost_exchanges: Counter,
    /// Frames of `--write` that were not written.
    pub lost_frames: Counter,
    /// Lines for the journal that nobody took.
    pub lost_messages: Counter,
    /// The kernel's sockets.
    pub inventories: Looks,
    /// Reads of the configuration after the first.
    pub reloads: Reloads,
    /// Requests to a collector.
    pub pushes: Pushes,
}

/// What became of summaries, once for each output.
#[derive(Clone, Debug, Default)]
pub struct Writings {
    /// They are on the output.
    pub written: Counter,
    /// The output stalled.
    pub not_read: Counter,
    /// The disk was full.
    pub no_space: Counter,
    /// Anything else.
    pub failed: Counter,
}

/// What became of looks at the kernel's sockets.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// All was learnt that this process may learn.
    pub complete: Counter,
    /// Sockets are lacking: the kernel failed, there were too many, or other namespaces had to wait.
    pub incomplete: Counter,
}

/// What became of reloads.
#[derive(Clone, Debug, Default)]
pub struct Reloads {
    /// The configuration was taken over.
    pub done: Counter,
    /// It was bad, and the old one stayed.
    pub refused: Counter,
}
