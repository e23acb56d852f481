//! Holes, joining late, and bytes that mean harm.

use proptest::prelude::*;

use super::messages::{
    about, bare, bind, complete, error, execute, joined, message, parse, query, ready, row, sync,
};
use super::player::{Player, lines, session};
use crate::protocol::postgresql::flight::MOST;
use crate::protocol::{MAX_NEED, Side};

#[test]
fn long_text_is_cut_and_long_bodies_are_skipped() {
    let mut player = session();
    let text = "x".repeat(100_000);
    player
        .client(&query(&text))
        .server(&joined(&[complete("SELECT 1"), ready(b'I')]));
    player.client(&joined(&[
        parse("S", &text),
        message(b'B', &[b"p\0S\0".to_vec(), vec![0; 100_000]].concat()),
    ]));
    player.client(&joined(&[execute("p", 0), sync()]));
    player.server(&joined(&[
        bare(b"12"),
        row(Some(&vec![b'y'; 100_000])),
        complete("SELECT 1"),
        ready(b'I'),
    ]));
    assert_eq!(lines(&player).len(), 2);
    for exchange in &player.seen.exchanges {
        let text = exchange.text.as_deref().expect("a text");
        assert!(text.ends_with("x...") && text.len() < MAX_NEED, "{}", text.len());
    }
}

#[test]
fn a_hole_inside_a_row_costs_nothing() {
    let mut player = session();
    player.client(&query("A"));
    let long = row(Some(&vec![b'y'; 5000]));
    player.server(&long[..1000]);
    player.lose(Side::Server, 3000);
    player.server(&joined(&[
        long[4000..].to_vec(),
        complete("SELECT 1"),
        ready(b'I'),
    ]));
    assert_eq!(lines(&player), ["query [A] ok 1"]);
    assert_eq!(player.seen.doubtful, 0);
}

#[test]
fn a_reply_to_nothing_is_told_once() {
    let mut player = Player::joined_late();
    player.server(&joined(&[message(b'T', b"\0\0"), row(None), row(None)]));
    player.server(&row(None)).server(&joined(&[
        complete("SELECT 3"),
        complete("SELECT 3"),
        ready(b'T'),
    ]));
    assert_eq!((player.seen.unmatched, player.seen.exchanges.len()), (1, 0));
    player
        .client(&query("A"))
        .server(&joined(&[complete("SELECT 1"), ready(b'I')]));
    assert_eq!(lines(&player), ["query [A] ok 1"]);
    assert_eq!(player.seen.unmatched, 1);
}

#[test]
fn asked_during_a_reply_to_nothing_waits_for_its_own() {
    let mut player = Player::joined_late();
    player.server(&joined(&[message(b'T', b"\0\0"), row(None)]));
    player.client(&query("A"));
    player.server(&joined(&[row(None), complete("SELECT 2"), ready(b'I')]));
    assert_eq!(player.seen.exchanges.len(), 0);
    player.server(&joined(&[complete("SELECT 1"), ready(b'I')]));
    assert_eq!(lines(&player), ["query [A] ok 1"]);
}

#[test]
fn a_reply_that_can_not_be_the_asks_is_not_taken_for_it() {
    let mut player = Player::joined_late();
    player.client(&joined(&[bind("", "S"), execute("", 0), sync()]));
    player.server(&joined(&[bare(b"12"), complete("SELECT 1"), ready(b'I')]));
    assert!(player.seen.exchanges.is_empty());
    assert_eq!((player.seen.garbage, player.seen.doubtful), (1, 1));
}

#[test]
fn too_many_in_flight_are_given_up() {
    let mut player = session();
    for _ in 0..=MOST {
        player.client(&query("A"));
    }
    assert_eq!((player.seen.garbage, player.seen.doubtful), (1, MOST));
}

#[test]
fn impossible_lengths_are_garbage_and_nothing_is_buffered_for_them() {
    for bytes in [
        &b"Q\0\0\0\x03"[..],
        b"Q\x7f\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"Y\0\0\0\x04",
        b"S\0\0\0\x05",
    ] {
        let mut player = session();
        player.client(bytes);
        assert_eq!(player.seen.garbage, 1, "{bytes:?}");
    }
    for bytes in [
        &b"Z\0\0\0\x06"[..],
        b"D\0\0\0\x01",
        b"1\0\0\0\x05",
        b"Z\0\0\0\x05X",
        b"B\0\0\0\x0c",
    ] {
        let mut player = session();
        player.client(&query("A")).server(bytes);
        assert_eq!(player.seen.garbage, 1, "{bytes:?}");
    }
}

const CASES: u32 = 1000;

/// Good messages of the client, then of the server.
fn good_messages() -> [Vec<Vec<u8>>; 2] {
    let client = vec![
        query("A"),
        query("START_REPLICATION 0/0"),
        query("DEALLOCATE s"),
        query("CREATE TEMP TABLE t ()"),
        parse("", "B"),
        parse("s", "C"),
        bind("", ""),
        bind("p", "s"),
        bind("p", ""),
        about(b'D', "P", ""),
        about(b'D', "P", "p"),
        about(b'D', "S", "s"),
        about(b'C', "S", "s"),
        about(b'C', "P", "p"),
        about(b'C', "P", ""),
        execute("", 0),
        execute("", 2),
        execute("p", 2),
        sync(),
        sync(),
        bare(b"H"),
        message(b'F', &[0; 10]),
        message(b'd', b"data"),
        bare(b"c"),
        message(b'f', b"why\0"),
        bare(b"X"),
    ];
    let server = vec![
        bare(b"1"),
        bare(b"2"),
        bare(b"3"),
        bare(b"n"),
        bare(b"s"),
        bare(b"I"),
        bare(b"c"),
        message(b't', &[0; 2]),
        message(b'T', &[0; 2]),
        row(None),
        row(Some(b"value")),
        message(b'd', b"data"),
        complete("SELECT 2"),
        complete("LISTEN"),
        complete("ROLLBACK"),
        complete("DISCARD ALL"),
        complete("DEALLOCATE"),
        ready(b'I'),
        ready(b'I'),
        ready(b'T'),
        ready(b'E'),
        error(b'E', "ERROR", "42P05"),
        error(b'E', "FATAL", "57P01"),
        error(b'N', "NOTICE", "00000"),
        message(b'G', &[0; 3]),
        message(b'H', &[0; 3]),
        message(b'W', &[0; 3]),
        message(b'V', &[0xff; 4]),
        message(b'S', b"a\0b\0"),
        message(b'A', b"\0\0\0\x01a\0b\0"),
    ];
    [client, server]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    /// The player checks that only what is open is answered, ended or prepared, and that a step never tells too much.
    #[test]
    fn good_messages_in_any_order_keep_the_contract(
        said in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), 1_usize..6), 1..150),
        late in any::<bool>(),
        cut in 1_usize..40,
    ) {
        let messages = good_messages();
        let mut whole = if late { Player::joined_late() } else { session() };
        let mut pieces = if late { Player::joined_late() } else { session() };
        for (client, which, times) in said {
            let side = if client { Side::Client } else { Side::Server };
            let bytes = which.get(&messages[side.index()]).repeat(times);
            if late || whole.understands(side, &bytes) {
                whole.play(side, &bytes);
                for piece in bytes.chunks(cut) {
 pieces.play(side, piece);
 }
                prop_assert!(late || whole.seen == pieces.seen, "{:?} {:?}", whole.seen, pieces.seen);
            }
        }
    }
}
