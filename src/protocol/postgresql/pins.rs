//! What keeps a silent session at work: LISTEN, temporary tables, cursors that outlive their transaction, replication.
//!
//! What the server confirms counts, by its `CommandComplete` tags; where a tag does not tell enough, a [`Hint`] from the
//! statement's first words is kept until then.

use super::names;
use crate::protocol::Handle;

/// What a statement's first words say that its tag will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    /// `CREATE TEMP ...` that outlives its transaction.
    TemporaryTable,
    /// `DECLARE ... WITH HOLD`.
    HeldCursor,
    /// `UNLISTEN *`.
    UnlistenAll,
    /// `DEALLOCATE name`.
    Deallocate(Handle),
    /// `START_REPLICATION`: waits by design.
    Replication,
}

impl Hint {
    /// Reads the first words; cheap for everything else.
    #[inline]
    fn read(text: &[u8]) -> Self {
        let text = match text {
            [b'A'..=b'z', ..] => text,
            _ => text.trim_ascii_start(),
        };
        match text {
            [b'C' | b'c', b'R' | b'r', ..]
            | [b'D' | b'd', b'E' | b'e', b'A' | b'a' | b'C' | b'c', ..]
            | [b'U' | b'u', b'N' | b'n', ..]
            | [b'S' | b's', b'T' | b't', ..] => Self::read_words(text),
            _ => Self::None,
        }
    }

    fn read_words(text: &[u8]) -> Self {
        if let Some(rest) = after(text, b"CREATE") {
            return Self::read_create(rest);
        }
        if let Some(rest) = after(text, b"DEALLOCATE") {
            return deallocated(rest).map_or(Self::None, Self::Deallocate);
        }
        if after(text, b"UNLISTEN").is_some_and(|rest| rest.starts_with(b"*")) {
            return Self::UnlistenAll;
        }
        if after(text, b"DECLARE").is_some() && contains(text, b"WITH HOLD") {
            return Self::HeldCursor;
        }
        if after(text, b"START_REPLICATION").is_some() {
            return Self::Replication;
        }
        Self::None
    }

    fn read_create(rest: &[u8]) -> Self {
        let rest = after(rest, b"LOCAL")
            .or_else(|| after(rest, b"GLOBAL"))
            .unwrap_or(rest);
        let temporary = after(rest, b"TEMP")
            .or_else(|| after(rest, b"TEMPORARY"))
            .is_some();
        if temporary && !contains(rest, b"ON COMMIT DROP") {
            Self::TemporaryTable
        } else {
            Self::None
        }
    }
}

/// What follows the word and the white space after it.
fn after<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (front, rest) = text.split_at_checked(word.len())?;
    let ends = rest
        .first()
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    (ends && front.eq_ignore_ascii_case(word)).then(|| rest.trim_ascii_start())
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len())
        .any(|window| window.eq_ignore_ascii_case(words))
}

/// The statement that `DEALLOCATE [PREPARE] name` means: unquoted names are folded to lower case.
fn deallocated(rest: &[u8]) -> Option<Handle> {
    let name = after(rest, b"PREPARE")
        .filter(|name| !name.is_empty())
        .unwrap_or(rest);
    if let Some(quoted) = name.strip_prefix(b"\"") {
        let end = memchr::memchr(b'"', quoted)?;
        return (quoted.get(end + 1) != Some(&b'"')).then(|| names::statement(&quoted[..end]));
    }
    let end = name.iter().position(|byte| !is_name(*byte)).unwrap_or(name.len());
    let name = &name[..end];
    (!name.is_empty() && !name.eq_ignore_ascii_case(b"ALL"))
        .then(|| names::statement(&name.to_ascii_lowercase()))
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// What a confirmed command did to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// This prepared statement is gone.
    StatementGone(Handle),
    /// All prepared statements are gone, or one that can't be named.
    StatementsGone,
}

/// Whether a command of this tag pins nothing and undoes no pin.
#[inline]
pub(super) fn is_plain(tag: &[u8]) -> bool {
    matches!(
        tag,
        [b'S', b'E', b'L' | b'T', ..]
            | [b'I', b'N', ..]
            | [b'U', b'P', ..]
            | [b'D', b'E', b'L', ..]
            | [b'B', ..]
            | [b'C', b'O', ..]
    )
}

/// What pins a session now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pins {
    now: u8,
    /// What it was when the transaction began.
    settled: u8,
    /// The last command rolled back.
    rolled_back: bool,
}

const LISTEN: u8 = 1;
const TEMPORARY: u8 = 2;
const CURSOR: u8 = 4;
const REPLICATION: u8 = 8;

impl Pins {
    pub(super) const fn is_pinned(self) -> bool {
        self.now != 0
    }

    /// All of it in nine bits.
    pub(super) fn bits(self) -> u16 {
        u16::from(self.now) | u16::from(self.settled) << 4 | u16::from(self.rolled_back) << 8
    }

    /// What [`Pins::bits`] gave.
    pub(super) const fn from_bits(bits: u16) -> Self {
        Self {
            now: bits as u8 & 0xf,
            settled: (bits >> 4) as u8 & 0xf,
            rolled_back: bits >> 8 & 1 == 1,
        }
    }

