//! Asks the kernel for its sockets on a thread of its own: on a host with very many it takes a while.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::host::{Collector, Inventory};
use crate::metrics::operations::Looks;

/// The way to the asking thread.
#[derive(Debug)]
pub struct Inventories {
    ask: SyncSender<()>,
    taken: Receiver<Inventory>,
}

impl Inventories {
    /// Starts the thread, which counts in `counts`; it ends with this.
    pub fn start(collector: Collector, counts: Looks) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (give, taken) = sync_channel(1);
        std::thread::Builder::new()
            .name("inventory".to_owned())
            .spawn(move || take(collector, &asked, &give, &counts))?;
        Ok(Self { ask, taken })
    }

    /// Wants one soon. Where the last one asked for is still under way, that one will do.
    pub fn ask(&self) {
        let _ = self.ask.try_send(());
    }

    /// One more, the last: waits for it at most for `patience`.
    #[must_use]
    pub fn last(&self, patience: Duration) -> Option<Inventory> {
        self.ask();
        let first = self.taken.recv_timeout(patience).ok();
        self.taken().or(first)
    }

    /// The one that was taken since, if any.
    #[must_use]
    pub fn taken(&self) -> Option<Inventory> {
        self.taken.try_recv().ok()
    }
}

fn take(mut collector: Collector, asked: &Receiver<()>, give: &SyncSender<Inventory>, counts: &Looks) {
    for () in asked {
        let inventory = collector.collect();
        if inventory.is_complete() {
            counts.complete.count();
        } else {
            counts.incomplete.count();
        }
        if give.send(inventory).is_err() {
            return;
        }
    }
}
