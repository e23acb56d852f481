//! Where a command ends: an array of bulk strings or an inline line. No more than [`HEAD`] bytes of one are ever kept;
//! what follows is stepped over element by element.

use memchr::memchr;

use super::command::Words;
use super::resp::{self, Fault, MAX_HEADER};
use super::shape::{self, Shape};

/// A command's text ends before the element that reaches beyond this.
pub const HEAD: usize = 4096;

/// The fewest bytes of an element: `$0\r\n\r\n`.
const MIN_ELEMENT: u64 = 6;

/// More elements than the server itself takes.
const MAX_ELEMENTS: i64 = 1 << 31;

/// What the front of the client's stream is.
#[derive(Debug)]
pub enum Front<'a> {
    /// It takes this many bytes to say.
    Need(usize),
    /// No command.
    Garbage,
    /// This many bytes that ask nothing: an empty line or array.
    Empty(usize),
    /// A command, whole or its head.
    Command(Command<'a>),
}

/// A command, or as much of it as there is.
#[derive(Debug)]
pub struct Command<'a> {
    /// Its bytes, cut before the element that reaches beyond [`HEAD`].
    pub text: &'a [u8],
    /// Whether it is cut.
    pub truncated: bool,
    /// Its number of words and the first of them, as on the wire; nothing of an inline command.
    pub front: &'a [u8],
    /// Its first word.
    pub name: &'a [u8],
    /// The words after that, as far as they are in `text`.
    pub words: Words<'a>,
    /// How many words it has in all.
    pub count: u64,
    /// How many bytes are dealt with; may exceed those that are here.
    pub taken: u64,
    /// What of it is still to come after those.
    pub rest: Rest,
}

/// What of a command is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// So many elements.
    Elements(u64),
    /// A line up to its end.
    Line,
}

/// Judges the front of the client's stream.
pub fn front(bytes: &[u8]) -> Front<'_> {
    match bytes {
        [b'*', ..] => array(bytes),
        _ => inline(bytes),
    }
}

fn array(bytes: &[u8]) -> Front<'_> {
    let header = match resp::header(bytes) {
        Ok(header) => header,
        Err(Fault::Short) => return Front::Need(bytes.len() + 1),
        Err(Fault::Bad) => return Front::Garbage,
    };
    match header.value {
        -1 | 0 => Front::Empty(header.size),
        1..=MAX_ELEMENTS => elements(bytes, header.size, header.value.unsigned_abs()),
        _ => Front::Garbage,
    }
}

fn elements(bytes: &[u8], start: usize, count: u64) -> Front<'_> {
    let (mut at, mut words) = (start, start);
    for left in (1..=count).rev() {
        if let Some(end) = short(bytes, at) {
            at = end;
            if left == count {
                words = at;
            }
            continue;
        }
        let end = match element(bytes, at) {
            Ok(end) => end,
            Err(Fault::Short) => return Front::Need(need(bytes, at, left)),
            Err(Fault::Bad) => return Front::Garbage,
        };
        if end > HEAD as u64 {
            return cut(bytes, start, words, at, count, left);
        }
        let Some(here) = usize::try_from(end).ok().filter(|&end| end <= bytes.len()) else {
            return Front::Need(need(bytes, end as usize, left - 1));
        };
        at = here;
        if left == count {
            words = at;
        }
    }
    Front::Command(Command {
        text: &bytes[..at],
        truncated: false,
        front: &bytes[..words],
        name: name(bytes, start, words),
        words: Words::Bulks(&bytes[words..at]),
        count,
        taken: at as u64,
        rest: Rest::Nothing,
    })
}

/// Adds the sizes of a whole command and of those after it that begin as it does: whole, to be kept, and no more than `most`.
/// Returns where they end.
pub fn alike(bytes: &[u8], first: &Command<'_>, sizes: &mut Vec<u16>, most: usize) -> usize {
    let mut paper = [0; shape::LONGEST];
    let shape = Shape::of(first, &mut paper);
    let mut at = first.text.len();
    sizes.push(at as u16);
    while sizes.len() < most
        && let Some(rest) = bytes.get(at..)
        && let Some(size) = shape.size_of(rest).or_else(|| begins_with(rest, first))
    {
        sizes.push(size);
        at += usize::from(size);
    }
    at
}

/// The size of the command that begins as `first` does.
#[inline]
fn begins_with(bytes: &[u8], first: &Command<'_>) -> Option<u16> {
    if !starts_with(bytes, first.front) {
        return None;
    }
    let mut at = first.front.len();
    for _ in 1..first.count {
        at = short(bytes, at).or_else(|| kept(bytes, at))?;
    }
    u16::try_from(at).ok()
}

/// The same as `bytes.starts_with(front)`; most fronts are compared by their first and their last eight bytes.
#[inline]
fn starts_with(bytes: &[u8], front: &[u8]) -> bool {
    const HALF: usize = 8;
    let end = front.len();
    match (front.first_chunk::<HALF>(), front.last_chunk::<HALF>()) {
        (Some(first), Some(last)) if end <= 2 * HALF => {
            bytes.first_chunk() == Some(first)
                && bytes
                    .get(end - HALF..end)
                    .is_some_and(|bytes| bytes.first_chunk() == Some(last))
        }
        _ => bytes.starts_with(front),
    }
}

/// Where any element at `at` ends that is here and to be kept.
pub(super) fn kept(bytes: &[u8], at: usize) -> Option<usize> {
    let end = usize::try_from(element(bytes, at).ok()?).ok()?;
    (end <= HEAD.min(bytes.len())).then_some(end)
}

