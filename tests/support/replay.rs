//! Recorded captures, replayed through the tracker as they are or bent on purpose.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sockhound::capture::file::FileSource;
use sockhound::capture::share::Share;
use sockhound::capture::{Frame, Loss, Polled, Source};
use sockhound::clock::Timestamp;
use sockhound::exchange::statements::Statements;
use sockhound::exchange::tracker::Tracker;
use sockhound::exchange::{ConnectionId, Event, Exchange, Observer};
use sockhound::flow::Limits;
use sockhound::packet::{self, Endpoint, Flags, LinkType, Segment};
use sockhound::profile::{Config, Listing, Profile};
use sockhound::protocol::System;
use sockhound::protocol::catalog::Target;
use sockhound::watch::{ExchangeWriter, Plan, Provenance, Recorder, Session};

/// A segment that owns its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    pub time: Timestamp,
    pub source: Endpoint,
    pub destination: Endpoint,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: Flags,
    pub window: u16,
    pub timestamp_value: u32,
    pub identification: u16,
    pub payload: Vec<u8>,
}

impl Packet {
    fn new(segment: &Segment<'_>, time: Timestamp) -> Self {
        Self {
            time,
            source: segment.source,
            destination: segment.destination,
            sequence: segment.sequence,
            acknowledgment: segment.acknowledgment,
            flags: segment.flags,
            window: segment.window,
            timestamp_value: segment.timestamp_value,
            identification: segment.identification,
            payload: segment.payload.to_vec(),
        }
    }

    fn segment(&self) -> Segment<'_> {
        Segment {
            source: self.source,
            destination: self.destination,
            sequence: self.sequence,
            acknowledgment: self.acknowledgment,
            flags: self.flags,
            window: self.window,
            timestamp_value: self.timestamp_value,
            identification: self.identification,
            payload: &self.payload,
            payload_length: self.payload.len() as u32,
        }
    }

    /// The same bytes in two segments, of the same time.
    pub fn cut(&self, at: usize) -> Vec<Self> {
        if at == 0 || at >= self.payload.len() {
            return vec![self.clone()];
        }
        let mut first = self.clone();
        let mut second = self.clone();
        second.payload = first.payload.split_off(at);
        second.sequence = self.sequence.wrapping_add(at as u32);
        first.flags = Flags(first.flags.0 & !Flags::FIN.0);
        vec![first, second]
    }
}

/// An exchange with what it needs to be compared across runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub client: Endpoint,
    pub statement: Option<String>,
    pub exchange: Exchange,
}

/// Where a recorded capture lies.
pub fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(format!("{name}.pcap.gz"))
}

/// All recorded captures: name, system, port.
pub const CAPTURES: &[(&str, System, u16)] = &[
    ("postgresql-psql", System::Postgresql, 15432),
    ("postgresql-simple", System::Postgresql, 15432),
    ("postgresql-extended", System::Postgresql, 15432),
    ("postgresql-prepared", System::Postgresql, 15432),
    ("postgresql-reconnect", System::Postgresql, 15432),
    ("postgresql-pipeline", System::Postgresql, 15432),
    ("mariadb-client", System::Mysql, 13306),
    ("mariadb-compressed", System::Mysql, 13306),
    ("mariadb-wrong-password", System::Mysql, 13306),
    ("mariadb-sysbench", System::Mysql, 13306),
    ("redis-cli", System::Redis, 16379),
    ("redis-pipeline", System::Redis, 16379),
    ("influxdb-curl", System::Http, 18086),
];

/// The TCP segments of a recorded capture.
pub fn packets(name: &str) -> Vec<Packet> {
    let mut source = FileSource::open(&[capture(name)]).unwrap();
    let mut packets = Vec::new();
    loop {
        match source.poll().unwrap() {
            Polled::Frame(frame) => {
                if let Ok(segment) = packet::parse(frame.link, frame.bytes, frame.wire_length) {
                    packets.push(Packet::new(&segment, frame.time));
                }
            }
            Polled::Idle(_) => {}
            Polled::End => return packets,
        }
    }
}

