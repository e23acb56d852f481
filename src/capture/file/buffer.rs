//! A window on a stream of bytes, from which records are lent without copying.

use std::io::{self, Read};
use std::ops::Range;

use super::feed::{Chunk, Feed, HEADROOM};

/// Holds what was read of a stream and not yet taken. Takes chunks over as they come, and copies only the record that two of them share.
pub(super) struct Buffer {
    feed: Feed,
    bytes: Vec<u8>,
    /// Room to read into.
    spare: Vec<u8>,
    /// What is ready: the bytes from here on.
    start: usize,
    /// Where they end in the stream.
    end: u64,
}

impl Buffer {
    pub(super) fn new(input: Box<dyn Read + Send>, chunk: usize) -> Self {
        Self {
            feed: Feed::new(input, chunk),
            bytes: Vec::new(),
            spare: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// What has been read and not taken.
    #[inline]
    pub(super) fn ready(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// How far into the stream [`Buffer::ready`] begins.
    pub(super) fn offset(&self) -> u64 {
        self.end - self.ready().len() as u64
    }

    /// Takes `length` bytes of what is ready; the result counts for [`Buffer::taken`] until the next fill.
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Range<usize> {
        let from = self.start;
        self.start = (from + length).min(self.bytes.len());
        from..self.start
    }

    /// Bytes taken before, lent again.
    #[inline]
    pub(super) fn taken(&self, range: Range<usize>) -> &[u8] {
        let bytes = self.bytes.get(range.start..).unwrap_or_default();
        bytes.get(..range.len()).unwrap_or_default()
    }

    /// Where what is ready begins, as [`Buffer::taken`] counts, and that.
    #[inline]
    pub(super) fn here(&self) -> Option<(usize, &[u8])> {
        Some((self.start, self.bytes.get(self.start..)?))
    }

    /// Takes what is ready up to this place.
    #[inline]
    pub(super) fn take_up_to(&mut self, end: usize) {
        self.start = end.min(self.bytes.len());
    }

    /// Reads until `wanted` bytes are ready; false where the stream ends before.
    #[cold]
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.ready().len() < wanted {
            let chunk = self.feed.next(std::mem::take(&mut self.spare))?;
            if chunk.length() == 0 {
                return Ok(false);
            }
            self.end += chunk.length() as u64;
            self.take_over(chunk);
        }
        Ok(true)
    }

    /// Goes on in `chunk`: what is ready here is copied into the room before its bytes.
    fn take_over(&mut self, mut chunk: Chunk) {
        let start = HEADROOM.checked_sub(self.ready().len());
        let Some((start, room)) =
            start.and_then(|start| Some((start, chunk.bytes.get_mut(start..HEADROOM)?)))
        else {
            self.append(&chunk);
            self.spare = chunk.bytes;
            return;
        };
        room.copy_from_slice(self.ready());
        self.start = start;
        self.spare = std::mem::replace(&mut self.bytes, chunk.bytes);
    }

    /// Adds `chunk` to what is ready, a record too long for the room before it.
    fn append(&mut self, chunk: &Chunk) {
        self.bytes.drain(..self.start);
        self.bytes
            .extend_from_slice(chunk.bytes.get(HEADROOM..).unwrap_or_default());
        self.start = 0;
    }

    /// Passes over `length` bytes without holding them; false where the stream ends before.
    pub(super) fn skip(&mut self, mut length: u64) -> io::Result<bool> {
        loop {
            let here = self.take(
                usize::try_from(length)
                    .unwrap_or(usize::MAX)
                    .min(self.ready().len()),
            );
            length -= here.len() as u64;
            if length == 0 {
                return Ok(true);
            }
            if !self.fill(1)? {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, with an interruption before each.
    struct Drip(Vec<u8>, bool);

    impl Read for Drip {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match (self.0.is_empty(), bytes.first_mut()) {
                (false, Some(first)) => *first = self.0.remove(0),
                _ => return Ok(0),
            }
            Ok(1)
        }
    }

    #[test]
    fn fills_from_any_input_and_grows_for_a_long_record() {
        let mut buffer = Buffer::new(Box::new(Drip((0..100).collect(), false)), 8);
        assert!(buffer.fill(3).unwrap());
        let taken = buffer.take(2);
        assert_eq!(buffer.taken(taken), [0, 1]);
        assert!(buffer.fill(50).unwrap());
        assert_eq!(buffer.ready().len(), 50);
        assert_eq!((buffer.ready()[0], buffer.offset()), (2, 2));
        assert!(!buffer.fill(99).unwrap());
        assert_eq!(buffer.ready().len(), 98);
    }

    #[test]
    fn skips_more_than_it_holds() {
        let mut buffer = Buffer::new(Box::new(Drip((0..100).collect(), false)), 8);
        assert!(buffer.skip(90).unwrap());
        assert_eq!(buffer.offset(), 90);
        assert!(buffer.fill(1).unwrap());
        assert_eq!(buffer.ready()[0], 90);
        assert!(!buffer.skip(11).unwrap());
    }

    #[test]
    fn a_record_of_many_chunks_is_whole() {
        let bytes: Vec<u8> = (0..3 * HEADROOM).map(|at| (at / 7) as u8).collect();
        for chunk in [1000, HEADROOM / 2, 4 * HEADROOM] {
            let mut buffer = Buffer::new(Box::new(io::Cursor::new(bytes.clone())), chunk);
            assert!(buffer.fill(10).unwrap());
            buffer.take(10);
            assert!(buffer.fill(2 * HEADROOM).unwrap());
            let record = buffer.take(2 * HEADROOM);
            assert_eq!(buffer.taken(record), &bytes[10..10 + 2 * HEADROOM]);
            let left = bytes.len() - 10 - 2 * HEADROOM;
            assert!(buffer.fill(left).unwrap());
            assert_eq!(buffer.ready(), &bytes[10 + 2 * HEADROOM..]);
            assert!(!buffer.fill(left + 1).unwrap());
        }
    }
}
