//! Where a reply ends: RESP2 and RESP3 values of any depth, counted rather than built.
//!
//! An aggregate of n elements adds n to what is pending, so nesting needs no stack and no depth can hurt. Only streamed
//! aggregates (`*?` up to `.`) are remembered, up to a few inside each other.

use memchr::memchr;

use super::resp::{self, Fault, Header, MAX_HEADER, STREAMED};

/// A line shorter than this is judged when it is whole.
pub const MAX_LINE: usize = 256;

/// Streamed aggregates inside each other.
const MAX_STREAMS: usize = 16;

/// Pending elements of a streamed aggregate: ends with `.`, not by counting.
const UNCOUNTED: u64 = u64::MAX;

/// The value that is being read.
#[derive(Debug)]
pub struct Elements {
    /// Elements still to come at this level; [`UNCOUNTED`] in a streamed aggregate.
    pending: u64,
    /// What was pending outside of each streamed aggregate that is open.
    outside: Vec<u64>,
    /// Inside a streamed string.
    chunks: bool,
    /// Inside a long line.
    line: bool,
    /// The last integer seen.
    pub integer: i64,
}

/// How far a value got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// It takes this many bytes to go on.
    Need(usize),
    /// No value of the protocol.
    Garbage,
    /// So many bytes are dealt with, and more must come.
    Part(u64),
    /// Its last byte is the one before this; may be beyond these bytes.
    End(u64),
}

/// How one element went.
enum Went {
    /// So many bytes on.
    On(usize),
    /// To a place beyond these bytes.
    Beyond(u64),
    /// It takes so many bytes more than there are.
    Short,
    Bad,
}

impl Default for Elements {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Elements {
    /// So many values.
    pub fn new(pending: u64) -> Self {
        Self {
            pending,
            outside: Vec::new(),
            chunks: false,
            line: false,
            integer: 0,
        }
    }

    /// Reads on from the front of `bytes`.
    pub fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        while let Some(&kind) = bytes.get(at) {
            match self.element(kind, &bytes[at..]) {
                Went::On(size) => at += size,
                Went::Beyond(size) if self.is_done() => return Scan::End(at as u64 + size),
                Went::Beyond(size) => return Scan::Part(at as u64 + size),
                Went::Short if at == 0 => return Scan::Need(bytes.len() + 1),
                Went::Short => return Scan::Part(at as u64),
                Went::Bad => return Scan::Garbage,
            }
            if self.is_done() {
                return Scan::End(at as u64);
            }
        }
        Scan::Part(at as u64)
    }

    fn is_done(&self) -> bool {
        self.pending == 0 && !self.chunks && !self.line
    }

    fn element(&mut self, kind: u8, bytes: &[u8]) -> Went {
        if self.line {
            return self.line(bytes);
        }
        match kind {
            b';' if self.chunks => self.chunk(bytes),
            _ if self.chunks => Went::Bad,
            b'$' | b'!' | b'=' => self.string(bytes),
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => self.line(bytes),
            b'*' | b'~' | b'>' | b'%' | b'|' => self.aggregate(kind, bytes),
            b'.' => self.close(bytes),
            _ => Went::Bad,
        }
    }

