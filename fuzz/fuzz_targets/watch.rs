//! Segments of a few connections with any flags, order, gaps and bytes, through everything, to a summary in JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhound::capture::Frame;
use sockhound::clock::Timestamp;
use sockhound::packet::LinkType;
use sockhound::profile::{Config, Listing, Profile};
use sockhound::protocol::catalog::well_known_targets;
use sockhound::watch::{Plan, Provenance, Recorder, Session};
use sockhound_fuzz::Input;

const PORTS: [u16; 6] = [5432, 3306, 6379, 8086, 443, 9999];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let plan = Plan {
        targets: well_known_targets(),
        targets_written: Vec::new(),
        profile: Config::default(),
        max_connections: 4,
        max_statements: 4,
        max_connection_bytes: usize::MAX,
        max_buffered: 1 << 20,
        max_text_bytes: usize::MAX,
        show_literals: false,
        connections: Listing::All,
    };
    let mut session = Session::new(plan, Recorder::new(Profile::new(Config::default()), None));
    let mut sequences = [[1_u32; 2]; 16];
    let mut now = 0_i64;
    while !input.is_empty() {
        let (which, step, flags, length) = (input.byte(), input.byte(), input.byte(), input.byte());
        now += i64::from(step) * i64::from(step) * 100_000;
        let from_server = usize::from(which >> 7);
        let connection = usize::from(which & 15);
        let Some(sequence) = sequences.get_mut(connection).map(|pair| &mut pair[from_server]) else {
            continue;
        };
        // Now and then back or ahead: retransmissions and holes.
        let at = match which & 0x70 {
            0x70 => sequence.wrapping_sub(u32::from(length)),
            0x60 => sequence.wrapping_add(u32::from(step)),
            _ => *sequence,
        };
        let payload = input.bytes(usize::from(length));
        *sequence = at
            .wrapping_add(payload.len() as u32)
            .wrapping_add(u32::from(flags & 3 != 0));
        let bytes = frame(connection as u16, from_server == 1, at, flags, payload);
        session.frame(&Frame {
            wire_length: bytes.len() as u32,
            bytes: &bytes,
            time: Timestamp::from_nanos(now),
            link: LinkType::RawIp,
            interface: 0,
            interfaces: &[],
        });
    }
    let summary = session.summary(&Provenance::default());
    for service in &summary.services {
        let exchanges = &service.exchanges;
        assert!(
            exchanges.replies <= exchanges.requests + exchanges.doubtful,
            "{exchanges:?}"
        );
    }
    serde_json::to_string(&summary).expect("a summary is JSON");
});

/// An IPv4 packet of one connection.
fn frame(connection: u16, from_server: bool, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let server = PORTS[usize::from(connection) % PORTS.len()];
    let client = 40_000 + connection;
    let (source, destination) = if from_server {
        (server, client)
    } else {
        (client, server)
    };
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&(40 + payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    if from_server {
        packet[12..].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
    }
    packet.extend_from_slice(&source.to_be_bytes());
    packet.extend_from_slice(&destination.to_be_bytes());
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, 0x50, flags & 0x3f, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend_from_slice(payload);
    packet
}
