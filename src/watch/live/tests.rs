use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::capture::file::FileSource;
use crate::flow::Shard;
use crate::packet::{self, LinkType};
use crate::profile::{Config, Listing, Profile};
use crate::protocol::catalog::well_known_targets;
use crate::summary::Summary;
use crate::watch::{Plan, Provenance, Recorder};

const CAPTURES: [&str; 4] = [
    "postgresql-reconnect",
    "postgresql-prepared",
    "redis-pipeline",
    "mariadb-sysbench",
];

/// A frame of a capture.
struct Kept {
    bytes: Vec<u8>,
    wire_length: u32,
    time: Timestamp,
    link: LinkType,
}

impl Kept {
    fn frame(&self) -> Frame<'_> {
        Frame {
            bytes: &self.bytes,
            wire_length: self.wire_length,
            time: self.time,
            link: self.link,
            interface: 0,
            interfaces: &[],
        }
    }

    fn shard(&self, of: usize) -> usize {
        let segment = packet::parse(self.link, &self.bytes, self.wire_length).unwrap();
        Shard::index_of(segment.source, segment.destination, of as u32) as usize
    }
}

fn frames(capture: &str) -> Vec<Kept> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(format!("{capture}.pcap.gz"));
    let mut source = FileSource::open(&[path]).unwrap();
    let mut kept = Vec::new();
    while let Polled::Frame(frame) = source.poll().unwrap() {
        kept.push(Kept {
            bytes: frame.bytes.to_vec(),
            wire_length: frame.wire_length,
            time: frame.time,
            link: frame.link,
        });
    }
    kept
}

fn session() -> Session {
    let mut targets = well_known_targets();
    for target in &mut targets {
        // The tests' captures are of servers on ports of their own.
        target.port = target.port.saturating_add(10_000);
    }
    targets.extend(well_known_targets());
    let plan = Plan {
        targets,
        targets_written: Vec::new(),
        profile: Config::default(),
        max_connections: 10_000,
        max_connection_bytes: usize::MAX,
        max_buffered: 1 << 24,
        max_text_bytes: usize::MAX,
        max_statements: 1000,
        show_literals: false,
        connections: Listing::All,
    };
    let recorder = Recorder::new(Profile::new(plan.profile), None);
    Session::new(plan, recorder)
}

/// A summary at the end of each interval.
struct Intervals {
    session: Session,
    ends: Vec<Timestamp>,
    told: Vec<Summary>,
}

impl Intervals {
    fn new(frames: &[Kept], count: i64) -> Self {
        let (first, last) = (frames[0].time, frames[frames.len() - 1].time);
        let step = last.since(first).nanos() / count;
        let ends = (1..count).map(|nth| first + Span::from_nanos(nth * step));
        let mut session = session();
        session.watch_from(first);
        Self {
            session,
            ends: ends.rev().collect(),
            told: Vec::new(),
        }
    }

    fn next(&self) -> Timestamp {
        self.ends.last().copied().unwrap_or(Timestamp::MAX)
    }

    fn reach(&mut self, now: Timestamp) {
        while now >= self.next() {
            let Some(end) = self.ends.pop() else { return };
            self.session.advance(end);
            let summary = self.session.summary(&Provenance::default());
            self.session.turn(end, &Provenance::default());
            self.told.push(summary);
        }
    }

    /// All but what is counted of packets, and those of all intervals together.
    fn over(mut self, last: Timestamp) -> (Vec<Summary>, u64) {
        self.session.advance(last);
        self.session.finish().unwrap();
        self.told.push(self.session.summary(&Provenance::default()));
        let packets = self.told.iter().map(|told| told.source.packets).sum();
        for told in &mut self.told {
            told.source = crate::summary::Source::default();
        }
        (self.told, packets)
    }
}

fn by_one(frames: &[Kept], intervals: i64) -> (Vec<Summary>, u64) {
    let mut told = Intervals::new(frames, intervals);
    for kept in frames {
        told.reach(kept.time);
        told.session.frame(&kept.frame());
    }
    told.over(frames[frames.len() - 1].time)
}

/// Shards take their frames in any order of the shards, so many at a time as `pace` says; now and then what they told is taken in.
fn by_several(
    frames: &[Kept],
    intervals: i64,
    of: usize,
    pace: &[(usize, usize, bool)],
) -> (Vec<Summary>, u64) {
    let mut told = Intervals::new(frames, intervals);
    let seats = told.session.go_live(of);
    let last = frames[frames.len() - 1].time;
    let own = |shard| frames.iter().filter(move |kept| kept.shard(of) == shard);
    let mut left: Vec<_> = (0..of).map(|shard| own(shard).peekable()).collect();
    let mut paces = pace.iter().cycle();
    while left.iter_mut().any(|it| it.peek().is_some()) {
        let &(shard, count, take_in) = paces.next().unwrap();
        let (seat, left) = (&seats[shard % of], &mut left[shard % of]);
        left.by_ref()
            .take(count)
            .for_each(|kept| seat.lock().take(&kept.frame()));
        // Silent up to the next of its frames.
        let until = left.peek().map_or(last, |kept| kept.time);
        seat.lock().reach(until);
        if take_in {
            let next = told.next();
            let now = told.session.shards().several().unwrap().take_in(next);
            told.reach(now);
        }
    }
    loop {
        let next = told.next();
        let several = told.session.shards().several().unwrap();
        if several.take_in(next) < next {
            several.stand();
            return told.over(last);
        }
        told.reach(next);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn threads_at_their_own_pace_tell_what_one_tells(
        of in 1_usize..5,
        intervals in 1_i64..6,
        pace in prop::collection::vec((0_usize..60, 1_usize..40, any::<bool>()), 1..40),
        which in 0..CAPTURES.len(),
    ) {
        // A pace that never comes to some shard would never end.
        let pace: Vec<_> = (0..4).map(|shard| (shard, 1, true)).chain(pace).collect();
        let frames = frames(CAPTURES[which]);
        prop_assert_eq!(
            by_several(&frames, intervals, of, &pace),
            by_one(&frames, intervals)
        );
    }
}

#[test]
fn the_captures_are_of_watched_servers_and_of_several_shards() {
    for capture in CAPTURES {
        let frames = frames(capture);
        let (told, packets) = by_one(&frames, 3);
        assert_eq!(packets, frames.len() as u64);
        let requests: u64 = told
            .iter()
            .flat_map(|it| &it.services)
            .map(|it| it.exchanges.requests)
            .sum();
        assert!(requests > 20, "{capture}: {requests}");
    }
    let frames = frames(CAPTURES[0]);
    let of_first = frames.iter().filter(|kept| kept.shard(2) == 0).count();
    assert!(
        0 < of_first && of_first < frames.len(),
        "{of_first} of {}",
        frames.len()
    );
}
