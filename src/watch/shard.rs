//! One of several trackers that divide a watch's connections among them: reads every frame, follows its own, and tells what happens
//! in batches. See [`merge`](super::merge).

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::kernel::Known;
use super::owned::{Exchanged, Owned};
use crate::capture::{Frame, Polled, Source};
use crate::clock::Timestamp;
use crate::exchange::statements::{Statement, Statements};
use crate::exchange::tracker::{Discards, Tracker};
use crate::exchange::{ConnectionId, Event, Observer};
use crate::flow::Shard;
use crate::packet;

/// Entries of a batch: enough to make the hand-over cheap, few enough to stay in the cache.
const BATCH: usize = 1024;
/// Batches on their way at most; then the shard waits.
const WAITING: usize = 3;
/// A batch goes over after so many frames, however little is in it: others' events wait for the word that there are none
/// before them.
const FRAMES: u64 = 8192;

/// What a shard has to tell, in the order in which it happened.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    /// Those of the `Owned::Exchanged`, in their order.
    pub(super) exchanges: Vec<Exchanged>,
    /// The next batch's entries have higher numbers than this.
    pub(super) complete: u64,
    /// When the watch began; in a shard's first batch.
    pub(super) start: Option<Timestamp>,
}

/// Something that happened.
pub(super) struct Entry {
    /// Twice the number of the frame that it came of, live twice its time, and one more unless it came of the time alone: then it
    /// belongs before what came of the frame itself.
    pub(super) number: u64,
    pub(super) id: ConnectionId,
    pub(super) at: Timestamp,
    pub(super) what: What,
}

pub(super) enum What {
    Event(Owned),
    /// A statement that the shard met for the first time: its ids count these.
    Statement(Box<Statement>),
    /// What the kernel knows of the connection.
    Known(Box<Known>),
}

/// The other end of a shard's way.
pub(super) struct Batches {
    pub(super) full: Receiver<Batch>,
    pub(super) used: Sender<Batch>,
}

/// Gathers what a shard's tracker tells.
#[derive(Default)]
pub(super) struct Teller {
    number: u64,
    /// So many of the tracker's statements have been told.
    statements: usize,
    filling: Batch,
    /// Where batches go; without it, what is told stays until it is taken.
    way: Option<(SyncSender<Batch>, Receiver<Batch>)>,
    tells_bytes: bool,
}

impl Teller {
    pub(super) fn new(tells_bytes: bool) -> Self {
        Self {
            // Every `Statements` has its first in common.
            statements: 1,
            tells_bytes,
            ..Self::default()
        }
    }

    /// Tells through what is returned from now on.
    pub(super) fn open(&mut self) -> Batches {
        let (full, batches) = sync_channel(WAITING);
        let (used, empty) = channel();
        self.way = Some((full, empty));
        Batches { full: batches, used }
    }

    /// What was told and did not go anywhere yet.
    pub(super) fn take(&mut self) -> Batch {
        std::mem::take(&mut self.filling)
    }

    /// What comes now comes of the time alone.
    #[inline]
    pub(super) fn between_frames(&mut self) {
        self.number = (self.number + 1) & !1;
    }

    /// What comes now comes of the time of the frame of this number, live of the frame of this time in nanoseconds, or of the one
    /// before if that was later.
    #[inline]
    pub(super) fn reach(&mut self, frame: u64) {
        self.between_frames();
        self.number = self.number.max(Self::number_of(frame));
    }

    /// What came before the frame has a lower number.
    pub(super) const fn number_of(frame: u64) -> u64 {
        2 * frame
    }

    /// What comes now comes of the frame that was reached.
    #[inline]
    pub(super) fn within_frame(&mut self) {
        self.number |= 1;
    }

