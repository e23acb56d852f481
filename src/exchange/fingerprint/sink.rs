//! Where the tokens of a statement go: into a hash or into text.

/// A word's place in the statement it is in.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its first 8 bytes as by [`load`] and [`fold`].
    pub(super) head: u64,
}

impl<'a> Word<'a> {
    #[inline]
    pub(super) fn new(text: &'a [u8], start: usize, end: usize) -> Self {
        let head = fold(load(text, start, end.min(start + 8)));
        Self {
            text,
            start,
            end,
            head,
        }
    }

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
    /// Forgets all tokens: the statement is read again.
    fn restart(&mut self);
}

/// The bytes `start..end` of `text`, at most 8, as a little-endian number, zero above.
#[inline]
pub(super) fn load(text: &[u8], start: usize, end: usize) -> u64 {
    let length = end - start;
    let wide = text.get(start..start + 8).and_then(|bytes| bytes.try_into().ok());
    match (wide, length) {
        (Some(bytes), 8) => u64::from_le_bytes(bytes),
        (Some(bytes), _) => u64::from_le_bytes(bytes) & ((1 << (8 * length)) - 1),
        (None, _) => load_slowly(text.get(start..end).unwrap_or_default()),
    }
}

#[cold]
fn load_slowly(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
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
