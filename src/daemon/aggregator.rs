//! Adds summaries to the totals on a thread of its own: what is read by scrapers never stalls the capture.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::Pusher;
use super::flush::{Flushed, flush};
use crate::metrics::Shared;
use crate::summary::Summary;

/// So many summaries may wait to be added; those beyond are counted as lost by the totals themselves.
const WAITING: usize = 8;

/// The way to the adding thread.
#[derive(Debug)]
pub struct Aggregator {
    shared: Shared,
    work: SyncSender<Work>,
    pusher: Option<Pusher>,
}

#[derive(Debug)]
enum Work {
    Add(Arc<Summary>),
    /// Everything before it is added.
    Flushed(Flushed),
}

impl Aggregator {
    /// Starts the thread that adds to `shared` and tells `pusher`; it ends with this.
    pub fn start(shared: Shared, pusher: Option<Pusher>) -> io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING);
        let (adding, telling) = (shared.clone(), pusher.clone());
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || add(&waiting, &adding, telling.as_ref()))?;
        Ok(Self { shared, work, pusher })
    }

    /// Adds a summary, some time.
    pub fn add(&self, summary: &Arc<Summary>) {
        let _ = self.work.try_send(Work::Add(Arc::clone(summary)));
    }

    /// The capture loop goes round, watching so many interfaces.
    pub fn beat(&self, interfaces: usize) {
        self.shared.health().beat(interfaces);
    }

    /// Waits until all is added and pushed, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        let begun = Instant::now();
        flush(&self.work, Work::Flushed, patience);
        if let Some(pusher) = &self.pusher {
            pusher.flush(patience.saturating_sub(begun.elapsed()));
        }
    }
}

fn add(waiting: &Receiver<Work>, shared: &Shared, pusher: Option<&Pusher>) {
    for work in waiting {
        match work {
            Work::Add(summary) => {
                shared.add(summary);
                pusher.into_iter().for_each(Pusher::newer);
            }
            Work::Flushed(flushed) => flushed.tell(),
        }
    }
}
