//! Good packets in any order and in any pieces tell the same.

use proptest::prelude::*;

use super::drive::Drive;
use super::{CLIENT, SERVER, logged_in, ok, packet};
use crate::protocol::Side;

const COMMANDS: [&[u8]; 15] = [
    b"\x03select 1",
    b"\x03use x",
    b"\x16select ?",
    b"\x17\x01\0\0\0\0\x01\0\0\0",
    b"\x17\xff\xff\xff\xff\0\x01\0\0\0",
    b"\x1c\x01\0\0\0\x02\0\0\0",
    b"\x0e",
    b"\x09",
    b"\x04t\0%",
    b"\x11ann\0\x03abcstock\0\x21\0native\0",
    b"\x1f",
    b"\x19\x01\0\0\0",
    b"\x02db",
    b"file data",
    b"",
];

const ANSWERS: [&[u8]; 19] = [
    b"\0\0\0\x02\0\0\0",
    b"\0\x05\0\x0a\0\0\0",
    b"\xfe\0\0\x02\0",
    b"\xfe\0\0\x0a\0",
    b"\xfe\0\0\x42\0",
    b"\xfe\0\0\x02\0\0\0",
    b"\xfe",
    b"\x01",
    b"\x02",
    b"\x01\x05",
    b"\x05\0",
    b"\x03def",
    b"\x011",
    b"\xff\x28\x04#42000no",
    b"\xff\xff\xff\x01\x01",
    b"\xfbfile",
    b"\0\x09\0\0\0\x01\0\x01\0\0\0\0",
    b"\0\x09\0\0\0\0\0\x01\0\0\0\0",
    b"",
];

fn sent() -> impl Strategy<Value = (Side, Vec<u8>)> {
    let client = (0..4_u8, prop::sample::select(COMMANDS.to_vec()));
    let server = (0..5_u8, prop::sample::select(ANSWERS.to_vec()));
    prop_oneof![
        client.prop_map(|(sequence, payload)| (Side::Client, packet(sequence / 3, payload))),
        server.prop_map(|(sequence, payload)| (Side::Server, packet(sequence, payload))),
    ]
}

/// A connection joined late whose two sides are in step, or one after its login, with and without EOF packets.
fn begun(kind: u8) -> Drive {
    let deprecate_eof = 1 << 24;
    match kind {
        0 => {
            let mut drive = Drive::joined_late();
            drive.client(&packet(0, b"\x0e")).server(&ok(1, 2));
            drive
        }
        1 => logged_in(SERVER, CLIENT),
        _ => logged_in(SERVER | deprecate_eof, CLIENT | deprecate_eof),
    }
}

fn told(kind: u8, sent: &[(Side, Vec<u8>)], size: usize) -> Vec<String> {
    let mut drive = begun(kind);
    for (side, bytes) in sent {
        for piece in bytes.chunks(size) {
            drive.feed(*side, piece);
        }
    }
    std::mem::take(&mut drive.finish().log)
}

proptest! {
    #[test]
    fn pieces_tell_the_same(kind in 0..3_u8, sent in prop::collection::vec(sent(), 1..40), size in 1..9_usize) {
        let whole = told(kind, &sent, usize::MAX);
        // After garbage a boundary is looked for at a piece's first byte.
        if !whole.iter().any(|line| line.ends_with("garbage")) {
            prop_assert_eq!(told(kind, &sent, size), whole);
        }
    }
}