/// A frame that owns its bytes.
#[derive(Clone, Debug)]
pub struct Kept {
    pub time: Timestamp,
    pub link: LinkType,
    pub wire_length: u32,
    pub bytes: Vec<u8>,
}

/// The frames of a recorded capture.
pub fn frames(name: &str) -> Vec<Kept> {
    let mut source = FileSource::open(&[capture(name)]).unwrap();
    let mut frames = Vec::new();
    while let Polled::Frame(frame) = source.poll().unwrap() {
        frames.push(Kept {
            time: frame.time,
            link: frame.link,
            wire_length: frame.wire_length,
            bytes: frame.bytes.to_vec(),
        });
    }
    frames
}

/// A source of kept frames.
struct Replayed<'a> {
    frames: std::slice::Iter<'a, Kept>,
}

impl Source for Replayed<'_> {
    type Error = Infallible;

    fn poll(&mut self) -> Result<Polled<'_>, Infallible> {
        let frame = self.frames.next().map(|kept| Frame {
            bytes: &kept.bytes,
            wire_length: kept.wire_length,
            time: kept.time,
            link: kept.link,
            interface: 0,
            interfaces: &[],
        });
        Ok(frame.map_or(Polled::End, Polled::Frame))
    }

    fn loss(&mut self) -> Loss {
        Loss::default()
    }

    fn interfaces(&self) -> &[String] {
        &[]
    }
}

/// Who works on a watch.
#[derive(Clone, Copy, Debug)]
pub enum Threads {
    One,
    /// The profile has one of its own.
    ProfileApart,
    /// So many divide the connections among them.
    Shards(usize),
}

/// Everything that `frames` come to: the summary as JSON, and every exchange.
pub fn whole(frames: &[Kept], ports: &[u16], threads: Threads) -> (String, String) {
    let plan = Plan {
        targets: ports.iter().map(|&port| unknown_at(port)).collect(),
        targets_written: Vec::new(),
        profile: Config::default(),
        max_connections: 10_000,
        max_connection_bytes: usize::MAX,
        max_buffered: 1 << 24,
        max_text_bytes: usize::MAX,
        max_statements: 1_000,
        show_literals: false,
        connections: Listing::All,
    };
    let exchanges = Shared::default();
    let writer = ExchangeWriter::new(Box::new(exchanges.clone()));
    let recorder = Recorder::new(Profile::new(plan.profile), Some(writer));
    let apart = matches!(threads, Threads::ProfileApart);
    let mut session = Session::new(plan, recorder).with_profile_apart(apart);
    let source = || Replayed {
        frames: frames.iter(),
    };
    if let Threads::Shards(count) = threads {
        let mut sources: Vec<_> = (0..count).map(|_| source()).collect();
        session.read(&mut sources, &mut |_| {}).unwrap();
    } else {
        let mut source = source();
        while let Polled::Frame(frame) = source.poll().unwrap() {
            session.frame(&frame);
        }
    }
    let summary = session.summary(&Provenance::default());
    session.finish().unwrap();
    let exchanges = String::from_utf8(exchanges.0.lock().unwrap().clone()).unwrap();
    (serde_json::to_string(&summary).unwrap(), exchanges)
}

fn unknown_at(port: u16) -> Target {
    Target {
        system: None,
        address: None,
        port,
        presumed: false,
    }
}

/// Bytes that can be looked at once they are written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a run of the tracker over `packets` sees, in order.
pub fn run(packets: &[Packet], system: System, port: u16) -> Vec<Seen> {
    run_counted(packets, system, port).0
}

/// The same, with the flow table's counters.
pub fn run_counted(packets: &[Packet], system: System, port: u16) -> (Vec<Seen>, sockhound::flow::Counters) {
    let tracker = follow(
        packets,
        system,
        port,
        Limits::AWAKE,
        Collector::default(),
        |_, _| {},
    );
    finished(tracker)
}

