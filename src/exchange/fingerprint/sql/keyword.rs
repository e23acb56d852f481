//! The few keywords that change what the tokens around them mean.

use crate::exchange::fingerprint::sink::{Word, fold};

/// What a word means to the shape of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    /// Any other word.
    None,
    /// `NULL`, `TRUE`, `FALSE`: literals.
    Constant,
    /// `IS`, `NOT`, `SET`: what looks like a constant after it is syntax.
    Is,
    /// `IN`, `ARRAY`: a list may follow.
    In,
    /// `VALUES`: rows may follow.
    Values,
    /// `ROW`.
    Row,
    /// `SELECT`, `WITH`: a query, no list.
    Query,
    /// `SAVEPOINT`, `RELEASE`, `DEALLOCATE`: drivers number the names that follow.
    Name,
    /// `ALL`, `PREPARE`: no such name.
    NoName,
    /// An expression follows, so that a sign is a number's own.
    Before,
}

impl Keyword {
    /// What `word` means; one look at a table in which no two keywords share a slot.
    #[inline]
    pub(super) fn of(word: &Word<'_>) -> Self {
        match TABLE.get(slot(word.head)) {
            Some(entry) if entry.head == word.head && usize::from(entry.length) == word.length() => {
                entry.keyword
            }
            _ => Self::None,
        }
    }
}

#[rustfmt::skip]
const KEYWORDS: &[(Keyword, &[&str])] = &[
    (Keyword::Constant, &["null", "true", "false"]),
    (Keyword::Is, &["is", "not", "set"]),
    (Keyword::In, &["in", "array"]),
    (Keyword::Values, &["values", "value"]),
    (Keyword::Row, &["row"]),
    (Keyword::Query, &["select", "with"]),
    (Keyword::Name, &["savepoint", "release", "deallocate"]),
    (Keyword::NoName, &["all", "prepare"]),
    (Keyword::Before, &[
        "and", "between", "by", "case", "default", "distinct", "div", "else", "fetch", "for", "from", "having",
        "interval", "like", "limit", "mod", "offset", "on", "or", "return", "returning", "then", "to", "when", "where",
    ]),
];

/// A keyword as [`Word`] has it.
#[derive(Clone, Copy)]
struct Entry {
    head: u64,
    length: u8,
    keyword: Keyword,
}

const BITS: u32 = 7;

/// Found by trying numbers until no two keywords shared a slot; [`table`] does not compile with another.
const MULTIPLIER: u64 = 0xd019_152d_d94b_5e87;

const fn slot(head: u64) -> usize {
    (head.wrapping_mul(MULTIPLIER) >> (64 - BITS)) as usize
}

static TABLE: [Entry; 1 << BITS] = table();

const fn table() -> [Entry; 1 << BITS] {
    let mut table = [Entry {
        head: 0,
        length: 0,
        keyword: Keyword::None,
    }; 1 << BITS];
    let mut group = 0;
    while group < KEYWORDS.len() {
        let (keyword, names) = KEYWORDS[group];
        let mut at = 0;
        while at < names.len() {
            let name = names[at].as_bytes();
            let entry = &mut table[slot(head(name))];
            assert!(
                entry.length == 0,
                "two keywords share a slot: try another multiplier"
            );
            *entry = Entry {
                head: head(name),
                length: name.len() as u8,
                keyword,
            };
            at += 1;
        }
        group += 1;
    }
    table
}

/// The first 8 bytes of a word as [`Word::head`] has them.
const fn head(word: &[u8]) -> u64 {
    let mut number = 0;
    let mut at = 0;
    while at < 8 && at < word.len() {
        number |= (word[at] as u64) << (8 * at);
        at += 1;
    }
    fold(number)
}
