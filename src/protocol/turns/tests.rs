use proptest::prelude::*;

use super::replay::{Replay, Script, assert_cutting_changes_nothing, script, whole};
use super::*;

const C: Side = Side::Client;
const S: Side = Side::Server;

fn record(kind: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![kind, 3, 3];
    bytes.extend_from_slice(&(length as u16).to_be_bytes());
    bytes.resize(HEADER + length, 0xaa);
    bytes
}

fn records(parts: &[(u8, usize)]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|&(kind, length)| record(kind, length))
        .collect()
}

fn lines(tls: bool, script: &Script) -> Vec<String> {
    whole(&mut Turns::new(tls), script).lines()
}

/// Both hellos, and the server's encrypted handshake.
fn tls13() -> Script {
    vec![
        (C, records(&[(22, 512)])),
        (
            S,
            records(&[(22, 122), (20, 1), (23, 23), (23, 900), (23, 281), (23, 53)]),
        ),
    ]
}

#[test]
fn bursts_make_turns() {
    let script = vec![
        (C, b"a".to_vec()),
        (C, b"bc".to_vec()),
        (S, b"1".to_vec()),
        (S, b"22".to_vec()),
        (C, b"d".to_vec()),
        (S, b"3".to_vec()),
    ];
    assert_eq!(
        lines(false, &script),
        [
            "turn (turn) [0..3] -> Ok [0..3]",
            "turn (turn) [3..4] -> Ok [3..4]"
        ]
    );
}

#[test]
fn a_greeting_answers_nothing() {
    let script = script("S 220 hello\\r\\n\nC HELO\\r\\n\nS 250\\r\\n");
    assert_eq!(lines(false, &script), ["turn (turn) [0..6] -> Ok [11..16]"]);
}

#[test]
fn tls12_handshake_is_no_exchange() {
    let script = vec![
        (C, records(&[(22, 200)])),
        (S, records(&[(22, 80), (22, 900), (22, 4)])),
        (C, records(&[(22, 66), (20, 1), (22, 40)])),
        (S, records(&[(22, 200), (20, 1), (22, 40)])),
        (C, records(&[(23, 40)])),
        (S, records(&[(23, 300), (23, 30)])),
        (C, records(&[(21, 26)])),
    ];
    assert_eq!(
        lines(true, &script),
        ["turn (turn) [327..372] -> Ok [1255..1595]"]
    );
}

#[test]
fn tls12_servers_may_speak_first() {
    let script = vec![
        (C, records(&[(22, 200)])),
        (S, records(&[(22, 80), (22, 900), (22, 4)])),
        (C, records(&[(22, 66), (20, 1), (22, 40)])),
        (S, records(&[(20, 1), (22, 40), (23, 63)])),
        (C, records(&[(23, 48)])),
        (S, records(&[(23, 33)])),
    ];
    assert_eq!(
        lines(true, &script),
        ["turn (turn) [327..380] -> Ok [1118..1156]"]
    );
}

#[test]
fn tls13_finished_and_tickets_are_no_exchange() {
    let mut script = tls13();
    script.push((C, records(&[(20, 1), (23, 53), (23, 31)])));
    script.push((S, records(&[(23, 250), (23, 250), (23, 22)])));
    script.push((C, records(&[(23, 60), (23, 19)])));
    script.push((S, records(&[(23, 250), (23, 19)])));
    assert_eq!(
        lines(true, &script),
        [
            "turn (turn) [581..617] -> Ok [1920..1947]",
            "turn (turn) [617..682] -> Ok [1947..2202]"
        ]
    );
}

#[test]
fn tls13_tickets_at_rest_are_no_exchange() {
    let mut script = tls13();
    script.push((C, records(&[(20, 1), (23, 69)])));
    script.push((S, records(&[(23, 234), (23, 234)])));
    script.push((C, records(&[(23, 100)])));
    script.push((S, records(&[(23, 5000)])));
    assert_eq!(
        lines(true, &script),
        ["turn (turn) [597..702] -> Ok [1888..6893]"]
    );
}

#[test]
fn a_reply_mistaken_for_a_ticket_gives_no_number() {
    let mut script = tls13();
    script.push((C, records(&[(23, 53), (23, 40)])));
    script.push((S, records(&[(23, 400)])));
    script.push((C, records(&[(23, 40)])));
    script.push((S, records(&[(23, 400)])));
    assert_eq!(
        lines(true, &script),
        [
            "turn (turn) [575..620] -> none",
            "turn (turn) [620..665] -> Ok [1815..2220]"
        ]
    );
}

#[test]
fn tls13_client_certificates_are_no_exchange() {
    let mut script = tls13();
    script.push((C, records(&[(20, 1), (23, 1200), (23, 281), (23, 53), (23, 40)])));
    script.push((S, records(&[(23, 30)])));
    assert_eq!(
        lines(true, &script),
        ["turn (turn) [2072..2117] -> Ok [1410..1445]"]
    );
}

