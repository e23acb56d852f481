//! What each byte begins, by dialect.

/// What a byte outside of literals begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Space,
    Letter,
    Digit,
    Dot,
    Sign,
    String,
    Identifier,
    Slash,
    Star,
    Hash,
    Dollar,
    Placeholder,
    Backslash,
    Comma,
    Semicolon,
    Open,
    Close,
    Symbol,
}

pub(super) static POSTGRESQL: [Class; 256] = classes(false);
pub(super) static MYSQL: [Class; 256] = classes(true);

/// Bytes that go on with a word, or with what began as a number.
pub(super) static CONTINUES_WORD: [bool; 256] = continues_word();

const fn classes(mysql: bool) -> [Class; 256] {
    let mut table = [Class::Symbol; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8, mysql);
        byte += 1;
    }
    table
}

const fn class(byte: u8, mysql: bool) -> Class {
    match byte {
        0..=b' ' | 0x7f => Class::Space,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => Class::Letter,
        b'0'..=b'9' => Class::Digit,
        b'.' => Class::Dot,
        b'+' | b'-' => Class::Sign,
        b'\'' => Class::String,
        b'"' if mysql => Class::String,
        b'"' => Class::Identifier,
        b'`' if mysql => Class::Identifier,
        b'#' if mysql => Class::Hash,
        b'$' => Class::Dollar,
        b'/' => Class::Slash,
        b'*' => Class::Star,
        b'?' => Class::Placeholder,
        b'\\' => Class::Backslash,
        b',' => Class::Comma,
        b';' => Class::Semicolon,
        b'(' | b'[' => Class::Open,
        b')' | b']' => Class::Close,
        _ => Class::Symbol,
    }
}

const fn continues_word() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let it = byte as u8;
        table[byte] = it.is_ascii_alphanumeric() || it == b'_' || it == b'$' || it >= 0x80;
        byte += 1;
    }
    table
}
