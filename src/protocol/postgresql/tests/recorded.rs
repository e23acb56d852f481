//! Sessions recorded from PostgreSQL 15 (`fixtures/record.py`), and the laws that hold for all of them.

use proptest::prelude::*;

use super::messages::message;
use super::player::{Exchange, Player, Seen, play, recording};
use crate::protocol::Side;

const PSQL: &[u8] = include_bytes!("../fixtures/psql.rec");
const SIMPLE: &[u8] = include_bytes!("../fixtures/pgbench-simple.rec");
const EXTENDED: &[u8] = include_bytes!("../fixtures/pgbench-extended.rec");
const PREPARED: &[u8] = include_bytes!("../fixtures/pgbench-prepared.rec");
const PIPELINE: &[u8] = include_bytes!("../fixtures/pgbench-pipeline.rec");
const PSYCOPG: &[u8] = include_bytes!("../fixtures/psycopg.rec");
const ASYNCPG: &[u8] = include_bytes!("../fixtures/asyncpg.rec");
const FUNCTION_CALL: &[u8] = include_bytes!("../fixtures/function-call.rec");
const REPLICATION: &[u8] = include_bytes!("../fixtures/replication.rec");
const TERMINATED: &[u8] = include_bytes!("../fixtures/terminated.rec");
const CANCELLED: &[u8] = include_bytes!("../fixtures/cancel.rec");
const CANCEL_REQUEST: &[u8] = include_bytes!("../fixtures/cancel-request.rec");
const REFUSED: &[u8] = include_bytes!("../fixtures/login-refused.rec");
const NO_DATABASE: &[u8] = include_bytes!("../fixtures/login-nodb.rec");
const MD5: &[u8] = include_bytes!("../fixtures/login-md5.rec");
const PASSWORD: &[u8] = include_bytes!("../fixtures/login-password.rec");

const ALL: [&[u8]; 16] = [
    PSQL,
    SIMPLE,
    EXTENDED,
    PREPARED,
    PIPELINE,
    PSYCOPG,
    ASYNCPG,
    FUNCTION_CALL,
    REPLICATION,
    TERMINATED,
    CANCELLED,
    CANCEL_REQUEST,
    REFUSED,
    NO_DATABASE,
    MD5,
    PASSWORD,
];

fn seen(bytes: &[u8]) -> Seen {
    play(&recording(bytes), &[])
}

/// Everything told but the transaction's state.
fn asides(seen: &Seen) -> Vec<&str> {
    seen.asides
        .iter()
        .map(String::as_str)
        .filter(|line| !line.starts_with("Transaction"))
        .collect()
}

#[test]
fn psql_says_each_statement_once() {
    let seen = seen(PSQL);
    let x9000 = "query [SELECT repeat('x', 9000) FROM generate_series(1, 1);] ok 1";
    assert_eq!(
        seen.lines(),
        [
            "query [SELECT 1;] ok 1",
            "query [SELECT 1 AS one; SELECT 2 AS two; UPDATE t SET b = 'x' WHERE a = 1;] ok 2",
            "query [INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, '');] ok 3",
            "query [SELECT * FROM t ORDER BY a;] ok 3",
            "query [SELECT nope;] error 42703",
            "query [;] ok",
            "query [DO $$ BEGIN RAISE NOTICE 'hello'; END $$;] ok",
            "query [LISTEN news;] ok",
            "query [NOTIFY news, 'x';] ok",
            "query [UNLISTEN *;] ok",
            "query [SET application_name = 'renamed';] ok",
            "query [SET standard_conforming_strings = off;] ok",
            "query [SELECT 'a\\\\b';] ok 1",
            "query [BEGIN;] ok",
            "query [SELECT 1;] ok 1",
            "query [SELECT broken;] error 42703",
            "query [ROLLBACK;] ok",
            "query [CREATE TEMP TABLE tt (a int);] ok",
            "query [DISCARD ALL;] ok",
            "query [BEGIN;] ok",
            "query [DECLARE c CURSOR FOR SELECT * FROM t;] ok",
            "query [FETCH 2 FROM c;] ok 2",
            "query [COMMIT;] ok",
            "query [COPY c FROM STDIN;] ok 2",
            "query [COPY c TO STDOUT;] ok 2",
            "query [COPY  ( SELECT 7 ) TO STDOUT ] ok 1",
            "query [COPY c FROM STDIN;] error 22P02",
            x9000,
        ]
    );
    assert_eq!((seen.doubtful, seen.unmatched, seen.garbage), (0, 0, 0));
}

