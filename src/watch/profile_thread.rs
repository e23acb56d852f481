//! The profile on a thread of its own: while the next frames are decoded, the events of the last ones are recorded.
//!
//! Events go over in batches, in their order, so that every number is the same as on one thread. At most
//! [`WAITING`] batches wait; then the decoding waits.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use crate::clock::Timestamp;
use crate::exchange::{ConnectionId, Event, Exchange};
use crate::profile::Profile;
use crate::protocol::{self, Transaction};

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
    exchanges: Vec<(Exchange, u32)>,
}

/// An [`Event`] that borrows nothing. Small, as there are three for each exchange and all go from one core to another.
enum Owned {
    Exchanged,
    Busy { validation: bool },
    Rest(Transaction),
    Identified(Box<Identified>),
    Rare(Box<Event<'static>>),
}

struct Identified {
    user: Option<Vec<u8>>,
    database: Option<Vec<u8>>,
    application: Option<Vec<u8>>,
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
    #[inline]
    pub(super) fn record(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>) {
        let owned = self.filling.own(event);
        self.filling.events.push((id, at, owned));
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
    fn own(&mut self, event: Event<'_>) -> Owned {
        match event {
            Event::Exchanged(exchange, times) => {
                self.exchanges.push((*exchange, times));
                Owned::Exchanged
            }
            Event::Busy { validation } => Owned::Busy { validation },
            Event::Rest { transaction } => Owned::Rest(transaction),
            Event::Identified(session) => Owned::Identified(Box::new(Identified::of(&session))),
            Event::Opened {
                client,
                server,
                system,
                from_syn,
            } => rare(Event::Opened {
                client,
                server,
                system,
                from_syn,
            }),
            Event::System(system) => rare(Event::System(system)),
            Event::Tls => rare(Event::Tls),
            Event::Connected { total, server_part } => rare(Event::Connected { total, server_part }),
            Event::LoggedIn(took) => rare(Event::LoggedIn(took)),
            Event::LoginFailed(code) => rare(Event::LoginFailed(code)),
            Event::Pinned(pinned) => rare(Event::Pinned(pinned)),
            Event::KeepAlive(side) => rare(Event::KeepAlive(side)),
            Event::Retransmitted(side) => rare(Event::Retransmitted(side)),
            Event::ZeroWindow(side, closed) => rare(Event::ZeroWindow(side, closed)),
            Event::HalfClosed(side) => rare(Event::HalfClosed(side)),
            Event::Closed(how) => rare(Event::Closed(how)),
        }
    }

    fn record(&mut self, profile: &mut Profile) {
        let mut exchanges = self.exchanges.iter();
        for (id, at, event) in &self.events {
            match event {
                Owned::Exchanged => {
                    if let Some((exchange, times)) = exchanges.next() {
                        profile.record(*id, *at, Event::Exchanged(exchange, *times));
                    }
                }
                Owned::Identified(identified) => {
                    profile.record(*id, *at, Event::Identified(identified.session()));
                }
                Owned::Busy { validation } => {
                    let validation = *validation;
                    profile.record(*id, *at, Event::Busy { validation });
                }
                Owned::Rest(transaction) => {
                    let transaction = *transaction;
                    profile.record(*id, *at, Event::Rest { transaction });
                }
                Owned::Rare(event) => profile.record(*id, *at, **event),
            }
        }
        self.events.clear();
        self.exchanges.clear();
    }
}

fn rare(event: Event<'static>) -> Owned {
    Owned::Rare(Box::new(event))
}

impl Identified {
    fn of(session: &protocol::Session<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Self {
            user: owned(session.user),
            database: owned(session.database),
            application: owned(session.application),
        }
    }

    fn session(&self) -> protocol::Session<'_> {
        protocol::Session {
            user: self.user.as_deref(),
            database: self.database.as_deref(),
            application: self.application.as_deref(),
        }
    }
}
