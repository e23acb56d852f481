//! Which statements do no useful work: pools send them to see whether a connection lives, or to make it new.
//!
//! Read from the normalised text, once for each fingerprint; `docs/fingerprints.md` lists what counts and what does not.

use super::fingerprint::EMPTY;
use crate::protocol::Language;

/// Whether a statement is a validation: all its parts are.
#[must_use]
pub fn is_validation(language: Language, normalised: &str) -> bool {
    match language {
        Language::Postgresql { .. } => normalised.split(';').all(|part| is_sql(part, false)),
        Language::Mysql => normalised.split(';').all(|part| is_sql(part, true)),
        Language::Redis => matches!(normalised, "PING" | "RESET"),
        Language::Http => is_http(normalised),
    }
}

/// Whether a request with this fixed name is one.
#[must_use]
pub fn is_validation_name(name: &str) -> bool {
    matches!(
        name,
        "PING" | "SYNC" | "COM_PING" | "COM_RESET_CONNECTION" | "COM_CHANGE_USER" | "RESET"
    )
}

/// The liveness checks of InfluxDB and ClickHouse, CouchDB, and Elasticsearch's clients.
fn is_http(request: &str) -> bool {
    let Some((method, target)) = request.split_once(' ') else {
        return false;
    };
    match target {
        "/ping" | "/_up" => matches!(method, "GET" | "HEAD"),
        "/" => method == "HEAD",
        _ => false,
    }
}

fn is_sql(statement: &str, mysql: bool) -> bool {
    const MOST: usize = 80;
    let mut buffer = [0; MOST];
    let statement = statement.trim();
    let Some(lower) = buffer.get_mut(..statement.len()) else {
        return false;
    };
    lower.copy_from_slice(statement.as_bytes());
    lower.make_ascii_lowercase();
    let lower = std::str::from_utf8(lower).unwrap_or_default();
    lower.is_empty() || lower == EMPTY || is_reset(lower) || is_constant(lower) || (mysql && lower == "do ?")
}

/// A bare ROLLBACK, and what gives a session back as new.
fn is_reset(statement: &str) -> bool {
    matches!(
        statement,
        "rollback"
            | "rollback work"
            | "rollback transaction"
            | "abort"
            | "discard all"
            | "discard plans"
            | "discard sequences"
            | "discard temp"
            | "discard temporary"
            | "reset all"
            | "reset role"
            | "reset session authorization"
            | "deallocate all"
            | "deallocate prepare all"
            | "set session authorization default"
            | "close all"
            | "unlisten *"
            | "select pg_advisory_unlock_all()"
    )
}

/// `SELECT 1` and its kin: one constant, or a word about the server, from no table.
fn is_constant(statement: &str) -> bool {
    if matches!(statement, "values (?)" | "values(?)" | "values row(?)") {
        return true;
    }
    let Some(rest) = statement.strip_prefix("select") else {
        return false;
    };
    let rest = rest
        .trim_start()
        .strip_prefix("pg_catalog.")
        .unwrap_or(rest.trim_start());
    let constant = ["?", "(?)", "version()", "pg_is_in_recovery()"]
        .iter()
        .find_map(|constant| rest.strip_prefix(constant));
    constant.is_some_and(ends_constant)
}

/// What may follow the constant: `::int`, `AS alive` or `alive`, `FROM dual`.
fn ends_constant(rest: &str) -> bool {
    let mut words = rest.strip_suffix(" from dual").unwrap_or(rest).split(' ');
    let cast = words.next().unwrap_or_default();
    let ((Some("as"), name) | (name, None)) = (words.next(), words.next()) else {
        return false;
    };
    let is_cast = cast.is_empty() || cast.strip_prefix("::").is_some_and(is_name);
    is_cast && words.next().is_none() && name.is_none_or(is_name)
}

fn is_name(word: &str) -> bool {
    let bare = word.trim_matches(['"', '`']);
    bare.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !matches!(word, "from" | "where" | "limit" | "union" | "for" | "into")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fingerprint::normalise;

    const POSTGRESQL: Language = Language::Postgresql {
        standard_strings: true,
    };

    fn validates(language: Language, statement: &str) -> bool {
        let mut text = String::new();
        normalise(language, statement.as_bytes(), false, &mut text);
        is_validation(language, &text)
    }

    #[test]
    fn select_one_and_its_kin() {
        for statement in [
            "SELECT 1",
            "select 1;",
            "SELECT 'x'",
            "SELECT NULL",
            "SELECT TRUE",
            "SELECT -1",
            "SELECT (1)",
            "SELECT $1",
            "SELECT 1::int",
            "SELECT 1 AS one",
            "SELECT 1 \"alive\"",
            "SELECT 1 FROM DUAL",
            "SELECT 1 as ok from dual",
            "/* ping */ SELECT 1",
            "SELECT 1 -- ping",
            "-- ping",
            "",
            ";",
            "VALUES (1)",
            "SELECT version()",
            "SELECT pg_catalog.version()",
            "SELECT pg_is_in_recovery()",
            "ROLLBACK",
            "rollback transaction;",
            "ABORT",
            "DISCARD ALL",
            "DEALLOCATE ALL",
            "SET SESSION AUTHORIZATION DEFAULT",
            "RESET ALL; CLOSE ALL; UNLISTEN *",
            "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
        ] {
            assert!(validates(POSTGRESQL, statement), "{statement}");
            assert!(
                validates(Language::Mysql, statement) || statement.contains(['$', '"']),
                "{statement}"
            );
        }
        assert!(validates(Language::Mysql, "DO 1"));
    }

    #[test]
    fn useful_work() {
        for statement in [
            "SELECT 1 FROM t",
            "SELECT 1 WHERE a",
            "SELECT 1, 2",
            "SELECT 1 + f()",
            "SELECT f()",
            "SELECT now()",
            "SELECT a",
            "SELECT 1; SELECT a FROM b",
            "SELECT 1 LIMIT 1",
            "SELECT 1 FROM dual, t",
            "BEGIN",
            "COMMIT",
            "ROLLBACK TO SAVEPOINT a",
            "SET NAMES utf8mb4",
            "SET extra_float_digits = 3",
            "SHOW TRANSACTION ISOLATION LEVEL",
            "DO $$BEGIN PERFORM f(); END$$",
            "DEALLOCATE a",
        ] {
            assert!(!validates(POSTGRESQL, statement), "{statement}");
        }
        assert!(!validates(POSTGRESQL, &format!("SELECT {}", "a".repeat(200))));
    }

    #[test]
    fn others() {
        assert!(is_validation(Language::Redis, "PING"));
        assert!(!is_validation(Language::Redis, "GET ?"));
        assert!(is_validation(Language::Http, "GET /ping"));
        assert!(is_validation(Language::Http, "HEAD /"));
        assert!(!is_validation(Language::Http, "GET /"));
        assert!(!is_validation(Language::Http, "POST /query?q=?"));
        assert!(is_validation_name("COM_PING") && !is_validation_name("COM_STATISTICS"));
    }
}