/// What is seen by who does not ask for bytes, and the most exchanges that were told at once.
pub fn run_without_bytes(packets: &[Packet], system: System, port: u16) -> (Vec<Seen>, u32) {
    let collector = Collector {
        without_bytes: true,
        ..Collector::default()
    };
    let mut tracker = follow(packets, system, port, Limits::AWAKE, collector, |_, _| {});
    let most = tracker.observer().most;
    (finished(tracker).0, most)
}

/// What is seen where every conversation is put to rest whenever nothing goes on in it: other connections are opened all the
/// time, and next to none is kept whole.
pub fn run_restless(packets: &[Packet], system: System, port: u16) -> Vec<Seen> {
    let mut decoys = 0_u16;
    let collector = Collector::default();
    let tracker = follow(packets, system, port, 0, collector, |tracker, packet| {
        decoys = decoys.wrapping_add(1);
        let mut syn = packet.segment();
        let client = Endpoint::new([203, 0, 113, 9].into(), decoys);
        (syn.source, syn.destination) = if syn.destination.port == port {
            (client, syn.destination)
        } else {
            (client, syn.source)
        };
        (syn.flags, syn.payload, syn.payload_length) = (Flags::SYN, &[], 0);
        tracker.segment(&syn, packet.time);
    });
    finished(tracker).0
}

/// What is seen where only `share` of the connections is followed from the one packet on, and all from the other on.
pub fn run_overloaded(
    packets: &[Packet],
    system: System,
    port: u16,
    share: Share,
    (narrowed, widened): (usize, usize),
) -> Vec<Seen> {
    let mut nth = 0;
    let collector = Collector::default();
    let tracker = follow(
        packets,
        system,
        port,
        Limits::AWAKE,
        collector,
        |tracker, packet| {
            nth += 1;
            if nth == narrowed {
                tracker.keep(share, packet.time);
            }
            if nth == widened {
                tracker.keep(Share::ALL, packet.time);
            }
        },
    );
    finished(tracker).0
}

fn finished(mut tracker: Tracker<Collector>) -> (Vec<Seen>, sockhound::flow::Counters) {
    tracker.finish();
    let counters = tracker.counters();
    (std::mem::take(&mut tracker.observer().seen), counters)
}

fn follow(
    packets: &[Packet],
    system: System,
    port: u16,
    awake: usize,
    collector: Collector,
    mut between: impl FnMut(&mut Tracker<Collector>, &Packet),
) -> Tracker<Collector> {
    let target = Target {
        system: Some(system),
        address: None,
        port,
        presumed: false,
    };
    let limits = Limits {
        connections: 100_000,
        bytes: usize::MAX,
        awake,
        buffered: usize::MAX,
    };
    let mut tracker = Tracker::new(vec![target], limits, Statements::new(1000, false), collector);
    for packet in packets {
        tracker.segment(&packet.segment(), packet.time);
        between(&mut tracker, packet);
    }
    tracker
}

#[derive(Default)]
struct Collector {
    clients: Vec<Option<Endpoint>>,
    seen: Vec<Seen>,
    without_bytes: bool,
    /// The most exchanges told at once.
    most: u32,
}

impl Observer for Collector {
    fn tells_bytes(&self) -> bool {
        !self.without_bytes
    }

    fn observe(&mut self, id: ConnectionId, _: Timestamp, event: Event<'_>, statements: &Statements) {
        let slot = id.0 as usize;
        match event {
            Event::Opened { client, .. } => {
                self.clients.resize(self.clients.len().max(slot + 1), None);
                self.clients[slot] = Some(client);
            }
            Event::Exchanged { exchange, times, .. } => {
                let statement = exchange
                    .statement
                    .map(|id| statements.statement(id).text.to_string());
                let mut exchange = *exchange;
                exchange.statement = None;
                if self.without_bytes {
                    (exchange.request_bytes, exchange.reply_bytes) = (0, 0);
                }
                self.most = self.most.max(times);
                let seen = Seen {
                    client: self.clients[slot].unwrap(),
                    statement,
                    exchange,
                };
                self.seen.extend((0..times).map(|_| seen.clone()));
            }
            _ => {}
        }
    }
}
