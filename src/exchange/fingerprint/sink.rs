//! Where the tokens of a statement go: into a hash or into text.

use std::ops::Range;

/// A word's place in the statement it is in.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its first 8 bytes as by [`window`], [`lowest`] and [`fold`].
    pub(super) head: u64,
}

impl<'a> Word<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    pub(super) const fn length(&self) -> usize {
        self.end - self.start
    }
}

/// Takes the tokens that are left when literals are gone. `spaced` says that white space stood before the token.
pub(super) trait Sink {
    /// A word whose letter case means nothing.
    fn word(&mut self, word: Word<'_>, spaced: bool);
    /// Something that is kept byte by byte: a quoted identifier with its quotes, a path segment.
    fn quoted(&mut self, bytes: &[u8], spaced: bool);
    /// A literal, whatever it was.
    fn literal(&mut self, spaced: bool);
    /// One byte of punctuation.
    fn symbol(&mut self, byte: u8, spaced: bool);
    /// The literal just told, a number or a string, is at `span`; `signed` says that a sign before a number is dropped here.
    fn located(&mut self, span: Range<usize>, signed: bool) {
        let _ = (span, signed);
    }
    /// The bytes of a literal may change how others are read.
    fn uncertain(&mut self) {}
    /// Forgets all tokens: the statement is read again.
    fn restart(&mut self);
}

/// The 8 bytes of `text` from `at` as a little-endian number, zero where it ends.
#[inline]
pub(super) fn window(text: &[u8], at: usize) -> u64 {
    match text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) => u64::from_le_bytes(bytes),
        None => last_window(text, at),
    }
}

fn last_window(text: &[u8], at: usize) -> u64 {
    let left = text.len().saturating_sub(at);
    match text.last_chunk() {
        Some(bytes) if left > 0 => u64::from_le_bytes(*bytes) >> (8 * (8 - left)),
        _ => text
            .iter()
            .skip(at)
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte)),
    }
}

/// The lowest `length` bytes of a number, at most 8.
#[inline]
pub(super) const fn lowest(number: u64, length: usize) -> u64 {
    match length {
        0..8 => number & ((1 << (8 * length)) - 1),
        _ => number,
    }
}

/// Folds the case of ASCII letters in a word of `[A-Za-z0-9_$]` and bytes above 127, and tells all others of these
/// apart. Padding zeros become spaces, which no word holds.
#[inline]
pub(super) const fn fold(word: u64) -> u64 {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    word | ((!word & HIGH) >> 2)
}

/// Writes tokens as text, one space where there was any.
pub(super) struct TextSink<'a> {
    text: &'a mut String,
    room: usize,
    full: bool,
}

impl<'a> TextSink<'a> {
    pub(super) fn new(text: &'a mut String, room: usize) -> Self {
        text.clear();
        Self {
            text,
            room,
            full: false,
        }
    }

    fn push(&mut self, token: &str, spaced: bool) {
        const ELLIPSIS: &str = "...";
        if self.full {
            return;
        }
        if self.text.len() + token.len() + 1 + ELLIPSIS.len() > self.room {
            self.text.push_str(ELLIPSIS);
            self.full = true;
            return;
        }
        if spaced && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }
}

impl Sink for TextSink<'_> {
    fn word(&mut self, word: Word<'_>, spaced: bool) {
        self.quoted(word.bytes(), spaced);
    }

    fn quoted(&mut self, bytes: &[u8], spaced: bool) {
        self.push(&String::from_utf8_lossy(bytes), spaced);
    }

    fn literal(&mut self, spaced: bool) {
        self.push("?", spaced);
    }

    fn symbol(&mut self, byte: u8, spaced: bool) {
        self.push(char::from(byte).encode_utf8(&mut [0; 4]), spaced);
    }

    fn restart(&mut self) {
        self.text.clear();
        self.full = false;
    }
}
