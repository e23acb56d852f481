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
    #[inline]
    pub(super) fn of(word: &Word<'_>) -> Self {
        match word.length() {
            2..=8 => Self::short(word.head),
            9 | 10 => Self::long(word.head, word.length()),
            _ => Self::None,
        }
    }

    fn short(head: u64) -> Self {
        match head {
            NULL | TRUE | FALSE => Self::Constant,
            IS | NOT | SET => Self::Is,
            IN | ARRAY => Self::In,
            VALUES | VALUE => Self::Values,
            ROW => Self::Row,
            SELECT | WITH => Self::Query,
            RELEASE => Self::Name,
            ALL | PREPARE => Self::NoName,
            AND | OR | WHERE | BETWEEN | LIMIT | OFFSET | WHEN | THEN | ELSE | LIKE | BY | HAVING | ON
            | CASE | DISTINCT | INTERVAL | RETURN | FROM | FOR | TO | DEFAULT | DIV | MOD | FETCH => {
                Self::Before
            }
            _ => Self::None,
        }
    }

    fn long(head: u64, length: usize) -> Self {
        match (head, length) {
            (SAVEPOIN, 9) | (DEALLOCA, 10) => Self::Name,
            (RETURNIN, 9) => Self::Before,
            _ => Self::None,
        }
    }
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

const ALL: u64 = head(b"all");
const AND: u64 = head(b"and");
const ARRAY: u64 = head(b"array");
const BETWEEN: u64 = head(b"between");
const BY: u64 = head(b"by");
const CASE: u64 = head(b"case");
const DEALLOCA: u64 = head(b"deallocate");
const DEFAULT: u64 = head(b"default");
const DISTINCT: u64 = head(b"distinct");
const DIV: u64 = head(b"div");
const ELSE: u64 = head(b"else");
const FALSE: u64 = head(b"false");
const FETCH: u64 = head(b"fetch");
const FOR: u64 = head(b"for");
const FROM: u64 = head(b"from");
const HAVING: u64 = head(b"having");
const IN: u64 = head(b"in");
const INTERVAL: u64 = head(b"interval");
const IS: u64 = head(b"is");
const LIKE: u64 = head(b"like");
const LIMIT: u64 = head(b"limit");
const MOD: u64 = head(b"mod");
const NOT: u64 = head(b"not");
const NULL: u64 = head(b"null");
const OFFSET: u64 = head(b"offset");
const ON: u64 = head(b"on");
const OR: u64 = head(b"or");
const PREPARE: u64 = head(b"prepare");
const RELEASE: u64 = head(b"release");
const RETURN: u64 = head(b"return");
const RETURNIN: u64 = head(b"returning");
const ROW: u64 = head(b"row");
const SAVEPOIN: u64 = head(b"savepoint");
const SELECT: u64 = head(b"select");
const SET: u64 = head(b"set");
const THEN: u64 = head(b"then");
const TO: u64 = head(b"to");
const TRUE: u64 = head(b"true");
const VALUE: u64 = head(b"value");
const VALUES: u64 = head(b"values");
const WHEN: u64 = head(b"when");
const WHERE: u64 = head(b"where");
const WITH: u64 = head(b"with");
