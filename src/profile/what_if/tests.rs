use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::*;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// Plays holds `(connection, from, to)` and tells the waits at the end.
fn play(holds: &[(u32, i64, i64)]) -> (WhatIf, Timestamp) {
    let mut steps: Vec<(i64, bool, u32)> = Vec::new();
    for &(id, from, to) in holds {
        steps.push((from, true, id));
        steps.push((to, false, id));
    }
    steps.sort_unstable();
    let (mut what_if, mut level) = (WhatIf::default(), 0);
    for &(time, begins, id) in &steps {
        if begins {
            what_if.arrive(ConnectionId(id), at(time), level);
            level += 1;
        } else {
            what_if.release(ConnectionId(id), at(time));
            level -= 1;
        }
    }
    (what_if, at(i64::MAX / 2))
}

/// The textbook's way: all holds known, each given to the server that is free first.
fn truth(holds: &[(u32, i64, i64)], size: usize) -> Vec<i64> {
    let mut sorted = holds.to_vec();
    sorted.sort_by_key(|&(id, from, _)| (from, id));
    let mut servers: BinaryHeap<Reverse<i64>> = (0..size).map(|_| Reverse(i64::MIN)).collect();
    let serve = |(_, from, to): &(u32, i64, i64)| {
        let Reverse(free) = servers.pop().unwrap();
        let start = free.max(*from);
        servers.push(Reverse(start + to - from));
        start - from
    };
    sorted.iter().map(serve).collect()
}

#[test]
fn two_at_once_on_one_connection_wait() {
    // B waits 5, C comes after A and B would be done at 20 and so waits 8.
    let (mut what_if, now) = play(&[(1, 0, 10), (2, 5, 15), (3, 12, 13)]);
    let waits = what_if.waits(now);
    assert_eq!(waits.len(), 1);
    assert_eq!((waits[0].size, waits[0].max.nanos()), (1, 8));
    assert!((waits[0].share - 2.0 / 3.0).abs() < 1e-9);
    what_if.settle();
    assert_eq!(what_if.astray, 1, "the last hold goes on in the replay");
    what_if.arrive(ConnectionId(1), at(100), 0);
    what_if.settle();
    assert_eq!(what_if.astray, 0, "the truth again");
    assert!(what_if.holds.is_empty() && what_if.current.len() == 0);
}

#[test]
fn what_is_given_up_takes_nothing_and_does_not_come_again() {
    let (mut what_if, mut now) = play(&[(1, 0, 10), (2, 5, 15), (3, 12, 13)]);
    assert!(what_if.kept() > 0);
    what_if.give_up();
    assert_eq!((what_if.kept(), what_if.waits(now).len()), (0, 0));
    for level in 0..3 {
        now = now + Span::from_nanos(1);
        what_if.arrive(ConnectionId(level), now, level);
    }
    let sizes: Vec<u32> = what_if.waits(now).iter().map(|one| one.size).collect();
    assert_eq!(sizes, [2], "only a size never exceeded before is replayed");
}

#[test]
fn one_at_a_time_needs_no_replay() {
    let (what_if, now) = play(&[(1, 0, 10), (2, 11, 20), (1, 21, 30)]);
    assert!(what_if.waits(now).is_empty());
}

#[test]
fn a_backlog_without_end_is_given_up_and_forgotten() {
    let mut what_if = WhatIf::default();
    what_if.arrive(ConnectionId(0), at(0), 0);
    for n in 0..20_000_u32 {
        let time = i64::from(n) * 10;
        what_if.arrive(ConnectionId(1 + n), at(time), 1);
        what_if.release(ConnectionId(1 + n), at(time + 9));
    }
    assert!(what_if.waits(at(1_000_000)).is_empty());
    assert!(what_if.holds.len() <= BACKLOG + 1 && what_if.current.len() <= UNSETTLED);
}

#[test]
fn sizes_stay_few() {
    let sizes: Vec<u32> = std::iter::successors(Some(1), |&size| Some(next_size(size)))
        .take(24)
        .collect();
    assert_eq!(
        sizes[..20],
        [
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 24, 28, 32, 40, 48
        ]
    );
    assert_eq!(sizes[20..], [56, 64, 80, 96]);
    let mut what_if = WhatIf::default();
    for level in 0..5000 {
        what_if.arrive(ConnectionId(level), at(i64::from(level)), level);
    }
    assert!(what_if.waits(at(9999)).len() <= SIZES);
}

fn arrivals() -> impl Strategy<Value = Vec<(u32, i64, i64)>> {
    // Distinct times, so that the order of arrivals and releases is never a matter of taste.
    prop::collection::vec((1..60_i64, 1..400_i64), 1..120).prop_map(|pairs| {
        let mut now = 0;
        let mut holds = Vec::new();
        for (id, (later, length)) in (0..).zip(pairs) {
            now += later;
            holds.push((id, now * 2, (now + length) * 2 + 1));
        }
        holds
    })
}

proptest! {
    #[test]
    fn the_replay_agrees_with_the_textbook(holds in arrivals()) {
        let (what_if, now) = play(&holds);
        let peak = holds.iter().map(|&(_, from, _)| holds.iter().filter(|h| h.1 <= from && h.2 > from).count()).max().unwrap();
        prop_assert!(truth(&holds, peak).iter().all(|&wait| wait == 0));
        for waits in what_if.waits(now) {
            let mut truth = truth(&holds, waits.size as usize);
            prop_assert!((waits.size as usize) < peak, "sizes never exceeded need no replay");
            let waited = truth.iter().filter(|&&wait| wait > 0).count();
            prop_assert!((waits.share - waited as f64 / holds.len() as f64).abs() < 1e-9);
            truth.sort_unstable();
            prop_assert_eq!(waits.max.nanos(), *truth.last().unwrap());
            let p99 = truth[usize::try_from(rank(0.99, truth.len() as u64)).unwrap() - 1];
            prop_assert!((waits.p99.nanos() - p99).abs() <= p99 / 100);
        }
    }
}
