//! Header fields: where the body ends (RFC 9112 section 6.3), and what they tell of the session. Read line by line as they come,
//! so that no header is ever kept whole.

use super::line::{Line, MAX_LINE, line};
use crate::protocol::{ErrorCode, Session};

/// More header than any server takes.
const MAX_HEAD: u64 = 1 << 20;

/// A body's declared length beyond this is a mistake.
const MAX_BODY: u64 = 1 << 50;

/// What the fields of one message say.
#[derive(Debug, Default)]
pub struct Head {
    /// Content-Length.
    pub length: Option<u64>,
    /// Transfer-Encoding.
    pub coding: Option<Coding>,
    /// Content-Type is JSON.
    pub json: bool,
    /// The error that ClickHouse names.
    pub error: Option<ErrorCode>,
    /// Fields contradict each other.
    contradicts: bool,
    /// The field that a folded line goes on with.
    field: Field,
    /// Inside a line too long to read.
    long: bool,
    size: u64,
}

/// The last transfer coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Ends by itself.
    Chunked,
    /// Ends with the connection.
    Other,
}

/// Fields that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Field {
    #[default]
    Other,
    ContentLength,
    TransferEncoding,
    ContentType,
    UserAgent,
    Database,
    User,
    Exception,
}

/// How far the fields got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Up to here; more must come.
    Part(usize),
    /// The empty line that ends them ends here.
    End(usize),
    /// No header.
    Garbage,
}

impl Head {
    /// Reads fields from `at` on; what they tell of the session goes to `session`.
    pub fn read<'a>(&mut self, bytes: &'a [u8], at: usize, session: &mut Session<'a>) -> Fields {
        let mut at = at;
        loop {
            let rest = &bytes[at..];
            match line(rest) {
                Line::Whole(text, next) => {
                    at += next;
                    self.size += next as u64;
                    if !self.long && text.is_empty() {
                        return if self.contradicts {
                            Fields::Garbage
                        } else {
                            Fields::End(at)
                        };
                    }
                    if !self.long {
                        self.line(text, session);
                    }
                    self.long = false;
                }
                Line::Part if !self.long => return Fields::Part(at),
                Line::Part | Line::Long => {
                    let skipped = rest.len().min(MAX_LINE);
                    if skipped == 0 {
                        return Fields::Part(at);
                    }
                    at += skipped;
                    self.size += skipped as u64;
                    self.long = true;
                }
            }
            if self.size > MAX_HEAD {
                return Fields::Garbage;
            }
        }
    }

    fn line<'a>(&mut self, text: &'a [u8], session: &mut Session<'a>) {
        if matches!(text, [b' ' | b'\t', ..]) {
            return self.value(text.trim_ascii(), session);
        }
        let Some(colon) = memchr::memchr(b':', text) else {
            return;
        };
        self.field = Field::of(text[..colon].trim_ascii_end());
        self.value(text[colon + 1..].trim_ascii(), session);
    }

    fn value<'a>(&mut self, value: &'a [u8], session: &mut Session<'a>) {
        match self.field {
            _ if value.is_empty() => {}
            Field::ContentLength => value
                .split(|&byte| byte == b',')
                .for_each(|length| self.length(length)),
            Field::TransferEncoding => self.coding(value),
            Field::ContentType => self.json = is_json(value),
            Field::UserAgent => session.application = Some(product(value)),
            Field::Database => session.database = Some(value),
            Field::User => session.user = Some(value),
            Field::Exception if value != b"0" => self.error = Some(ErrorCode::new(value)),
            Field::Exception | Field::Other => {}
        }
    }

    fn length(&mut self, digits: &[u8]) {
        let digits = digits.trim_ascii();
        let all = digits.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok());
        self.contradicts |= !all || length.is_none_or(|length| length > MAX_BODY);
        self.contradicts |= self.length.is_some() && self.length != length;
        self.length = length;
    }

    /// Codings are named in the order applied: the last decides.
    fn coding(&mut self, value: &[u8]) {
        let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default();
        let last = last
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        self.coding = match last {
            _ if last.eq_ignore_ascii_case(b"chunked") => Some(Coding::Chunked),
            _ if last.eq_ignore_ascii_case(b"identity") => self.coding,
            _ => Some(Coding::Other),
        };
    }
}

