//! One side's stream between chunks: the front of a message that is not all here, and what is still to be skipped.

use crate::clock::Timestamp;

/// What is kept of one side's stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The front of a message that is not all here.
    buffer: Vec<u8>,
    /// When the buffer's first byte came.
    started: Timestamp,
    /// How many bytes the decoder wants to see of it.
    need: usize,
    /// How many bytes of a message told already are still to come.
    skip: u64,
    /// Whether no message boundary is known.
    adrift: bool,
}

impl Stream {
    /// A stream in which no boundary is known.
    pub(super) fn adrift() -> Self {
        Self {
            adrift: true,
            ..Self::default()
        }
    }

    /// How many bytes are kept.
    #[inline]
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the next bytes begin a message.
    #[inline]
    pub(super) fn is_clear(&self) -> bool {
        self.skip == 0 && !self.adrift && self.buffer.is_empty()
    }

    /// Keeps the front of a message, which came now, until `need` bytes of it are here; nothing is kept as yet.
    pub(super) fn keep(&mut self, front: &[u8], need: usize, at: Timestamp) {
        self.buffer.extend_from_slice(front);
        (self.started, self.need) = (at, need);
    }

    /// Passes over so many bytes that are still to come.
    #[inline]
    pub(super) fn skip(&mut self, length: u64) {
        self.skip = length;
    }

    /// Whether the rest of a message is being skipped.
    pub(super) fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// Lets a hole pass inside what is being skipped; false where it is larger.
    pub(super) fn skip_hole(&mut self, length: u64) -> bool {
        let inside = self.skip > 0 && length <= self.skip;
        if inside {
            self.skip -= length;
        }
        inside
    }
}

/// A stream's front: what was kept of it, then the bytes that just came.
pub(super) struct Front<'s, 'b> {
    stream: &'s mut Stream,
    bytes: &'b [u8],
    at: Timestamp,
    /// How much of the buffer came before these bytes.
    older: usize,
}

impl<'s, 'b> Front<'s, 'b> {
    pub(super) fn new(stream: &'s mut Stream, bytes: &'b [u8], at: Timestamp) -> Self {
        let older = stream.buffer.len();
        Self {
            stream,
            bytes,
            at,
            older,
        }
    }

    /// Skips what is due of the bytes here; returns how many, if any were due.
    #[inline]
    pub(super) fn skip(&mut self) -> Option<u64> {
        if self.stream.skip == 0 {
            return None;
        }
        let here = usize::try_from(self.stream.skip)
            .unwrap_or(usize::MAX)
            .min(self.bytes.len());
        self.bytes = &self.bytes[here..];
        self.stream.skip -= here as u64;
        Some(here as u64)
    }

    /// Whether all of the message being skipped has gone by.
    pub(super) fn is_past_message(&self) -> bool {
        self.stream.skip == 0
    }

    pub(super) fn is_adrift(&self) -> bool {
        self.stream.adrift
    }

    /// What can be decoded now, never empty, and when its first byte came; `None` where more must come first.
    #[inline]
    pub(super) fn view(&mut self) -> Option<(&[u8], Timestamp)> {
        if self.stream.buffer.is_empty() {
            let ready = !self.bytes.is_empty() && self.stream.skip == 0;
            return ready.then_some((self.bytes, self.at));
        }
        let wanted = self
            .stream
            .need
            .saturating_sub(self.stream.buffer.len())
            .min(self.bytes.len());
        let (more, rest) = self.bytes.split_at(wanted);
        self.stream.buffer.extend_from_slice(more);
        self.bytes = rest;
        let ready = self.stream.buffer.len() >= self.stream.need;
        ready.then_some((&self.stream.buffer, self.stream.started))
    }

    /// Keeps what is here until `need` bytes are.
    pub(super) fn keep(&mut self, need: usize) {
        if self.stream.buffer.is_empty() {
            self.stream.started = self.at;
            self.stream.buffer.extend_from_slice(self.bytes);
            self.bytes = &[];
        }
        self.stream.need = need;
    }

    /// Drops `length` bytes from the front, those that are yet to come too.
    #[inline]
    pub(super) fn take(&mut self, length: u64) {
        let kept = self.stream.buffer.len();
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        if kept == 0 {
            let here = wanted.min(self.bytes.len());
            self.bytes = &self.bytes[here..];
            self.stream.skip = length - here as u64;
            return;
        }
        let here = wanted.min(kept);
        self.stream.buffer.drain(..here);
        self.stream.skip = length - here as u64;
        if here >= self.older {
            self.stream.started = self.at;
        }
        self.older = self.older.saturating_sub(here);
        self.stream.need = 1;
    }

    /// The bytes in which a boundary is looked for; `None` where there are none.
    pub(super) fn unread(&self) -> Option<&[u8]> {
        (!self.bytes.is_empty()).then_some(self.bytes)
    }

    /// A message begins `offset` bytes from here.
    pub(super) fn settle(&mut self, offset: usize) {
        self.bytes = self.bytes.get(offset..).unwrap_or_default();
        self.stream.adrift = false;
    }

    /// Gives up what is here: no boundary is known any more.
    pub(super) fn abandon(&mut self) {
        *self.stream = Stream::adrift();
        self.bytes = &[];
        self.older = 0;
    }

    /// All that is not decoded.
    pub(super) fn into_rest(self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.stream.buffer);
        rest.extend_from_slice(self.bytes);
        rest
    }
}
