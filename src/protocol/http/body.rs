//! Bodies: of a known length, chunked (RFC 9112 section 7.1), or up to the connection's end. Skipped, never kept.

use super::line::{Line, line};

/// The longest line of a chunk's size and extensions, or of a trailer.
const MAX_CHUNK_LINE: usize = 4096;

/// So many bytes of a body show an error that a 200 does not.
const MAX_PEEK: usize = 64;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// All that comes.
    UntilClose,
}

/// What comes next of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// A chunk's size.
    Size,
    /// The line end after a chunk's data.
    DataEnd,
    /// Trailers.
    Trailers,
}

/// How far a body got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// It takes this many bytes to go on.
    Need(usize),
    /// So many bytes are dealt with, and more must come.
    Part(u64),
    /// Its last byte is the one before this; may be beyond these bytes.
    End(u64),
    /// No body.
    Garbage,
}

/// One step through chunks.
enum Went {
    On(usize),
    Beyond(u64),
    End(usize),
    Short,
    Bad,
}

impl Body {
    /// Whether nothing comes.
    pub fn is_empty(self) -> bool {
        self == Self::Length(0)
    }

    /// Reads on from the front of `bytes`, which may be empty.
    pub fn scan(&mut self, bytes: &[u8]) -> Scan {
        match self {
            Self::Length(length) => Scan::End(*length),
            Self::UntilClose => Scan::Part(bytes.len() as u64),
            Self::Chunked(chunks) => chunks.scan(bytes),
        }
    }

    /// Whether the front of a JSON body tells of an error; `Err` with how many bytes it takes to say.
    pub fn tells_error(self, bytes: &[u8]) -> Result<bool, usize> {
        let (start, length) = match self {
            Self::Length(length) => (0, length),
            Self::UntilClose => return Ok(false),
            Self::Chunked(_) => match line(bytes) {
                Line::Whole(text, start) => (start, size(text).unwrap_or(0)),
                Line::Part if bytes.len() < MAX_CHUNK_LINE => return Err(bytes.len() + 1),
                Line::Part | Line::Long => return Ok(false),
            },
        };
        let end = start + length.min(MAX_PEEK as u64) as usize;
        bytes.get(start..end).map(is_error).ok_or(end)
    }
}

/// InfluxDB's `{"results":[{"statement_id":0,"error":...`, Elasticsearch's bulk `{"took":30,"errors":true,...`.
fn is_error(front: &[u8]) -> bool {
    if let Some(result) = front.strip_prefix(b"{\"results\":[{") {
        let named = result.strip_prefix(b"\"statement_id\":").unwrap_or(result);
        let digits = named.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let after = &named[digits..];
        return after
            .strip_prefix(b",")
            .unwrap_or(after)
            .starts_with(b"\"error\":");
    }
    let bulk = front.starts_with(b"{\"took\":") || front.starts_with(b"{\"errors\":");
    bulk && memchr::memmem::find(front, b"\"errors\":true").is_some()
}

impl Chunks {
    fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        while at < bytes.len() {
            match self.step(&bytes[at..]) {
                Went::On(size) => at += size,
                Went::Beyond(size) => return Scan::Part(at as u64 + size),
                Went::End(size) => return Scan::End((at + size) as u64),
                Went::Short if at == 0 => return Scan::Need(bytes.len() + 1),
                Went::Short => break,
                Went::Bad => return Scan::Garbage,
            }
        }
        Scan::Part(at as u64)
    }

    fn step(&mut self, bytes: &[u8]) -> Went {
        if *self == Self::DataEnd {
            let end = match bytes {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [b'\r'] => return Went::Short,
                _ => return Went::Bad,
            };
            *self = Self::Size;
            return Went::On(end);
        }
        match line(bytes) {
            Line::Whole(text, next) if text.len() < MAX_CHUNK_LINE => self.line(bytes, text, next),
            Line::Part if bytes.len() < MAX_CHUNK_LINE => Went::Short,
            _ => Went::Bad,
        }
    }

    fn line(&mut self, bytes: &[u8], text: &[u8], next: usize) -> Went {
        if *self == Self::Trailers {
            return if text.is_empty() {
                Went::End(next)
            } else {
                Went::On(next)
            };
        }
        match size(text) {
            Some(0) => {
                *self = Self::Trailers;
                Went::On(next)
            }
            Some(size) => {
                *self = Self::DataEnd;
                let end = next as u64 + size;
                match usize::try_from(end) {
                    Ok(end) if end <= bytes.len() => Went::On(end),
                    _ => Went::Beyond(end),
                }
            }
            None => Went::Bad,
        }
    }
}

/// A chunk's size in hexadecimal digits, before any extension.
fn size(text: &[u8]) -> Option<u64> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(text.len());
    let (digits, after) = text.split_at(end);
    if !matches!(after.first(), None | Some(b';' | b' ' | b'\t')) || digits.len() > 12 {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8]) -> Scan {
        Body::Chunked(Chunks::Size).scan(bytes)
    }

    #[test]
    fn chunks_have_extensions_and_trailers() {
        let body = b"5;name=\"v\"\r\nhello\r\n0A \r\n0123456789\r\n0\r\nDigest: x\r\nMore: y\r\n\r\nnext";
        assert_eq!(scan(body), Scan::End(body.len() as u64 - 4));
        assert_eq!(scan(b"3\nabc\n0\n\n"), Scan::End(9));
        assert_eq!(scan(b"0\r\n\r\n"), Scan::End(5));
    }

    #[test]
    fn chunks_reach_beyond_what_is_here() {
        let mut body = Body::Chunked(Chunks::Size);
        assert_eq!(body.scan(b"100000\r\nabc"), Scan::Part(8 + 0x10_0000));
        assert_eq!(body.scan(b"\r\n0\r"), Scan::Part(2));
        assert_eq!(body.scan(b"0\r"), Scan::Need(3));
        assert_eq!(body.scan(b"0\r\n\r\n"), Scan::End(5));
    }

    #[test]
    fn hostile_chunks_are_garbage() {
        for no in [
            &b"\r\n"[..],
            b"xyz\r\n",
            b"-5\r\n",
            b"fffffffffffff\r\n",
            b"5\r\nhelloXX",
            b"5hello\r\n",
            &[b'1'; 5000],
        ] {
            assert_eq!(scan(no), Scan::Garbage, "{}", no.escape_ascii());
        }
    }

    #[test]
    fn errors_show_inside_a_200() {
        let length = |body: &[u8]| Body::Length(body.len() as u64).tells_error(body);
        assert_eq!(
            length(br#"{"results":[{"statement_id":0,"error":"database not found: x"}]}"#),
            Ok(true)
        );
        assert_eq!(length(br#"{"results":[{"error":"x"}]}"#), Ok(true));
        assert_eq!(
            length(br#"{"results":[{"statement_id":0,"series":[{"name":"error"}]}]}"#),
            Ok(false)
        );
        assert_eq!(length(br#"{"took":30,"errors":true,"items":[]}"#), Ok(true));
        assert_eq!(
            length(br#"{"took":30,"errors":false,"items":["errors":true]}"#),
            Ok(true)
        );
        assert_eq!(length(br#"{"docs":["errors":true]}"#), Ok(false));
        assert_eq!(Body::Length(100).tells_error(b"{"), Err(64));
        assert_eq!(
            Body::Chunked(Chunks::Size).tells_error(b"1b\r\n{\"results\":[{\"error\":\"x\"}]}"),
            Ok(true)
        );
        assert_eq!(Body::Chunked(Chunks::Size).tells_error(b"1b\r"), Err(4));
    }
}