    /// One element of this level is there.
    fn count(&mut self) {
        if self.pending != UNCOUNTED {
            self.pending = self.pending.saturating_sub(1);
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Went {
        let Some(end) = memchr(b'\n', bytes) else {
            if !self.line && bytes.len() < MAX_LINE {
                return Went::Short;
            }
            self.line = true;
            return Went::On(bytes.len());
        };
        if bytes[0] == b':' && !self.line {
            self.integer = integer(&bytes[1..end]);
        }
        self.line = false;
        self.count();
        Went::On(end + 1)
    }

    fn string(&mut self, bytes: &[u8]) -> Went {
        let header = match resp::header(bytes) {
            Ok(header) => header,
            Err(fault) => return fault.into(),
        };
        if header.value == STREAMED {
            self.chunks = true;
            return Went::On(header.size);
        }
        let went = body(bytes, header);
        if !matches!(went, Went::Bad) {
            self.count();
        }
        went
    }

    /// A piece of a streamed string; an empty one ends it.
    fn chunk(&mut self, bytes: &[u8]) -> Went {
        match resp::header(bytes) {
            Ok(Header { value: 0, size }) => {
                self.chunks = false;
                self.count();
                Went::On(size)
            }
            Ok(Header { value: ..0, .. }) => Went::Bad,
            Ok(header) => body(bytes, header),
            Err(fault) => fault.into(),
        }
    }

    fn aggregate(&mut self, kind: u8, bytes: &[u8]) -> Went {
        let header = match resp::header(bytes) {
            Ok(header) => header,
            Err(fault) => return fault.into(),
        };
        // An attribute is no element: the one it describes follows.
        if kind != b'|' {
            self.count();
        }
        let each = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
        match header.value {
            STREAMED if kind == b'|' || self.outside.len() >= MAX_STREAMS => return Went::Bad,
            STREAMED => {
                self.outside.push(self.pending);
                self.pending = UNCOUNTED;
            }
            -1 => {}
            count if self.pending != UNCOUNTED => {
                self.pending = self
                    .pending
                    .saturating_add(count.unsigned_abs() * each)
                    .min(UNCOUNTED - 1);
            }
            _ => {}
        }
        Went::On(header.size)
    }

    /// The end of a streamed aggregate.
    fn close(&mut self, bytes: &[u8]) -> Went {
        match (bytes, self.outside.last()) {
            ([_, b'\r', b'\n', ..], Some(&outside)) => {
                self.pending = outside;
                self.outside.pop();
                Went::On(3)
            }
            ([_] | [_, b'\r'], Some(_)) => Went::Short,
            _ => Went::Bad,
        }
    }
}

/// Puts the sizes of the commonest replies at the front in `sizes`: whole ones, and no more than `most`. Returns where they end.
pub fn alike(bytes: &[u8], sizes: &mut Vec<u16>, most: usize) -> usize {
    sizes.clear();
    let mut at = 0;
    let mut last = Last::default();
    while sizes.len() < most
        && let Some(rest) = bytes.get(at..)
        && let Some(size) = last.size_again(rest).or_else(|| last.size_of(rest))
    {
        sizes.push(size);
        at += usize::from(size);
    }
    at
}

/// A reply that others in a row are like: of the same few bytes, or a string of the same length.
#[derive(Default)]
struct Last {
    /// Its first bytes, in `mask`, that make it one of its size.
    front: u64,
    mask: u64,
    /// 0 where there is none.
    size: u16,
}

impl Last {
    /// The size of a reply that is like the last one.
    #[inline]
    fn size_again(&self, bytes: &[u8]) -> Option<u16> {
        let front = u64::from_le_bytes(*bytes.first_chunk()?);
        let end = bytes.get(..usize::from(self.size))?.last_chunk()?;
        (front & self.mask == self.front && end == b"\r\n").then_some(self.size)
    }

    /// The size of any of the commonest replies, which is the last one then.
    fn size_of(&mut self, bytes: &[u8]) -> Option<u16> {
        let size = plain(bytes).filter(|&size| size <= bytes.len() as u64)?;
        let size = u16::try_from(size).ok()?;
        *self = Self::of(bytes, size).unwrap_or_default();
        Some(size)
    }

    fn of(bytes: &[u8], size: u16) -> Option<Self> {
        let front = u64::from_le_bytes(*bytes.first_chunk()?);
        let told_by = match bytes {
            [b'$', ..] => resp::header(bytes).ok()?.size,
            [b'+', ..] => usize::from(size),
            _ => return None,
        };
        let mask = (told_by < 8).then(|| (1 << (8 * told_by)) - 1)?;
        Some(Self {
            front: front & mask,
            mask,
            size,
        })
    }
}

/// The size of the commonest replies: `+OK`, `+PONG`, a short integer, a string. `None` for all others, and for what is cut.
#[inline]
pub fn plain(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [b'+', b'O', b'K', b'\r', b'\n', ..] => Some(5),
        [b'+', b'P', b'O', b'N', b'G', b'\r', b'\n', ..] => Some(7),
        [b':', digits @ ..] => match digits_and_end(digits) {
            Some(size) => Some(1 + size),
            None => resp::header(bytes).ok().map(|header| header.size as u64),
        },
        [b'$', ..] => {
            let header = resp::header(bytes).ok()?;
            match body(bytes, header) {
                Went::On(size) if header.value != STREAMED => Some(size as u64),
                Went::Beyond(size) => Some(size),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The size of one to six digits and CRLF; `None` for all else, and at the very end.
#[inline]
fn digits_and_end(bytes: &[u8]) -> Option<u64> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let front = u64::from_le_bytes(*bytes.first_chunk()?);
    // Digits become 0 to 9, which alone stay below the high bit; what lies behind the first other byte does not matter.
    let values = front ^ 0x3030_3030_3030_3030;
    let others = (values.wrapping_add(0x7676_7676_7676_7676) | values) & HIGH;
    let digits = others.trailing_zeros() / 8;
    let is_whole = (1..=6).contains(&digits) && front >> (8 * digits) & 0xffff == 0x0a0d;
    is_whole.then_some(u64::from(digits) + 2)
}

impl From<Fault> for Went {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Short => Self::Short,
            Fault::Bad => Self::Bad,
        }
    }
}

/// A string's bytes and CRLF after its header.
fn body(bytes: &[u8], header: Header) -> Went {
    let Ok(length) = u64::try_from(header.value) else {
        return Went::On(header.size);
    };
    let size = header.size as u64 + length + 2;
    match usize::try_from(size)
        .ok()
        .and_then(|size| bytes.get(size - 2..size))
    {
        Some(b"\r\n") => Went::On(size as usize),
        Some(_) => Went::Bad,
        None => Went::Beyond(size),
    }
}

/// The digits of an integer; 0 where it is none.
fn integer(digits: &[u8]) -> i64 {
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

const _: () = assert!(MAX_LINE > MAX_HEADER && MAX_LINE < crate::protocol::MAX_NEED);

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `bytes` in pieces of `step`, and says how many it took.
    fn read(bytes: &[u8], step: usize) -> Option<u64> {
        let mut elements = Elements::default();
        let (mut at, mut here) = (0usize, 0usize);
        while at < bytes.len() {
            here = (here + step).min(bytes.len());
            if here <= at {
                continue;
            }
            match elements.scan(&bytes[at..here]) {
                Scan::Need(_) if here == bytes.len() => return None,
                Scan::Need(_) => {}
                Scan::Garbage => return None,
                Scan::Part(taken) => at += taken as usize,
                Scan::End(taken) => return Some(at as u64 + taken),
            }
        }
        None
    }

    #[test]
    fn values_end_where_they_end() {
        let values: [&[u8]; 24] = [
            b"+OK\r\n",
            b"-ERR no\r\n",
            b":-12\r\n",
            b"$5\r\nhello\r\n",
            b"$0\r\n\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"*0\r\n",
            b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n",
            b"_\r\n",
            b"#t\r\n",
            b",3.25\r\n",
            b",inf\r\n",
            b"(3492890328409238509324850943850943825024385\r\n",
            b"!21\r\nSYNTAX invalid syntax\r\n",
            b"=15\r\ntxt:Some string\r\n",
            b"%2\r\n+first\r\n:1\r\n+second\r\n%1\r\n$1\r\nk\r\n~2\r\n:1\r\n:2\r\n",
            b"*2\r\n|1\r\n+ttl\r\n:3600\r\n:1\r\n:2\r\n",
            b"|1\r\n+key-popularity\r\n%1\r\n$1\r\na\r\n,0.19\r\n*1\r\n:1\r\n",
            b"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n",
            b"*?\r\n:1\r\n*2\r\n:1\r\n:2\r\n%?\r\n+a\r\n:1\r\n.\r\n:3\r\n.\r\n",
            b"*2\r\n~?\r\n.\r\n$?\r\n;0\r\n",
            b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n$-1\r\n",
            b"*3\r\n$4\r\n$3\r\n\r\n$2\r\n\r\n\r\n$0\r\n\r\n",
        ];
        for value in values {
            let mut bytes = value.to_vec();
            bytes.extend_from_slice(b"+next\r\n");
            for step in 1..bytes.len() {
                assert_eq!(
                    read(&bytes, step),
                    Some(value.len() as u64),
                    "{} by {step}",
                    value.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn replies_in_a_row_are_what_each_is_by_itself() {
        let replies = [
            "+OK\r\n",
            "+OK\r\n",
            "$3\r\nabc\r\n",
            "$3\r\n\r\nb\r\n",
            "$3\r\nabc\r\n",
            "$-1\r\n",
            "$-1\r\n",
            "$0\r\n\r\n",
            "$0\r\n\r\n",
            ":1\r\n",
            ":22\r\n",
            ":22\r\n",
            "+PONG\r\n",
            "+PONG\r\n",
            "$12\r\n123456789012\r\n",
            "$12\r\n123456789012\r\n",
            "$2\r\nab\r\n",
            "+OK\r\n",
        ];
        let all = replies.concat().into_bytes();
        let expected: Vec<u16> = replies.iter().map(|reply| reply.len() as u16).collect();
        let mut sizes = Vec::new();
        for length in 0..=all.len() {
            let end = alike(&all[..length], &mut sizes, 100);
            assert_eq!(sizes, expected[..sizes.len()]);
            assert_eq!(end, sizes.iter().map(|&size| usize::from(size)).sum::<usize>());
            let next = replies.get(sizes.len()).map_or(1, |reply| reply.len());
            assert!(length - end < next, "{length}");
        }
        assert_eq!((alike(&all, &mut sizes, 3), sizes.len()), (19, 3));
    }

    #[test]
    fn a_string_that_does_not_end_is_no_reply_like_the_last() {
        let mut sizes = Vec::new();
        assert_eq!(alike(b"$3\r\nabc\r\n$3\r\nabcde", &mut sizes, 9), 9);
    }

    #[test]
    fn short_integers_are_read_at_once_as_any() {
        for line in [
            "0",
            "7",
            "42",
            "123",
            "999999",
            "1234567",
            "-1",
            "",
            "1a",
            "12 ",
            "?",
            "9999999999",
        ] {
            for end in ["\r\n", "\r", "\n\r", "\r\n:1\r\n:22\r\n", "\r\r\n12345"] {
                let bytes = format!(":{line}{end}").into_bytes();
                let any = resp::header(&bytes).ok().map(|header| header.size as u64);
                assert_eq!(plain(&bytes), any, "{line:?} {end:?}");
            }
        }
        for byte in 0..=255 {
            let bytes = [b':', b'1', byte, b'\r', b'\n', b'2', byte, b'3', b'4', byte];
            let any = resp::header(&bytes).ok().map(|header| header.size as u64);
            assert_eq!(plain(&bytes), any, "{byte}");
        }
    }

    #[test]
    fn long_lines_are_passed_over() {
        let mut line = vec![b'+'];
        line.resize(100_000, b'x');
        line.extend_from_slice(b"\r\n");
        assert_eq!(read(&line, 1000), Some(100_002));
        assert_eq!(read(&line, 1), Some(100_002));
    }

    #[test]
    fn strings_reach_beyond_what_is_here() {
        let mut elements = Elements::default();
        assert_eq!(elements.scan(b"$1000000\r\nab"), Scan::End(1_000_012));
        let mut elements = Elements::default();
        assert_eq!(elements.scan(b"*2\r\n$1000000\r\nab"), Scan::Part(1_000_016));
        assert_eq!(elements.scan(b":1\r\n"), Scan::End(4));
    }

    #[test]
    fn hostile_counts_cost_nothing() {
        let mut deep = Vec::new();
        for _ in 0..10_000 {
            deep.extend_from_slice(b"*4294967295\r\n");
        }
        assert_eq!(Elements::default().scan(&deep), Scan::Part(130_000));
        let streams = b"*?\r\n".repeat(17);
        assert_eq!(Elements::default().scan(&streams), Scan::Garbage);
    }

    #[test]
    fn what_is_no_value_is_garbage() {
        for bytes in [
            &b"hello\r\n"[..],
            b"$3\r\nabcd\r\n",
            b".\r\n",
            b";4\r\nabcd\r\n",
            b"$?\r\n+OK\r\n",
            b"|?\r\n",
        ] {
            assert_eq!(
                Elements::default().scan(bytes),
                Scan::Garbage,
                "{}",
                bytes.escape_ascii()
            );
        }
    }
}
