//! What each dialect's tokens become.

use super::*;

/// Statement, and what becomes of it.
type Case = (&'static str, &'static str);

fn check(language: Language, cases: &[Case]) {
    for (statement, expected) in cases {
        let once = text(language, statement);
        assert_eq!(&once, expected, "{statement:?} as {language:?}");
        if once == EMPTY {
            continue;
        }
        assert_eq!(text(language, &once), once, "reading {once:?} again changes it");
        assert_eq!(
            hash_of(language, statement),
            hash_of(language, &once),
            "{statement:?}"
        );
    }
}

#[test]
fn literals_of_every_dialect() {
    let cases = [
        ("SELECT 1", "SELECT ?"),
        ("SELECT 'a'", "SELECT ?"),
        ("SELECT 'it''s'", "SELECT ?"),
        ("SELECT ''", "SELECT ?"),
        ("SELECT 'a' 'b'", "SELECT ?"),
        (
            "SELECT x'ff', X'ff', b'01', B'01', n'a', N'a'",
            "SELECT ?, ?, ?, ?, ?, ?",
        ),
        (
            "SELECT 0x1F, 1.5e-3, .5, 5., 1E+5, 1e5",
            "SELECT ?, ?, ?, ?, ?, ?",
        ),
        ("SELECT 2nd, 0b01", "SELECT ?, ?"),
        ("SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = ?"),
        ("SELECT true, FALSE, Null", "SELECT ?, ?, ?"),
        (
            "SELECT a IS NULL, b IS NOT TRUE",
            "SELECT a IS NULL, b IS NOT TRUE",
        ),
        (
            "ALTER TABLE t ADD c int NOT NULL",
            "ALTER TABLE t ADD c int NOT NULL",
        ),
        ("UPDATE t SET a = NULL", "UPDATE t SET a = ?"),
        ("SELECT t1.c2 FROM t1, utf8mb4", "SELECT t1.c2 FROM t1, utf8mb4"),
        ("SELECT größe FROM straße", "SELECT größe FROM straße"),
        ("SELECT -1, +1, - 1", "SELECT ?, ?, - ?"),
        (
            "SELECT a -1, b - 1, (a) -1, a * -1",
            "SELECT a -?, b - ?, (a) -?, a * ?",
        ),
        (
            "SELECT a WHERE b = -1 AND -2 < c LIMIT -1",
            "SELECT a WHERE b = ? AND ? < c LIMIT ?",
        ),
        ("SELECT DATE '2020-01-01'", "SELECT DATE ?"),
        ("SELECT 1;", "SELECT ?"),
        (";;SELECT 1; ; SELECT 2;;", "SELECT ?; SELECT ?"),
        ("", EMPTY),
        (" ;\n", EMPTY),
        ("-- ping", EMPTY),
        ("/* ping */ SELECT 1 -- done", "SELECT ?"),
        ("SELECT 1 -- 'x\n+ a", "SELECT ? + a"),
        ("SELECT\t1\r\n ,  2", "SELECT ?, ?"),
        ("SELECT a/*x*/b", "SELECT a b"),
        ("SELECT/*+ hint(t) */ a", "SELECT a"),
        ("SELECT a /*controller='users',traceparent='00-5b'*/", "SELECT a"),
        ("SAVEPOINT sp_17", "SAVEPOINT ?"),
        ("ROLLBACK TO SAVEPOINT sp_17", "ROLLBACK TO SAVEPOINT ?"),
        ("RELEASE SAVEPOINT sp_17", "RELEASE SAVEPOINT ?"),
        ("DEALLOCATE PREPARE s1", "DEALLOCATE PREPARE ?"),
        ("DEALLOCATE ALL", "DEALLOCATE ALL"),
    ];
    check(POSTGRESQL, &cases);
    check(OLD_STRINGS, &cases);
    check(MYSQL, &cases);
}

