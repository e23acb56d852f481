//! From tokens to a statement's shape: how many literals a list has, or how many rows `VALUES` has, makes no new one.

use super::keyword::Keyword;
use crate::exchange::fingerprint::sink::{Sink, Word};
use std::ops::Range;

/// What came before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Previous {
    Start,
    Word(Keyword),
    Literal,
    Open,
    /// A closing bracket or a quoted identifier.
    Operand,
    Operator,
}

/// Where among the rows of `VALUES (...), (...)`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    None,
    /// In the first, which began at this depth.
    First(u32),
    /// After one, at this depth.
    After(u32),
}

/// Tokens that are left out until a bracket closes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Muted {
    No,
    /// The rest of a list, up to the bracket that closes from this depth.
    List(u32),
    /// A further row, its brackets included.
    Row(u32),
}

/// Hands tokens to a sink, without what repeats.
pub(super) struct Shape<'a, S> {
    sink: &'a mut S,
    previous: Previous,
    /// A `,` or `;` that is told only when something follows; 0 for none.
    pending: u8,
    depth: u32,
    /// The depth inside `IN (` or `ARRAY[`; 0 for none.
    list: u32,
    /// A literal came since the list began.
    list_has_literal: bool,
    rows: Rows,
    muted: Muted,
}

impl<'a, S: Sink> Shape<'a, S> {
    pub(super) const fn new(sink: &'a mut S) -> Self {
        Self {
            sink,
            previous: Previous::Start,
            pending: 0,
            depth: 0,
            list: 0,
            list_has_literal: false,
            rows: Rows::None,
            muted: Muted::No,
        }
    }

    /// Where the literal just told is.
    #[inline]
    pub(super) fn located(&mut self, span: Range<usize>, signed: bool) {
        self.sink.located(span, signed);
    }

    /// Literals may change how others are read.
    pub(super) fn uncertain(&mut self) {
        self.sink.uncertain();
    }

    /// Whether a sign here is a number's own.
    pub(super) fn wants_operand(&self) -> bool {
        let binary = match self.previous {
            Previous::Literal | Previous::Operand => true,
            Previous::Word(keyword) => matches!(keyword, Keyword::None | Keyword::Constant | Keyword::NoName),
            Previous::Start | Previous::Open | Previous::Operator => false,
        };
        self.pending != 0 || !binary
    }

    /// Whether the last token was a literal.
    pub(super) fn after_literal(&self) -> bool {
        self.previous == Previous::Literal && self.pending == 0
    }

    #[inline]
    pub(super) fn word(&mut self, word: Word<'_>, spaced: bool) {
        let keyword = Keyword::of(&word);
        match (keyword, self.previous) {
            (Keyword::Constant, previous) if previous != Previous::Word(Keyword::Is) => {
                return self.literal(spaced);
            }
            (Keyword::None, Previous::Word(Keyword::Name)) => return self.literal(spaced),
            (Keyword::Row, _) if self.row_follows() => return,
            (Keyword::Query, Previous::Open) if self.list == self.depth => self.list = 0,
            _ => {}
        }
        if self.begins_token() {
            self.sink.word(word, spaced);
        }
        // `VALUES ROW (`, `DEALLOCATE PREPARE s`: what counts is still the word before.
        if !matches!(
            (self.previous, keyword),
            (Previous::Word(Keyword::Values), Keyword::Row)
                | (Previous::Word(Keyword::Name), Keyword::NoName)
        ) {
            self.previous = Previous::Word(keyword);
        }
    }

    /// An identifier in quotes.
    pub(super) fn quoted(&mut self, bytes: &[u8], spaced: bool) {
        if self.previous == Previous::Word(Keyword::Name) {
            return self.literal(spaced);
        }
        if self.begins_token() {
            self.sink.quoted(bytes, spaced);
        }
        self.previous = Previous::Operand;
    }

    #[inline]
    pub(super) fn literal(&mut self, spaced: bool) {
        let joins = match self.pending {
            0 => true,
            b',' => self.depth > 0,
            _ => false,
        };
        if joins && self.previous == Previous::Literal {
            self.pending = 0;
            return;
        }
        if self.begins_token() {
            self.sink.literal(spaced);
            self.list_has_literal = true;
        }
        self.previous = Previous::Literal;
    }

    #[inline]
    pub(super) fn symbol(&mut self, byte: u8, spaced: bool) {
        if self.begins_token() {
            self.sink.symbol(byte, spaced);
        }
        self.previous = Previous::Operator;
    }

    pub(super) fn comma(&mut self) {
        if self.muted != Muted::No {
            self.previous = Previous::Operator;
        } else if self.list != 0 && self.list == self.depth && self.list_has_literal {
            self.muted = Muted::List(self.depth);
        } else {
            self.tell_pending();
            self.pending = b',';
        }
    }

    pub(super) fn semicolon(&mut self) {
        if self.pending == b',' {
            self.tell_pending();
        }
        self.muted = Muted::No;
        self.rows = Rows::None;
        self.list = 0;
        self.depth = 0;
        if self.previous != Previous::Start {
            self.pending = b';';
        }
    }

    pub(super) fn open(&mut self, byte: u8, spaced: bool) {
        let after = self.previous;
        if self.muted == Muted::No && self.row_follows() {
            self.pending = 0;
            self.muted = Muted::Row(self.depth + 1);
        }
        let follows = self.pending == 0;
        if self.begins_token() {
            self.sink.symbol(byte, spaced);
            self.enter(after, follows);
        }
        self.depth += 1;
        self.previous = Previous::Open;
    }

    fn enter(&mut self, after: Previous, follows: bool) {
        match after {
            Previous::Word(Keyword::In) if follows => {
                self.list = self.depth + 1;
                self.list_has_literal = false;
            }
            Previous::Word(Keyword::Values) if follows => self.rows = Rows::First(self.depth),
            _ => {}
        }
    }

    pub(super) fn close(&mut self, byte: u8, spaced: bool) {
        let inside = self.depth;
        let ends_row = self.muted == Muted::Row(inside);
        if ends_row || self.muted == Muted::List(inside) {
            self.muted = Muted::No;
            self.pending = 0;
        }
        if !ends_row && self.begins_token() {
            self.sink.symbol(byte, spaced);
        }
        self.leave(inside);
        self.previous = Previous::Operand;
    }

    fn leave(&mut self, inside: u32) {
        if self.list == inside {
            self.list = 0;
        }
        self.depth = inside.saturating_sub(1);
        if self.rows == Rows::First(self.depth) && self.muted == Muted::No {
            self.rows = Rows::After(self.depth);
        }
    }

    /// Whether a bracket here begins a further row of `VALUES`.
    fn row_follows(&self) -> bool {
        self.pending == b',' && self.rows == Rows::After(self.depth)
    }

    /// Tells what was held back before a token; whether the token is told.
    #[inline]
    fn begins_token(&mut self) -> bool {
        if self.muted != Muted::No {
            return false;
        }
        self.tell_pending();
        if matches!(self.rows, Rows::After(_)) {
            self.rows = Rows::None;
        }
        true
    }

    #[inline]
    fn tell_pending(&mut self) {
        if self.pending != 0 {
            self.sink.symbol(self.pending, false);
            self.pending = 0;
        }
    }
}
