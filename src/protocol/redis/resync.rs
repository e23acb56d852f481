//! Where commands and replies begin, in the middle of a connection or on a port that does not tell.

use memchr::memmem;

use super::request::is_name;
use super::resp::{self, Fault};
use crate::protocol::turns::tls;
use crate::protocol::{Resync, Side};

/// How many values in a row vouch for a place that is not a segment's first byte.
const WITNESSES: usize = 4;

/// The next place in `bytes` where a message of `side` begins.
pub fn resync(side: Side, bytes: &[u8]) -> Resync {
    if tls::recognise(bytes) {
        return Resync::At(0);
    }
    match side {
        Side::Client => client(bytes),
        Side::Server => server(bytes),
    }
}

/// Whether the first bytes of `side` are this protocol and no other.
#[must_use]
pub fn recognise(side: Side, bytes: &[u8]) -> bool {
    match side {
        Side::Client => begins_command(bytes),
        Side::Server => match bytes.first() {
            Some(b'$' | b'*' | b':' | b'%') => values(bytes, 1) >= 1,
            Some(b'-') => [&b"-WRONGTYPE "[..], b"-NOAUTH ", b"-MOVED ", b"-NOSCRIPT "]
                .iter()
                .any(|error| bytes.starts_with(error)),
            _ => bytes.starts_with(b"+PONG\r\n"),
        },
    }
}

fn client(bytes: &[u8]) -> Resync {
    if begins_command(bytes) || bytes == b"PING\r\n" {
        return Resync::At(0);
    }
    memmem::find_iter(bytes, b"\r\n*")
        .map(|at| at + 2)
        .find(|&at| begins_command(&bytes[at..]))
        .map_or(Resync::NotHere, Resync::At)
}

/// `*n`, `$length` and a name of that length.
fn begins_command(bytes: &[u8]) -> bool {
    name(bytes).is_some_and(is_name)
}

fn name(bytes: &[u8]) -> Option<&[u8]> {
    let outer = bytes.starts_with(b"*").then(|| resp::header(bytes))?.ok()?;
    let inside = bytes.get(outer.size..)?;
    let inner = inside.starts_with(b"$").then(|| resp::header(inside))?.ok()?;
    if !(1..=1 << 20).contains(&outer.value) || !(1..=64).contains(&inner.value) {
        return None;
    }
    let end = inner.size + inner.length();
    inside.get(end..end + 2).filter(|close| *close == b"\r\n")?;
    inside.get(inner.size..end)
}

fn server(bytes: &[u8]) -> Resync {
    if values(bytes, WITNESSES) >= 1 {
        return Resync::At(0);
    }
    memmem::find_iter(bytes, b"\r\n")
        .map(|at| at + 2)
        .find(|&at| values(&bytes[at..], WITNESSES) >= WITNESSES)
        .map_or(Resync::NotHere, Resync::At)
}

/// How many plausible values are at the front, one after the other, up to `most`; none where something else is among them.
/// The last may go on beyond `bytes`.
fn values(bytes: &[u8], most: usize) -> usize {
    let mut at = 0;
    for seen in 0..most {
        match value(bytes.get(at..).unwrap_or_default()) {
            Ok(size) => at += size,
            Err(Fault::Short) => return seen,
            Err(Fault::Bad) => return 0,
        }
    }
    most
}

/// The size of a plausible value; an aggregate's header alone.
fn value(bytes: &[u8]) -> Result<usize, Fault> {
    match bytes.first() {
        None => Err(Fault::Short),
        Some(b'$' | b'!' | b'=') => string(bytes),
        Some(b'*' | b'%' | b'~' | b'>' | b'|') => aggregate(bytes),
        Some(b'+') => line(bytes, |byte| (b' '..=b'~').contains(&byte)),
        Some(b'-') if bytes.get(1).is_none_or(u8::is_ascii_uppercase) => line(bytes, |byte| byte >= b' '),
        Some(b':' | b'(') => line(bytes, |byte| byte.is_ascii_digit() || byte == b'-'),
        Some(b',') => line(bytes, |byte| {
            byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
        }),
        Some(b'_') => line(bytes, |_| false),
        Some(b'#') => line(bytes, |byte| matches!(byte, b't' | b'f')),
        Some(_) => Err(Fault::Bad),
    }
}

