use super::*;
use crate::clock::{Span, Timestamp};
use crate::summary::sample::{at, morning, spread};
use crate::summary::{Connections, InFlight, SourceKind};

/// The morning's interval with this number, ten seconds long.
fn interval(sequence: u64) -> Summary {
    let mut summary = morning();
    summary.sequence = sequence;
    summary.start = Timestamp::from_parts(1000 + i64::try_from(sequence).unwrap() * 10, 0);
    summary.end = summary.start + Span::from_secs(10);
    summary.seconds = 10.0;
    for pool in &mut summary.pools {
        pool.observed_seconds = 10.0;
        pool.demand = vec![(0, 4.0), (sequence + 1, 6.0)];
    }
    summary
}

fn elsewhere(host: &str, summary: Summary) -> Summary {
    Summary {
        host: Some(host.to_owned()),
        ..summary
    }
}

#[test]
fn one_alone_stays_as_it_is() {
    let one = interval(3);
    let merged = merge(vec![one.clone()]).unwrap();
    assert_eq!(merged.sequence, 3);
    assert_eq!(merged.services, one.services);
    assert_eq!(merged.statements, one.statements);
    assert_eq!(merged.findings, one.findings);
    assert_eq!(merged.pools.len(), one.pools.len());
}

#[test]
fn intervals_follow_each_other() {
    let mut last = interval(1);
    last.services[0].connections = Connections {
        open: 5,
        opened: 1,
        closed: 428,
        peak_open: 432,
        ..Connections::default()
    };
    last.services[0].in_flight = InFlight::default();
    last.hoarded.clear();
    let merged = merge(vec![last.clone(), interval(0)]).unwrap();
    let service = &merged.services[0];
    assert_eq!(
        (merged.start, merged.end, merged.seconds),
        (interval(0).start, last.end, 20.0)
    );
    assert_eq!(
        (service.connections.open, service.connections.hoarded),
        (5, 0),
        "the last state"
    );
    assert_eq!(
        (service.connections.opened, service.connections.closed),
        (4, 429),
        "added"
    );
    assert_eq!(service.connections.peak_open, 433, "the higher peak");
    assert_eq!(service.in_flight.count, 0);
    assert_eq!(service.latency.count, 2 * last.services[0].latency.count);
    assert_eq!(merged.statements[0].count, 2 * last.statements[0].count);
    assert!(merged.hoarded.is_empty());
    assert_eq!(merged.source.packets, 2 * last.source.packets);
    assert_eq!(merged.source.merged_from.len(), 1, "one unbroken run");
    assert!(merged.source.missing.is_empty());
}

#[test]
fn a_service_that_is_gone_has_nothing_open() {
    let mut last = interval(1);
    last.services
        .retain(|service| service.server != at("10.0.0.5:5432"));
    last.pools.clear();
    let merged = merge(vec![interval(0), last]).unwrap();
    let service = merged
        .services
        .iter()
        .find(|it| it.server == at("10.0.0.5:5432"))
        .unwrap();
    assert_eq!((service.connections.open, service.connections.opened), (0, 3));
    assert!(
        merged
            .pools
            .iter()
            .all(|pool| pool.connections.open == 0 && pool.connections.surplus == Some(0))
    );
}

#[test]
fn demand_of_different_times_is_added() {
    let merged = merge(vec![interval(0), interval(1)]).unwrap();
    let pool = merged
        .pools
        .iter()
        .find(|pool| pool.connections.hoarded > 0)
        .unwrap();
    assert_eq!(pool.demand, [(0, 8.0), (1, 6.0), (2, 6.0)]);
    assert!((pool.observed_seconds - 20.0).abs() < 1e-9);
    assert!(pool.what_if.is_empty());
    assert_eq!(pool.connections.surplus, Some(402));
}