impl Field {
    fn of(name: &[u8]) -> Self {
        let (known, field): (&[u8], _) = match name.len() {
            10 => (b"user-agent", Self::UserAgent),
            12 => (b"content-type", Self::ContentType),
            14 => (b"content-length", Self::ContentLength),
            17 if name[0] | 0x20 == b't' => (b"transfer-encoding", Self::TransferEncoding),
            17 => (b"x-clickhouse-user", Self::User),
            21 => (b"x-clickhouse-database", Self::Database),
            27 => (b"x-clickhouse-exception-code", Self::Exception),
            _ => return Self::Other,
        };
        if name.eq_ignore_ascii_case(known) {
            field
        } else {
            Self::Other
        }
    }
}

fn is_json(value: &[u8]) -> bool {
    let kind = value.split(|&byte| byte == b';').next().unwrap_or_default();
    kind.len() >= 4 && kind.trim_ascii_end().to_ascii_lowercase().ends_with(b"json")
}

/// The first product of a User-Agent with its version down to the minor: `curl/7.88`.
fn product(value: &[u8]) -> &[u8] {
    let end = value
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(value.len());
    let token = &value[..end];
    let Some(slash) = memchr::memchr(b'/', token) else {
        return token;
    };
    let mut dots = memchr::memchr_iter(b'.', &token[slash..]);
    match dots.nth(1) {
        Some(second) => &token[..slash + second],
        None => token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Head, Session<'_>, Fields) {
        let (mut head, mut session) = (Head::default(), Session::default());
        let fields = head.read(bytes, 0, &mut session);
        (head, session, fields)
    }

    #[test]
    fn names_are_of_any_case_and_values_may_be_folded() {
        let (head, session, fields) = read(
            b"CONTENT-LENGTH : 5\r\ntransfer-Encoding:\r\n gzip,\r\n\tChunked\r\nUser-Agent: curl/7.88.1 (x)\n\r\nbody",
        );
        assert_eq!((head.length, head.coding), (Some(5), Some(Coding::Chunked)));
        assert_eq!(session.application, Some(&b"curl/7.88"[..]));
        assert_eq!(fields, Fields::End(88));
    }

    #[test]
    fn contradicting_lengths_are_garbage() {
        assert_eq!(read(b"Content-Length: 5, 5\r\n\r\n").2, Fields::End(24));
        for no in [
            &b"Content-Length: 5, 6\r\n\r\n"[..],
            b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: 99999999999999999999\r\n\r\n",
            b"Content-Length: +5\r\n\r\n",
        ] {
            assert_eq!(read(no).2, Fields::Garbage, "{}", no.escape_ascii());
        }
    }

    #[test]
    fn long_lines_are_skipped_and_long_heads_refused() {
        let mut bytes = b"Cookie: ".to_vec();
        bytes.resize(50_000, b'x');
        bytes.extend_from_slice(b"\r\nContent-Length: 7\r\n\r\n");
        let (head, _, fields) = read(&bytes);
        assert_eq!((head.length, fields), (Some(7), Fields::End(bytes.len())));
        assert_eq!(read(&vec![b'x'; 2 << 20]).2, Fields::Garbage);
    }

    #[test]
    fn products_lose_their_patch_level() {
        for (agent, name) in [
            ("curl/7.88.1", "curl/7.88"),
            ("elasticsearch-py/8.1.2 (Python/3.10; x)", "elasticsearch-py/8.1"),
            ("Mozilla/5.0 (X11)", "Mozilla/5.0"),
            ("InfluxDBShell", "InfluxDBShell"),
        ] {
            assert_eq!(product(agent.as_bytes()), name.as_bytes());
        }
    }
}
