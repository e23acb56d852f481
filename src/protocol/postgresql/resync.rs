//! Where a message plausibly begins: after a hole, in the middle of a connection, on a port that tells nothing.

use super::startup::Untagged;
use super::wire::{self, HEADER, Header};
use crate::protocol::{Resync, Side};

/// This many good messages in a row are proof enough.
const ENOUGH: usize = 4;
/// How much of a text is looked at.
const GLANCE: usize = 256;
/// The longest `CommandComplete`, with room to spare.
const LONGEST_TAG: usize = 128;

/// Whether bytes at the start of a segment of `side` are this protocol's, wherever in a connection that is.
#[must_use]
pub fn recognise(side: Side, bytes: &[u8]) -> bool {
    begins(side, bytes)
}

/// A place where a message of `side` begins: the segment's start, else a `ReadyForQuery` in what the server sent.
pub(super) fn boundary(side: Side, bytes: &[u8]) -> Resync {
    if begins(side, bytes) {
        return Resync::At(0);
    }
    match side {
        Side::Client => Resync::NotHere,
        Side::Server => ready_for_query(bytes).map_or(Resync::NotHere, Resync::At),
    }
}

/// The offset of a `ReadyForQuery` that ends the bytes or is followed by a good message.
fn ready_for_query(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, b"Z\0\0\0\x05").find(|&offset| {
        matches!(bytes.get(offset + HEADER), Some(b'I' | b'T' | b'E'))
            && is_chain(Side::Server, &bytes[offset..])
    })
}

fn begins(side: Side, bytes: &[u8]) -> bool {
    match (side, bytes.first()) {
        (Side::Client, Some(0)) => Untagged::read(bytes).is_ok(),
        (_, Some(_)) => is_chain(side, bytes),
        (_, None) => false,
    }
}

/// How good the message at the front looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// It is all here, this long, and as it should be.
    Good(usize),
    /// What is here of it is as it should be, and enough to tell.
    GoodSoFar,
    /// Too little is here, or a body that could hold anything.
    Unclear,
    Bad,
}

/// Whether the bytes are messages in a row, the last of which may be cut.
fn is_chain(side: Side, bytes: &[u8]) -> bool {
    let mut at = 0;
    let mut proof = false;
    for _ in 0..ENOUGH {
        let Some(tag) = bytes.get(at) else { break };
        match look(side, &bytes[at..]) {
            Look::Good(length) => at += length,
            Look::GoodSoFar => return true,
            Look::Unclear => return proof,
            Look::Bad => return false,
        }
        proof |= !matches!(tag, b'd' | b'p' | b'v');
    }
    proof
}

fn look(side: Side, bytes: &[u8]) -> Look {
    let Ok(header) = Header::read(side, bytes) else {
        let is_cut = bytes.len() < HEADER && !bytes.is_empty();
        return if is_cut { Look::Unclear } else { Look::Bad };
    };
    let whole = bytes.len() >= header.total;
    let body = &bytes[HEADER..header.total.min(bytes.len())];
    let body = Body {
        bytes: body,
        length: header.total - HEADER,
    };
    let good = match side {
        Side::Client => client(header.tag, body),
        Side::Server => server(header.tag, body),
    };
    match good {
        Some(true) if whole => Look::Good(header.total),
        Some(true) => Look::GoodSoFar,
        None if whole => Look::Bad,
        None => Look::Unclear,
        Some(false) => Look::Bad,
    }
}

/// A message's body as far as it is here.
#[derive(Clone, Copy)]
struct Body<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl Body<'_> {
    fn is_whole(self) -> bool {
        self.bytes.len() == self.length
    }
}

