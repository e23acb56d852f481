//! The serialization protocol's smallest part: a type byte, a number, CRLF
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).

/// Why a header can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It goes on after these bytes.
    Short,
    /// It is none.
    Bad,
}

/// A length or count, and how many bytes the header takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// -1 for a null, [`STREAMED`] for `?`.
    pub value: i64,
    /// Type byte, digits and CRLF.
    pub size: usize,
}

impl Header {
    /// The value as a length; 0 for nulls and streams.
    pub fn length(self) -> usize {
        usize::try_from(self.value).unwrap_or(0)
    }
}

/// The value of a header whose aggregate or string ends with a mark of its own.
pub const STREAMED: i64 = i64::MIN;

/// Values have 512 MiB by default and 4 GiB at most; counts fit 32 bits.
const MAX_VALUE: i64 = 1 << 33;

/// The longest header: type, sign, ten digits, CRLF.
pub const MAX_HEADER: usize = 14;

/// Reads the header at the front of `bytes`, of whatever type.
#[inline]
pub fn header(bytes: &[u8]) -> Result<Header, Fault> {
    match *bytes {
        [_, one @ b'0'..=b'9', b'\r', b'\n', ..] => Ok(Header {
            value: i64::from(one - b'0'),
            size: 4,
        }),
        [_, ten @ b'0'..=b'9', one @ b'0'..=b'9', b'\r', b'\n', ..] => Ok(Header {
            value: i64::from(ten - b'0') * 10 + i64::from(one - b'0'),
            size: 5,
        }),
        _ => any_header(bytes),
    }
}

fn any_header(bytes: &[u8]) -> Result<Header, Fault> {
    let mut value = 0i64;
    let mut at = 1;
    while let Some(&byte) = bytes.get(at).filter(|_| at < MAX_HEADER) {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'\r' if at > 1 => return close(bytes, value, at),
            b'-' | b'?' if at == 1 => return special(bytes),
            _ => return Err(Fault::Bad),
        }
        at += 1;
    }
    Err(if bytes.len() < MAX_HEADER {
        Fault::Short
    } else {
        Fault::Bad
    })
}

fn close(bytes: &[u8], value: i64, at: usize) -> Result<Header, Fault> {
    match bytes.get(at + 1) {
        Some(b'\n') if value <= MAX_VALUE => Ok(Header { value, size: at + 2 }),
        Some(_) => Err(Fault::Bad),
        None => Err(Fault::Short),
    }
}

/// `-1` and `?`.
fn special(bytes: &[u8]) -> Result<Header, Fault> {
    for (mark, value) in [(&b"-1\r\n"[..], -1), (b"?\r\n", STREAMED)] {
        let here = &bytes[1..];
        if here.starts_with(mark) {
            return Ok(Header {
                value,
                size: 1 + mark.len(),
            });
        }
        if mark.starts_with(here) {
            return Err(Fault::Short);
        }
    }
    Err(Fault::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(i64, usize), Fault> {
        header(bytes).map(|header| (header.value, header.size))
    }

    #[test]
    fn reads_numbers_nulls_and_streams() {
        assert_eq!(read(b"$0\r\n"), Ok((0, 4)));
        assert_eq!(read(b"*1024\r\n$3"), Ok((1024, 7)));
        assert_eq!(read(b"$-1\r\n"), Ok((-1, 5)));
        assert_eq!(read(b"*?\r\n"), Ok((STREAMED, 4)));
        assert_eq!(read(b"$536870912\r\n"), Ok((536_870_912, 12)));
    }

    #[test]
    fn any_cut_is_short_and_nothing_else() {
        for whole in [&b"$123\r\n"[..], b"$-1\r\n", b"*?\r\n"] {
            for cut in 1..whole.len() {
                assert_eq!(read(&whole[..cut]), Err(Fault::Short));
            }
        }
    }

    #[test]
    fn hostile_numbers_are_bad() {
        for bytes in [
            &b"$\r\n"[..],
            b"$-2\r\n",
            b"$--1\r\n",
            b"$1a\r\n",
            b"$1\r\r",
            b"$99999999999999999999\r\n",
            b"$9999999999\r\n",
            b"$1 \r\n",
            b"$-?\r\n",
        ] {
            assert_eq!(read(bytes), Err(Fault::Bad), "{}", bytes.escape_ascii());
        }
    }
}
