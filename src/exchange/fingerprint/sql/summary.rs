//! What a statement does, in few words: its verbs and their tables, in the order of the text.
//!
//! Follows OpenTelemetry's "Generating a summary of the query text". Read from normalised text, so no literal is
//! near. It names what common statements name; it is no parser.

use super::bytes::CONTINUES_WORD;
use crate::exchange::fingerprint::{EMPTY, MAX_SUMMARY};

/// `SELECT orders customers`, `INSERT orders`, `CREATE TABLE orders`, `BEGIN`; at most [`MAX_SUMMARY`] bytes.
pub(in super::super) fn summary(normalised: &str) -> String {
    if normalised == EMPTY {
        return EMPTY.to_owned();
    }
    let mut summariser = Summariser::default();
    let mut rest = normalised;
    while let Some((token, after)) = token(rest) {
        match token {
            Token::Name(name) => summariser.name(name),
            Token::Symbol(byte) => summariser.symbol(byte),
        }
        rest = after;
    }
    summariser.text
}

enum Token<'a> {
    /// A word or quoted identifier, with what is tied to it by dots.
    Name(&'a str),
    Symbol(u8),
}

fn token(text: &str) -> Option<(Token<'_>, &str)> {
    let text = text.trim_start_matches(' ');
    let first = *text.as_bytes().first()?;
    match name_length(text) {
        0 => Some((Token::Symbol(first), text.get(1..)?)),
        length => Some((Token::Name(text.get(..length)?), text.get(length..)?)),
    }
}

fn name_length(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let part = part_length(rest);
        at += part;
        if part == 0 || text.as_bytes().get(at) != Some(&b'.') {
            return at;
        }
        at += 1;
    }
}

fn part_length(text: &str) -> usize {
    match text.as_bytes() {
        [quote @ (b'"' | b'`'), rest @ ..] => rest
            .iter()
            .position(|byte| byte == quote)
            .map_or(0, |end| end + 2),
        bytes => bytes
            .iter()
            .take_while(|&&byte| CONTINUES_WORD[usize::from(byte)])
            .count(),
    }
}

/// What the next name is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Expected {
    /// The verb that begins a statement.
    #[default]
    Verb,
    /// What `CREATE`, `ALTER`, `DROP` are about.
    Kind,
    /// A table or another target.
    Target,
    /// A word that completes the verb (`START TRANSACTION`, `SHOW TABLES`).
    Complement,
    Nothing,
}

const DEEPEST: usize = 32;

#[derive(Default)]
struct Summariser {
    text: String,
    full: bool,
    expected: Expected,
    depth: usize,
    /// At each depth: a verb came that takes FROM (it is no `EXTRACT(... FROM ...)`).
    takes_from: [bool; DEEPEST],
    /// At each depth: in a FROM clause, where a comma leads to a further table.
    in_from: [bool; DEEPEST],
    after_bracket: bool,
    after_distinct: bool,
}

impl Summariser {
    fn name(&mut self, name: &str) {
        let mut buffer = [0; 16];
        let keyword = upper(name, &mut buffer);
        if self.expected == Expected::Verb || self.begins_query(keyword) {
            self.verb(keyword, name);
        } else if !self.expects(keyword, name) {
            self.clause(keyword);
        }
        self.after_bracket = matches!(keyword, "AS" | "EXPLAIN" | "ANALYZE" | "VERBOSE");
        self.after_distinct = keyword == "DISTINCT";
    }

    fn begins_query(&self, keyword: &str) -> bool {
        match keyword {
            "SELECT" => true,
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" => self.after_bracket,
            _ => false,
        }
    }

    fn verb(&mut self, keyword: &str, name: &str) {
        self.expected = match keyword {
            "WITH" => return self.expected = Expected::Nothing,
            "SELECT" | "DELETE" => Expected::Nothing,
            "INSERT" | "UPDATE" | "MERGE" | "REPLACE" | "COPY" | "CALL" | "TRUNCATE" | "LOCK" => {
                Expected::Target
            }
            "CREATE" | "ALTER" | "DROP" => Expected::Kind,
            _ => Expected::Complement,
        };
        let takes_from = matches!(keyword, "SELECT" | "DELETE");
        if let Some(flag) = self.takes_from.get_mut(self.depth) {
            *flag = takes_from;
        }
        self.set_in_from(false);
        self.push(if keyword.is_empty() { name } else { keyword });
    }

    /// Deals with a name where one was expected; false where it is an ordinary word.
    fn expects(&mut self, keyword: &str, name: &str) -> bool {
        match self.expected {
            Expected::Kind | Expected::Target if self.skips(keyword) => {}
            Expected::Kind => {
                self.push(if keyword.is_empty() { name } else { keyword });
                self.expected = Expected::Target;
            }
            Expected::Target | Expected::Complement => {
                self.push(name);
                self.expected = Expected::Nothing;
            }
            Expected::Verb | Expected::Nothing => return false,
        }
        true
    }

    /// Words between a verb and what it is about.
    fn skips(&self, keyword: &str) -> bool {
        if self.expected == Expected::Kind {
            return matches!(
                keyword,
                "OR" | "REPLACE" | "UNIQUE" | "TEMP" | "TEMPORARY" | "UNLOGGED" | "MATERIALIZED" | "FOREIGN"
            );
        }
        matches!(
            keyword,
            "INTO"
                | "ONLY"
                | "TABLE"
                | "IF"
                | "NOT"
                | "EXISTS"
                | "IGNORE"
                | "FROM"
                | "LATERAL"
                | "CONCURRENTLY"
        )
    }

    fn clause(&mut self, keyword: &str) {
        match keyword {
            "FROM" if self.takes_from.get(self.depth) == Some(&true) && !self.after_distinct => {
                self.set_in_from(true);
                self.expected = Expected::Target;
            }
            "JOIN" | "INTO" => self.expected = Expected::Target,
            "WHERE" | "GROUP" | "ORDER" | "LIMIT" | "HAVING" | "SET" | "VALUES" | "UNION" | "RETURNING"
            | "WINDOW" | "FOR" | "OFFSET" => self.set_in_from(false),
            _ => {}
        }
    }

    fn symbol(&mut self, byte: u8) {
        match byte {
            b'(' => {
                self.depth += 1;
                self.expected = Expected::Nothing;
                if let Some(flag) = self.takes_from.get_mut(self.depth) {
                    *flag = false;
                }
                self.set_in_from(false);
            }
            b')' => self.depth = self.depth.saturating_sub(1),
            b',' if self.in_from.get(self.depth) == Some(&true) => self.expected = Expected::Target,
            b';' => {
                self.depth = 0;
                self.expected = Expected::Verb;
            }
            _ if self.expected != Expected::Verb => self.expected = Expected::Nothing,
            _ => {}
        }
        self.after_bracket = matches!(byte, b'(' | b')');
    }

    fn set_in_from(&mut self, value: bool) {
        if let Some(flag) = self.in_from.get_mut(self.depth) {
            *flag = value;
        }
    }

    fn push(&mut self, name: &str) {
        self.full |= self.text.len() + 1 + name.len() > MAX_SUMMARY;
        if self.full {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(name);
    }
}

/// `name` in upper case; empty where it is too long for a keyword or quoted.
fn upper<'a>(name: &str, buffer: &'a mut [u8; 16]) -> &'a str {
    match buffer.get_mut(..name.len()) {
        Some(room) if name.is_ascii() => {
            room.copy_from_slice(name.as_bytes());
            room.make_ascii_uppercase();
            std::str::from_utf8(room).unwrap_or_default()
        }
        _ => "",
    }
}
