//! Decodes messages where they lie, as long as they are whole or their rest can be skipped: the way of most bytes, one
//! function for each protocol.

use super::feed::{Listener, Part};
use super::stream::Stream;
use super::{Decoder, MAX_NEED, Messages, Side, Step};
use crate::clock::Timestamp;

/// How well a connection was understood so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trust {
    /// Something was told, or what comes may be the middle of a message: garbage proves no other protocol.
    pub(super) proven: bool,
    /// Garbage with no good message between.
    pub(super) misfits: u8,
}

/// Bytes that are left.
#[derive(Clone, Copy)]
pub(super) enum Left<'b> {
    /// They must be unwrapped first.
    Wrapped(&'b [u8]),
    /// They can't be read, or the connection can't from here on.
    Unusual(Step, &'b [u8]),
}

/// Decodes `bytes`, which came at `at` and begin a message, of which nothing is kept. Returns how many bytes are kept in `stream`:
/// the front of a message.
#[inline(never)]
pub(super) fn run<'b, D: Decoder>(
    decoder: &mut D,
    stream: &mut Stream,
    trust: &mut Trust,
    side: Side,
    mut bytes: &'b [u8],
    at: Timestamp,
    listener: &mut impl Listener,
) -> Result<usize, Left<'b>> {
    while !bytes.is_empty() {
        if decoder.wrapped(side) {
            return Err(Left::Wrapped(bytes));
        }
        let mut told = Messages::new();
        let step = decoder.decode(side, bytes, &mut told);
        let (here, more) = match step {
            Step::Take(length) => {
                trust.proven |= !told.as_slice().is_empty();
                let here = length.min(bytes.len() as u64);
                (here, length - here)
            }
            Step::Opaque { .. } => (0, 0),
            Step::Need(need) if need > bytes.len() && need <= MAX_NEED => {
                stream.keep(bytes, need, at);
                return Ok(bytes.len());
            }
            Step::Need(_) | Step::Garbage => return Err(Left::Unusual(step, bytes)),
        };
        let part = Part {
            first: at,
            last: (more == 0).then_some(at),
            bytes: here,
        };
        listener.told(side, told.as_slice(), part);
        if here == 0 {
            return Err(Left::Unusual(step, bytes));
        }
        trust.misfits = 0;
        stream.skip(more);
        bytes = bytes.get(here as usize..).unwrap_or_default();
    }
    Ok(0)
}
