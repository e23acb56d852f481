//! What the daemon's threads share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Health, Operations, ServiceKey, Totals};
use crate::clock::Timestamp;
use crate::protocol::System;
use crate::summary::Summary;

/// The totals, the latest summary and the watch's health; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    totals: Mutex<Totals>,
    latest: Mutex<Option<Arc<Summary>>>,
    health: Health,
    operations: Operations,
}

impl Shared {
    /// Adds the next interval. May take a while: never in the capture loop.
    pub fn add(&self, summary: Arc<Summary>) {
        held(&self.0.totals).add(&summary);
        *held(&self.0.latest) = Some(summary);
    }

    /// Gives a server its row: see [`Totals::expect`].
    pub fn expect(&self, server: ServiceKey, system: System, since: Timestamp) {
        held(&self.0.totals).expect(server, system, since);
    }

    /// Looks at the totals. Adding waits for it: draw what is needed and let go.
    pub fn read<T>(&self, look: impl FnOnce(&Totals) -> T) -> T {
        look(&held(&self.0.totals))
    }

    /// The latest summary.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Summary>> {
        held(&self.0.latest).clone()
    }

    /// What the daemon itself did.
    #[must_use]
    pub fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// The capture loop's signs of life.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }
}

/// What a thread that panicked left is whole enough: sums of one interval may be missing.
fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
