//! The trackers of a watch: one, or several that divide its connections among them.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::thread;

use super::Recorder;
use super::fair::Fair;
use super::hold::Hold;
use super::merge::{Merger, Stream};
use super::seat::Seat;
use super::shard::{Batch, Frames, Teller, Worker};
use crate::capture::share::Share;
use crate::capture::{Frame, Source};
use crate::clock::Timestamp;
use crate::exchange::statements::Statements;
use crate::exchange::tracker::{Discards, Tracker};
use crate::flow::{Counters, Elsewhere, Shard};

/// How many ports besides the watched ones are told.
const BUSIEST: usize = 8;

/// Who follows the connections.
pub(super) enum Shards {
    One(Box<Tracker<Recorder>>),
    Several(Box<Several>),
}

/// Several trackers, each with the connections of its own, and what they told.
pub(super) struct Several {
    seats: Vec<Arc<Fair<Seat>>>,
    merger: Merger,
    /// What they told and is not taken in yet.
    streams: Vec<Stream>,
    frames: Frames,
    /// Live: all is taken in of what was before.
    before: Option<Timestamp>,
}

impl Shards {
    /// The several trackers of a watch that is divided.
    pub(super) fn several(&mut self) -> Option<&mut Several> {
        match self {
            Self::Several(several) => Some(several),
            Self::One(_) => None,
        }
    }

    /// Takes the next frame. Returns whether it is of a watched connection.
    #[expect(clippy::inline_always, reason = "as `Session::frame`, of which it is a part")]
    #[inline(always)]
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> bool {
        match self {
            Self::One(tracker) => tracker.frame(frame),
            Self::Several(several) => several.frame(frame),
        }
    }

    /// No frame came up to `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        match self {
            Self::One(tracker) => tracker.advance(now),
            Self::Several(several) => several.each(|tracker| tracker.advance(now)),
        }
    }

    /// The latest time seen.
    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::One(tracker) => tracker.now(),
            Self::Several(several) => several.now(),
        }
    }

    /// See [`Tracker::settle_turns`].
    pub(super) fn settle_turns(&mut self, before: Timestamp) {
        match self {
            Self::One(tracker) => tracker.settle_turns(before),
            Self::Several(several) => several.each(|tracker| tracker.settle_turns(before)),
        }
    }

    /// See [`Tracker::finish`].
    pub(super) fn finish(&mut self) {
        match self {
            Self::One(tracker) => tracker.finish(),
            Self::Several(several) => several.each(Tracker::finish),
        }
    }

    /// Where all that happens is recorded.
    pub(super) fn recorder(&mut self) -> &mut Recorder {
        self.parts().1
    }

    /// The statements and who recorded them, together.
    pub(super) fn parts(&mut self) -> (&Statements, &mut Recorder) {
        match self {
            Self::One(tracker) => tracker.parts(),
            Self::Several(several) => (&several.merger.statements, &mut several.merger.recorder),
        }
    }

    /// Statements that found no room.
    pub(super) fn evicted_statements(&mut self) -> u64 {
        match self {
            Self::One(tracker) => tracker.parts().0.evicted(),
            Self::Several(several) => {
                let each = several.seats().map(|mut seat| seat.tracker.parts().0.evicted());
                several.merger.statements.evicted() + each.sum::<u64>()
            }
        }
    }

    /// What the flow tables met.
    pub(super) fn counters(&self) -> Counters {
        match self {
            Self::One(tracker) => tracker.counters(),
            Self::Several(several) => several.seats().map(|seat| seat.tracker.counters()).sum(),
        }
    }

    /// Frames that were no segments.
    pub(super) fn discards(&self) -> Discards {
        match self {
            Self::One(tracker) => tracker.discards(),
            Self::Several(several) => {
                let each = several.seats().map(|seat| seat.tracker.discards());
                each.chain([several.frames.discards]).sum()
            }
        }
    }

    /// The ports that most segments went to besides the watched ones, with how many.
    pub(super) fn elsewhere(&self) -> Vec<(u16, u64)> {
        match self {
            Self::One(tracker) => Elsewhere::busiest(&[tracker.elsewhere()], BUSIEST),
            Self::Several(several) => {
                let seats: Vec<_> = several.seats().collect();
                let all: Vec<_> = seats.iter().map(|seat| seat.tracker.elsewhere()).collect();
                Elsewhere::busiest(&all, BUSIEST)
            }
        }
    }

    /// Takes all trackers in hand; [`Shards::settle`] ends what was done.
    pub(super) fn hold(&mut self) -> Hold<'_> {
        match self {
            Self::One(tracker) => Hold::One(tracker),
            Self::Several(several) => Hold::Several(several.seats().collect()),
        }
    }

    /// What was done to the trackers is recorded; live, as soon as all of them have come as far.
    pub(super) fn settle(&mut self) {
        if let Self::Several(several) = self {
            several.settle();
        }
    }

    /// See [`Tracker::keep`].
    pub(super) fn keep(&mut self, share: Share, at: Timestamp) {
        match self {
            Self::One(tracker) => tracker.keep(share, at),
            Self::Several(several) => several.keep(share, at),
        }
    }

    /// Frames that were taken by capture threads.
    pub(super) fn frames(&self) -> Frames {
        match self {
            Self::One(_) => Frames::default(),
            Self::Several(several) => several.seats().map(|seat| seat.frames).sum(),
        }
    }
}

