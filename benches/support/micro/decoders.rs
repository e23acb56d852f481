//! The decoders, driven as in a watch: each connection of a capture from its first byte to its last.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sockhound::clock::Timestamp;
use sockhound::flow;
use sockhound::protocol::catalog::{Target, choose};
use sockhound::protocol::feed::{Feed, Listener, Part};
use sockhound::protocol::{Message, Side, System};

use crate::captures::{self, Chunk};

/// What is decoded: a capture, its system and port.
const CONVERSATIONS: &[(&str, System, u16)] = &[
    ("postgresql-simple", System::Postgresql, 15432),
    ("postgresql-extended", System::Postgresql, 15432),
    ("postgresql-prepared", System::Postgresql, 15432),
    ("mariadb-sysbench", System::Mysql, 13306),
    ("redis-pipeline", System::Redis, 16379),
    ("influxdb-curl", System::Http, 18086),
];

/// Names of the captures, for the report.
fn names() -> impl Iterator<Item = &'static str> {
    CONVERSATIONS.iter().map(|&(name, ..)| name)
}

#[divan::bench(args = names())]
fn decode(bencher: Bencher, name: &str) {
    let &(name, system, port) = CONVERSATIONS.iter().find(|row| row.0 == name).unwrap();
    let chunks = captures::chunks(name, port);
    let bytes: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    assert!(run(&chunks, system, port).asked > 0, "{name} is decoded");
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(chunks.len()))
        .bench(|| run(black_box(&chunks), system, port));
}

fn run(chunks: &[Chunk], system: System, port: u16) -> Counts {
    let target = Target::new(Some(system), None, port);
    let mut feeds: Vec<Feed> = Vec::new();
    let mut counts = Counts::default();
    for chunk in chunks {
        while feeds.len() <= chunk.connection {
            let protocol = choose(&target, Side::Client, &[]).unwrap();
            feeds.push(Feed::new(protocol.decoder()));
        }
        let bytes = flow::Chunk::Bytes(&chunk.bytes);
        feeds[chunk.connection].chunk(chunk.side, bytes, chunk.time, &mut counts);
    }
    assert_eq!(counts.lost, 0, "{system}: a decoder went astray");
    counts
}

/// Takes what a decoder says, and keeps of it as good as nothing.
#[derive(Default)]
struct Counts {
    asked: u64,
    answered: u64,
    lost: u64,
}

impl Listener for Counts {
    fn told(&mut self, _: Side, messages: &[Message<'_>], part: Part) {
        for message in messages {
            match black_box(message) {
                Message::Ask(_) => self.asked += 1,
                Message::Answer(_) => self.answered += 1,
                _ => {}
            }
        }
        black_box(part);
    }
    fn skipped(&mut self, _: Side, bytes: u64) {
        black_box(bytes);
    }
    fn completed(&mut self, _: Side, last: Timestamp) {
        black_box(last);
    }
    fn spoilt(&mut self, _: Side) {}
    fn lost(&mut self, _: Side) {
        self.lost += 1;
    }
    fn opaque(&mut self, _: bool) {
        self.lost += 1;
    }
}
