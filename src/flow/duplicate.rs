//! One packet seen more than once: on loopback in both directions, or on a veth, its bridge and the uplink.

use super::Side;
use crate::clock::{Span, Timestamp};
use crate::packet::Segment;

/// Copies come within microseconds; a sender that repeats itself takes longer, and changes its timestamp or
/// identification when it does.
const WINDOW: Span = Span::from_millis(50);
const SLOTS: usize = 4096;

/// Remembers the latest segments, one in each slot.
#[derive(Debug)]
pub(super) struct Recent {
    slots: Box<[(u64, Timestamp)]>,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![(0, Timestamp::default()); SLOTS].into_boxed_slice(),
        }
    }

    /// Whether a segment alike in every field was seen just before; remembers this one.
    pub(super) fn is_copy(&mut self, flow: u32, side: Side, segment: &Segment<'_>, at: Timestamp) -> bool {
        let mark = mark(flow, side, segment);
        let slot = &mut self.slots[mark as usize % SLOTS];
        let copy = slot.0 == mark && at.since(slot.1) <= WINDOW;
        *slot = (mark, at);
        copy
    }

    /// Remembers a segment that can't be a copy: its bytes are new.
    #[expect(
        clippy::inline_always,
        reason = "as `Table::take_next`, of which it is a part"
    )]
    #[inline(always)]
    pub(super) fn remember(&mut self, flow: u32, side: Side, segment: &Segment<'_>, at: Timestamp) {
        let mark = mark(flow, side, segment);
        self.slots[mark as usize % SLOTS] = (mark, at);
    }
}

#[inline]
fn mark(flow: u32, side: Side, segment: &Segment<'_>) -> u64 {
    let numbers = u64::from(segment.sequence) << 32 | u64::from(segment.acknowledgment);
    let fields = u64::from(segment.timestamp_value) << 32
        | u64::from(segment.identification) << 16
        | u64::from(segment.window);
    let rest = u64::from(flow) << 32
        ^ u64::from(segment.payload_length) << 9
        ^ u64::from(segment.flags.0) << 1
        ^ side.index() as u64;
    fold(
        fold(numbers ^ 0x9e37_79b9_7f4a_7c15, fields ^ 0xd6e8_feb8_6659_fd93),
        rest ^ 0xa076_1d64_78bd_642f,
    )
}

/// The two halves of the 128-bit product, folded: a good mix for one multiplication.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