impl Several {
    /// Trackers that nothing was told to yet, and who records what they tell; `statements` bounds those of all of them.
    pub(super) fn new(
        shards: u32,
        tracker: impl Fn(Teller) -> Tracker<Teller>,
        recorder: Recorder,
        statements: Statements,
    ) -> Self {
        use crate::exchange::Observer;
        let tells_bytes = recorder.tells_bytes();
        let seat = |_| Arc::new(Fair::new(Seat::new(tracker(Teller::new(tells_bytes)))));
        let stream = |shard| Stream::whole(shard as usize, Batch::default());
        Self {
            seats: (0..shards).map(seat).collect(),
            merger: Merger::new(shards as usize, recorder, statements),
            streams: (0..shards).map(stream).collect(),
            frames: Frames::default(),
            before: None,
        }
    }

    /// Reads a source to its end that was opened once for each shard, each on a thread of its own. `look` is called with the first now
    /// and then. Returns when the watch began and how many frames of how many bytes there were.
    ///
    /// # Errors
    /// There is no thread to be had, or the source fails.
    pub(super) fn read<S: Source + Send>(
        &mut self,
        sources: &mut [S],
        look: &mut (dyn FnMut(&S) + Send),
    ) -> io::Result<(Option<Timestamp>, Frames)> {
        let of = self.seats.len() as u32;
        let merger = &mut self.merger;
        let mut seats: Vec<_> = self.seats.iter().map(|seat| seat.lock()).collect();
        let mut look = Some(look);
        let read = thread::scope(|scope| {
            let mut threads = Vec::new();
            let mut streams = Vec::new();
            for ((index, seat), source) in (0..).zip(&mut seats).zip(sources) {
                let tracker = &mut seat.tracker;
                streams.push(Stream::open(index as usize, tracker.observer().open()));
                let worker = Worker {
                    tracker,
                    shard: Shard { index, of },
                    frames: Frames::default(),
                };
                let look = look.take();
                let work = move || match look {
                    Some(look) => worker.run(source, look),
                    None => worker.run(source, &mut |_| {}),
                };
                let named = thread::Builder::new().name(format!("shard {index}"));
                threads.push(named.spawn_scoped(scope, work)?);
            }
            merger.merge(&mut streams);
            let ended = threads.into_iter().map(|thread| {
                let ended = thread.join();
                ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            let frames: Result<Vec<Frames>, S::Error> = ended.collect();
            frames.map_err(io::Error::other)
        })?;
        drop(seats);
        self.frames = read.first().copied().unwrap_or_default();
        Ok((self.merger.start, self.frames))
    }

    /// From now on capture threads give frames to what is returned, a seat for each shard, each at its own pace; [`Several::take_in`]
    /// says up to when all is taken in.
    pub(super) fn go_live(&mut self) -> Vec<Arc<Fair<Seat>>> {
        self.before = Some(self.latest());
        self.seats.clone()
    }

    /// Takes in what was told of up to now, or of before `end`, and returns up to when that is. A shard may have told more.
    pub(super) fn take_in(&mut self, end: Timestamp) -> Timestamp {
        let told_by_all = self.seats().map(|seat| seat.tracker.now()).min();
        let before = told_by_all.unwrap_or_default().min(end);
        let before = before.max(self.now());
        self.before = Some(before);
        self.gather(Teller::number_of(before.nanos().unsigned_abs()));
        before
    }

    /// No thread gives frames any more: all that was told is taken in.
    pub(super) fn stand(&mut self) {
        self.before = None;
        self.settle();
    }

    /// The latest time that a shard has seen.
    pub(super) fn latest(&self) -> Timestamp {
        let times = self.seats().map(|seat| seat.tracker.now());
        times.max().unwrap_or_default()
    }

    fn now(&self) -> Timestamp {
        self.before.unwrap_or_else(|| self.latest())
    }

    fn seats(&self) -> impl Iterator<Item = MutexGuard<'_, Seat>> {
        self.seats.iter().map(|seat| seat.lock())
    }

    fn frame(&mut self, frame: &Frame<'_>) -> bool {
        match crate::packet::parse(frame.link, frame.bytes, frame.wire_length) {
            Ok(segment) => {
                self.each(|tracker| tracker.advance(frame.time));
                let index = Shard::index_of(segment.source, segment.destination, self.seats.len() as u32);
                let seat = self.seats.get(index as usize);
                let watched = seat.is_some_and(|seat| seat.lock().tracker.segment(&segment, frame.time));
                self.settle();
                watched
            }
            Err(discard) => {
                self.frames.discards.count(discard);
                false
            }
        }
    }

    fn each(&mut self, mut change: impl FnMut(&mut Tracker<Teller>)) {
        for mut seat in self.seats() {
            seat.tracker.observer().between_frames();
            change(&mut seat.tracker);
        }
        self.settle();
    }

    fn settle(&mut self) {
        if self.before.is_none() {
            self.gather(u64::MAX);
        }
    }

    /// Takes in what was told that is numbered below `end`.
    fn gather(&mut self, end: u64) {
        for (seat, stream) in self.seats.iter().zip(&mut self.streams) {
            stream.add(seat.lock().tracker.observer().take());
        }
        self.merger.merge_before(end, &mut self.streams);
    }

    /// What is told from here on is of other connections than what was told before, all of which is taken in first.
    fn keep(&mut self, share: Share, at: Timestamp) {
        self.each(|tracker| tracker.keep(share, at.max(tracker.now())));
        self.gather(u64::MAX);
    }
}