#[test]
fn lists_make_one_fingerprint() {
    let cases = [
        ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (?)"),
        (
            "SELECT a FROM t WHERE b IN (1, -2, 'c', NULL)",
            "SELECT a FROM t WHERE b IN (?)",
        ),
        (
            "SELECT a FROM t WHERE b NOT IN (?,?,?) AND c = 1",
            "SELECT a FROM t WHERE b NOT IN (?) AND c = ?",
        ),
        (
            "SELECT a WHERE (b, c) IN ((1, 2), (3, 4)) AND d",
            "SELECT a WHERE (b, c) IN ((?)) AND d",
        ),
        (
            "SELECT a WHERE b IN (f('x'), f('y'), f('z'))",
            "SELECT a WHERE b IN (f(?))",
        ),
        ("SELECT a WHERE 1 IN (b, c)", "SELECT a WHERE ? IN (b, c)"),
        (
            "SELECT a WHERE b IN (SELECT 1, c FROM d)",
            "SELECT a WHERE b IN (SELECT ?, c FROM d)",
        ),
        (
            "SELECT a WHERE b IN (SELECT c FROM d WHERE e IN (1, 2))",
            "SELECT a WHERE b IN (SELECT c FROM d WHERE e IN (?))",
        ),
        (
            "SELECT a ORDER BY FIELD(id, 3, 1, 2)",
            "SELECT a ORDER BY FIELD(id, ?)",
        ),
        ("SELECT a LIMIT 10, 20", "SELECT a LIMIT ?, ?"),
        ("INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (?)"),
        (
            "INSERT INTO t VALUES (1,'a'),(2,'b') , (3, NULL)",
            "INSERT INTO t VALUES (?)",
        ),
        (
            "INSERT INTO t (a) VALUES (1, now()), (2, f(3, (4)))",
            "INSERT INTO t (a) VALUES (?, now())",
        ),
        (
            "INSERT INTO t VALUES (1), (2) RETURNING a, b",
            "INSERT INTO t VALUES (?) RETURNING a, b",
        ),
        (
            "INSERT INTO t VALUES (DEFAULT), (DEFAULT)",
            "INSERT INTO t VALUES (DEFAULT)",
        ),
        (
            "INSERT INTO t VALUES (1 IN (2, 3)), (4)",
            "INSERT INTO t VALUES (? IN (?))",
        ),
        (
            "INSERT INTO t VALUES ROW(1), ROW(2)",
            "INSERT INTO t VALUES ROW(?)",
        ),
        (
            "INSERT INTO t VALUES (1), (2) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)",
            "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)",
        ),
        (
            "SELECT * FROM (VALUES (1, 2), (3, 4)) AS t (a, b)",
            "SELECT * FROM (VALUES (?)) AS t (a, b)",
        ),
        (
            "INSERT INTO t VALUES (1), (2); SELECT (1), (2)",
            "INSERT INTO t VALUES (?); SELECT (?), (?)",
        ),
    ];
    check(POSTGRESQL, &cases);
    check(MYSQL, &cases);
    check(
        POSTGRESQL,
        &[
            ("SELECT a = ANY (ARRAY[1, 2, 3])", "SELECT a = ANY (ARRAY[?])"),
            (
                "SELECT a WHERE b IN ($1::int, $2::int)",
                "SELECT a WHERE b IN (?::int)",
            ),
            ("SELECT a[1][2:3]", "SELECT a[?][?:?]"),
        ],
    );
}

#[test]
fn postgresql() {
    check(
        POSTGRESQL,
        &[
            (
                "SELECT \"a b\".\"c\"\"d\" FROM \"T\"",
                "SELECT \"a b\".\"c\"\"d\" FROM \"T\"",
            ),
            ("SELECT 'a\\b', 'c\\\\', d", "SELECT ?, ?, d"),
            ("SELECT E'a\\'b', e'\\\\', d", "SELECT ?, ?, d"),
            ("SELECT E'a\\'b'\n -- c\n 'd\\'e', f", "SELECT ?, f"),
            (
                "SELECT U&'d\\0061t', U&\"d\\0061t\"",
                "SELECT U&?, U&\"d\\0061t\"",
            ),
            (
                "SELECT $$a'b$$, $t$ $$ $u$ $t$, $größe$x$größe$",
                "SELECT ?, ?, ?",
            ),
            ("SELECT $1, $23::text", "SELECT ?, ?::text"),
            ("SELECT a$$b$$", "SELECT a$$b$$"),
            ("SELECT 1_000, 0o17, 0x_1F, 1.5e-3", "SELECT ?, ?, ?, ?"),
            ("SELECT a /* b /* c ' */ d */ e", "SELECT a e"),
            ("SELECT 5--1\n", "SELECT ?"),
            ("SELECT a -- b\rc", "SELECT a c"),
            ("SELECT a #>> '{b}', c #- 'd'", "SELECT a #>> ?, c #- ?"),
            ("SELECT a ? 'b', c ?| ARRAY['d']", "SELECT a ?, c ?| ARRAY[?]"),
            (
                "SELECT a ->> 'b', c @> '{}'::jsonb",
                "SELECT a ->> ?, c @> ?::jsonb",
            ),
            ("DO $$BEGIN PERFORM 'x'; END$$", "DO ?"),
            (
                "ALTER ROLE a PASSWORD 'SCRAM-SHA-256$4096:x'",
                "ALTER ROLE a PASSWORD ?",
            ),
        ],
    );
    check(
        OLD_STRINGS,
        &[
            ("SELECT 'a\\'b', c", "SELECT ?, c"),
            ("SELECT '\\\\', c", "SELECT ?, c"),
        ],
    );
}

