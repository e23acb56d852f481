//! The one-pass SQL lexer.
//!
//! Follows the lexical rules of PostgreSQL (manual 4.1, `src/backend/parser/scan.l`) and of MySQL and MariaDB (reference manual,
//! "Language Structure"; `sql/sql_lex.cc`). What it can't know (`standard_conforming_strings` before it was announced,
//! `NO_BACKSLASH_ESCAPES`, multi-byte client encodings) shows as a contradiction: a quote that never ends, a
//! backslash outside of quotes, a word stuck to a closing quote. The statement is then read again and cut at its first string.

mod bytes;
mod keyword;
mod scan;
mod shape;
mod summary;

use super::sink::{Sink, Word};
use bytes::{CONTINUES_WORD, Class};
use scan::Quoted;
use shape::Shape;
pub(super) use summary::summary;

/// How the lexer reads.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    mysql: bool,
    /// Whether a backslash in `'...'` escapes.
    backslash: bool,
    classes: &'static [Class; 256],
}

impl Dialect {
    pub(super) const fn postgresql(standard_strings: bool) -> Self {
        Self {
            mysql: false,
            backslash: !standard_strings,
            classes: &bytes::POSTGRESQL,
        }
    }

    /// `"..."` is a string here: whether `ANSI_QUOTES` makes it an identifier is not on the wire.
    pub(super) const fn mysql() -> Self {
        Self {
            mysql: true,
            backslash: true,
            classes: &bytes::MYSQL,
        }
    }
}

/// Reads a statement into `sink`.
pub(super) fn read<S: Sink>(dialect: Dialect, text: &[u8], truncated: bool, sink: &mut S) {
    let mut lexer = Lexer::new(dialect, text, truncated, sink);
    lexer.run();
    if lexer.contradicted() {
        sink.restart();
        let mut strict = Lexer::new(dialect, text, truncated, sink);
        strict.strict = true;
        strict.run();
    }
}

struct Lexer<'a, S> {
    dialect: Dialect,
    text: &'a [u8],
    at: usize,
    truncated: bool,
    shape: Shape<'a, S>,
    /// White space or a comment stood before what comes next.
    spaced: bool,
    /// Stop at the first string.
    strict: bool,
    /// The last literal was `E'...'`, which a string on a later line continues.
    escaped: bool,
    /// Where the `*/` of the executable comment that is being read begins.
    executable: Option<usize>,
    /// Something that another setting of the server would read otherwise.
    doubt: bool,
    /// Something that no statement read rightly has.
    contradiction: bool,
}

impl<'a, S: Sink> Lexer<'a, S> {
    fn new(dialect: Dialect, text: &'a [u8], truncated: bool, sink: &'a mut S) -> Self {
        Self {
            dialect,
            text,
            at: 0,
            truncated,
            shape: Shape::new(sink),
            spaced: false,
            strict: false,
            escaped: false,
            executable: None,
            doubt: false,
            contradiction: false,
        }
    }

    const fn contradicted(&self) -> bool {
        self.contradiction || (self.doubt && self.truncated)
    }

    fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match self.dialect.classes[usize::from(byte)] {
                Class::Space => self.space(),
                Class::Letter => self.word(),
                Class::Digit => self.number(),
                Class::Dot if self.digit_follows() => self.number(),
                Class::Sign => self.sign(byte),
                Class::String => self.string(self.at, byte, self.dialect.backslash),
                Class::Identifier => self.identifier(byte),
                Class::Slash if self.next() == Some(b'*') => self.comment(),
                Class::Star if self.executable == Some(self.at) => self.executed(),
                Class::Hash => self.line_comment(),
                Class::Dollar => self.dollar(),
                Class::Placeholder => self.literal(self.at + 1),
                Class::Backslash => self.contradict(),
                Class::Comma => self.structural(|shape, _| shape.comma()),
                Class::Semicolon => self.structural(|shape, _| shape.semicolon()),
                Class::Open => self.structural(|shape, spaced| shape.open(byte, spaced)),
                Class::Close => self.structural(|shape, spaced| shape.close(byte, spaced)),
                _ => self.structural(|shape, spaced| shape.symbol(byte, spaced)),
            }
        }
    }

    fn next(&self) -> Option<u8> {
        self.text.get(self.at + 1).copied()
    }

    fn digit_follows(&self) -> bool {
        self.next().is_some_and(|byte| byte.is_ascii_digit())
    }

    #[inline]
    fn space(&mut self) {
        self.at += 1;
        self.spaced = true;
    }

    #[inline]
    fn structural(&mut self, tell: impl FnOnce(&mut Shape<'a, S>, bool)) {
        tell(&mut self.shape, self.spaced);
        self.at += 1;
        self.spaced = false;
    }

    /// A literal up to `end`.
    #[inline]
    fn literal(&mut self, end: usize) {
        self.shape.literal(self.spaced);
        self.at = end;
        self.spaced = false;
        self.escaped = false;
    }

    /// Leaves out the rest.
    #[cold]
    fn stop(&mut self) {
        self.literal(self.text.len());
    }

    #[cold]
    fn contradict(&mut self) {
        self.contradiction = true;
        self.stop();
    }

    #[inline]
    fn word(&mut self) {
        let end = scan::word(self.text, self.at);
        match self.text.get(end) {
            None if self.truncated => self.stop(),
            Some(b'\'') if self.prefixes_string(end) => self.prefixed_string(end, b'\''),
            Some(b'"') if self.dialect.mysql && self.prefixes_string(end) => self.prefixed_string(end, b'"'),
            _ => {
                let word = Word::new(self.text, self.at, end);
                self.shape.word(word, self.spaced);
                self.at = end;
                self.spaced = false;
            }
        }
    }

    /// Whether the word up to `end` belongs to the string that follows it at once: `E''`, `N''`, `_utf8''`, ...
    fn prefixes_string(&self, end: usize) -> bool {
        match self.text.get(self.at..end).unwrap_or_default() {
            [b'b' | b'B' | b'x' | b'X' | b'n' | b'N'] => true,
            [b'e' | b'E'] => !self.dialect.mysql,
            [b'_', ..] => self.dialect.mysql,
            _ => false,
        }
    }

    fn prefixed_string(&mut self, quote_at: usize, quote: u8) {
        let escape = matches!(self.text.get(self.at), Some(b'e' | b'E'));
        self.string(quote_at, quote, escape || self.dialect.backslash);
        self.escaped = escape;
    }

    /// A string whose opening quote is at `start`.
    fn string(&mut self, start: usize, quote: u8, backslash: bool) {
        let continues = self.escaped && self.shape.after_literal();
        let backslash = backslash || continues;
        match scan::string(self.text, start, quote, backslash) {
            _ if self.strict => self.stop(),
            Quoted::Open { doubt } => self.unterminated(doubt),
            Quoted::To { end, .. } if self.leaves_executable(end) => self.contradict(),
            Quoted::To { end, .. } if self.word_at(end) => self.contradict(),
            Quoted::To { end, doubt } => {
                self.literal(end);
                self.escaped = continues;
                self.doubt |= doubt;
            }
        }
    }

    /// The text ends inside quotes: right where it was cut, wrong where it was not.
    fn unterminated(&mut self, doubt: bool) {
        self.doubt |= doubt;
        self.contradiction |= !self.truncated;
        self.stop();
    }

    fn word_at(&self, at: usize) -> bool {
        self.text
            .get(at)
            .is_some_and(|&byte| CONTINUES_WORD[usize::from(byte)] && byte != b'$')
    }

    fn leaves_executable(&self, end: usize) -> bool {
        self.executable.is_some_and(|close| end > close)
    }

    fn identifier(&mut self, quote: u8) {
        match scan::quoted(self.text, self.at, quote) {
            Some(end) if !self.leaves_executable(end) => {
                let bytes = self.text.get(self.at..end).unwrap_or_default();
                self.shape.quoted(bytes, self.spaced);
                self.at = end;
                self.spaced = false;
            }
            _ => self.unterminated(false),
        }
    }

    #[inline]
    fn number(&mut self) {
        self.literal(scan::number(self.text, self.at));
    }

    /// `-- comment`, or the sign of a number, which is part of the literal, or an operator.
    #[inline]
    fn sign(&mut self, byte: u8) {
        if byte == b'-' && self.next() == Some(b'-') && self.dashes_comment() {
            self.line_comment();
        } else if self.number_follows() && self.shape.wants_operand() {
            self.at += 1;
        } else {
            self.structural(|shape, spaced| shape.symbol(byte, spaced));
        }
    }

    fn number_follows(&self) -> bool {
        let after = match self.next() {
            Some(b'.') => self.text.get(self.at + 2).copied(),
            next => next,
        };
        after.is_some_and(|byte| byte.is_ascii_digit())
    }

    /// MySQL wants white space or a control character after the dashes.
    fn dashes_comment(&self) -> bool {
        let after = self.text.get(self.at + 2);
        !self.dialect.mysql || after.is_none_or(|&byte| byte <= b' ' || byte == 0x7f)
    }

    fn line_comment(&mut self) {
        let end = scan::line(self.text, self.at, self.dialect.mysql);
        if self.leaves_executable(end) {
            return self.contradict();
        }
        self.at = end;
        self.spaced = true;
    }

    fn comment(&mut self) {
        let rest = self.text.get(self.at + 2..).unwrap_or_default();
        if !self.dialect.mysql {
            return self.skip_comment(scan::nested_comment(self.text, self.at));
        }
        match rest {
            [b'!', ..] | [b'M', b'!', ..] => self.begin_executable(),
            [b'+', ..] if !scan::even_quotes(self.text, self.at) => self.contradict(),
            _ => self.skip_comment(scan::flat_comment(self.text, self.at)),
        }
    }

    fn skip_comment(&mut self, end: Option<usize>) {
        match end {
            Some(end) if self.leaves_executable(end) => self.contradict(),
            Some(end) => {
                self.at = end;
                self.spaced = true;
            }
            None => self.stop(),
        }
    }

    /// `/*!50001 SQL */`: read as SQL, as servers do whose version is not below. To others it is a comment up to the
    /// first `*/`; both readings must end there.
    fn begin_executable(&mut self) {
        match scan::flat_comment(self.text, self.at) {
            Some(end) if self.executable.is_none() => {
                self.executable = Some(end - 2);
                self.at = scan::version(self.text, self.at + 2);
                self.spaced = true;
            }
            _ => self.stop(),
        }
    }

    fn executed(&mut self) {
        self.executable = None;
        self.at += 2;
        self.spaced = true;
    }

    /// `$1`, `$$...$$`, `$tag$...$tag$` (MySQL has these since 9.0). A `$` that begins a name is not told from a cut tag.
    fn dollar(&mut self) {
        if self.digit_follows() {
            return self.literal(scan::number(self.text, self.at + 1));
        }
        match scan::dollar_quoted(self.text, self.at) {
            _ if self.strict => self.stop(),
            Some(end) => self.literal(end),
            None => self.stop(),
        }
    }
}
