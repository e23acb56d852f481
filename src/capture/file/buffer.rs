//! A window on a stream of bytes, from which records are lent without copying.

use std::io::{self, Read};
use std::ops::Range;

/// Holds what was read of a stream and not yet taken. Reads a chunk at a time, and grows only for a record longer than that.
pub(super) struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// What is ready: `bytes[start..end]`.
    start: usize,
    end: usize,
    /// Where `start` is in the stream.
    offset: u64,
}

impl Buffer {
    pub(super) fn new(input: Box<dyn Read + Send>, chunk: usize) -> Self {
        Self {
            input,
            bytes: vec![0; chunk],
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// What has been read and not taken.
    #[inline]
    pub(super) fn ready(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// How far into the stream [`Buffer::ready`] begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes `length` bytes of what is ready; the result counts for [`Buffer::taken`] until the next fill.
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Range<usize> {
        let from = self.start;
        self.start = (from + length).min(self.end);
        self.offset += (self.start - from) as u64;
        from..self.start
    }

    /// Bytes taken before, lent again.
    #[inline]
    pub(super) fn taken(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Reads until `wanted` bytes are ready; false where the stream ends before.
    #[cold]
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        while self.end < wanted {
            match self.read_more()? {
                0 => return Ok(false),
                count => self.end += count,
            }
        }
        Ok(true)
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

    fn read_more(&mut self) -> io::Result<usize> {
        loop {
            match self
                .input
                .read(self.bytes.get_mut(self.end..).unwrap_or_default())
            {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
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
}
