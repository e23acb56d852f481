//! How messages are laid out: a tag, a length that counts itself, a body
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).

use crate::protocol::{ErrorCode, MAX_NEED, Side, Step};

/// How many bytes were dealt with (it may exceed what is here), or why none could be.
pub(super) type Taken = Result<usize, Step>;

/// Tag and length.
pub(super) const HEADER: usize = 5;

/// The longest message the server's memory allows (`MaxAllocSize`, 1 GiB).
pub(super) const LONGEST: u32 = 0x3fff_ffff;

/// The head of a tagged message whose tag and length are possible for its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: u8,
    /// The whole message's length, tag included; at least [`HEADER`].
    pub(super) total: usize,
}

impl Header {
    #[inline]
    pub(super) fn read(side: Side, bytes: &[u8]) -> Result<Self, Step> {
        let &[tag, a, b, c, d, ..] = bytes else {
            return Err(Step::Need(HEADER));
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        let lengths = match side {
            Side::Client => &CLIENT,
            Side::Server => &SERVER,
        };
        let (least, most) = lengths[usize::from(tag)];
        if length < least || length > most {
            return Err(Step::Garbage);
        }
        Ok(Self {
            tag,
            total: length as usize + 1,
        })
    }

    /// The body, or of one longer than [`MAX_NEED`] its front.
    #[inline]
    pub(super) fn body(self, bytes: &[u8]) -> Result<&[u8], Step> {
        let wanted = self.total.min(MAX_NEED);
        bytes.get(HEADER..wanted).ok_or(Step::Need(wanted))
    }

    /// Whether [`Header::body`] is only the front.
    pub(super) const fn is_cut(self) -> bool {
        self.total > MAX_NEED
    }
}

/// The least and greatest length by tag.
type Lengths = [(u32, u32); 256];

static CLIENT: Lengths = table(Side::Client);
static SERVER: Lengths = table(Side::Server);

const fn table(side: Side) -> Lengths {
    let mut table = [(0, 0); 256];
    let mut tag = 0;
    while tag < table.len() {
        table[tag] = match side {
            Side::Client => client_lengths(tag as u8),
            Side::Server => server_lengths(tag as u8),
        };
        tag += 1;
    }
    table
}

/// The least and greatest length of a client's message; nothing fits a tag that there is not.
const fn client_lengths(tag: u8) -> (u32, u32) {
    match tag {
        b'S' | b'H' | b'X' | b'c' => (4, 4),
        b'Q' | b'f' => (5, LONGEST),
        b'P' => (8, LONGEST),
        b'B' => (12, LONGEST),
        b'D' | b'C' => (6, LONGEST),
        b'E' => (9, LONGEST),
        b'F' => (14, LONGEST),
        b'd' | b'p' => (4, LONGEST),
        _ => (1, 0),
    }
}

/// The same for the server.
const fn server_lengths(tag: u8) -> (u32, u32) {
    match tag {
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' => (4, 4),
        b'Z' => (5, 5),
        b'C' | b'E' | b'N' => (5, LONGEST),
        b'D' | b'T' | b't' | b'S' => (6, LONGEST),
        b'G' | b'H' | b'W' => (7, LONGEST),
        b'V' | b'R' => (8, LONGEST),
        b'A' => (10, LONGEST),
        b'K' => (12, 8 + 256),
        b'v' => (12, LONGEST),
        b'd' => (4, LONGEST),
        _ => (1, 0),
    }
}

/// Splits a NUL-ended string from what follows.
#[inline]
pub(super) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some((0, rest)) = bytes.split_first() {
        return Some((&[], rest));
    }
    let end = memchr::memchr(0, bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// The one string that a body is.
#[inline]
pub(super) fn only_string(body: &[u8]) -> &[u8] {
    body.strip_suffix(b"\0").unwrap_or(body)
}

/// A big-endian number at the front.
pub(super) fn number16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|&bytes| u16::from_be_bytes(bytes))
}

/// A big-endian number at the front.
pub(super) fn number32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|&bytes| u32::from_be_bytes(bytes))
}

/// What an `ErrorResponse` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    /// The server closes the connection after it.
    pub(super) is_fatal: bool,
}

impl Refusal {
    /// SQLSTATE and severity out of an `ErrorResponse`'s fields, which come first in it.
    pub(super) fn read(mut fields: &[u8]) -> Self {
        let mut refusal = Self {
            code: ErrorCode::default(),
            is_fatal: false,
        };
        while let Some((field, rest)) = string(fields) {
            match field.split_first() {
                Some((b'C', code)) => refusal.code = ErrorCode::new(code),
                Some((b'S' | b'V', severity)) => refusal.is_fatal |= matches!(severity, b"FATAL" | b"PANIC"),
                Some(_) => {}
                None => break,
            }
            fields = rest;
        }
        refusal
    }
}

/// The rows that a `CommandComplete` tag counts: `SELECT 3`, `INSERT 0 3`, `COPY 3`.
#[inline]
pub(super) fn rows(tag: &[u8]) -> Option<u64> {
    if let [.., b' ', digit @ b'0'..=b'9'] = *tag {
        return Some(u64::from(digit - b'0'));
    }
    let digits = tag.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let start = tag.len() - digits;
    if digits == 0 || tag.get(start.checked_sub(1)?) != Some(&b' ') {
        return None;
    }
    tag[start..].iter().try_fold(0_u64, |rows, digit| {
        rows.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_means_what_its_side_says() {
        assert!(Header::read(Side::Server, b"Z\0\0\0\x05I").is_ok());
        assert_eq!(Header::read(Side::Client, b"Z\0\0\0\x05I"), Err(Step::Garbage));
        let sync = Header::read(Side::Client, b"S\0\0\0\x04");
        assert_eq!(sync, Ok(Header { tag: b'S', total: 5 }));
        assert_eq!(Header::read(Side::Server, b"S\0\0\0\x04"), Err(Step::Garbage));
    }

    #[test]
    fn refuses_impossible_lengths() {
        assert_eq!(Header::read(Side::Client, b"Q\0\0\0\x03"), Err(Step::Garbage));
        assert_eq!(Header::read(Side::Client, b"Q\x40\0\0\0"), Err(Step::Garbage));
        assert_eq!(
            Header::read(Side::Server, b"D\xff\xff\xff\xff"),
            Err(Step::Garbage)
        );
        assert_eq!(Header::read(Side::Server, b"D\0\0"), Err(Step::Need(5)));
    }

    #[test]
    fn rows_are_the_last_number_of_the_tag() {
        assert_eq!(rows(b"INSERT 0 17"), Some(17));
        assert_eq!(rows(b"SELECT 3"), Some(3));
        assert_eq!(rows(b"COPY 0"), Some(0));
        assert_eq!(rows(b"SELECT"), None);
        assert_eq!(rows(b"CREATE TABLE"), None);
        assert_eq!(rows(b"12"), None);
        assert_eq!(rows(b""), None);
        assert_eq!(rows(b"SELECT 99999999999999999999999"), None);
    }

    #[test]
    fn an_error_tells_code_and_severity() {
        let refusal = Refusal::read(b"SFATAL\0VFATAL\0C57P01\0Mterminating\0\0");
        assert_eq!((refusal.code.as_str(), refusal.is_fatal), ("57P01", true));
        let refusal = Refusal::read(b"SERROR\0C42P01\0");
        assert_eq!((refusal.code.as_str(), refusal.is_fatal), ("42P01", false));
        assert_eq!(Refusal::read(b"").code.as_str(), "");
        assert_eq!(Refusal::read(b"C42").code.as_str(), "");
    }
}
