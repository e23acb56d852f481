//! Lines, and the two that begin messages (RFC 9112 sections 2.2, 3 and 4).

use memchr::{memchr, memmem};

/// The longest line that is read; of a longer request line the front is kept, other longer lines are skipped.
pub const MAX_LINE: usize = 8 * 1024;

/// The longest method.
const MAX_METHOD: usize = 32;

/// What a look for a line finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its end, and where the next begins.
    Whole(&'a [u8], usize),
    /// Its end is not here.
    Part,
    /// Its end is not within [`MAX_LINE`].
    Long,
}

/// The line at the front. A bare LF ends it too.
pub fn line(bytes: &[u8]) -> Line<'_> {
    match memchr(b'\n', &bytes[..bytes.len().min(MAX_LINE)]) {
        Some(end) => {
            let text = &bytes[..end];
            Line::Whole(text.strip_suffix(b"\r").unwrap_or(text), end + 1)
        }
        None if bytes.len() < MAX_LINE => Line::Part,
        None => Line::Long,
    }
}

/// A request line's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Method and target, as they stand.
    pub text: &'a [u8],
    pub method: &'a [u8],
    /// Path and query.
    pub target: &'a [u8],
    /// HTTP/2's preface (RFC 9113 section 3.4).
    pub version_2: bool,
}

impl<'a> Request<'a> {
    /// Reads a request line, or, where `cut`, the front of one.
    pub fn parse(line: &'a [u8], cut: bool) -> Option<Self> {
        let (text, version) = match memmem::rfind(line, b" HTTP/") {
            Some(at) if !cut => line.split_at(at),
            _ if cut => (line, &b" HTTP/1.1"[..]),
            _ => return None,
        };
        let method = &text[..memchr(b' ', text)?];
        let target = &text[method.len() + 1..];
        let version_2 = version == b" HTTP/2.0" && method == b"PRI";
        let known = version_2
            || matches!(
                version,
                [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9']
            );
        (known && is_method(method) && is_target(target)).then_some(Self {
            text,
            method,
            target,
            version_2,
        })
    }

    /// Whether `bytes`, the front of a line, may become a request line.
    pub fn may_begin(bytes: &[u8]) -> bool {
        let front = &bytes[..bytes.len().min(MAX_METHOD + 1)];
        match memchr(b' ', front) {
            Some(end) => is_method(&front[..end]),
            None => front.len() <= MAX_METHOD && front.iter().all(|&byte| is_method_byte(byte)),
        }
    }
}

fn is_method(method: &[u8]) -> bool {
    (3..=MAX_METHOD).contains(&method.len()) && method.iter().all(|&byte| is_method_byte(byte))
}

fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}

fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(|&byte| byte >= b' ' && byte != 0x7f)
}

/// The status of `HTTP/1.x NNN reason`.
pub fn status(line: &[u8]) -> Option<u16> {
    match line {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'0'..=b'9',
            b' ',
            digits @ ..,
        ] => {
            let (digits, after) = digits.split_at_checked(3)?;
            let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
            (matches!(after.first(), None | Some(b' ')) && (100..=999).contains(&status)).then_some(status)
        }
        _ => None,
    }
}

/// Whether `bytes`, the front of a line, may become a status line.
pub fn may_be_status(bytes: &[u8]) -> bool {
    let front = bytes.len().min(7);
    bytes[..front] == b"HTTP/1."[..front]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_lf_too() {
        assert_eq!(line(b"a\r\nb"), Line::Whole(b"a", 3));
        assert_eq!(line(b"a\nb"), Line::Whole(b"a", 2));
        assert_eq!(line(b"a\r"), Line::Part);
        assert_eq!(line(&[b'a'; MAX_LINE]), Line::Long);
    }

    #[test]
    fn reads_request_lines() {
        let request = Request::parse(b"POST /db/_find?x=1 HTTP/1.1", false).unwrap();
        assert_eq!(
            (request.text, request.method, request.target),
            (&b"POST /db/_find?x=1"[..], &b"POST"[..], &b"/db/_find?x=1"[..])
        );
        assert!(Request::parse(b"PRI * HTTP/2.0", false).unwrap().version_2);
        for no in [
            &b"GET /"[..],
            b"get / HTTP/1.1",
            b"GET  HTTP/1.1",
            b"OPTIONS rtsp://h RTSP/1.0",
            b"A / HTTP/1.1",
            b"GET / HTTP/3.0",
            b" HTTP/1.1",
        ] {
            assert_eq!(Request::parse(no, false), None, "{}", no.escape_ascii());
        }
    }

    #[test]
    fn reads_status_lines() {
        assert_eq!(status(b"HTTP/1.1 200 OK"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404"), Some(404));
        for no in [
            &b"HTTP/1.1 20"[..],
            b"HTTP/1.1 2000 OK",
            b"HTTP/2 200",
            b"HTTP/1.1 abc",
            b"ICY 200 OK",
        ] {
            assert_eq!(status(no), None, "{}", no.escape_ascii());
        }
        assert!(may_be_status(b"HT") && !may_be_status(b"HTTP/2"));
    }
}