/// The string of the element from `start` to `end`.
fn name(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    let element = &bytes[start..end];
    let size = resp::header(element).map_or(0, |header| header.size);
    element
        .get(size..element.len().saturating_sub(2))
        .unwrap_or_default()
}

/// What of the first eight bytes of an element is the same whatever its length, and that: `$.\r\n` and `$..\r\n`.
const ONE_DIGIT: (u64, u64) = (0xffff_00ff, 0x0a0d_0024);
const TWO_DIGITS: (u64, u64) = (0xff_ff00_00ff, 0x0a_0d00_0024);

/// Where the element at `at` ends, if it has less than 100 bytes and all are here and to be kept; the shortest at the very end
/// are left to [`element`].
#[inline]
pub(super) fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let here = bytes.get(at..)?;
    let front = u64::from_le_bytes(*here.first_chunk()?);
    let digit = |place: u32| (front >> (8 * place) & 0xff).wrapping_sub(u64::from(b'0'));
    let (data, length) = match front {
        _ if front & ONE_DIGIT.0 == ONE_DIGIT.1 && digit(1) < 10 => (4, digit(1)),
        _ if front & TWO_DIGITS.0 == TWO_DIGITS.1 && digit(1) < 10 && digit(2) < 10 => {
            (5, digit(1) * 10 + digit(2))
        }
        _ => return None,
    };
    let data_end = data + length as usize;
    let end = at + data_end + 2;
    (end <= HEAD && here.get(data_end..data_end + 2)? == b"\r\n").then_some(end)
}

/// Where the element at `at` ends, in these bytes or beyond them.
#[inline]
fn element(bytes: &[u8], at: usize) -> Result<u64, Fault> {
    let here = bytes.get(at..).unwrap_or_default();
    let header = match here.first() {
        Some(b'$') => resp::header(here)?,
        Some(_) => return Err(Fault::Bad),
        None => return Err(Fault::Short),
    };
    let length = u64::try_from(header.value).map_err(|_| Fault::Bad)?;
    let end = (at + header.size) as u64 + length + 2;
    match bytes.get(end as usize - 2..end as usize) {
        Some(b"\r\n") | None => Ok(end),
        Some(_) => Err(Fault::Bad),
    }
}

/// The bytes up to `at` and `left` elements of the smallest size, but no more than it takes to know where the text is cut.
fn need(bytes: &[u8], at: usize, left: u64) -> usize {
    let least = (at as u64).saturating_add(left.saturating_mul(MIN_ELEMENT));
    let least = least.min(HEAD as u64) as usize;
    least.max(bytes.len() + 1)
}

/// The head of a command that is too large to keep, its text cut at `at`, where `left` elements remain.
fn cut(bytes: &[u8], start: usize, words: usize, at: usize, count: u64, left: u64) -> Front<'_> {
    if left == count {
        return Front::Garbage;
    }
    let Some((taken, left)) = skip(bytes, at, left) else {
        return Front::Garbage;
    };
    Front::Command(Command {
        text: &bytes[..at],
        truncated: true,
        front: &bytes[..words],
        name: name(bytes, start, words),
        words: Words::Bulks(&bytes[words..at]),
        count,
        taken,
        rest: if left == 0 {
            Rest::Nothing
        } else {
            Rest::Elements(left)
        },
    })
}

/// Steps over at most `left` elements from `at`, as far as their headers are here: where that is, and how many remain.
/// `None` where something else than an element comes.
pub fn skip(bytes: &[u8], at: usize, left: u64) -> Option<(u64, u64)> {
    let (mut at, mut left) = (at, left);
    while left > 0 {
        let end = match element(bytes, at) {
            Ok(end) => end,
            Err(Fault::Short) => break,
            Err(Fault::Bad) => return None,
        };
        left -= 1;
        match usize::try_from(end) {
            Ok(here) if here <= bytes.len() => at = here,
            _ => return Some((end, left)),
        }
    }
    Some((at as u64, left))
}

fn inline(bytes: &[u8]) -> Front<'_> {
    let line = match memchr(b'\n', &bytes[..bytes.len().min(HEAD)]) {
        Some(end) => &bytes[..end],
        None if bytes.len() < HEAD && is_text(bytes.strip_suffix(b"\r").unwrap_or(bytes)) => {
            return Front::Need(bytes.len() + 1);
        }
        None => &bytes[..bytes.len().min(HEAD)],
    };
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    if !is_text(text) {
        return Front::Garbage;
    }
    if text.trim_ascii().is_empty() && line.len() < HEAD {
        return Front::Empty(line.len() + 1);
    }
    let mut words = Words::Inline(text);
    let count = words.clone().count() as u64;
    let Some(name) = words.next().filter(|name| is_name(name)) else {
        return Front::Garbage;
    };
    let whole = line.len() < HEAD;
    Front::Command(Command {
        text,
        truncated: !whole,
        front: &[],
        name,
        words,
        count,
        taken: line.len() as u64 + u64::from(whole),
        rest: if whole { Rest::Nothing } else { Rest::Line },
    })
}

/// The server takes any bytes; a person or a script types no control characters.
fn is_text(line: &[u8]) -> bool {
    line.iter().all(|&byte| byte >= b' ' || byte == b'\t')
}

/// Whether it may name a command: `GET`, `JSON.SET`, `_FT.DEBUG`.
pub fn is_name(word: &[u8]) -> bool {
    word.len() <= 64
        && word
            .first()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-|:".contains(byte))
}

/// Whether `need` can ever exceed what the feed buffers.
const _: () = assert!(HEAD + MAX_HEADER < crate::protocol::MAX_NEED && HEAD <= u16::MAX as usize);
