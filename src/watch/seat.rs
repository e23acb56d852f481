//! A shard of a live watch: a tracker that a capture thread gives frames to, and that the watch asks for what it tells.

use super::shard::{Frames, Teller};
use crate::capture::Frame;
use crate::clock::Timestamp;
use crate::exchange::tracker::Tracker;

/// So many entries may wait to be taken in; then frames wait in the ring.
const WAITING: usize = 1 << 17;

/// One of several trackers that divide a watch's connections among them.
pub(super) struct Seat {
    pub(super) tracker: Tracker<Teller>,
    /// What was seen live.
    pub(super) frames: Frames,
}

impl Seat {
    pub(super) fn new(tracker: Tracker<Teller>) -> Self {
        Self {
            tracker,
            frames: Frames::default(),
        }
    }

    /// Takes the next frame of this shard's connections. What is told of it is numbered by its time, or by that of the one before it if
    /// that is later: it then comes late, as from another interface.
    #[inline]
    pub(super) fn take(&mut self, frame: &Frame<'_>) {
        self.frames.count += 1;
        self.frames.bytes += u64::from(frame.wire_length);
        self.reach(frame.time);
        self.tracker.observer().within_frame();
        self.tracker.frame(frame);
        let (statements, teller) = self.tracker.parts();
        teller.catch_up(statements);
    }

    /// No frame comes any more that is of before `now`.
    #[inline]
    pub(super) fn reach(&mut self, now: Timestamp) {
        self.tracker.observer().reach(now.nanos().unsigned_abs());
        self.tracker.advance(now);
    }

    /// Whether what it has told must be taken in before it takes more frames.
    pub(super) fn is_full(&mut self) -> bool {
        self.tracker.observer().waiting() >= WAITING
    }
}
