//! Laws that hold for every protocol, tested on captures recorded from real servers: cutting a stream anywhere changes
//! nothing, a gap anywhere invents nothing, a replay is the same for ever.

mod support;

use proptest::prelude::*;
use sockhound::capture::share::Share;
use sockhound::clock::{Span, Timestamp};
use std::collections::BTreeSet;
use support::replay::{
    CAPTURES, Kept, Packet, Seen, Threads, frames, packets, run, run_counted, run_overloaded, run_restless,
    run_without_bytes, whole,
};

/// Decoded exchanges that claim to be exact; a turn only claims who spoke when.
fn trusted(seen: &[Seen]) -> Vec<&Seen> {
    seen.iter()
        .filter(|seen| {
            seen.exchange.doubt.is_none() && seen.exchange.reply.is_some() && !seen.exchange.opaque
        })
        .collect()
}

/// Whether `one` is an exchange of `all`, with the same times and outcome. Its statement may be unknown, as that of a
/// statement prepared in a hole is, but not another one's; bytes lost inside a body may be missing from its size.
fn is_among(one: &Seen, all: &[Seen]) -> bool {
    all.iter().any(|other| {
        one.client == other.client
            && one.exchange.start == other.exchange.start
            && one.exchange.request_end == other.exchange.request_end
            && one.exchange.reply == other.exchange.reply
            && one.exchange.outcome == other.exchange.outcome
            && (one.statement.is_none() || one.statement == other.statement)
    })
}

/// The first exchanges in which two runs differ.
fn difference<'s>(one: &'s [Seen], other: &'s [Seen]) -> Option<(&'s Seen, &'s Seen)> {
    one.iter().zip(other).find(|(one, other)| one != other)
}

#[test]
fn every_capture_holds_exchanges_and_none_is_doubtful() {
    for &(name, system, port) in CAPTURES {
        let seen = run(&packets(name), system, port);
        let doubtful: Vec<_> = seen.iter().filter(|seen| seen.exchange.doubt.is_some()).collect();
        assert!(doubtful.is_empty(), "{name}: {doubtful:?}");
        assert!(
            name.contains("wrong-password") || seen.len() > 1,
            "{name}: {}",
            seen.len()
        );
    }
}

#[test]
fn a_replay_is_the_same() {
    for &(name, system, port) in CAPTURES {
        let packets = packets(name);
        assert_eq!(run(&packets, system, port), run(&packets, system, port), "{name}");
    }
}

#[test]
fn a_second_thread_changes_nothing() {
    for &(name, _, port) in CAPTURES {
        let frames = frames(name);
        let apart = whole(&frames, &[port], Threads::ProfileApart);
        assert_same(&apart, &whole(&frames, &[port], Threads::One), name);
    }
}

fn assert_same(one: &(String, String), other: &(String, String), what: &str) {
    let differing = one
        .1
        .lines()
        .zip(other.1.lines())
        .find(|(one, other)| one != other);
    assert_eq!(differing, None, "{what}: exchanges");
    assert_eq!(one.1.len(), other.1.len(), "{what}: exchanges");
    assert_eq!(one.0, other.0, "{what}: summary");
}

/// The captures as if they had been recorded at one time on one host.
fn all_at_once() -> (Vec<Kept>, Vec<u16>) {
    let mut all = Vec::new();
    for &(name, ..) in CAPTURES {
        let frames = frames(name);
        let start = frames[0].time;
        all.extend(frames.into_iter().map(|frame| Kept {
            time: Timestamp::from_nanos(1_700_000_000_000_000_000) + frame.time.since(start),
            ..frame
        }));
    }
    all.sort_by_key(|frame| frame.time);
    let ports = CAPTURES.iter().map(|&(.., port)| port);
    (all, ports.collect::<BTreeSet<_>>().into_iter().collect())
}

#[test]
fn dividing_connections_among_threads_changes_nothing() {
    for &(name, _, port) in CAPTURES {
        let frames = frames(name);
        let one = whole(&frames, &[port], Threads::One);
        for count in 1..4 {
            let divided = whole(&frames, &[port], Threads::Shards(count));
            assert_same(&divided, &one, &format!("{name}, {count} shards"));
        }
    }
}

#[test]
fn dividing_all_systems_at_once_changes_nothing_whole_cut_short_or_with_holes() {
    let (all, ports) = all_at_once();
    let cut = |frame: &Kept| Kept {
        bytes: frame.bytes.iter().copied().take(96).collect(),
        ..frame.clone()
    };
    let without = |each: usize| {
        let kept = all.iter().enumerate().filter(|(at, _)| at % each != 7);
        kept.map(|(_, frame)| frame.clone()).collect()
    };
    let scenes: [(&str, Vec<Kept>); 6] = [
        ("whole", all.clone()),
        ("begun late", all[all.len() / 5..].to_vec()),
        ("ended early", all[..all.len() / 3].to_vec()),
        ("one in 50 lost", without(50)),
        ("one in 11 lost", without(11)),
        ("cut short", all.iter().map(cut).collect()),
    ];
    for (what, frames) in scenes {
        let one = whole(&frames, &ports, Threads::One);
        for count in [2, 3, 7] {
            let divided = whole(&frames, &ports, Threads::Shards(count));
            assert_same(&divided, &one, &format!("{what}, {count} shards"));
        }
    }
}

#[test]
fn resting_between_requests_changes_nothing() {
    for &(name, system, port) in CAPTURES {
        let packets = packets(name);
        let (restless, whole) = (run_restless(&packets, system, port), run(&packets, system, port));
        assert!(restless == whole, "{name}: {:?}", difference(&restless, &whole));
    }
}

