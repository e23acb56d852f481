//! Holes, joining late, and bytes that mean harm.

use super::messages::{bare, bind, complete, execute, joined, message, parse, query, ready, row, sync};
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
