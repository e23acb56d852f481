//! Compressed connections.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::drive::Drive;
use super::{CLIENT, SERVER, logged_in, ok, packet, result_set};
use crate::protocol::mysql::recognise;
use crate::protocol::{Decoder, MAX_NEED, Side, Step};

const COMPRESS: u32 = 1 << 5;
const ZSTD: u32 = 1 << 26;

type Wrap = fn(u8, &[u8]) -> Vec<u8>;

fn header(sequence: u8, data: &[u8], inflated: usize) -> Vec<u8> {
    let mut bytes = packet(sequence, data);
    let inflated = (inflated as u32).to_le_bytes();
    bytes.splice(4..4, inflated[..3].iter().copied());
    bytes
}

fn stored(sequence: u8, plain: &[u8]) -> Vec<u8> {
    header(sequence, plain, 0)
}

fn zlib(sequence: u8, plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    header(sequence, &encoder.finish().unwrap(), plain.len())
}

fn zstd(sequence: u8, plain: &[u8]) -> Vec<u8> {
    header(
        sequence,
        &compress_to_vec(plain, CompressionLevel::Fastest),
        plain.len(),
    )
}

fn compressed() -> Drive {
    logged_in(SERVER | COMPRESS, CLIENT | COMPRESS)
}

fn query() -> Vec<u8> {
    packet(0, b"\x03select 1")
}

/// A result set whose rows don't pack well, about this long.
fn noisy(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 24) as u8 % 26
    };
    let row: Vec<u8> = std::iter::once(200).chain((0..200).map(|_| noise())).collect();
    let rows: Vec<&[u8]> = std::iter::repeat_n(&row[..], length / 205).collect();
    let mut set = result_set(true, 1, &rows, 2);
    for byte in &mut set {
        if byte.is_ascii_lowercase() {
            *byte = noise();
        }
    }
    set
}

#[test]
fn packets_of_each_kind_are_read() {
    for wrap in [stored as Wrap, zlib, zstd] {
        for flags in [COMPRESS, ZSTD] {
            let mut drive = logged_in(SERVER | flags, CLIENT | flags);
            drive
                .client(&wrap(0, &query()))
                .server(&wrap(1, &result_set(true, 1, &[b"\x011"], 2)));
            assert_eq!(drive.log.last().unwrap(), "answer 0 ok rows=1");
        }
    }
}

#[test]
fn a_plain_packet_may_span_compressed_ones_and_the_other_way_round() {
    for wrap in [stored as Wrap, zlib, zstd] {
        let mut drive = compressed();
        let (one, two) = (query(), packet(0, b"\x0e"));
        drive.client(&wrap(0, &[&one[..], &two[..]].concat()));
        let reply = [result_set(true, 1, &[b"\x011"], 2), ok(1, 2)].concat();
        for (sequence, part) in reply.chunks(7).enumerate() {
            drive.server(&wrap(sequence as u8 + 1, part));
        }
        let answers: Vec<&String> = drive
            .log
            .iter()
            .filter(|line| line.starts_with("answer"))
            .collect();
        assert_eq!(answers, ["answer 0 ok rows=1", "answer 1 ok"]);
    }
}

#[test]
fn large_packets_are_unwrapped_in_pieces_of_64_kib() {
    for wrap in [stored as Wrap, zlib, zstd] {
        for plain in [noisy(900_000), result_set(true, 1, &vec![&[0; 240][..]; 4000], 2)] {
            for length in [usize::MAX, 1448, 130] {
                let mut drive = compressed();
                drive.client(&stored(0, &query()));
                for part in wrap(1, &plain).chunks(length) {
                    drive.server(part);
                }
                assert_eq!(drive.exchanges.len(), 1, "{length} {:?}", drive.log);
                assert!(drive.exchanges[0].rows > Some(3900));
            }
        }
    }
}

#[test]
fn a_bomb_costs_64_kib_a_call() {
    let bomb = zlib(1, &vec![0; 16_000_000]);
    let mut decoder = compressed().decoder;
    let (mut at, mut calls) = (0, 0);
    while at < bomb.len() {
        let mut plain = Vec::new();
        match decoder.open(Side::Server, &bomb[at..], &mut plain) {
            Step::Take(taken) => at += taken as usize,
            step => panic!("{step:?}"),
        }
        assert!(plain.len() <= 64 * 1024);
        calls += 1;
    }
    assert!(calls >= 16_000_000 / 65536);
}

#[test]
fn a_zstd_packet_too_large_to_hold_is_not_read() {
    let mut decoder = compressed().decoder;
    let packet = zstd(1, &vec![0; 2_000_000]);
    assert_eq!(
        decoder.open(Side::Server, &packet, &mut Vec::new()),
        Step::Garbage
    );
}

#[test]
fn what_is_not_compressed_data_is_garbage() {
    let mut decoder = compressed().decoder;
    let mut open = |bytes: &[u8]| decoder.open(Side::Server, bytes, &mut Vec::new());
    assert_eq!(open(&header(1, b"plain text", 50)), Step::Garbage);
    assert_eq!(
        open(&header(1, b"\x78\x9c\xff\xff\xff\xff\xff\xff", 50)),
        Step::Garbage
    );
    assert_eq!(
        open(&header(1, b"\x28\xb5\x2f\xfd\xff\xff\xff\xff", 50)),
        Step::Garbage
    );
    assert_eq!(open(&[1, 0, 0]), Step::Need(7));
    assert!(matches!(open(&header(1, b"", 0)), Step::Take(7)));
}

/// What comes out is as old as the compressed packet's first byte.
#[test]
fn a_reply_begins_with_its_compressed_header() {
    for wrap in [stored as Wrap, zlib, zstd] {
        let mut drive = compressed();
        drive.client(&stored(0, &query()));
        let reply = wrap(1, &noisy(8000));
        assert!(reply.len() < MAX_NEED);
        drive
            .server(&reply[..7])
            .server(&reply[7..30])
            .server(&reply[30..]);
        assert_eq!(drive.exchanges[0].reply, Some((4, 6)));
    }
}

#[test]
fn compression_is_found_where_no_login_was_seen() {
    for wrap in [stored as Wrap, zlib, zstd] {
        let text = [&b"\x03select "[..], &[b'x'; 90]].concat();
        let command = wrap(0, &packet(0, &text));
        assert!(recognise(Side::Client, &command));
        let mut drive = Drive::joined_late();
        drive
            .client(&command)
            .server(&wrap(1, &result_set(true, 1, &[b"\x011"], 2)));
        assert_eq!(drive.log.last().unwrap(), "answer 0 ok rows=1");
        let mut drive = Drive::joined_late();
        drive.server(&wrap(1, &result_set(true, 1, &[b"\x011"], 2)));
        assert_eq!(drive.log, ["Unmatched"]);
        assert!(drive.decoder.wrapped(Side::Client));
    }
}

#[test]
fn a_compressed_connection_is_found_again_after_a_hole() {
    let mut drive = compressed();
    drive
        .client(&zlib(0, &query()))
        .server(&zlib(1, &noisy(9000))[..2000]);
    drive.lose(Side::Server);
    drive.server(&zlib(2, &noisy(9000))[40..]);
    drive
        .client(&zlib(0, &query()))
        .server(&zlib(1, &result_set(true, 1, &[b"\x011"], 2)));
    assert_eq!(drive.log.last().unwrap(), "answer 1 ok rows=1");
}
