//! Where a token ends. Each function is given the whole text and where the token begins, and looks at each byte once.

use super::bytes::CONTINUES_WORD;
use crate::exchange::fingerprint::sink::{Word, fold, lowest, window};
use memchr::{memchr, memchr_iter, memchr2, memchr3, memmem};

/// How a quoted string went.
pub(super) enum Quoted {
    /// It ends before `end`.
    To {
        end: usize,
        /// A backslash stands before a quote: another setting would end the string elsewhere.
        doubt: bool,
    },
    /// The text ends first.
    Open { doubt: bool },
}

/// A word that begins at `start`.
#[inline]
pub(super) fn word(text: &[u8], start: usize) -> Word<'_> {
    let end = end_of_word(text, start + 1);
    let head = fold(lowest(window(text, start), end - start));
    Word {
        text,
        start,
        end,
        head,
    }
}

#[inline]
fn end_of_word(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at)
        && CONTINUES_WORD[usize::from(byte)]
    {
        at += 1;
    }
    at
}

/// A number with all that is stuck to it (`1.5e-3`, `0x1F`, `1_000`, `2nd`): none of it is shown.
#[inline]
pub(super) fn number(text: &[u8], start: usize) -> usize {
    let end = end_of_word(text, start);
    match text.get(end) {
        Some(b'.' | b'+' | b'-') => fraction(text, start),
        _ => end,
    }
}

/// A number with a point or a signed exponent.
fn fraction(text: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut decimal = true;
    while let Some(&byte) = text.get(at) {
        let exponent = decimal && matches!(byte, b'e' | b'E');
        if !CONTINUES_WORD[usize::from(byte)] && byte != b'.' {
            break;
        }
        decimal &= byte.is_ascii_digit() || byte == b'.';
        at += 1;
        if exponent && signed_digit(text, at) {
            at += 1;
        }
    }
    at
}

fn signed_digit(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), Some(b'+' | b'-')) && text.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// A string whose opening quote is at `start`: a doubled quote stands for itself, and so does, with `backslash`,
/// what follows a backslash.
pub(super) fn string(text: &[u8], start: usize, quote: u8, backslash: bool) -> Quoted {
    let mut at = start + 1;
    let mut doubt = false;
    loop {
        let Some(found) = text.get(at..).and_then(|rest| memchr2(quote, b'\\', rest)) else {
            return Quoted::Open { doubt };
        };
        at += found + 1;
        let next = text.get(at).copied();
        if text.get(at - 1) == Some(&quote) {
            if next != Some(quote) {
                return Quoted::To { end: at, doubt };
            }
            at += 1;
        } else if next == Some(quote) {
            doubt = true;
            at += usize::from(backslash);
        } else if backslash || next == Some(b'\\') {
            at += 1;
        }
    }
}

/// A quoted identifier, in which only a doubled quote is special. `None` where the text ends first.
pub(super) fn quoted(text: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr(quote, text.get(at..)?)? + 1;
        if text.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// `$$...$$` or `$tag$...$tag$`; `None` where the text ends first or no tag is here.
pub(super) fn dollar_quoted(text: &[u8], start: usize) -> Option<usize> {
    let rest = text.get(start + 1..)?;
    let tag = rest
        .iter()
        .take_while(|&&byte| byte != b'$' && CONTINUES_WORD[usize::from(byte)])
        .count();
    if rest.get(tag) != Some(&b'$') {
        return None;
    }
    let delimiter = text.get(start..start + tag + 2)?;
    let body = start + delimiter.len();
    Some(body + memmem::find(text.get(body..)?, delimiter)? + delimiter.len())
}

/// A comment up to the end of its line, the line's end excluded.
pub(super) fn line(text: &[u8], start: usize, mysql: bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let length = if mysql {
        memchr(b'\n', rest)
    } else {
        memchr2(b'\n', b'\r', rest)
    };
    length.map_or(text.len(), |length| start + length)
}

/// `/* ... */` that ends at the first `*/`.
pub(super) fn flat_comment(text: &[u8], start: usize) -> Option<usize> {
    let body = start + 2;
    Some(body + memmem::find(text.get(body..)?, b"*/")? + 2)
}

/// `/* ... /* ... */ ... */`.
pub(super) fn nested_comment(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 2;
    let mut depth = 1_u32;
    loop {
        at += memchr2(b'*', b'/', text.get(at..)?)?;
        match text.get(at..at + 2)? {
            b"*/" => depth -= 1,
            b"/*" => depth += 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Past the `!`, `M!` and version number of an executable comment.
pub(super) fn version(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start
        + rest
            .iter()
            .take_while(|byte| matches!(byte, b'M' | b'!' | b'0'..=b'9'))
            .count()
}

/// Whether each kind of quote stands an even number of times in the comment at `start`, so that its first `*/` is in none.
pub(super) fn even_quotes(text: &[u8], start: usize) -> bool {
    let end = flat_comment(text, start).unwrap_or(text.len());
    let comment = text.get(start..end).unwrap_or_default();
    memchr3(b'\'', b'"', b'`', comment).is_none()
        || [b'\'', b'"', b'`']
            .iter()
            .all(|&quote| memchr_iter(quote, comment).count().is_multiple_of(2))
}