#[test]
fn a_finished_of_unknown_size_costs_no_exchange() {
    let mut script = tls13();
    script.push((C, records(&[(23, 1500)])));
    script.push((S, records(&[(23, 250), (23, 250)])));
    script.push((C, records(&[(23, 40)])));
    script.push((S, records(&[(23, 41)])));
    assert_eq!(
        lines(true, &script),
        ["turn (turn) [2022..2067] -> Ok [1920..1966]"]
    );
}

/// A hello that says what it is.
fn hello() -> Vec<u8> {
    let mut hello = record(22, 200);
    hello[5..10].copy_from_slice(&[1, 0, 0, 196, 3]);
    hello
}

#[test]
fn tls_is_found_where_nobody_told_of_it() {
    let mut script = vec![(C, b"STARTTLS".to_vec()), (S, b"go on".to_vec())];
    script.push((C, hello()));
    script.push((S, records(&[(22, 80)])));
    script.push((C, records(&[(22, 66), (20, 1), (22, 40)])));
    script.push((S, records(&[(20, 1), (22, 40)])));
    script.push((C, records(&[(23, 40)])));
    script.push((S, records(&[(23, 40)])));
    let expected = [
        "turn (turn) [0..8] -> Ok [0..5]",
        "turn (turn) [335..380] -> Ok [141..186]",
    ];
    assert_eq!(lines(false, &script), expected);
    for cuts in [&[1][..], &[3, 9], &[100]] {
        assert_cutting_changes_nothing(|| Turns::new(false), &script, cuts);
    }
    let late = vec![(C, record(23, 40)), (S, record(23, 50)), (C, record(23, 19))];
    assert_eq!(lines(false, &late), ["turn (turn) [0..45] -> Ok [0..55]"]);
}

#[test]
fn what_looks_like_tls_inside_a_greeting_is_not() {
    let script = vec![(S, records(&[(20, 121), (23, 5)])), (C, record(20, 1))];
    assert_cutting_changes_nothing(|| Turns::new(false), &script, &[126, 10]);
    assert_eq!(lines(false, &script), ["turn (turn) [0..6] -> ?"]);
}

#[test]
fn joined_late_tls_is_read_at_once() {
    let mut turns = Turns::new(true);
    let mut replay = Replay::new(&mut turns);
    replay.joined_late();
    replay.bytes(S, b"the middle of a record");
    replay.bytes(C, &record(23, 40));
    replay.bytes(S, &record(23, 200)[..100]);
    replay.gap(S, 105);
    replay.bytes(S, &record(23, 20));
    replay.finished(S);
    let heard = replay.end().0;
    assert_eq!(heard.lines(), ["turn (turn) [0..45] -> Ok [22..252]"]);
}

#[test]
fn a_hole_in_a_turn_ends_it_untold() {
    let mut turns = Turns::new(false);
    let mut replay = Replay::new(&mut turns);
    replay.bytes(C, b"ask");
    replay.gap(S, 10);
    replay.bytes(S, b"rest of a reply");
    replay.bytes(C, b"ask");
    replay.bytes(S, b"reply");
    let heard = replay.end().0;
    assert_eq!(
        heard.lines(),
        [
            "turn (turn) [0..3] -> ?",
            "turn (turn) [3..6] -> Ok [25..30] open"
        ]
    );
}

#[test]
fn garbage_is_no_record() {
    let mut told = Messages::new();
    assert_eq!(
        Turns::new(true).decode(C, b"GET / HTTP/1.1\r\n", &mut told),
        Step::Garbage
    );
    assert_eq!(
        Turns::new(true).decode(C, &[23, 3, 3, 0xff, 0xff, 0], &mut Messages::new()),
        Step::Garbage
    );
}

#[test]
fn recognises_tls_and_nothing_else() {
    let hello = hello();
    assert!(recognise(C, &hello));
    assert!(recognise(C, &hello[..10]));
    assert!(recognise(S, &records(&[(23, 40), (23, 50), (21, 26)])));
    for other in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"*1\r\n",
        &[22, 3, 1],
        &[22; 40],
        &[23, 3, 9, 0, 1, 0],
        b"",
    ] {
        assert!(!recognise(C, other), "{other:?}");
    }
}

proptest! {
    #[test]
    fn cutting_changes_nothing(
        runs in proptest::collection::vec((any::<bool>(), proptest::collection::vec((20u8..24, 1usize..300), 1..5)), 1..12),
        cuts in proptest::collection::vec(1usize..400, 1..8),
        tls in any::<bool>(),
    ) {
        let script = runs
            .into_iter()
            .map(|(client, parts)| (if client { C } else { S }, records(&parts)))
            .collect();
        assert_cutting_changes_nothing(|| Turns::new(tls), &script, &cuts);
    }

    #[test]
    fn any_bytes_are_survived(runs in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 1..80)), 0..12), tls in any::<bool>()) {
        let script = runs.into_iter().map(|(client, bytes)| (if client { C } else { S }, bytes)).collect();
        whole(&mut Turns::new(tls), &script);
    }
}