#[test]
fn demand_that_carries_over_is_not_counted_twice() {
    let mut last = interval(1);
    for pool in &mut last.pools {
        pool.observed_seconds = 20.0;
        pool.demand = vec![(0, 12.0), (2, 8.0)];
    }
    let merged = merge(vec![interval(0), last]).unwrap();
    let pool = merged
        .pools
        .iter()
        .find(|pool| pool.connections.hoarded > 0)
        .unwrap();
    assert_eq!(pool.demand, [(0, 12.0), (2, 8.0)]);
    assert!((pool.observed_seconds - 20.0).abs() < 1e-9);
}

#[test]
fn missing_intervals_are_said() {
    let merged = merge(vec![interval(0), interval(4), interval(1)]).unwrap();
    let [gap] = merged.source.missing.as_slice() else {
        panic!("one gap")
    };
    assert_eq!(
        (gap.after_sequence, gap.before_sequence, gap.seconds),
        (1, 4, 20.0)
    );
    assert_eq!(merged.source.merged_from.len(), 2);
    let more = merge(vec![merged, interval(5)]).unwrap();
    assert_eq!(more.source.missing.len(), 1, "kept, and not said twice");
    assert_eq!(more.source.merged_from[1].last_sequence, 5);
}

#[test]
fn one_given_twice_counts_once() {
    let merged = merge(vec![interval(0), interval(0)]).unwrap();
    assert_eq!(merged.services, interval(0).services);
    assert!(merged.source.notes[0].contains("counted once"));
}

#[test]
fn hosts_stand_beside_each_other() {
    let merged = merge(vec![elsewhere("a", interval(0)), elsewhere("b", interval(0))]).unwrap();
    let service = merged
        .services
        .iter()
        .find(|it| it.server == at("10.0.0.5:5432"))
        .unwrap();
    assert_eq!(merged.host, None);
    assert_eq!(
        (service.connections.open, service.connections.peak_open),
        (864, 866)
    );
    assert_eq!(service.in_flight.count, 14);
    let shops = merged
        .pools
        .iter()
        .filter(|pool| pool.client.unit.is_some())
        .count();
    assert_eq!(shops, 2, "a unit of two hosts is two clients");
    let reports: Vec<_> = merged
        .pools
        .iter()
        .filter(|pool| pool.client.address.is_some())
        .collect();
    assert_eq!(reports.len(), 1, "an address is one client");
    assert_eq!(reports[0].connections.open, 20);
    assert!(
        merged
            .source
            .notes
            .iter()
            .any(|note| note.contains("watched from more than one host"))
    );
    assert_eq!(
        merged.hoarded.len(),
        interval(0).hoarded.len(),
        "the same connections"
    );
}

#[test]
fn loopback_is_another_place_on_each_host() {
    let local = |host| {
        let mut summary = elsewhere(host, interval(0));
        summary.services[1].server = at("127.0.0.1:6379");
        summary
    };
    let merged = merge(vec![local("a"), local("b")]).unwrap();
    let redis: Vec<_> = merged
        .services
        .iter()
        .filter(|it| it.server == at("127.0.0.1:6379"))
        .collect();
    assert_eq!(redis.len(), 2);
    assert_eq!(
        redis
            .iter()
            .map(|it| it.host.as_deref().unwrap())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn captures_of_one_host_are_no_missing_intervals() {
    let file = |start: i64| {
        let mut summary = interval(0);
        summary.source.kind = SourceKind::File;
        summary.start = Timestamp::from_parts(start, 0);
        summary.end = summary.start + Span::from_secs(10);
        summary
    };
    let merged = merge(vec![file(5000), file(9000)]).unwrap();
    assert!(merged.source.missing.is_empty());
    assert_eq!(merged.source.merged_from.len(), 2);
}

#[test]
fn a_bad_histogram_is_named() {
    let mut bad = interval(7);
    bad.statements[1].latency = spread(4, 1000);
    bad.statements[1].latency.count = 5;
    let error = merge(vec![interval(6), bad]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("summary 7 of app-3: statement c9f0f895fb98ab91 of 10.0.0.5:5432: "),
        "{text}"
    );
    assert!(matches!(merge(Vec::new()), Err(MergeError::Nothing)));
}