    /// How many entries wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        self.filling.entries.len()
    }

    /// Tells the statements that were met.
    #[inline]
    pub(super) fn catch_up(&mut self, statements: &Statements) {
        if statements.count() > self.statements {
            self.tell_statements(statements);
        }
    }

    /// Tells what the kernel knows of a connection.
    pub(super) fn tell(&mut self, id: ConnectionId, known: Known) {
        self.add(id, Timestamp::default(), What::Known(Box::new(known)));
    }

    fn tell_statements(&mut self, statements: &Statements) {
        for statement in statements.since(self.statements) {
            self.statements += 1;
            let what = What::Statement(Box::new(statement.clone()));
            self.add(ConnectionId(0), Timestamp::default(), what);
        }
    }

    #[inline]
    fn add(&mut self, id: ConnectionId, at: Timestamp, what: What) {
        self.filling.entries.push(Entry {
            number: self.number,
            id,
            at,
            what,
        });
    }

    /// Hands over what was told up to here; false where nobody takes it any more.
    fn send(&mut self) -> bool {
        self.filling.complete = self.number;
        let Some((full, empty)) = &self.way else {
            return true;
        };
        let next = empty.try_recv().unwrap_or_default();
        full.send(std::mem::replace(&mut self.filling, next)).is_ok()
    }
}

impl Observer for Teller {
    #[inline]
    fn observe(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>, statements: &Statements) {
        self.catch_up(statements);
        self.filling.exchanges.extend(Exchanged::new(&event));
        self.add(id, at, What::Event(Owned::new(&event)));
    }

    fn tells_bytes(&self) -> bool {
        self.tells_bytes
    }
}

/// What is counted of frames before they are of any connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frames {
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) discards: Discards,
}

impl std::iter::Sum for Frames {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            count: sum.count + one.count,
            bytes: sum.bytes + one.bytes,
            discards: [sum.discards, one.discards].into_iter().sum(),
        })
    }
}

/// A shard at work on a source that all of them read.
pub(super) struct Worker<'a> {
    pub(super) tracker: &'a mut Tracker<Teller>,
    pub(super) shard: Shard,
    /// All frames, those of other shards too.
    pub(super) frames: Frames,
}

impl Worker<'_> {
    /// Reads `source` to its end; `look` is called now and then. Ends early where nobody takes what it tells.
    pub(super) fn run<S: Source>(
        mut self,
        source: &mut S,
        look: &mut dyn FnMut(&S),
    ) -> Result<Frames, S::Error> {
        let read = self.read(source, look);
        self.tracker.observer().send();
        self.tracker.observer().way = None;
        read.map(|()| self.frames)
    }

    fn read<S: Source>(&mut self, source: &mut S, look: &mut dyn FnMut(&S)) -> Result<(), S::Error> {
        loop {
            match source.poll()? {
                Polled::Frame(frame) => self.frame(&frame),
                Polled::Idle(now) => self.tracker.advance(now),
                Polled::End => return Ok(()),
            }
            let count = self.frames.count;
            let teller = self.tracker.observer();
            if (teller.filling.entries.len() >= BATCH || count.is_multiple_of(FRAMES)) && !teller.send() {
                return Ok(());
            }
            if count.is_multiple_of(FRAMES) {
                look(source);
            }
        }
    }

    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        if self.frames.count == 0 {
            self.tracker.observer().filling.start = Some(frame.time);
            self.tracker.advance(frame.time);
        }
        self.frames.count += 1;
        self.frames.bytes += u64::from(frame.wire_length);
        self.take(frame);
    }

    /// Every segment moves the time, so that all shards look after their tables at the same times as one would.
    #[inline]
    fn take(&mut self, frame: &Frame<'_>) {
        let parsed = packet::parse(frame.link, frame.bytes, frame.wire_length);
        let segment = match &parsed {
            Ok(segment) => segment,
            Err(discard) => return self.frames.discards.count(*discard),
        };
        self.tracker.observer().reach(self.frames.count);
        self.tracker.advance(frame.time);
        self.tracker.observer().within_frame();
        if self.shard.holds(segment.source, segment.destination) {
            self.tracker.segment(segment, frame.time);
            let (statements, teller) = self.tracker.parts();
            teller.catch_up(statements);
        }
    }
}
