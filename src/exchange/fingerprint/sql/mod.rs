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

use super::sink::Sink;
use bytes::{CONTINUES_WORD, Class};
use scan::Quoted;
use shape::Shape;
pub(super) use summary::summary;

/// Reads a statement as PostgreSQL does; `standard_strings` is `standard_conforming_strings`.
pub(super) fn read_postgresql<S: Sink>(standard_strings: bool, text: &[u8], truncated: bool, sink: &mut S) {
    read::<S, false>(!standard_strings, text, truncated, sink);
}

/// Reads a statement as MySQL does. `"..."` is a string: whether `ANSI_QUOTES` makes it an identifier is not on the wire.
pub(super) fn read_mysql<S: Sink>(text: &[u8], truncated: bool, sink: &mut S) {
    read::<S, true>(true, text, truncated, sink);
}

fn read<S: Sink, const MYSQL: bool>(backslash: bool, text: &[u8], truncated: bool, sink: &mut S) {
    let mut lexer = Lexer::<S, MYSQL>::new(backslash, text, truncated, sink);
    lexer.run();
    if lexer.contradicted() {
        sink.restart();
        let mut strict = Lexer::<S, MYSQL>::new(backslash, text, truncated, sink);
        strict.strict = true;
        strict.run();
    }
}

struct Lexer<'a, S, const MYSQL: bool> {
    /// Whether a backslash in `'...'` escapes.
    backslash: bool,
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

impl<'a, S: Sink, const MYSQL: bool> Lexer<'a, S, MYSQL> {
    const CLASSES: &'static [Class; 256] = if MYSQL { &bytes::MYSQL } else { &bytes::POSTGRESQL };

    fn new(backslash: bool, text: &'a [u8], truncated: bool, sink: &'a mut S) -> Self {
        Self {
            backslash,
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
            match Self::CLASSES[usize::from(byte)] {
                Class::Space => self.space(),
                Class::Letter => self.word(),
                Class::Digit => self.number(),
                Class::Dot if self.digit_follows() => self.number(),
                Class::Sign => self.sign(byte),
                Class::String => self.string(self.at, byte, self.backslash),
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
        self.pass(self.at + 1);
    }

    /// Goes on after a token, and after the one space that most often follows.
    #[inline]
    fn pass(&mut self, end: usize) {
        self.spaced = self.text.get(end) == Some(&b' ');
        self.at = end + usize::from(self.spaced);
    }

    /// A literal up to `end`.
    #[inline]
    fn literal(&mut self, end: usize) {
        self.shape.literal(self.spaced);
        self.pass(end);
        self.escaped = false;
    }

    /// Leaves out the rest.
    #[cold]
    fn stop(&mut self) {
        self.shape.uncertain();
        self.literal(self.text.len());
    }

    #[cold]
    fn contradict(&mut self) {
        self.contradiction = true;
        self.stop();
    }

    #[inline]
    fn word(&mut self) {
        let word = scan::word(self.text, self.at);
        let end = word.end;
        match self.text.get(end) {
            None if self.truncated => return self.stop(),
            Some(b'\'') if self.prefixes_string(end) => return self.prefixed_string(end, b'\''),
            Some(b'"') if MYSQL && self.prefixes_string(end) => return self.prefixed_string(end, b'"'),
            _ => {}
        }
        self.shape.word(word, self.spaced);
        self.pass(end);
    }

    /// Whether the word up to `end` belongs to the string that follows it at once: `E''`, `N''`, `_utf8''`, ...
    fn prefixes_string(&self, end: usize) -> bool {
        match self.text.get(self.at..end).unwrap_or_default() {
            [b'b' | b'B' | b'x' | b'X' | b'n' | b'N'] => true,
            [b'e' | b'E'] => !MYSQL,
            [b'_', ..] => MYSQL,
            _ => false,
        }
    }

    fn prefixed_string(&mut self, quote_at: usize, quote: u8) {
        let escape = matches!(self.text.get(self.at), Some(b'e' | b'E'));
        self.string(quote_at, quote, escape || self.backslash);
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
                self.shape.located(start..end, false);
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
                self.pass(end);
            }
            _ => self.unterminated(false),
        }
    }

    #[inline]
    fn number(&mut self) {
        let signed = self.takes_sign();
        let start = self.at;
        let end = scan::number(self.text, start);
        self.literal(end);
        self.shape.located(start..end, signed);
    }

    fn signed_number(&mut self) {
        let start = self.at;
        let end = scan::number(self.text, start + 1);
        let signed = self.takes_sign();
        self.literal(end);
        self.shape.located(start..end, signed);
    }

    /// Whether a sign here is dropped, whatever the number; two dashes may be a comment.
    fn takes_sign(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at));
        matches!(before, Some(b' ' | b'(' | b',' | b'=')) && self.shape.wants_operand()
    }

    /// `-- comment`, or the sign of a number, which is part of the literal, or an operator.
    #[inline]
    fn sign(&mut self, byte: u8) {
        if byte == b'-' && self.next() == Some(b'-') && self.dashes_comment() {
            self.line_comment();
        } else if self.number_follows() && self.shape.wants_operand() {
            self.signed_number();
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
        !MYSQL || after.is_none_or(|&byte| byte <= b' ' || byte == 0x7f)
    }

    fn line_comment(&mut self) {
        let end = scan::line(self.text, self.at, MYSQL);
        if self.leaves_executable(end) {
            return self.contradict();
        }
        self.at = end;
        self.spaced = true;
    }

    fn comment(&mut self) {
        let rest = self.text.get(self.at + 2..).unwrap_or_default();
        if !MYSQL {
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
                self.shape.uncertain();
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