    /// What a statement's text says beforehand. Only a session that listens is searched for an `UNLISTEN *` among other
    /// statements, as pools send it.
    #[inline]
    pub(super) fn hint(self, text: &[u8]) -> Hint {
        match Hint::read(text) {
            Hint::None if self.now & LISTEN != 0 && contains(text, b"UNLISTEN *") => Hint::UnlistenAll,
            hint => hint,
        }
    }

    /// The connection replicates from now on.
    pub(super) const fn replicate(&mut self) {
        self.now |= REPLICATION;
        self.settled |= REPLICATION;
    }

    /// A command was carried out.
    #[inline]
    pub(super) fn complete(&mut self, tag: &[u8], hint: Hint) -> Effect {
        self.rolled_back = tag == b"ROLLBACK";
        if hint == Hint::TemporaryTable {
            self.now |= TEMPORARY;
        }
        match tag.first() {
            Some(b'L' | b'U' | b'D' | b'C') => self.complete_rare(tag, hint),
            _ => Effect::None,
        }
    }

    /// A command that pins nothing was carried out, and no transaction or one is open.
    #[inline]
    pub(super) const fn complete_plain(&mut self, is_settled: bool) {
        self.rolled_back = false;
        if is_settled {
            self.settled = self.now;
        }
    }

    fn complete_rare(&mut self, tag: &[u8], hint: Hint) -> Effect {
        match tag {
            b"LISTEN" => self.now |= LISTEN,
            b"UNLISTEN" if hint == Hint::UnlistenAll => self.now &= !LISTEN,
            b"DECLARE CURSOR" if hint == Hint::HeldCursor => self.now |= CURSOR,
            b"CLOSE CURSOR ALL" => self.now &= !CURSOR,
            b"DISCARD TEMP" => self.now &= !TEMPORARY,
            b"DISCARD ALL" => {
                self.now &= REPLICATION;
                return Effect::StatementsGone;
            }
            b"DEALLOCATE" | b"DEALLOCATE ALL" => {
                return if let Hint::Deallocate(name) = hint {
                    Effect::StatementGone(name)
                } else {
                    Effect::StatementsGone
                };
            }
            _ => {}
        }
        Effect::None
    }

    /// No transaction is open: what was done in one that was rolled back is undone.
    pub(super) const fn settle(&mut self) {
        if self.rolled_back {
            self.now = self.settled;
            self.rolled_back = false;
        }
        self.settled = self.now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_first_words_only_where_they_matter() {
        let hint = |text: &str| Hint::read(text.as_bytes());
        assert_eq!(hint("  create temp table t (a int)"), Hint::TemporaryTable);
        assert_eq!(
            hint("CREATE LOCAL TEMPORARY TABLE t AS SELECT 1"),
            Hint::TemporaryTable
        );
        assert_eq!(hint("CREATE TEMP TABLE t (a int) ON COMMIT DROP"), Hint::None);
        assert_eq!(hint("CREATE TEMPERATURE"), Hint::None);
        assert_eq!(hint("declare c cursor with hold for select 1"), Hint::HeldCursor);
        assert_eq!(hint("DECLARE c CURSOR FOR SELECT 1"), Hint::None);
        assert_eq!(hint("UNLISTEN *"), Hint::UnlistenAll);
        assert_eq!(hint("UNLISTEN a"), Hint::None);
        assert_eq!(hint("START_REPLICATION SLOT s LOGICAL 0/0"), Hint::Replication);
        assert_eq!(hint("SELECT 1"), Hint::None);
        assert_eq!(hint(""), Hint::None);
    }

    #[test]
    fn deallocate_names_a_statement_as_the_server_does() {
        let gone = |text: &str| Hint::read(text.as_bytes());
        assert_eq!(
            gone("DEALLOCATE pdo_stmt_1"),
            Hint::Deallocate(names::statement(b"pdo_stmt_1"))
        );
        assert_eq!(
            gone("deallocate prepare Foo;"),
            Hint::Deallocate(names::statement(b"foo"))
        );
        assert_eq!(
            gone("DEALLOCATE \"S_1\""),
            Hint::Deallocate(names::statement(b"S_1"))
        );
        assert_eq!(
            gone("DEALLOCATE prepare"),
            Hint::Deallocate(names::statement(b"prepare"))
        );
        assert_eq!(gone("DEALLOCATE ALL"), Hint::None);
        assert_eq!(gone("DEALLOCATE \"a\"\"b\""), Hint::None);
        assert_eq!(gone("DEALLOCATE"), Hint::None);
    }

    #[test]
    fn a_rollback_takes_the_pin_with_it() {
        let mut pins = Pins::default();
        pins.complete(b"BEGIN", Hint::None);
        pins.complete(b"LISTEN", Hint::None);
        assert!(pins.is_pinned());
        pins.complete(b"ROLLBACK", Hint::None);
        pins.settle();
        assert!(!pins.is_pinned());
        pins.complete(b"LISTEN", Hint::None);
        pins.settle();
        pins.complete(b"ROLLBACK", Hint::None);
        pins.settle();
        assert!(pins.is_pinned());
    }

    #[test]
    fn what_can_not_be_named_is_all() {
        let mut pins = Pins::default();
        assert_eq!(pins.complete(b"DEALLOCATE", Hint::None), Effect::StatementsGone);
        assert_eq!(
            pins.complete(b"DEALLOCATE", Hint::Deallocate(1)),
            Effect::StatementGone(1)
        );
        assert_eq!(pins.complete(b"DISCARD ALL", Hint::None), Effect::StatementsGone);
    }
}