#[test]
fn psql_shows_who_it_is_and_when_it_is_pinned() {
    let seen = seen(PSQL);
    assert_eq!(
        asides(&seen),
        [
            "Login(Begun)",
            "session user=watch database=app application=psql",
            "session application=psql",
            "Login(Done)",
            "Pinned(true)",
            "Pinned(false)",
            "session application=renamed",
            "Pinned(true)",
            "Pinned(false)",
            "session application=psql",
            "Goodbye",
        ]
    );
    let states: Vec<_> = seen
        .asides
        .iter()
        .filter(|line| line.starts_with("Transaction"))
        .collect();
    assert_eq!(states[14], "Transaction(Open)");
    assert_eq!(states[16], "Transaction(Failed)");
    assert_eq!(states[17], "Transaction(None)");
}

#[test]
fn all_of_pgbench_is_seen() {
    let unnamed = [
        "Login(Begun)",
        "session user=watch database=app application=pgbench",
    ];
    for (bytes, exchanges) in [(SIMPLE, 35), (EXTENDED, 35), (PREPARED, 42), (PIPELINE, 9)] {
        let seen = seen(bytes);
        assert_eq!(seen.exchanges.len(), exchanges);
        assert_eq!(asides(&seen)[..2], unnamed);
        assert_eq!((seen.doubtful, seen.unmatched, seen.garbage), (0, 0, 0));
        assert!(
            seen.exchanges
                .iter()
                .all(|it| it.outcome == "ok" && it.text.is_some() && it.reply.is_some())
        );
    }
}

#[test]
fn exchanges_fill_both_streams_without_a_gap() {
    for bytes in [SIMPLE, EXTENDED, PREPARED, PIPELINE] {
        let seen = seen(bytes);
        for pair in seen.exchanges.windows(2) {
            let [before, after] = pair else { continue };
            assert_eq!(before.request.1 + 1, after.request.0, "{before:?} {after:?}");
            assert_eq!(
                before.reply.map(|reply| reply.1 + 1),
                after.reply.map(|reply| reply.0)
            );
        }
    }
}

#[test]
fn statements_prepared_once_keep_their_text() {
    let lines = seen(PREPARED).lines();
    let text = "[UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2;] ok";
    assert_eq!(
        lines
            .iter()
            .filter(|line| **line == format!("prepare {text}"))
            .count(),
        1
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| **line == format!("execute {text} 1"))
            .count(),
        5
    );
}

#[test]
fn a_pipeline_with_several_syncs_is_told_apart() {
    let seen = seen(PSYCOPG);
    assert_eq!(
        seen.lines()[..10],
        [
            "execute [INSERT INTO t VALUES ($1,$2) ON CONFLICT DO NOTHING] ok 1",
            "execute [SELECT * FROM t WHERE a=$1] ok 1",
            "execute [SELECT * FROM t WHERE a=$1] ok 0",
            "execute [UPDATE t SET b=$1 WHERE a=$2] ok 1",
            "execute [SELECT count(*) FROM t] ok 1",
            "execute [SELECT 1] ok 1",
            "execute [SELECT 1/$1::int] error 22012",
            "execute [SELECT * FROM t WHERE a=$1] error 22012",
            "execute [SELECT 4 + $1] error 22012",
            "ping [SYNC] ok",
        ]
    );
    // What was skipped is answered by the ReadyForQuery of its Sync.
    let skipped = &seen.exchanges[7];
    assert_eq!(skipped.reply, seen.exchanges[8].reply);
    assert_eq!(skipped.reply.map(|(first, last)| last - first), Some(5));
}