/// Whatever share is followed, and from when to when: what is in it is told as if all were, and of the rest nothing that is
/// not so.
#[test]
fn a_share_is_told_as_it_is_told_of_all() {
    let (mut followed, mut left_out) = (0, 0);
    for &(name, system, port) in CAPTURES {
        let packets = packets(name);
        let whole = run(&packets, system, port);
        for share in [
            Share::ALL.narrowed(),
            Share::ALL.narrowed().narrowed(),
            Share::LEAST,
        ] {
            for (narrowed, widened) in [
                (1, 0),
                (packets.len() / 3, packets.len() / 2),
                (packets.len() / 2, 0),
            ] {
                let seen = run_overloaded(&packets, system, port, share, (narrowed, widened));
                let is_held = |seen: &&Seen| share.holds(seen.client.port, port);
                assert!(
                    whole.iter().filter(is_held).eq(seen.iter().filter(is_held)),
                    "{name} {share:?}"
                );
                for one in seen.iter().filter(|one| !is_held(one)) {
                    let is_told = one.exchange.doubt.is_none() && !one.exchange.opaque;
                    assert!(!is_told || is_among(one, &whole), "{name} {share:?}: {one:?}");
                }
                followed += seen.iter().filter(is_held).count();
                left_out += whole.len() - seen.len().min(whole.len());
            }
        }
    }
    assert!(
        followed > 1000 && left_out > 1000,
        "{followed} followed, {left_out} left out"
    );
}

/// A file whose clock was set back: what was in flight just then has no times, all else has the same as ever.
#[test]
fn a_clock_set_back_in_a_file_spoils_no_time() {
    for &(name, system, port) in CAPTURES {
        let packets = packets(name);
        let whole = run(&packets, system, port);
        for at in [packets.len() / 3, packets.len() / 2, packets.len() * 2 / 3] {
            let mut stepped = packets.clone();
            for packet in &mut stepped[at..] {
                packet.time = packet.time - Span::from_secs(3600);
            }
            let seen = run(&stepped, system, port);
            assert_eq!(seen.len(), whole.len(), "{name}");
            let mut doubtful = 0;
            for (one, other) in seen.iter().zip(&whole) {
                let times = |it: &Seen| (it.exchange.latency(), it.exchange.duration());
                doubtful += usize::from(one.exchange.doubt.is_some());
                assert!(
                    one.exchange.doubt.is_some() || times(one) == times(other),
                    "{name}: {one:?}"
                );
            }
            assert!(doubtful < 200, "{name}: {doubtful} of {}", seen.len());
        }
    }
}

#[test]
fn copies_of_every_packet_change_nothing() {
    for &(name, system, port) in CAPTURES {
        let once = packets(name);
        let twice: Vec<Packet> = once
            .iter()
            .flat_map(|packet| [packet.clone(), packet.clone()])
            .collect();
        let (seen, counters) = run_counted(&twice, system, port);
        assert_eq!(seen, run(&once, system, port), "{name}");
        assert_eq!(counters.duplicates, once.len() as u64, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn cutting_segments_anywhere_changes_nothing(seed in any::<u64>()) {
        let mut random = Random(seed);
        for &(name, system, port) in CAPTURES {
            let whole = packets(name);
            let cut: Vec<Packet> = whole.iter().flat_map(|packet| packet.cut(random.below(packet.payload.len()))).collect();
            let (cut, whole) = (run(&cut, system, port), run(&whole, system, port));
            prop_assert!(cut == whole, "{name}: {:?}", difference(&cut, &whole));
        }
    }

    #[test]
    fn telling_what_is_alike_at_once_changes_nothing(seed in any::<u64>(), percent in 0_usize..10) {
        let mut random = Random(seed);
        let mut most = 0;
        for &(name, system, port) in CAPTURES {
            let packets = packets(name);
            let cut = packets.iter().flat_map(|packet| packet.cut(random.below(packet.payload.len())));
            let cut: Vec<Packet> = cut.collect();
            let lossy: Vec<Packet> = cut.into_iter().filter(|_| random.below(100) >= percent).collect();
            let mut each = run(&lossy, system, port);
            for seen in &mut each {
                (seen.exchange.request_bytes, seen.exchange.reply_bytes) = (0, 0);
            }
            let (together, at_once) = run_without_bytes(&lossy, system, port);
            prop_assert!(together == each, "{name}: {:?}", difference(&together, &each));
            most = most.max(at_once);
        }
        prop_assert!(most > 1 || percent > 0, "some are told at once");
    }

    #[test]
    fn losing_packets_invents_nothing(seed in any::<u64>(), percent in 1_usize..30) {
        let mut random = Random(seed);
        for &(name, system, port) in CAPTURES {
            let whole = packets(name);
            let lossy: Vec<Packet> = whole.iter().filter(|_| random.below(100) >= percent).cloned().collect();
            let truth = run(&whole, system, port);
            for seen in trusted(&run(&lossy, system, port)) {
                prop_assert!(is_among(seen, &truth), "{name} seed {seed}: invented {seen:?}");
            }
        }
    }

    #[test]
    fn joining_late_invents_nothing(seed in any::<u64>()) {
        let mut random = Random(seed);
        for &(name, system, port) in CAPTURES {
            let whole = packets(name);
            let late = &whole[random.below(whole.len())..];
            let truth = run(&whole, system, port);
            for seen in trusted(&run(late, system, port)) {
                prop_assert!(is_among(seen, &truth), "{name} seed {seed}: invented {seen:?}");
            }
        }
    }
}

/// Numbers that follow from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % (bound.max(1) as u64)) as usize
    }
}