/// Whether a client's message is well made; `None` where that can't be told from what is here.
fn client(tag: u8, body: Body<'_>) -> Option<bool> {
    match tag {
        b'Q' => statement(body.bytes, body, 0),
        b'P' => {
            let (name, rest) = wire::string(body.bytes)?;
            Some(is_name(name) && statement(rest, body, 2)?)
        }
        b'B' => {
            let (portal, rest) = wire::string(body.bytes)?;
            let (name, rest) = wire::string(rest)?;
            let formats = usize::from(wire::number16(rest)?);
            let fits = body.length >= portal.len() + name.len() + 8 + 2 * formats;
            Some(is_name(portal) && is_name(name) && fits)
        }
        b'D' | b'C' => {
            let (named, rest) = wire::string(body.bytes)?;
            Some(matches!(named, [b'S' | b'P', name @ ..] if is_name(name)) && rest.is_empty())
        }
        b'E' => {
            let (portal, rest) = wire::string(body.bytes)?;
            Some(is_name(portal) && body.length == portal.len() + 5 && rest.len() <= 4)
        }
        b'F' => {
            let formats = usize::from(wire::number16(body.bytes.get(4..)?)?);
            Some(body.length >= 10 + 2 * formats)
        }
        b'S' | b'H' | b'X' | b'c' => Some(true),
        // Passwords and COPY data could be anything.
        _ => body.is_whole().then_some(true),
    }
}

/// Whether statement text stands at the front, with its NUL and `after` more bytes where all is here.
fn statement(bytes: &[u8], body: Body<'_>, after: usize) -> Option<bool> {
    let (text, rest) = match wire::string(bytes) {
        Some((text, rest)) => (text, Some(rest)),
        None if body.is_whole() => return Some(false),
        None => (bytes, None),
    };
    if text.is_empty() && rest.is_none() {
        return None;
    }
    let is_text = text
        .iter()
        .take(GLANCE)
        .all(|&byte| byte >= b' ' || byte.is_ascii_whitespace());
    let ends = rest.is_none_or(|rest| {
        if after == 0 {
            rest.is_empty()
        } else {
            !body.is_whole() || rest.len() >= after
        }
    });
    Some(is_text && ends)
}

/// Whether a server's message is well made; `None` where that can't be told from what is here.
fn server(tag: u8, body: Body<'_>) -> Option<bool> {
    let bytes = body.bytes;
    match tag {
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' | b'K' => Some(true),
        b'Z' => Some(matches!(bytes.first()?, b'I' | b'T' | b'E')),
        b'C' => {
            let is_short = body.length <= LONGEST_TAG;
            let (tag, rest) = wire::string(bytes)?;
            let is_tag = tag
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ');
            Some(is_short && is_tag && rest.is_empty() && tag.first()?.is_ascii_uppercase())
        }
        b'D' => row(body),
        b'T' => description(body),
        b't' => Some(body.length == 2 + 4 * usize::from(wire::number16(bytes)?)),
        b'E' | b'N' => {
            let (severity, _) = wire::string(bytes)?;
            Some(matches!(severity, [b'S', severity @ ..] if is_name(severity)))
        }
        b'S' => {
            let (name, rest) = wire::string(bytes)?;
            let (_, rest) = wire::string(rest)?;
            Some(!name.is_empty() && is_name(name) && rest.is_empty())
        }
        b'A' => {
            let (channel, rest) = wire::string(bytes.get(4..)?)?;
            let (_, rest) = wire::string(rest)?;
            Some(!channel.is_empty() && rest.is_empty())
        }
        b'G' | b'H' | b'W' => {
            let formats = usize::from(wire::number16(bytes.get(1..)?)?);
            Some(bytes[0] <= 1 && body.length == 3 + 2 * formats)
        }
        b'R' => Some(matches!(wire::number32(bytes)?, 0..=12)),
        b'V' => {
            let length = wire::number32(bytes)?;
            Some(length == u32::MAX && body.length == 4 || length as usize == body.length - 4)
        }
        _ => body.is_whole().then_some(true),
    }
}

/// A `DataRow`: its columns fill it exactly.
fn row(body: Body<'_>) -> Option<bool> {
    let columns = wire::number16(body.bytes)?;
    let mut at = 2;
    for _ in 0..columns {
        if at + 4 > body.length {
            return Some(false);
        }
        let Some(length) = body.bytes.get(at..).and_then(wire::number32) else {
            return (at > 2).then_some(true);
        };
        at += 4 + if length == u32::MAX { 0 } else { length as usize };
        if at > body.length {
            return Some(false);
        }
        if at > body.bytes.len() {
            return Some(true);
        }
    }
    Some(at == body.length)
}

