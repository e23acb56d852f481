//! The flow table with few and with many connections: what a packet costs before its bytes are looked at.

use std::net::Ipv4Addr;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use sockhound::clock::Timestamp;
use sockhound::flow::{
    Chunk, Close, ConnectionId, Handler, Limits, Opening, Pattern, Rested, Servers, Side, Signal, Table,
};
use sockhound::packet::{Endpoint, Flags, Segment};

/// Segments or look-ups in one measured call.
const BATCH: u32 = 1000;
/// From one connection to the next, so that no two neighbours in time are neighbours in the table; a prime.
const STRIDE: u64 = 611_953;
const PAYLOAD: &[u8] = b"SELECT abalance FROM pgbench_accounts WHERE aid = 17";
const FIRST_SEQUENCE: u32 = 1000;

fn sizes() -> &'static [u32] {
    let all = &[1_000, 100_000, 1_000_000];
    if crate::is_short() { &all[..1] } else { all }
}

/// A connection found by its ends.
#[divan::bench(args = sizes())]
fn look_up(bencher: Bencher, connections: u32) {
    let mut table = opened(connections);
    let mut turn = Turn::new(connections);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            let (connection, _) = turn.next();
            black_box(table.connection(client(connection), SERVER));
        }
    });
}

/// The next bytes of a connection: found, judged, handed on; beyond 4,096 connections it is woken for them and others rest.
#[divan::bench(args = sizes())]
fn step(bencher: Bencher, connections: u32) {
    let mut table = opened(connections);
    let mut turn = Turn::new(connections);
    let mut bytes = Bytes(0);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            let (connection, round) = turn.next();
            let sequence = round.wrapping_mul(PAYLOAD.len() as u32);
            table.segment(&segment(connection, sequence), turn.time(), &mut bytes);
        }
    });
    assert_eq!(
        bytes.0,
        turn.done * PAYLOAD.len() as u64,
        "every byte is handed on"
    );
}

const SERVER: Endpoint = Endpoint {
    address: std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)),
    port: 5432,
};

fn client(connection: u32) -> Endpoint {
    const PORTS: u32 = 20_000;
    let address = Ipv4Addr::from_bits(0x0a01_0000 + connection / PORTS);
    Endpoint::new(address.into(), (20_000 + connection % PORTS) as u16)
}

fn segment(connection: u32, sequence: u32) -> Segment<'static> {
    Segment {
        source: client(connection),
        destination: SERVER,
        sequence: FIRST_SEQUENCE.wrapping_add(sequence),
        acknowledgment: 5000,
        flags: Flags(Flags::ACK.0 | Flags::PSH.0),
        window: 64_000,
        timestamp_value: 0,
        identification: 0,
        payload: PAYLOAD,
        payload_length: PAYLOAD.len() as u32,
    }
}

/// A table in which so many connections were seen once, joined in their middle.
fn opened(connections: u32) -> Table<()> {
    let servers = Servers::new(vec![Pattern {
        address: None,
        port: SERVER.port,
    }]);
    let limits = Limits {
        connections: connections as usize,
        bytes: usize::MAX,
        awake: Limits::AWAKE,
        buffered: 1 << 20,
    };
    let mut table = Table::new(servers, limits);
    for connection in 0..connections {
        table.segment(&segment(connection, 0), Timestamp::default(), &mut Bytes(0));
    }
    assert_eq!(table.len(), connections as usize);
    table
}

/// Whose turn it is.
struct Turn {
    connections: u64,
    done: u64,
}

impl Turn {
    fn new(connections: u32) -> Self {
        Self {
            connections: connections.into(),
            done: 0,
        }
    }

    /// The next connection, and how many times it has been before.
    fn next(&mut self) -> (u32, u32) {
        let (round, place) = (self.done / self.connections, self.done % self.connections);
        self.done += 1;
        let connection = place * STRIDE % self.connections;
        (connection as u32, round as u32 + 1)
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_nanos(self.done.cast_signed() * 1000)
    }
}

/// Counts bytes; nothing ever goes on, so that every connection can rest.
struct Bytes(u64);

impl Handler for Bytes {
    type Conversation = ();

    fn opened(&mut self, _: ConnectionId, _: Timestamp, _: &Opening) {}
    fn chunk(&mut self, _: ConnectionId, _: Timestamp, (): &mut (), _: Side, chunk: Chunk<'_>) -> isize {
        if let Chunk::Bytes(bytes) = chunk {
            self.0 += bytes.len() as u64;
        }
        0
    }
    fn signal(&mut self, _: ConnectionId, _: Timestamp, (): &mut (), _: Signal) {}
    fn closed(&mut self, _: ConnectionId, _: Timestamp, (): &mut (), _: Close) {}
    fn buffered(&self, (): &()) -> usize {
        0
    }
    fn shed(&mut self, _: ConnectionId, _: Timestamp, (): &mut ()) {}
    fn rest(&mut self, (): &()) -> Option<Rested> {
        Some(Rested(0))
    }
    fn wake(&mut self, _: Rested) {}
    fn is_busy(&self, (): &()) -> bool {
        false
    }
}
