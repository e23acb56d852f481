//! Statements recognised by their text around literals, without lexing.
//!
//! Applications that put literals into their statements send the same bytes over and over, but for the literals. A
//! [`Template`] is one such statement with the places of its plain literals: decimal numbers and strings without quotes and
//! backslashes inside. Another statement that has the same bytes elsewhere and plain literals in the same places
//! has the same tokens, and so the same fingerprint; what does not match is lexed.

use super::sink::{Sink, Word};
use super::{Language, read};
use memchr::memchr2;
use std::ops::Range;

/// The most bytes of a statement that becomes a template.
const LONGEST: usize = 1024;

/// The most literals of one.
const MOST_LITERALS: usize = 32;

/// So many bytes at the front, before any literal, choose where a template is looked for.
pub(in super::super) const KEY: usize = 16;

/// A statement with holes.
#[derive(Debug, Default)]
pub(in super::super) struct Template {
    text: Vec<u8>,
    holes: Vec<Hole>,
}

/// A literal's place in the text of a template.
#[derive(Clone, Copy, Debug)]
struct Hole {
    start: u16,
    end: u16,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Digits, after a sign if `signed`.
    Number { signed: bool },
    /// A string in these quotes.
    String(u8),
}

impl Template {
    /// Makes this the template of `statement`; false where it can't be one, and then it matches nothing.
    pub(in super::super) fn learn(&mut self, language: Language, statement: &[u8]) -> bool {
        self.text.clear();
        self.holes.clear();
        if statement.len() > LONGEST {
            return false;
        }
        let mut holes = Holes::new(statement, &mut self.holes);
        read(language, statement, false, &mut holes);
        let useful = !holes.uncertain
            && holes
                .found
                .first()
                .is_some_and(|hole| usize::from(hole.start) >= KEY);
        if useful {
            self.text.extend_from_slice(statement);
        }
        useful
    }

    /// Whether `statement`, which was not cut, has the tokens that the template's own statement has.
    pub(in super::super) fn matches(&self, statement: &[u8]) -> bool {
        if !self.ends(statement) {
            return false;
        }
        let mut rest = statement;
        let mut told = 0;
        for hole in &self.holes {
            let Some(after) = self
                .between(told, usize::from(hole.start))
                .and_then(|same| rest.strip_prefix(same))
                .and_then(|from| hole.kind.skip(from))
            else {
                return false;
            };
            rest = after;
            told = usize::from(hole.end);
        }
        // What follows the last hole is the same: that was looked at first.
        told > 0 && self.text.len() - told == rest.len()
    }

    /// Whether `statement` ends as the template does after its last hole: quick to see, and often what differs.
    fn ends(&self, statement: &[u8]) -> bool {
        let end = self
            .holes
            .last()
            .and_then(|hole| self.text.get(usize::from(hole.end)..));
        end.is_some_and(|end| statement.ends_with(end))
    }

    fn between(&self, start: usize, end: usize) -> Option<&[u8]> {
        self.text.get(start..end)
    }
}

impl Kind {
    /// What follows such a literal at the front of `from`.
    #[inline]
    fn skip(self, from: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Number { signed } => skip_number(from, signed),
            Self::String(quote) => skip_string(from, quote),
        }
    }
}

#[inline]
fn skip_number(from: &[u8], signed: bool) -> Option<&[u8]> {
    let from = match from {
        [b'-' | b'+', digits @ ..] if signed => digits,
        _ => from,
    };
    let digits = from.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // What follows is compared with what followed in the template, where the number ended.
    (digits > 0).then(|| from.get(digits..)).flatten()
}

#[inline]
fn skip_string(from: &[u8], quote: u8) -> Option<&[u8]> {
    let inside = from.strip_prefix(&[quote])?;
    let end = memchr2(quote, b'\\', inside)?;
    inside.get(end..)?.strip_prefix(&[quote])
}

/// Collects the plain literals of a statement.
struct Holes<'a> {
    statement: &'a [u8],
    found: &'a mut Vec<Hole>,
    uncertain: bool,
}

impl<'a> Holes<'a> {
    const fn new(statement: &'a [u8], found: &'a mut Vec<Hole>) -> Self {
        Self {
            statement,
            found,
            uncertain: false,
        }
    }
}

impl Sink for Holes<'_> {
    fn located(&mut self, span: Range<usize>, signed: bool) {
        let literal = self.statement.get(span.clone()).unwrap_or_default();
        let kind = match (skip_number(literal, signed), literal) {
            (Some([]), _) => Kind::Number { signed },
            (_, [quote @ (b'\'' | b'"'), ..]) if skip_string(literal, *quote) == Some(&[]) => {
                Kind::String(*quote)
            }
            _ => return,
        };
        self.uncertain |= self.found.len() == MOST_LITERALS;
        if !self.uncertain {
            self.found.push(Hole {
                start: span.start as u16,
                end: span.end as u16,
                kind,
            });
        }
    }

    fn uncertain(&mut self) {
        self.uncertain = true;
    }

    fn word(&mut self, _word: Word<'_>, _spaced: bool) {}
    fn quoted(&mut self, _bytes: &[u8], _spaced: bool) {}
    fn literal(&mut self, _spaced: bool) {}
    fn symbol(&mut self, _byte: u8, _spaced: bool) {}
    fn restart(&mut self) {
        self.uncertain = true;
    }
}
