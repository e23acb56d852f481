//! Conversations recorded from MariaDB 10.11, fed in any pieces. In `recorded/NAME.hex` a line is what one end sent in
//! one go (`C` the client, `S` the server) and `=` is between connections; `recorded/NAME.log` is what each connection
//! has to tell.
//!
//! - `client`: `mariadb` with a script (errors, a transaction, USE, LOCAL INFILE, several statements at once), plain and
//!   compressed; `mariadb-admin`; a wrong password.
//! - `python`: `PyMySQL`, and `mysql-connector-python` with prepared statements, plain and compressed.
//! - `node`: MariaDB's connector, pipelining with statement id -1, bulk inserts, plain, compressed and without
//!   pipelining; `mysql2`, compressed.
//! - `commands`: cursors, `COM_FIELD_LIST`, `COM_STATISTICS` and other rare commands byte by byte, without and with
//!   `CLIENT_DEPRECATE_EOF`; a killed session; too many connections.

use proptest::prelude::*;

use super::drive::Drive;
use super::{logged_in, packet};
use crate::protocol::Side;

/// One connection: what each end sent, in order.
type Conversation = Vec<(Side, Vec<u8>)>;

/// `CLIENT_COMPRESS`, `CLIENT_ZSTD_COMPRESSION_ALGORITHM` and `CLIENT_SSL`.
const COMPRESS: u32 = 1 << 5 | 1 << 26 | 1 << 11;

fn conversations(text: &str) -> Vec<Conversation> {
    let sent = |line: &str| {
        let side = if line.starts_with('C') {
            Side::Client
        } else {
            Side::Server
        };
        (side, hex(line.get(2..).unwrap_or_default()))
    };
    text.split("=\n")
        .map(|part| part.lines().map(sent).collect())
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Long texts are cut, as the recorded logs are.
fn shown(drive: &mut Drive) -> String {
    let short = |line: &String| line.chars().take(100).collect::<String>() + "\n";
    drive.finish().log.iter().map(short).collect()
}

fn whole(conversation: &Conversation) -> String {
    let mut drive = Drive::new();
    for (side, bytes) in conversation {
        drive.feed(*side, bytes);
    }
    shown(&mut drive)
}

fn in_pieces(conversation: &Conversation, mut length: impl FnMut() -> usize) -> String {
    let mut drive = Drive::new();
    for (side, bytes) in conversation {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(length().clamp(1, rest.len()));
            drive.feed(*side, piece);
            rest = after;
        }
    }
    shown(&mut drive)
}

/// What one end sends before the other answers comes as one piece.
fn joined(conversation: &Conversation) -> Conversation {
    let mut joined = Conversation::new();
    for (side, bytes) in conversation {
        match joined.last_mut() {
            Some((last, gathered)) if last == side => gathered.extend_from_slice(bytes),
            _ => joined.push((*side, bytes.clone())),
        }
    }
    joined
}

macro_rules! recorded {
    ($name:literal) => {
        (
            include_str!(concat!("recorded/", $name, ".hex")),
            include_str!(concat!("recorded/", $name, ".log")),
        )
    };
}

const ALL: [(&str, &str); 4] = [
    recorded!("client"),
    recorded!("python"),
    recorded!("node"),
    recorded!("commands"),
];

#[test]
fn tells_what_was_said() {
    for (hex, log) in ALL {
        let told: Vec<String> = conversations(hex).iter().map(whole).collect();
        assert_eq!(told.join("=\n"), log);
    }
}

#[test]
fn pieces_of_one_byte_tell_the_same() {
    for conversation in ALL.iter().flat_map(|(hex, _)| conversations(hex)) {
        assert_eq!(in_pieces(&conversation, || 1), whole(&conversation));
    }
}

#[test]
fn pieces_joined_tell_the_same() {
    for conversation in ALL.iter().flat_map(|(hex, _)| conversations(hex)) {
        assert_eq!(whole(&joined(&conversation)), whole(&conversation));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_pieces_tell_the_same(
        which in 0..ALL.len(),
        lengths in prop::collection::vec(prop_oneof![1..12_usize, 12..3000_usize], 1..60),
    ) {
        for conversation in conversations(ALL[which].0) {
            let mut cycle = lengths.iter().copied().cycle();
            let told = in_pieces(&conversation, || cycle.next().unwrap_or(1));
            prop_assert_eq!(told, whole(&conversation));
        }
    }

    /// A hole anywhere neither panics nor answers what was not asked: the driver checks each answer's id.
    #[test]
    fn a_hole_anywhere_is_survived(which in 0..ALL.len(), from in 0..100_000_usize, length in 1..4000_usize) {
        for conversation in conversations(ALL[which].0) {
            with_hole(&conversation, from, length);
        }
    }

    /// Packets with any payload never panic, and cost no more than their bytes.
    #[test]
    fn anything_is_survived(
        late: bool,
        sent in prop::collection::vec((any::<bool>(), 0..4_u8, prop::collection::vec(any::<u8>(), 0..40)), 1..40),
    ) {
        let mut drive = if late { Drive::joined_late() } else { logged_in(!COMPRESS, !COMPRESS) };
        for (client, sequence, payload) in sent {
            let side = if client { Side::Client } else { Side::Server };
            drive.feed(side, &packet(sequence, &payload));
        }
        drive.finish();
    }

    #[test]
    fn damage_anywhere_is_survived(which in 0..ALL.len(), at in 0..100_000_usize, byte: u8) {
        for mut conversation in conversations(ALL[which].0) {
            let total: usize = conversation.iter().map(|(_, bytes)| bytes.len()).sum();
            let mut at = at % total.max(1);
            for (_, bytes) in &mut conversation {
                if let Some(damaged) = bytes.get_mut(at) {
                    *damaged = byte;
                    break;
                }
                at -= bytes.len();
            }
            whole(&conversation);
        }
    }
}

/// Leaves out `length` bytes, counted over both sides.
fn with_hole(conversation: &Conversation, from: usize, length: usize) {
    let total: usize = conversation.iter().map(|(_, bytes)| bytes.len()).sum();
    let from = from % total.max(1);
    let mut drive = Drive::new();
    let mut at = 0;
    for (side, bytes) in conversation {
        let start = from.clamp(at, at + bytes.len()) - at;
        let end = (from + length).clamp(at, at + bytes.len()) - at;
        at += bytes.len();
        if start > 0 {
            drive.feed(*side, &bytes[..start]);
        }
        if start < end {
            drive.lose(*side);
        }
        if end < bytes.len() && end > start {
            drive.feed(*side, &bytes[end..]);
        } else if start == end && start == 0 {
            drive.feed(*side, bytes);
        }
    }
    drive.finish();
}
