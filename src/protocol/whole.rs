//! Decodes messages where they lie, as long as they are whole or their rest can be skipped: the way of most bytes, one
//! function for each protocol.

use super::feed::{Listener, Part};
use super::{Decoder, MAX_NEED, Messages, Side, Step};
use crate::clock::Timestamp;

/// What a run of messages came to.
pub(super) struct Run<'b> {
    /// Whether anything was told.
    pub(super) told: bool,
    /// Whether any bytes were taken.
    pub(super) took: bool,
    pub(super) end: End<'b>,
}

/// How a run of messages ends.
pub(super) enum End<'b> {
    /// With the bytes; so many more of the last message are still to come.
    Whole(u64),
    /// With the front of a message, which can be judged when so many bytes of it are here.
    Front(&'b [u8], usize),
    /// Before bytes that must be unwrapped first.
    Wrapped(&'b [u8]),
    /// Before bytes that can't be read, or not from here on.
    Unusual(Step, &'b [u8]),
}

/// Decodes `bytes`, which came at `at` and begin a message, of which nothing is kept.
pub(super) fn run<'b, D: Decoder>(
    decoder: &mut D,
    side: Side,
    mut bytes: &'b [u8],
    at: Timestamp,
    listener: &mut impl Listener,
) -> Run<'b> {
    let (mut any_told, mut took, mut more) = (false, false, 0);
    while !bytes.is_empty() {
        let end = |end| Run {
            told: any_told,
            took,
            end,
        };
        if decoder.wrapped(side) {
            return end(End::Wrapped(bytes));
        }
        let mut told = Messages::new();
        let step = decoder.decode(side, bytes, &mut told);
        let (here, last) = match step {
            Step::Take(length) => {
                let here = length.min(bytes.len() as u64);
                more = length - here;
                (here, (more == 0).then_some(at))
            }
            Step::Opaque { .. } => (0, Some(at)),
            Step::Need(need) if need > bytes.len() && need <= MAX_NEED => {
                return end(End::Front(bytes, need));
            }
            Step::Need(_) | Step::Garbage => return end(End::Unusual(step, bytes)),
        };
        listener.told(
            side,
            told.as_slice(),
            Part {
                first: at,
                last,
                bytes: here,
            },
        );
        any_told |= here > 0 && !told.as_slice().is_empty();
        if here == 0 {
            return Run {
                told: any_told,
                took,
                end: End::Unusual(step, bytes),
            };
        }
        took = true;
        bytes = bytes.get(here as usize..).unwrap_or_default();
    }
    Run {
        told: any_told,
        took,
        end: End::Whole(more),
    }
}