#[test]
fn portals_run_in_pieces_and_copies_are_counted() {
    let seen = seen(ASYNCPG);
    let lines = seen.lines();
    let piece = |rows: u8| format!("execute [SELECT g FROM generate_series(1,$1::int) g] ok {rows}");
    assert_eq!(lines[5..8], [piece(3), piece(3), piece(4)]);
    assert_eq!(lines[8..12], [piece(2), piece(2), piece(2), piece(0)]);
    assert!(lines.contains(&"query [COPY \"c\" FROM STDIN (FORMAT binary) ] ok 2".to_string()));
    assert_eq!(asides(&seen)[4..], ["Pinned(true)", "Pinned(false)", "Goodbye"]);
    let lines = self::seen(PSYCOPG).lines();
    assert!(lines.contains(&"query [FETCH FORWARD 3 FROM \"named\"] ok 3".to_string()));
    assert!(lines.contains(&"query [COPY c FROM STDIN] ok 2".to_string()));
    assert!(lines.contains(&"query [COPY c FROM STDIN] error 22P02".to_string()));
}

#[test]
fn what_is_flushed_without_execute_is_a_prepare() {
    let lines = seen(ASYNCPG).lines();
    assert_eq!(lines[0], "prepare [SELECT * FROM t WHERE a=$1] ok");
    assert_eq!(lines[1], "execute [SELECT * FROM t WHERE a=$1] ok 1");
}

#[test]
fn function_calls_are_exchanges() {
    let lines = seen(FUNCTION_CALL).lines();
    assert_eq!(
        lines
            .iter()
            .filter(|line| **line == "command [FUNCTION CALL] ok")
            .count(),
        4
    );
    assert!(lines.contains(&"command [FUNCTION CALL] error 42704".to_string()));
}

#[test]
fn replication_pins_and_never_ends() {
    let seen = seen(REPLICATION);
    let last = "query [START_REPLICATION SLOT \"s\" LOGICAL 0/0] ok waiting";
    assert_eq!(seen.lines().last().map(String::as_str), Some(last));
    assert_eq!(asides(&seen)[3..], ["Login(Done)", "Pinned(true)", "Goodbye"]);
    assert_eq!((seen.unmatched, seen.garbage), (0, 0));
}

#[test]
fn a_fatal_error_ends_the_exchange_it_hits() {
    let lines = seen(TERMINATED).lines();
    assert_eq!(
        lines,
        ["query [select pg_terminate_backend(pg_backend_pid())] error 57P01"]
    );
}

#[test]
fn a_cancelled_query_and_its_cancel_request() {
    assert_eq!(
        seen(CANCELLED).lines(),
        ["query [SELECT pg_sleep(10)] error 57014"]
    );
    let request = seen(CANCEL_REQUEST);
    assert_eq!((request.exchanges.len(), asides(&request)), (0, vec!["Goodbye"]));
}

#[test]
fn logins_are_no_exchanges_and_show_their_refusal() {
    assert_eq!(asides(&seen(REFUSED))[2..], ["Login(Failed(\"28P01\"))"]);
    assert_eq!(asides(&seen(NO_DATABASE))[2..], ["Login(Failed(\"3D000\"))"]);
    for bytes in [MD5, PASSWORD] {
        assert_eq!(seen(bytes).lines(), ["query [SELECT 1] ok 1"]);
    }
    assert!(seen(REFUSED).exchanges.is_empty());
}

#[test]
fn no_secret_gets_into_a_message() {
    for bytes in ALL {
        let seen = format!("{:?}", seen(bytes));
        assert!(!seen.contains("hunter2") && !seen.contains("secret"), "{seen}");
    }
}

#[test]
fn one_byte_at_a_time_says_the_same() {
    for bytes in ALL {
        let said = recording(bytes);
        assert_eq!(play(&said, &[1]), play(&said, &[]));
    }
}

