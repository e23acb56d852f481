//! Query attributes: with `CLIENT_QUERY_ATTRIBUTES` they come before a `COM_QUERY`'s text. Follows the protocol's
//! `COM_QUERY` and "Binary Protocol Value" pages.

use super::capabilities::Known;
use super::wire::Fields;

/// The statement in what follows `COM_QUERY`'s command byte; `None` where the attributes don't end in what is here.
pub(super) fn statement(payload: &[u8], prefixed: Known) -> Option<&[u8]> {
    match prefixed {
        Known::No => Some(payload),
        Known::Unknown if !looks_prefixed(payload) => Some(payload),
        Known::Unknown | Known::Yes => skip(payload),
    }
}

/// Text never begins with a small count followed by the number of parameter sets, which is always 1.
fn looks_prefixed(payload: &[u8]) -> bool {
    matches!(payload, [count, 1, ..] if *count < b' ')
}

fn skip(payload: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(payload);
    let count = usize::try_from(fields.length_encoded()?).ok()?;
    let _sets = fields.length_encoded()?;
    if count == 0 {
        return Some(fields.0);
    }
    let nulls = fields.bytes(count.div_ceil(8))?;
    if fields.byte()? != 1 {
        return None;
    }
    let mut types = fields;
    for _ in 0..count {
        name_and_type(&mut fields)?;
    }
    for number in 0..count {
        let kind = name_and_type(&mut types)?;
        if nulls.get(number / 8)? & (1 << (number % 8)) == 0 {
            skip_value(&mut fields, kind)?;
        }
    }
    Some(fields.0)
}

/// A parameter's type (`MYSQL_TYPE_*`) and, stepped over, its flag and name.
fn name_and_type(fields: &mut Fields<'_>) -> Option<u8> {
    let kind = fields.byte()?;
    let _unsigned = fields.byte()?;
    fields.length_encoded_bytes()?;
    Some(kind)
}

fn skip_value(fields: &mut Fields<'_>, kind: u8) -> Option<()> {
    let length = match kind {
        6 => 0,
        1 => 1,
        2 | 13 => 2,
        3 | 4 | 9 => 4,
        5 | 8 => 8,
        7 | 10 | 11 | 12 => usize::from(fields.byte()?),
        _ => usize::try_from(fields.length_encoded()?).ok()?,
    };
    fields.bytes(length).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two attributes, `n` = 7 (LONGLONG) and `s` = NULL, before `SELECT 1`.
    const PREFIXED: &[u8] = b"\x02\x01\x02\x01\x08\x00\x01n\xfe\x00\x01s\x07\0\0\0\0\0\0\0SELECT 1";

    #[test]
    fn strips_attributes() {
        assert_eq!(statement(PREFIXED, Known::Yes), Some(&b"SELECT 1"[..]));
        assert_eq!(statement(b"\0\x01SELECT 1", Known::Yes), Some(&b"SELECT 1"[..]));
        let text = b"\x01\x01\x00\x01\xfe\x00\x05trace\x03abcSELECT 1";
        assert_eq!(statement(text, Known::Yes), Some(&b"SELECT 1"[..]));
    }

    #[test]
    fn leaves_text_alone_where_there_are_none() {
        assert_eq!(statement(b"SELECT 1", Known::No), Some(&b"SELECT 1"[..]));
        assert_eq!(
            statement(b"\t\nSELECT 1", Known::Unknown),
            Some(&b"\t\nSELECT 1"[..])
        );
    }

    #[test]
    fn guesses_where_the_login_was_not_seen() {
        assert_eq!(statement(PREFIXED, Known::Unknown), Some(&b"SELECT 1"[..]));
        assert_eq!(
            statement(b"\0\x01SELECT 1", Known::Unknown),
            Some(&b"SELECT 1"[..])
        );
    }

    #[test]
    fn never_takes_attributes_for_text_when_cut() {
        for cut in 0..PREFIXED.len() - b"SELECT 1".len() {
            let got = statement(&PREFIXED[..cut], Known::Yes);
            assert_eq!(got, None, "cut at {cut}");
        }
        assert_eq!(
            statement(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", Known::Yes),
            None
        );
    }
}