#[test]
fn mysql() {
    check(
        MYSQL,
        &[
            ("SELECT 'a\\'b', \"c\\\"d\", \"e\"\"f\", g", "SELECT ?, ?, ?, g"),
            ("SELECT `a b`, `c``d` FROM `T`", "SELECT `a b`, `c``d` FROM `T`"),
            (
                "SELECT _utf8'a', _utf8mb4\"b\", N'c', x'4D', c",
                "SELECT ?, ?, ?, ?, c",
            ),
            ("SELECT 5--1", "SELECT ?-?"),
            ("SELECT 5 -- 1", "SELECT ?"),
            ("SELECT 5 --\t1", "SELECT ?"),
            ("SELECT a # 'b\n, c", "SELECT a, c"),
            ("SELECT a /* /* */ b", "SELECT a b"),
            ("SELECT /*!40001 SQL_NO_CACHE */ a", "SELECT SQL_NO_CACHE a"),
            ("/*!40101 SET NAMES 'utf8' */;", "SET NAMES ?"),
            (
                "/*M!100100 SET STATEMENT max_statement_time=1 FOR*/ SELECT a",
                "SET STATEMENT max_statement_time=? FOR SELECT a",
            ),
            ("SELECT @a, @@session.b, @'c'", "SELECT @a, @@session.b, @?"),
            (
                "CREATE USER 'a'@'%' IDENTIFIED BY 'b'",
                "CREATE USER ?@? IDENTIFIED BY ?",
            ),
            ("INSERT INTO t VALUE (1), (2)", "INSERT INTO t VALUE (?)"),
            ("SELECT a FROM 2024_orders", "SELECT a FROM ?"),
        ],
    );
}

/// What may be a literal under another setting, or is none because the application did not quote it, is left out.
#[test]
fn contradictions_fail_closed() {
    let cases = [
        ("SELECT a WHERE b = 'O'Brien' AND c", "SELECT a WHERE b = ?"),
        ("SELECT a WHERE b = 'O'Brien and D'Arcy'", "SELECT a WHERE b = ?"),
        ("SELECT a WHERE b = 'c", "SELECT a WHERE b = ?"),
        ("SELECT a WHERE b = 'c' AND d = 'e", "SELECT a WHERE b = ?"),
        ("SELECT a WHERE b = 'c', \\d", "SELECT a WHERE b = ?"),
    ];
    for language in [POSTGRESQL, OLD_STRINGS, MYSQL] {
        check(language, &cases);
    }
    // `standard_conforming_strings` is off, and nobody said so.
    check(
        POSTGRESQL,
        &[("SELECT a WHERE b = 'it\\'s mine' AND c", "SELECT a WHERE b = ?")],
    );
    // NO_BACKSLASH_ESCAPES is on, and nobody said so.
    check(
        MYSQL,
        &[
            ("SELECT a WHERE b = 'c\\' AND d = 'mine'", "SELECT a WHERE b = ?"),
            (
                "SELECT a WHERE b = 'c\\' AND d = mine AND e = 'f\\'",
                "SELECT a WHERE b = ?",
            ),
        ],
    );
    // To one server a comment, to another SQL.
    check(
        MYSQL,
        &[
            ("SELECT a /*!99999 it's */ , b, 'c'", "SELECT a it?"),
            ("SELECT a /*! 'b */ mine' */, c", "SELECT a ?"),
            ("SELECT a /*+ x('*/ mine') */, c", "SELECT a ?"),
            ("SELECT a /*! b", "SELECT a ?"),
        ],
    );
    check(
        POSTGRESQL,
        &[
            ("SELECT $tag$mine", "SELECT ?"),
            ("SELECT a, $tag", "SELECT a, ?"),
        ],
    );
}

#[test]
fn what_is_cut_short_ends_in_a_literal() {
    assert_eq!(
        text_of_cut(POSTGRESQL, "SELECT a FROM customer"),
        "SELECT a FROM ?"
    );
    assert_eq!(
        text_of_cut(POSTGRESQL, "SELECT a WHERE b = 'cus"),
        "SELECT a WHERE b = ?"
    );
    assert_eq!(text_of_cut(POSTGRESQL, "SELECT a, $ta"), "SELECT a, ?");
    assert_eq!(text_of_cut(MYSQL, "SELECT 'a\\'b', c, d"), "SELECT ?");
    let rows = "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd";
    assert_eq!(
        hash(MYSQL, rows.as_bytes(), true),
        hash_of(MYSQL, "INSERT INTO t VALUES (1, 'a')")
    );
}

