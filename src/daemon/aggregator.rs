//! Adds summaries to the totals on a thread of its own: what is read by scrapers never stalls the capture.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::metrics::Shared;
use crate::summary::Summary;

/// So many summaries may wait to be added; those beyond are counted as lost by the totals themselves.
const WAITING: usize = 8;

/// The way to the adding thread.
#[derive(Debug)]
pub struct Aggregator {
    shared: Shared,
    work: SyncSender<Arc<Summary>>,
}

impl Aggregator {
    /// Starts the thread that adds to `shared`; it ends with this.
    pub fn start(shared: Shared) -> io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING);
        let adding = shared.clone();
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || waiting.into_iter().for_each(|summary| adding.add(summary)))?;
        Ok(Self { shared, work })
    }

    /// Adds a summary, some time.
    pub fn add(&self, summary: &Arc<Summary>) {
        let _ = self.work.try_send(Arc::clone(summary));
    }

    /// The capture loop goes round, watching so many interfaces.
    pub fn beat(&self, interfaces: usize) {
        self.shared.health().beat(interfaces);
    }
}
