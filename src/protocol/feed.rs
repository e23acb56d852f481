//! Drives a decoder over one connection's two streams: keeps what is not yet a whole message, skips bodies, stamps first
//! and last bytes, and finds the way again after a hole.
//!
//! Whole messages that arrive in order are decoded where they lie; only the front of a message that is cut by a segment's end is
//! copied, at most [`MAX_NEED`] bytes.

use super::catalog::AnyDecoder;
pub use super::catalog::Resting;
use super::stream::{Front, Stream};
use super::whole::{Left, Trust};
use super::{Decoder, MAX_NEED, Message, Messages, Resync, Side, Step, Usual};
use crate::clock::Timestamp;
use crate::flow::Chunk;

/// Garbage with no good message between, after which a connection is followed by its turns only.
const MOST_MISFITS: u8 = 8;
/// Turns at whose start no message could be found, after which the same.
const MOST_SEARCHES: u8 = 16;

/// Nothing is amiss.
const PROVEN: Trust = Trust {
    proven: true,
    misfits: 0,
};

/// Told what the decoder makes of the streams, in order, with times.
pub trait Listener {
    /// Some bytes of `side` and what they mean, often nothing.
    fn told(&mut self, side: Side, messages: &[Message<'_>], part: Part);
    /// More bytes of what was told last.
    fn skipped(&mut self, side: Side, bytes: u64);
    /// The rest of what was told last has come; this was its last byte.
    fn completed(&mut self, side: Side, last: Timestamp);
    /// The last byte of what was told last is in a hole.
    fn spoilt(&mut self, side: Side);
    /// Bytes were lost or not understood: what is in flight can't be told any more.
    fn lost(&mut self, side: Side);
    /// The connection can be followed by its turns only from here on.
    fn opaque(&mut self, tls: bool);
}

/// The bytes of one step.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// When the first byte came.
    pub first: Timestamp,
    /// When the last byte came; absent while the rest is still to come (then [`Listener::completed`] or
    /// [`Listener::spoilt`] follows).
    pub last: Option<Timestamp>,
    /// How many bytes have come; of a compressed stream, what was unwrapped.
    pub bytes: u64,
}

/// A decoder and what is kept between chunks.
#[derive(Debug)]
pub struct Feed {
    decoder: AnyDecoder,
    streams: [Stream; 2],
    /// What came out of compressed streams.
    unwrapped: Option<Box<[Stream; 2]>>,
    speaker: Option<Side>,
    trust: Trust,
    searches: u8,
}

/// What it takes to go on with a feed in which nothing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedRest {
    /// Whose decoder.
    pub system: Resting,
    /// Who spoke last.
    pub speaker: Option<Side>,
    /// What the decoder keeps.
    pub decoder: u16,
}

/// Which stream is read: what was on the wire, or what was wrapped in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Wire,
    Unwrapped,
}

/// From `rest` on, the stream can't be read.
struct Unreadable {
    tls: bool,
    rest: Vec<u8>,
}

impl Feed {
    /// A connection seen from its start.
    #[must_use]
    pub fn new(decoder: AnyDecoder) -> Self {
        Self {
            decoder,
            streams: Default::default(),
            unwrapped: None,
            speaker: None,
            trust: Trust::default(),
            searches: 0,
        }
    }

    /// A connection joined in its middle.
    #[must_use]
    pub fn joined_late(decoder: AnyDecoder) -> Self {
        let mut feed = Self::new(decoder);
        for side in [Side::Client, Side::Server] {
            feed.set_adrift(side);
        }
        feed
    }

    /// How many bytes are kept until more come.
    #[inline]
    #[must_use]
    pub fn buffered(&self) -> usize {
        let [client, server] = &self.streams;
        let unwrapped = self.unwrapped.iter().flat_map(|streams| streams.iter());
        client.buffered() + server.buffered() + unwrapped.map(Stream::buffered).sum::<usize>()
    }

    /// Gives up what is kept until more comes: the message that it begins is lost, and all that is in flight where `whole` says so
    /// or the decoder keeps more than every one does.
    pub fn shed(&mut self, whole: bool, listener: &mut impl Listener) {
        let whole = whole || self.decoder.kept() > 0;
        for side in [Side::Client, Side::Server] {
            let unwrapped = self
                .unwrapped
                .as_ref()
                .map_or(0, |streams| streams[side.index()].buffered());
            if whole || self.streams[side.index()].buffered() + unwrapped > 0 {
                self.set_adrift(side);
                listener.lost(side);
            }
        }
    }

    /// What there is to keep while nothing goes on; `None` where that is more than fits.
    #[must_use]
    pub fn rest(&self) -> Option<FeedRest> {
        let at_rest = self.streams.iter().all(Stream::is_clear)
            && self.unwrapped.is_none()
            && (self.searches, self.trust) == (0, PROVEN);
        let (system, decoder) = self.decoder.rest().filter(|_| at_rest)?;
        Some(FeedRest {
            system,
            speaker: self.speaker,
            decoder,
        })
    }