/// The exchanges of `some` are all in `all`, bytes and all.
fn is_part(some: &[Exchange], all: &[Exchange]) -> Result<(), TestCaseError> {
    for exchange in some {
        let truth = all.iter().find(|it| it.request == exchange.request);
        let truth = truth.ok_or_else(|| TestCaseError::fail(format!("invented {exchange:?}")))?;
        prop_assert_eq!(
            (&truth.reply, &truth.outcome, truth.rows),
            (&exchange.reply, &exchange.outcome, exchange.rows)
        );
        prop_assert!(
            exchange.text.is_none() || exchange.text == truth.text,
            "{:?} {:?}",
            exchange,
            truth
        );
    }
    Ok(())
}

/// Sessions that wait for each reply, so that what belongs together is known again after a loss.
const IN_TURN: [&[u8]; 7] = [PSQL, SIMPLE, EXTENDED, PREPARED, PIPELINE, ASYNCPG, FUNCTION_CALL];

proptest! {
    #[test]
    fn cuts_change_nothing(which in 0..ALL.len(), cuts in prop::collection::vec(1_usize..200, 1..20)) {
        let said = recording(ALL[which]);
        prop_assert_eq!(play(&said, &cuts), play(&said, &[]));
    }

    #[test]
    fn joined_late_nothing_is_invented(which in 0..IN_TURN.len(), from in 0_usize..80) {
        let said = recording(IN_TURN[which]);
        let all = play(&said, &[]);
        let mut player = Player::joined_late();
        let from = from.min(said.len());
        for (index, (side, bytes)) in said.iter().enumerate() {
            if index < from {
                player.lose(*side, bytes.len() as u64);
            } else {
                player.play(*side, bytes);
            }
        }
        is_part(&player.seen.exchanges, &all.exchanges)?;
    }

    #[test]
    fn a_loss_anywhere_invents_nothing(
        which in 0..IN_TURN.len(), lost in 0_usize..100, more in 0_usize..3, part in 0_usize..3,
    ) {
        let said = recording(IN_TURN[which]);
        let all = play(&said, &[]);
        let mut player = Player::default();
        for (index, (side, bytes)) in said.iter().enumerate() {
            let kept = if (lost..=lost + more).contains(&index) { bytes.len() * part / 3 } else { bytes.len() };
            player.play(*side, &bytes[..kept]);
            if kept < bytes.len() {
                player.lose(*side, (bytes.len() - kept) as u64);
            }
        }
        is_part(&player.seen.exchanges, &all.exchanges)?;
        prop_assert!(player.seen.exchanges.len() + 10 >= all.exchanges.len() || lost < 10);
    }

    #[test]
    fn changed_bytes_never_panic(
        which in 0..ALL.len(), at in 0_usize..4000, to in any::<u8>(), late in any::<bool>(), cut in 1_usize..300,
    ) {
        let mut player = if late { Player::joined_late() } else { Player::default() };
        for (index, (side, mut bytes)) in recording(ALL[which]).into_iter().enumerate() {
            let place = (at + index * 7) % bytes.len();
            if (at + index) % 3 == 0 {
                bytes[place] = to;
            }
            for piece in bytes.chunks(cut) {
                player.play(side, piece);
            }
        }
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..200)), 1..30)) {
        let mut player = Player::joined_late();
        for (client, bytes) in noise {
            player.play(if client { Side::Client } else { Side::Server }, &bytes);
        }
    }

    #[test]
    fn well_framed_nonsense_never_panics(
        messages in prop::collection::vec((any::<bool>(), prop::sample::select(TAGS), prop::collection::vec(0_u8..4, 0..12)), 1..60),
    ) {
        let mut player = Player::joined_late();
        for (client, tag, body) in messages {
            let side = if client { Side::Client } else { Side::Server };
            player.play(side, &message(tag, &body));
        }
    }
}

/// Every tag there is.
const TAGS: &[u8] = b"123ABCDEFGHIKNPQRSTVWXZcdfnpstv";
