//! Streams cut anywhere, with holes, joined late.

use proptest::prelude::*;

use super::*;

#[test]
fn joined_while_listening() {
    for heard in [
        b"+1339518083.107412 [0 127.0.0.1:60866] \"keys\"\r\n".as_slice(),
        b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
        b">4\r\n$8\r\npmessage\r\n$1\r\na\r\n$1\r\na\r\n$1\r\nx\r\n",
    ] {
        let mut decoder = Redis::new();
        let mut replay = Replay::new(&mut decoder);
        replay.joined_late();
        replay.bytes(S, heard);
        replay.bytes(S, heard);
        assert_eq!(
            replay.end().0.said,
            [format!("Pinned(true) at Server {}", heard.len())]
        );
    }
}

#[test]
fn joined_inside_a_transaction() {
    let mut decoder = Redis::new();
    let mut replay = Replay::new(&mut decoder);
    replay.joined_late();
    replay.bytes(C, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    replay.bytes(S, b"+QUEUED\r\n");
    replay.bytes(C, b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n");
    replay.bytes(S, b"+QUEUED\r\n");
    let heard = replay.end().0;
    assert_brief(&heard, &["command GET Ok 9", "command BLPOP Ok 9"]);
    assert_eq!(heard.said, ["Transaction(Open) at Server 9"]);
}

#[test]
fn replies_to_what_went_by_before_answer_nothing() {
    let mut decoder = Redis::new();
    let mut replay = Replay::new(&mut decoder);
    replay.joined_late();
    replay.bytes(S, b"$3\r\nabc\r\n");
    replay.bytes(C, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    replay.bytes(S, b"$1\r\nv\r\n");
    let heard = replay.end().0;
    assert_brief(&heard, &["command GET Ok 7"]);
    assert_eq!(heard.said[0], "Unmatched at Server 0");
}

#[test]
fn after_a_loss_the_next_request_is_paired_again() {
    let mut decoder = Redis::new();
    let mut replay = Replay::new(&mut decoder);
    replay.bytes(C, &b"PING\r\n".repeat(4));
    replay.bytes(S, b"+PONG\r\n");
    replay.gap(S, 7);
    replay.bytes(S, b"+PONG\r\n+PONG\r\n");
    replay.bytes(C, b"GET k\r\n");
    replay.bytes(S, b"$100\r\nabc");
    replay.gap(S, 50);
    replay.bytes(S, &[b'x'; 47]);
    replay.bytes(S, b"\r\n");
    let heard = replay.end().0;
    assert_brief(
        &heard,
        &[
            "ping PING Ok 7",
            "ping PING ?",
            "ping PING ?",
            "ping PING ?",
            "command GET k Ok 108",
        ],
    );
}

#[test]
fn recorded_conversations_may_be_cut_anywhere() {
    for script in fixtures() {
        for cuts in [&[1][..], &[2], &[3, 7], &[1, 100], &[5000, 3]] {
            assert_cutting_changes_nothing(Redis::new, &script, cuts);
        }
    }
}

fn any_script() -> impl Strategy<Value = Script> {
    let run = prop_oneof![
        any::<prop::sample::Index>().prop_map(|index| {
            let runs: Script = fixtures()
                .into_iter()
                .flatten()
                .filter(|(_, run)| run.len() < 400)
                .collect();
            index.get(&runs).clone()
        }),
        (
            any::<bool>(),
            prop::collection::vec(
                prop_oneof![
                    Just(b'\r'),
                    Just(b'\n'),
                    Just(b'*'),
                    Just(b'$'),
                    Just(b'1'),
                    Just(b'?'),
                    any::<u8>()
                ],
                1..30
            )
        )
            .prop_map(|(client, bytes)| (if client { C } else { S }, bytes)),
    ];
    prop::collection::vec(run, 1..12)
}

proptest! {
    #[test]
    fn any_bytes_cut_anywhere_tell_the_same(
        recorded in 0..13usize,
        cuts in prop::collection::vec(1usize..200, 1..6),
    ) {
        assert_cutting_changes_nothing(Redis::new, &fixtures()[recorded], &cuts);
    }

    #[test]
    fn any_bytes_and_gaps_are_survived(script in any_script(), gaps in prop::collection::vec(any::<bool>(), 12)) {
        let mut decoder = Redis::new();
        let mut replay = Replay::new(&mut decoder);
        for ((side, run), gap) in script.iter().zip(gaps) {
            replay.bytes(*side, run);
            if gap {
                replay.gap(*side, 10);
            }
        }
        replay.finished(S);
        replay.end();
    }
}