fn string(bytes: &[u8]) -> Result<usize, Fault> {
    let header = resp::header(bytes)?;
    let Ok(length) = usize::try_from(header.value) else {
        return Ok(header.size);
    };
    let end = header.size + length + 2;
    match bytes.get(end - 2..end) {
        Some(b"\r\n") | None => Ok(end),
        Some(_) => Err(Fault::Bad),
    }
}

fn aggregate(bytes: &[u8]) -> Result<usize, Fault> {
    let header = resp::header(bytes)?;
    let next = bytes.get(header.size);
    if header.value > 1 << 24 || next.is_some_and(|kind| !b"$!=*%~>|+-:(,_#.;".contains(kind)) {
        return Err(Fault::Bad);
    }
    Ok(header.size)
}

fn line(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> Result<usize, Fault> {
    let end = 1 + bytes[1..]
        .iter()
        .take(512)
        .take_while(|&&byte| allowed(byte))
        .count();
    match bytes.get(end..) {
        Some([b'\r', b'\n', ..]) => Ok(end + 2),
        Some([] | [b'\r']) => Err(Fault::Short),
        _ => Err(Fault::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_commands() {
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        assert_eq!(resync(Side::Client, get), Resync::At(0));
        assert_eq!(
            resync(Side::Client, b"lue\r\n*1\r\n$4\r\nPING\r\n"),
            Resync::At(5)
        );
        assert_eq!(resync(Side::Client, b"PING\r\n"), Resync::At(0));
        for no in [
            &b"*2\r\n$3\r\nG"[..],
            b"value *1\r\n$4\r\nPING\r\n",
            b"*2\r\n$3\r\n\x00\x01\x02\r\n",
            b"*0\r\n",
            b"$3\r\nabc\r\n$3\r\nabc\r\n",
            b"SET a b\r\n",
        ] {
            assert_eq!(resync(Side::Client, no), Resync::NotHere, "{}", no.escape_ascii());
        }
    }

    #[test]
    fn finds_replies() {
        for yes in [
            &b"+OK\r\n"[..],
            b"$-1\r\n",
            b"$100\r\nabc",
            b"*2\r\n$1\r\na\r\n:1\r\n",
            b"-ERR no\r\n",
        ] {
            assert_eq!(resync(Side::Server, yes), Resync::At(0), "{}", yes.escape_ascii());
        }
        let chain = b"of a value\r\n+OK\r\n:1\r\n$-1\r\n$1\r\na\r\n";
        assert_eq!(resync(Side::Server, chain), Resync::At(12));
        for no in [
            &b"some text\r\n+OK\r\n"[..],
            b"+OK\r\nand more",
            b"$3\r\nabcd\r\n",
            b"*2\r\nhello",
            b"_x\r\n",
            b"+OK",
        ] {
            assert_eq!(resync(Side::Server, no), Resync::NotHere, "{}", no.escape_ascii());
        }
    }

    #[test]
    fn other_protocols_are_not_taken_for_this_one() {
        assert!(recognise(Side::Client, b"*1\r\n$4\r\nPING\r\n"));
        assert!(recognise(Side::Server, b"$3\r\nabc\r\n"));
        for (side, other) in [
            (Side::Client, &b"PING\r\n"[..]),
            (Side::Client, b"GET / HTTP/1.1\r\n\r\n"),
            (Side::Client, b"get key\r\n"),
            (Side::Client, b"* OK IMAP4rev1 ready\r\n"),
            (Side::Server, b"+OK POP3 ready\r\n"),
            (Side::Server, b"+OK\r\n"),
            (Side::Server, b"-ERR 'Unknown Protocol'\r\n"),
            (Side::Server, b":server 001 nick\r\n"),
            (Side::Server, b"* OK [CAPABILITY IMAP4rev1]\r\n"),
            (Side::Server, b"HTTP/1.1 200 OK\r\n"),
        ] {
            assert!(!recognise(side, other), "{}", other.escape_ascii());
        }
    }
}
