//! Waiting for a thread that works off a bounded channel.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// Put behind other work: told once all before it is done.
#[derive(Debug)]
pub(super) struct Flushed(SyncSender<()>);

impl Flushed {
    /// Everything before it is done. Who waited may have given up.
    pub(super) fn tell(&self) {
        let _ = self.0.try_send(());
    }
}

/// Waits until all that was given to `work` is done, at most for `patience`; not at all where the channel is full.
pub(super) fn flush<W>(work: &SyncSender<W>, mark: fn(Flushed) -> W, patience: Duration) {
    let (flushed, told) = sync_channel(1);
    if work.try_send(mark(Flushed(flushed))).is_ok() {
        let _ = told.recv_timeout(patience);
    }
}
