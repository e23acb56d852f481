//! What arrived ahead of a hole in one side's stream, until the hole fills or is given up.
//!
//! In-order segments never come here: they go on as they are, without a copy.

use crate::clock::Timestamp;

/// More than this ahead of one hole means that the hole was lost.
const MOST_BYTES: usize = 256 * 1024;
const MOST_SEGMENTS: usize = 128;

/// How far `a` is ahead of `b` in sequence space (RFC 9293 section 3.4); negative where it is behind.
pub(super) const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// A segment that came early.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) sequence: u32,
    pub(super) at: Timestamp,
    pub(super) length: u32,
    pub(super) bytes: Box<[u8]>,
}

/// The early segments of one side, lowest first.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    held: Vec<Held>,
    bytes: usize,
    /// How far the other side has acknowledged this one's bytes, where it has.
    pub(super) acknowledged: Option<u32>,
    /// Where this side's stream ends, once its FIN was seen.
    pub(super) end: Option<u32>,
}

impl Reassembly {
    /// Keeps an early segment for later.
    pub(super) fn hold(&mut self, early: Held) {
        let place = self
            .held
            .partition_point(|other| ahead(other.sequence, early.sequence) <= 0);
        self.bytes += early.bytes.len();
        self.held.insert(place, early);
    }

    /// Takes the lowest held segment if it begins at or before `next`.
    pub(super) fn take(&mut self, next: u32) -> Option<Held> {
        if self
            .held
            .first()
            .is_none_or(|held| ahead(held.sequence, next) > 0)
        {
            return None;
        }
        let held = self.held.remove(0);
        self.bytes -= held.bytes.len();
        Some(held)
    }

    /// Where the hole before the lowest held segment ends, if it will not fill any more: too much is waiting behind it, or
    /// the other side has acknowledged what the capture never saw.
    pub(super) fn lost_until(&self) -> Option<u32> {
        let first = self.held.first()?.sequence;
        let full = self.bytes > MOST_BYTES || self.held.len() > MOST_SEGMENTS;
        (full || self.covers(first)).then_some(first)
    }

    /// Where the lowest held segment begins, if any is held since before `then`.
    pub(super) fn waiting_since_before(&self, then: Timestamp) -> Option<u32> {
        self.held
            .iter()
            .any(|held| held.at < then)
            .then(|| self.held[0].sequence)
    }

    /// Where the lowest held segment begins.
    pub(super) fn first(&self) -> Option<u32> {
        self.held.first().map(|held| held.sequence)
    }

    /// When the lowest held segment came.
    pub(super) fn first_time(&self) -> Option<Timestamp> {
        self.held.first().map(|held| held.at)
    }

    /// Whether the other side has acknowledged everything before `sequence`.
    pub(super) fn covers(&self, sequence: u32) -> bool {
        self.acknowledged
            .is_some_and(|acknowledged| ahead(acknowledged, sequence) >= 0)
    }

    /// Takes note of an acknowledgment from the other side.
    pub(super) fn acknowledge(&mut self, number: u32) {
        if self.acknowledged.is_none_or(|known| ahead(number, known) > 0) {
            self.acknowledged = Some(number);
        }
    }

    /// What is held takes so many bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes + self.held.len() * size_of::<Held>()
    }

    /// Whether nothing is held and no end is known, and the other side has acknowledged nothing beyond `next`, which was seen:
    /// that is forgotten, before sequence numbers come round.
    pub(super) fn settle(&mut self, next: u32) -> bool {
        self.acknowledged = self.acknowledged.filter(|&number| ahead(number, next) > 0);
        self.held.is_empty() && self.end.is_none() && self.acknowledged.is_none()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