    /// Goes on after a rest.
    #[must_use]
    pub fn wake(rest: FeedRest) -> Self {
        Self {
            speaker: rest.speaker,
            trust: PROVEN,
            ..Self::new(AnyDecoder::wake(rest.system, rest.decoder))
        }
    }

    /// The decoder in use.
    #[must_use]
    pub fn decoder(&self) -> &AnyDecoder {
        &self.decoder
    }

    /// The next stretch of `side`'s stream. Returns by how much [`Feed::buffered`] has grown.
    #[inline]
    pub fn chunk(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        at: Timestamp,
        listener: &mut impl Listener,
    ) -> isize {
        let grown = match chunk {
            Chunk::Bytes(bytes) if self.streams[side.index()].is_clear() => {
                self.clear_bytes(side, bytes, at, listener)
            }
            _ => self.any_chunk(side, chunk, at, listener),
        };
        self.speaker = Some(side);
        grown
    }

    /// Takes all of `bytes`, the next of `side`'s stream, if they are a usual request or reply and nothing is kept of the stream: then they
    /// leave nothing behind either. Else nothing is changed, and nothing told.
    #[inline]
    pub fn usual<T>(&mut self, side: Side, bytes: &[u8], tell: impl FnOnce(&Usual<'_>) -> T) -> Option<T> {
        if !self.streams[side.index()].is_clear() {
            return None;
        }
        let told = tell(&self.decoder.usual(side, bytes)?);
        self.trust = PROVEN;
        self.speaker = Some(side);
        Some(told)
    }

    /// The same for what does not simply begin a message.
    #[inline(never)]
    fn any_chunk(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        at: Timestamp,
        listener: &mut impl Listener,
    ) -> isize {
        let before = self.buffered().cast_signed();
        match chunk {
            Chunk::Bytes(bytes) => self.any_bytes(side, bytes, at, listener),
            Chunk::Cut(length) => self.hole(side, length, Some(at), listener),
            Chunk::Lost(length) => self.hole(side, length, None, listener),
        }
        self.buffered().cast_signed() - before
    }

    /// `side` will send no more.
    pub fn finished(&mut self, side: Side, at: Timestamp, listener: &mut impl Listener) {
        let mut told = Messages::new();
        self.decoder.finished(side, &mut told);
        listener.told(
            side,
            told.as_slice(),
            Part {
                first: at,
                last: Some(at),
                bytes: 0,
            },
        );
    }

    /// Takes bytes that begin a message, of which nothing is kept: [`Feed::run`] for the usual case.
    #[inline]
    fn clear_bytes(
        &mut self,
        side: Side,
        bytes: &[u8],
        at: Timestamp,
        listener: &mut impl Listener,
    ) -> isize {
        let kept = (&mut self.streams[side.index()], &mut self.trust);
        match self.decoder.run(kept, side, bytes, at, listener) {
            Ok(grown) => grown.cast_signed(),
            Err(left) => self.left(left, side, at, listener),
        }
    }

    #[inline(never)]
    fn left(&mut self, left: Left<'_>, side: Side, at: Timestamp, listener: &mut impl Listener) -> isize {
        let before = self.buffered().cast_signed();
        match left {
            Left::Wrapped(rest) => self.any_bytes(side, rest, at, listener),
            Left::Unusual(step, rest) => self.unusual(step, side, rest, at, listener),
        }
        self.buffered().cast_signed() - before
    }

    /// What can't be read, or not from here on.
    #[cold]
    fn unusual(&mut self, step: Step, side: Side, bytes: &[u8], at: Timestamp, listener: &mut impl Listener) {
        let tls = matches!(step, Step::Opaque { tls: true });
        let mut rest = bytes.to_vec();
        if !matches!(step, Step::Opaque { .. }) {
            self.trust.misfits = self.trust.misfits.saturating_add(1);
            if self.trust.proven && self.trust.misfits <= MOST_MISFITS {
                self.streams[side.index()] = Stream::adrift();
                self.decoder.lost(side);
                listener.lost(side);
                if self.searches <= MOST_SEARCHES {
                    return;
                }
                rest.clear();
            }
        }
        self.follow_turns(side, &Unreadable { tls, rest }, at, listener);
    }

    fn any_bytes(&mut self, side: Side, bytes: &[u8], at: Timestamp, listener: &mut impl Listener) {
        let mut stream = std::mem::take(&mut self.streams[side.index()]);
        let unreadable = self.run(Layer::Wire, &mut stream, side, bytes, (at, at), listener);
        self.streams[side.index()] = stream;
        if let Some(unreadable) = unreadable {
            self.follow_turns(side, &unreadable, at, listener);
        }
    }

    /// Decodes all that can be now; what can't be stays in `stream`. The first of `bytes` came at `first`, the last at `at`.
    fn run(
        &mut self,
        layer: Layer,
        stream: &mut Stream,
        side: Side,
        bytes: &[u8],
        (first, at): (Timestamp, Timestamp),
        listener: &mut impl Listener,
    ) -> Option<Unreadable> {
        let mut front = Front::new(stream, bytes, first);
        loop {
            if let Some(skipped) = front.skip() {
                listener.skipped(side, skipped);
                if front.is_past_message() {
                    listener.completed(side, at);
                }
            }
            if front.is_adrift() && !self.search(side, &mut front) {
                return (self.searches > MOST_SEARCHES).then(|| Unreadable {
                    tls: false,
                    rest: Vec::new(),
                });
            }
            let (view, first) = front.view()?;
            let length = view.len();
            match self.step(layer, side, view, first, at, listener) {
                Step::Take(taken) if taken > 0 => {
                    self.trust.misfits = 0;
                    front.take(taken);
                }
                Step::Need(need) if need > length && need <= MAX_NEED => front.keep(need),
                Step::Opaque { tls } => {
                    return Some(Unreadable {
                        tls,
                        rest: front.into_rest(),
                    });
                }
                Step::Take(_) | Step::Need(_) | Step::Garbage => {
                    self.trust.misfits = self.trust.misfits.saturating_add(1);
                    if !self.trust.proven || self.trust.misfits > MOST_MISFITS {
                        return Some(Unreadable {
                            tls: false,
                            rest: front.into_rest(),
                        });
                    }
                    front.abandon();
                    self.decoder.lost(side);
                    listener.lost(side);
                }
            }
        }
    }

    /// One step of the decoder, its messages told on.
    #[inline]
    fn step(
        &mut self,
        layer: Layer,
        side: Side,
        view: &[u8],
        first: Timestamp,
        at: Timestamp,
        listener: &mut impl Listener,
    ) -> Step {
        if layer == Layer::Wire && self.decoder.wrapped(side) {
            return self.unwrap(side, view, (first, at), listener);
        }
        let mut told = Messages::new();
        let step = self.decoder.decode(side, view, &mut told);
        match step {
            Step::Take(length) => {
                self.trust.proven |= !told.as_slice().is_empty();
                let here = length.min(view.len() as u64);
                let last = (length == here).then_some(at);
                listener.told(
                    side,
                    told.as_slice(),
                    Part {
                        first,
                        last,
                        bytes: here,
                    },
                );
            }
            Step::Opaque { .. } => listener.told(
                side,
                told.as_slice(),
                Part {
                    first,
                    last: Some(at),
                    bytes: 0,
                },
            ),
            Step::Need(_) | Step::Garbage => {}
        }
        step
    }

    /// Unwraps the front of a compressed stream and decodes what comes out.
    fn unwrap(
        &mut self,
        side: Side,
        view: &[u8],
        (first, at): (Timestamp, Timestamp),
        listener: &mut impl Listener,
    ) -> Step {
        let mut plain = Vec::new();
        let step = self.decoder.open(side, view, &mut plain);
        let mut streams = self.unwrapped.take().unwrap_or_default();
        let unreadable = self.run(
            Layer::Unwrapped,
            &mut streams[side.index()],
            side,
            &plain,
            (first, at),
            listener,
        );
        self.unwrapped = Some(streams);
        if unreadable.is_some() { Step::Garbage } else { step }
    }

    /// Looks for a message's start after a hole or a late joining.
    fn search(&mut self, side: Side, front: &mut Front<'_, '_>) -> bool {
        let Some(bytes) = front.unread() else { return false };
        if let Resync::At(offset) = self.decoder.resync(side, bytes) {
            front.settle(offset);
            self.searches = 0;
            return true;
        }
        front.abandon();
        let begins = u8::from(self.speaker != Some(side));
        self.searches = self.searches.saturating_add(begins);
        false
    }

    /// A hole costs nothing inside what is being skipped; elsewhere what is in flight is lost.
    fn hole(&mut self, side: Side, length: u64, seen: Option<Timestamp>, listener: &mut impl Listener) {
        let stream = &mut self.streams[side.index()];
        if !stream.skip_hole(length) {
            self.set_adrift(side);
            listener.lost(side);
            return;
        }
        let is_past_message = !stream.is_skipping();
        listener.skipped(side, length);
        match seen {
            Some(at) if is_past_message => listener.completed(side, at),
            None if is_past_message => listener.spoilt(side),
            _ => {}
        }
    }

    fn set_adrift(&mut self, side: Side) {
        // What comes next may be the middle of a message: no proof that the protocol is another one.
        self.trust.proven = true;
        self.decoder.lost(side);
        self.streams[side.index()] = Stream::adrift();
        if let Some(unwrapped) = &mut self.unwrapped {
            unwrapped[side.index()] = Stream::default();
        }
    }

    /// Goes on by turns. Where that is done already, its TLS went astray: what is in flight is lost, and the next record is looked
    /// for.
    fn follow_turns(
        &mut self,
        side: Side,
        unreadable: &Unreadable,
        at: Timestamp,
        listener: &mut impl Listener,
    ) {
        if self.decoder.is_turns() {
            if !unreadable.rest.is_empty() {
                self.set_adrift(side);
                listener.lost(side);
            }
            return;
        }
        self.decoder = AnyDecoder::turns(unreadable.tls);
        self.streams = Default::default();
        self.unwrapped = None;
        listener.opaque(unreadable.tls);
        self.any_bytes(side, &unreadable.rest, at, listener);
    }
}
