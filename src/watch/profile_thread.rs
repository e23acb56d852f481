//! The profile on a thread of its own: while the next frames are decoded, the events of the last ones are recorded.
//!
//! Events go over in batches, in their order, so that every number is the same as on one thread. At most
//! [`WAITING`] batches wait; then the decoding waits.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use super::owned::{Exchanged, Owned};
use crate::clock::Timestamp;
use crate::exchange::{ConnectionId, Event};
use crate::profile::Profile;

/// Events of a batch: enough to make the hand-over cheap, few enough to stay in the cache.
const BATCH: usize = 2048;
/// Batches on their way at most.
const WAITING: usize = 4;

/// A profile that another thread keeps.
pub(super) struct ProfileThread {
    filling: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    thread: JoinHandle<Option<Box<Profile>>>,
}

#[derive(Default)]
struct Batch {
    events: Vec<(ConnectionId, Timestamp, Owned)>,
    /// Those of the `Owned::Exchanged`, in their order: they are by far larger than the other events.
    exchanges: Vec<Exchanged>,
}

impl ProfileThread {
    /// Moves `profile` to a thread of its own; gives it back where no thread is to be had.
    pub(super) fn start(profile: Box<Profile>) -> Result<Self, Box<Profile>> {
        let (hand_over, take_over) = channel::<Box<Profile>>();
        let (full, batches) = sync_channel(WAITING);
        let (used, empty) = channel();
        let work = move || Some(keep(take_over.recv().ok()?, &batches, &used));
        let Ok(thread) = thread::Builder::new().name("profile".to_owned()).spawn(work) else {
            return Err(profile);
        };
        hand_over.send(profile).map_err(|refused| refused.0)?;
        Ok(Self {
            filling: Batch::default(),
            full,
            empty,
            thread,
        })
    }

    /// Records an event, in a while.
    #[expect(
        clippy::inline_always,
        reason = "what comes with each request goes into the batch as it is told"
    )]
    #[inline(always)]
    pub(super) fn record(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>) {
        match event {
            Event::Exchanged {
                exchange,
                times,
                rest,
            } => self.filling.add_exchanged(
                id,
                at,
                Exchanged {
                    exchange: *exchange,
                    times,
                    rest,
                },
            ),
            Event::Busy { validation } => self.filling.events.push((id, at, Owned::Busy { validation })),
            rare => self.filling.add_rare(id, at, &rare),
        }
        if self.filling.events.len() == BATCH {
            self.send();
        }
    }

    #[cold]
    fn send(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        // A thread that is gone has panicked: `finish` tells.
        let _ = self.full.send(std::mem::replace(&mut self.filling, next));
    }

    /// The profile, once everything is recorded; `None` only if it was never handed over.
    pub(super) fn finish(mut self) -> Option<Box<Profile>> {
        self.send();
        drop(self.full);
        self.thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn keep(mut profile: Box<Profile>, batches: &Receiver<Batch>, used: &Sender<Batch>) -> Box<Profile> {
    for mut batch in batches {
        batch.record(&mut profile);
        let _ = used.send(batch);
    }
    profile
}

impl Batch {
    #[inline]
    fn add_exchanged(&mut self, id: ConnectionId, at: Timestamp, exchanged: Exchanged) {
        self.exchanges.push(exchanged);
        self.events.push((id, at, Owned::Exchanged));
    }

    #[inline(never)]
    fn add_rare(&mut self, id: ConnectionId, at: Timestamp, event: &Event<'_>) {
        self.events.push((id, at, Owned::new(event)));
    }

    fn record(&mut self, profile: &mut Profile) {
        let mut exchanges = self.exchanges.iter();
        for (id, at, owned) in &self.events {
            if let Some(event) = owned.event() {
                profile.record(*id, *at, event);
            } else if let Some(exchanged) = exchanges.next() {
                profile.record(*id, *at, exchanged.event());
            }
        }
        self.events.clear();
        self.exchanges.clear();
    }
}
