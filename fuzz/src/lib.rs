//! What the targets share.

use sockhound::protocol::{Language, Side};

/// Takes what a target needs off the front of the fuzzer's bytes.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// The next `length` bytes, or as many as there are.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Every way to read SQL.
pub const SQL: [Language; 3] = [
    Language::Postgresql {
        standard_strings: true,
    },
    Language::Postgresql {
        standard_strings: false,
    },
    Language::Mysql,
];

/// A side by a bit.
pub fn side(bit: u8) -> Side {
    if bit & 1 == 0 { Side::Client } else { Side::Server }
}

/// Whether the fingerprint of a statement of SQL holds what only a literal can: a string's quote, or a number that is no part of a
/// name.
pub fn holds_literal(language: Language, text: &str) -> bool {
    let (names, strings) = match language {
        Language::Mysql => ('`', ['\'', '"']),
        _ => ('"', ['\'', '\'']),
    };
    let mut in_name = false;
    let mut before = ' ';
    for character in text.chars() {
        if character == names {
            in_name = !in_name;
        } else if !in_name {
            let named = before.is_alphanumeric() || matches!(before, '_' | '$') || !before.is_ascii();
            if strings.contains(&character) || character.is_ascii_digit() && !named {
                return true;
            }
        }
        before = character;
    }
    false
}