#[test]
fn invalid_utf8_is_safe() {
    let mut statement = b"SELECT 'a\xff\xfe' FROM t\xff WHERE b = '\xc3".to_vec();
    assert_eq!(text(MYSQL, &statement), "SELECT ?");
    statement.extend_from_slice(b"\xa9'");
    assert_eq!(text(MYSQL, &statement), "SELECT ? FROM t\u{fffd} WHERE b = ?");
}

#[test]
fn case_spacing_and_comments_make_no_fingerprint() {
    let one = hash_of(
        POSTGRESQL,
        "SELECT a, b FROM pgbench_accounts WHERE aid = 1 AND interval_ = 2",
    );
    for other in [
        "select a , b from pgbench_accounts where aid=  7 and interval_=8",
        "Select /* x */ A,B From PGBENCH_ACCOUNTS Where AID = -1 And INTERVAL_ = 'x';",
    ] {
        assert_eq!(one, hash_of(POSTGRESQL, other), "{other}");
    }
    for other in [
        "SELECT a, b FROM pgbench_account WHERE aid = 1 AND interval_ = 2",
        "SELECT ab FROM pgbench_accounts WHERE aid = 1 AND interval_ = 2",
        "SELECT a, b FROM pgbench_accounts WHERE aid = 1 AND intervals = 2",
        "SELECT a, b FROM \"pgbench_accounts\" WHERE aid = 1 AND interval_ = 2",
    ] {
        assert_ne!(one, hash_of(POSTGRESQL, other), "{other}");
    }
    assert_ne!(
        hash_of(POSTGRESQL, "SELECT abcdefgh"),
        hash_of(POSTGRESQL, "SELECT abcdefghabcdefgh")
    );
    assert_ne!(hash_of(POSTGRESQL, "SELECT é"), hash_of(POSTGRESQL, "SELECT É"));
}

#[test]
fn summaries() {
    for (statement, expected) in [
        (
            "SELECT * FROM orders o JOIN customers AS c ON o.c = c.id, stock WHERE a = 1",
            "SELECT orders customers stock",
        ),
        ("select a, b from public.orders", "SELECT public.orders"),
        ("SELECT \"a\" FROM \"my orders\"", "SELECT \"my orders\""),
        ("INSERT INTO orders (a, b) VALUES (1, 2)", "INSERT orders"),
        ("INSERT INTO a SELECT * FROM b", "INSERT a SELECT b"),
        ("UPDATE ONLY orders SET a = 1 WHERE b = 2", "UPDATE orders"),
        ("DELETE FROM orders WHERE a = 1", "DELETE orders"),
        (
            "WITH x AS (SELECT a FROM b), y AS (DELETE FROM c RETURNING d) SELECT * FROM x",
            "SELECT b DELETE c SELECT x",
        ),
        (
            "SELECT EXTRACT(year FROM d) FROM e WHERE f IS DISTINCT FROM g",
            "SELECT e",
        ),
        ("SELECT a FROM (SELECT b FROM c) d, e", "SELECT SELECT c e"),
        ("SELECT a FROM b FOR UPDATE", "SELECT b"),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)", "CREATE INDEX i"),
        ("DROP TABLE IF EXISTS t", "DROP TABLE t"),
        ("TRUNCATE TABLE t", "TRUNCATE t"),
        ("COPY t (a) FROM STDIN", "COPY t"),
        ("EXPLAIN ANALYZE SELECT * FROM t", "EXPLAIN ANALYZE SELECT t"),
        ("BEGIN; SELECT a FROM b; COMMIT", "BEGIN SELECT b COMMIT"),
        ("START TRANSACTION READ ONLY", "START TRANSACTION"),
        ("SET search_path TO a, b", "SET search_path"),
        ("SHOW TABLES", "SHOW TABLES"),
        ("SELECT 1", "SELECT"),
        ("", EMPTY),
    ] {
        assert_eq!(
            summary(POSTGRESQL, &text(POSTGRESQL, statement)),
            expected,
            "{statement}"
        );
    }
    let many = format!("SELECT a FROM {}", "a_table_of_a_name, ".repeat(100));
    assert!(summary(POSTGRESQL, &text(POSTGRESQL, many)).len() <= MAX_SUMMARY);
}
