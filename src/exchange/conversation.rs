//! One connection's way from bytes to exchanges: its protocol is chosen at its first bytes, then fed.

use super::Observer;
use super::pairing::{Context, Pairing};
use super::rest::Rest;
use crate::clock::Timestamp;
use crate::flow::{Chunk, Side};
use crate::protocol::catalog::{self, AnyDecoder, Target};
use crate::protocol::feed::{Feed, Part};
use crate::protocol::{Decoder, System, Usual};

/// What is kept of a connection besides its TCP state.
#[derive(Debug)]
pub struct Conversation {
    target: Target,
    /// Which of the watched targets that is.
    pattern: u16,
    from_syn: bool,
    /// Absent until the first bytes.
    feed: Option<Box<Feed>>,
    pairing: Pairing,
}

impl Conversation {
    pub(super) fn new(target: Target, pattern: u16, from_syn: bool) -> Self {
        let pairing = if from_syn {
            Pairing::default()
        } else {
            Pairing::joined_late()
        };
        Self {
            target,
            pattern,
            from_syn,
            feed: None,
            pairing,
        }
    }

    /// How many bytes are kept until more come, and beyond what every connection takes.
    #[inline]
    pub(super) fn buffered(&self) -> usize {
        self.kept() + self.feed.as_ref().map_or(0, |feed| feed.buffered())
    }

    /// How many bytes are kept beyond what every connection takes.
    #[inline]
    fn kept(&self) -> usize {
        self.pairing.kept() + self.feed.as_ref().map_or(0, |feed| feed.decoder().kept())
    }

    /// Gives up what is kept until more comes: what is in flight can't be told any more, and what was prepared is unknown.
    pub(super) fn shed<O: Observer>(&mut self, at: Timestamp, context: Context<'_, O>) {
        self.pairing.give_room_back();
        let whole = self.pairing.kept() > 0;
        if let Some(feed) = &mut self.feed {
            feed.shed(whole, &mut self.pairing.listen(at, context));
        }
        self.pairing.give_room_back();
    }

    /// The rest of it goes by unseen: what is in flight can't be told any more.
    pub(super) fn lose<O: Observer>(&mut self, at: Timestamp, context: Context<'_, O>) {
        self.pairing.listen(at, context).lose();
    }

    /// What there is to keep of it while nothing goes on; `None` where that is more than fits.
    pub(super) fn rest(&self) -> Option<Rest> {
        let transaction = self.pairing.rest()?;
        let feed = match &self.feed {
            Some(feed) => Some(feed.rest()?),
            None => None,
        };
        Some(Rest {
            pattern: self.pattern,
            from_syn: self.from_syn,
            transaction,
            feed,
        })
    }

    /// Goes on after a rest; `target` is that of the rest's pattern.
    pub(super) fn wake(rest: Rest, target: Target) -> Self {
        let mut pairing = Pairing::default();
        pairing.wake(rest.transaction);
        Self {
            target,
            pattern: rest.pattern,
            from_syn: rest.from_syn,
            feed: rest.feed.map(|feed| Box::new(Feed::wake(feed))),
            pairing,
        }
    }

    /// Whether any request is in flight, or may be.
    pub(super) fn is_open(&self) -> bool {
        self.pairing.is_open()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.pairing.is_busy()
    }

    /// Takes the next stretch of `side`'s stream. Returns by how much [`Conversation::buffered`] has grown.
    #[inline]
    pub(super) fn chunk<O: Observer>(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        at: Timestamp,
        mut context: Context<'_, O>,
    ) -> isize {
        if self.feed.is_none() {
            self.choose(side, chunk, at, &mut context);
        }
        let before = self.kept().cast_signed();
        let Some(feed) = &mut self.feed else { return 0 };
        let grown = feed.chunk(side, chunk, at, &mut self.pairing.listen(at, context));
        grown + self.kept().cast_signed() - before
    }

    /// The same for bytes that are a usual request, with none in flight, or a reply: `None` where they are not, and nothing is changed.
    #[inline]
    pub(super) fn usual<O: Observer>(
        &mut self,
        side: Side,
        bytes: &[u8],
        at: Timestamp,
        context: Context<'_, O>,
    ) -> Option<isize> {
        if side == Side::Client && self.pairing.is_open() {
            return None;
        }
        let part = Part {
            first: at,
            last: Some(at),
            bytes: bytes.len() as u64,
        };
        let pairing = &mut self.pairing;
        let tell = |usual: &Usual<'_>| pairing.listen(at, context).usual(usual, part);
        self.feed.as_mut()?.usual(side, bytes, tell)
    }

    /// `side` will send no more.
    pub(super) fn finished<O: Observer>(&mut self, side: Side, at: Timestamp, context: Context<'_, O>) {
        if let Some(feed) = &mut self.feed {
            feed.finished(side, at, &mut self.pairing.listen(at, context));
        }
    }

    /// The connection is over, or the watch is.
    pub(super) fn close<O: Observer>(&mut self, at: Timestamp, context: Context<'_, O>) {
        self.pairing.listen(at, context).close_all();
    }

    /// Opaque turns that look complete are told.
    pub(super) fn close_turns<O: Observer>(
        &mut self,
        before: Timestamp,
        at: Timestamp,
        context: Context<'_, O>,
    ) {
        self.pairing.listen(at, context).close_turns(before);
    }

    #[cold]
    fn choose<O: Observer>(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        at: Timestamp,
        context: &mut Context<'_, O>,
    ) {
        let first_bytes = if let Chunk::Bytes(bytes) = chunk {
            bytes
        } else {
            &[]
        };
        let protocol = catalog::choose(&self.target, side, first_bytes);
        let decoder = protocol.map_or_else(|| AnyDecoder::turns(false), catalog::Protocol::decoder);
        if decoder.is_turns() {
            self.pairing.listen(at, context.reborrow()).follow_turns();
        }
        let system = protocol.map_or(System::Unknown, |protocol| protocol.system);
        if self.target.system != Some(system) {
            context.emit(at, super::Event::System(system));
        }
        let joined_late = !self.from_syn && !decoder.is_turns();
        let feed = if joined_late {
            Feed::joined_late(decoder)
        } else {
            Feed::new(decoder)
        };
        self.feed = Some(Box::new(feed));
    }
}