/// A `RowDescription`: each column is a name and 18 bytes.
fn description(body: Body<'_>) -> Option<bool> {
    let columns = usize::from(wire::number16(body.bytes)?);
    if body.length < 2 + 19 * columns {
        return Some(false);
    }
    let mut rest = &body.bytes[2..];
    for _ in 0..columns {
        let Some((name, after)) = wire::string(rest) else {
            return if body.is_whole() {
                Some(false)
            } else {
                (rest.len() < body.bytes.len() - 2).then_some(true)
            };
        };
        if name.iter().any(|&byte| byte < b' ') {
            return Some(false);
        }
        let Some(after) = after.get(18..) else {
            return Some(!body.is_whole());
        };
        rest = after;
    }
    Some(rest.is_empty())
}

/// A name of a statement, portal or parameter: text of a sensible length.
fn is_name(bytes: &[u8]) -> bool {
    bytes.len() <= GLANCE && bytes.iter().all(|&byte| byte >= b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_recognised_at_its_start_and_in_its_middle() {
        assert!(recognise(Side::Client, b"\0\0\0\x08\x04\xd2\x16\x2f"));
        assert!(recognise(Side::Client, b"\0\0\0\x20\0\x03\0\0user\0"));
        assert!(recognise(Side::Client, b"Q\0\0\0\x0dSELECT 1\0"));
        assert!(recognise(Side::Client, b"Q\0\0\x20\0SELECT long, "));
        assert!(recognise(Side::Client, b"P\0\0\0\x10\0SELECT 1\0\0\0B\0\0"));
        assert!(recognise(
            Side::Client,
            b"B\0\0\0\x0f\0S_1\0\0\0\0\0\0\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04"
        ));
        assert!(recognise(
            Side::Server,
            b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04C\0\0\0\x0bDELETE\0Z\0\0\0\x05I"
        ));
        assert!(recognise(
            Side::Server,
            b"D\0\0\0\x0b\0\x01\0\0\0\x011Z\0\0\0\x05T"
        ));
        assert!(recognise(Side::Server, b"D\0\0\0\x0a\0\x01\xff\xff\xff\xff"));
    }

    #[test]
    fn other_protocols_are_not_mistaken() {
        for (side, bytes) in [
            (Side::Server, &b"J\0\0\0\x0a5.5.5-10.11.6-MariaDB\0"[..]),
            (Side::Server, b"D\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0"),
            (Side::Server, b"S\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0"),
            (Side::Client, b"*1\r\n$4\r\nPING\r\n"),
            (Side::Client, b"PING\r\n"),
            (Side::Client, b"GET / HTTP/1.1\r\n\r\n"),
            (Side::Client, b"POST /_search HTTP/1.1\r\n"),
            (Side::Server, b"HTTP/1.1 200 OK\r\n"),
            (Side::Server, b"+OK\r\n"),
            (Side::Server, b"$-1\r\n"),
            (Side::Client, b"\x16\x03\x01\x02\0\x01\0\x01\xfc"),
            (Side::Client, b""),
            (Side::Client, b"\0"),
            (Side::Server, b"Z"),
        ] {
            assert!(!recognise(side, bytes), "{bytes:?}");
        }
    }

    #[test]
    fn finds_ready_for_query_in_the_tail_of_a_result() {
        let tail = b"ows of text Z\0\0\0\x05? C\0\0\0\x0dSELECT 3\0Z\0\0\0\x05I";
        assert_eq!(boundary(Side::Server, tail), Resync::At(tail.len() - 6));
        assert_eq!(boundary(Side::Server, &tail[..tail.len() - 1]), Resync::NotHere);
        let pipelined = b"rowsZ\0\0\0\x05I1\0\0\0\x042\0\0\0\x04";
        assert_eq!(boundary(Side::Server, pipelined), Resync::At(4));
        let chance = b"rowsZ\0\0\0\x05Iand more text";
        assert_eq!(boundary(Side::Server, chance), Resync::NotHere);
    }

    #[test]
    fn a_short_front_is_no_proof() {
        for cut in 0..HEADER {
            assert!(!recognise(Side::Server, &b"D\0\0\0\x0b"[..cut]));
        }
        assert!(!recognise(Side::Client, b"d\0\0\x01\0abc"));
        assert!(!recognise(Side::Client, b"p\0\0\x01\0secret"));
    }

    #[test]
    fn a_row_with_a_million_empty_columns_is_cheap() {
        let mut row = b"D\0\x3f\xff\xff\xff\xff".to_vec();
        row.resize(70_000, 0);
        assert!(recognise(Side::Server, &row));
    }
}
