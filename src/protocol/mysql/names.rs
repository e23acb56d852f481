//! A user or database that a command asks for: it is the session's once the server has agreed.

use crate::protocol::{AskId, Session};

/// The longest name that is kept: MySQL's limit is 64 characters of at most four bytes.
const LONGEST: usize = 256;

/// What `COM_INIT_DB`, `USE` or `COM_CHANGE_USER` asked for.
#[derive(Debug)]
pub(super) struct Names {
    /// Which command asked.
    pub(super) ask: AskId,
    /// Whether the server has said OK.
    pub(super) agreed: bool,
    user: Option<Box<[u8]>>,
    database: Box<[u8]>,
}

impl Names {
    pub(super) fn new(ask: AskId, user: Option<&[u8]>, database: &[u8]) -> Self {
        Self {
            ask,
            agreed: false,
            user: user.map(kept),
            database: kept(database),
        }
    }

    pub(super) fn session(&self) -> Session<'_> {
        Session {
            user: self.user.as_deref(),
            database: Some(&self.database),
            application: None,
        }
    }
}

fn kept(name: &[u8]) -> Box<[u8]> {
    name.get(..LONGEST).unwrap_or(name).into()
}

/// The database of a `USE` statement that is nothing else.
pub(super) fn used_database(sql: &[u8]) -> Option<&[u8]> {
    let sql = sql.trim_ascii();
    let (verb, rest) = sql.split_at_checked(3)?;
    if sql.len() > LONGEST + 8 || !verb.eq_ignore_ascii_case(b"use") {
        return None;
    }
    let name = rest.strip_suffix(b";").unwrap_or(rest).trim_ascii();
    if let Some(quoted) = name.strip_prefix(b"`") {
        let inner = quoted.strip_suffix(b"`")?;
        return (!inner.is_empty() && !inner.contains(&b'`')).then_some(inner);
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
    let apart = rest.first().is_some_and(u8::is_ascii_whitespace);
    (apart && !name.is_empty() && name.iter().all(plain)).then_some(name)
}

/// Whether a statement makes a table that lives as long as its session.
pub(super) fn makes_temporary_table(sql: &[u8]) -> bool {
    let mut words = sql.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut is = |word: &[u8]| words.next().is_some_and(|next| next.eq_ignore_ascii_case(word));
    matches!(sql.trim_ascii_start().first(), Some(b'C' | b'c')) && is(b"create") && is(b"temporary")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_tables_are_told_from_others() {
        assert!(makes_temporary_table(b"  create\n TEMPORARY table t (id int)"));
        for other in [
            &b"create table temporary (id int)"[..],
            b"select 1",
            b"create",
            b"",
        ] {
            assert!(!makes_temporary_table(other));
        }
    }

    #[test]
    fn reads_use_statements_and_nothing_else() {
        assert_eq!(used_database(b"use shop"), Some(&b"shop"[..]));
        assert_eq!(used_database(b" USE\t`my shop` ; "), Some(&b"my shop"[..]));
        assert_eq!(used_database(b"Use`shop`"), Some(&b"shop"[..]));
        assert_eq!(used_database(b"user"), None);
        assert_eq!(used_database(b"use"), None);
        assert_eq!(used_database(b"use `"), None);
        assert_eq!(used_database(b"use a; select 1"), None);
    }

    #[test]
    fn keeps_no_more_than_a_name_can_be() {
        let names = Names::new(1, None, &[b'x'; 5000]);
        assert_eq!(names.session().database.map(<[u8]>::len), Some(LONGEST));
    }
}
