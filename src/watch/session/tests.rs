use super::*;
use crate::capture::file::FileSource;
use crate::capture::live::Steady;
use crate::capture::share::Share;
use crate::capture::{Polled, Source};
use crate::clock::Span;

fn small() -> Session {
    let plan = Plan {
        targets: vec![Target {
            address: None,
            port: 15432,
            system: Some(crate::protocol::System::Postgresql),
            presumed: false,
        }],
        targets_written: Vec::new(),
        profile: crate::profile::Config {
            max_statements: 2,
            ..crate::profile::Config::default()
        },
        max_connections: 100,
        max_connection_bytes: usize::MAX,
        max_buffered: 1 << 20,
        max_text_bytes: usize::MAX,
        max_statements: 100,
        show_literals: false,
        connections: Listing::None,
    };
    let recorder = Recorder::new(Profile::new(plan.profile), None);
    Session::new(plan, recorder)
}

fn read(session: &mut Session, capture: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(capture);
    let mut source = FileSource::open(&[path]).unwrap();
    loop {
        match source.poll().unwrap() {
            Polled::Frame(frame) => drop(session.frame(&frame)),
            Polled::Idle(now) => session.advance(now),
            Polled::End => return,
        }
    }
}

/// What is read of a capture whose clock is set in its middle, as the rings are.
fn read_over_a_step(step: Span) -> Summary {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/postgresql-psql.pcap.gz");
    let (mut session, mut source) = (small(), FileSource::open(&[path]).unwrap());
    let (mut steady, mut nth) = (Steady::default(), 0);
    while let Polled::Frame(frame) = source.poll().unwrap() {
        nth += 1;
        let set_by = if nth > 40 { step } else { Span::ZERO };
        let time = steady.decide(frame.time + set_by, frame.time + Span::from_millis(80), set_by);
        session.frame(&Frame { time, ..frame });
    }
    assert!(nth > 80, "{nth} frames");
    session.summary(&Provenance {
        set_by: step,
        ..Provenance::default()
    })
}

#[test]
fn a_step_of_the_clock_changes_the_time_of_day_and_no_number() {
    let whole = read_over_a_step(Span::ZERO);
    for step in [3_600, -3_600, 1, -1].map(Span::from_secs) {
        let mut stepped = read_over_a_step(step);
        assert_eq!(
            (stepped.start, stepped.end),
            (whole.start + step, whole.end + step)
        );
        stepped.shift(Span::from_nanos(-step.nanos()));
        assert_eq!(stepped, whole);
    }
}

#[test]
fn an_overload_is_said_of_its_intervals_only() {
    let (mut session, nothing) = (small(), Provenance::default());
    read(&mut session, "tests/captures/postgresql-reconnect.pcap.gz");
    let mut end = session.shards.now();
    let mut interval = |share: Option<Share>| {
        if let Some(share) = share {
            session.keep(share, end);
        }
        let told = session.summary(&nothing).source;
        end = end + Span::from_secs(1);
        session.turn(end, &nothing);
        let said = told
            .notes
            .iter()
            .any(|note| note.starts_with("overload: 1 connection in 2 "));
        assert_eq!(said, told.overload.is_some(), "{:?}", told.notes);
        told.overload
    };
    assert_eq!(interval(None), None);
    let begun = interval(Some(Share::ALL.narrowed())).unwrap();
    assert_eq!((begun.least_share, begun.share, begun.narrowed), (0.5, 0.5, 1));
    let goes_on = interval(None).unwrap();
    assert_eq!(
        (goes_on.share, goes_on.narrowed, goes_on.forgotten_connections),
        (0.5, 0, 0)
    );
    let over = interval(Some(Share::ALL)).unwrap();
    assert_eq!((over.least_share, over.share), (0.5, 1.0));
    assert_eq!(interval(None), None);
}

#[test]
fn a_list_that_is_too_long_keeps_the_longest_idle() {
    let mut session = small();
    session.plan.connections = Listing::Flagged;
    let whole = crate::summary::sample::morning();
    let all = whole.hoarded.len();
    assert!(all > 1);
    let mut summary = Summary {
        connections: Some(whole.hoarded.clone()),
        ..whole.clone()
    };
    session.list_at_most(all, &mut summary);
    assert_eq!(summary.hoarded, whole.hoarded);
    session.list_at_most(1, &mut summary);
    assert_eq!(summary.hoarded, whole.hoarded[..1]);
    assert_eq!(summary.connections.as_deref(), Some(&whole.hoarded[..1]));
    let said = format!("{} hoarded connections more are counted and not listed", all - 1);
    assert!(summary.source.notes.iter().any(|note| note.starts_with(&said)));
}

#[test]
fn an_interval_counts_what_is_its_own() {
    let (mut session, nothing) = (small(), Provenance::default());
    read(&mut session, "tests/captures/postgresql-psql.pcap.gz");
    let first = session.summary(&nothing);
    assert!(first.source.packets > 0 && first.source.evicted_statements > 0);
    let end = first.end + Span::from_secs(1);
    session.turn(end, &nothing);
    session.advance(end + Span::from_secs(1));
    let second = session.summary(&nothing);
    assert_eq!((second.sequence, second.start), (1, end));
    assert_eq!((second.source.packets, second.source.evicted_statements), (0, 0));
    let requests =
        |summary: &Summary| -> u64 { summary.services.iter().map(|it| it.exchanges.requests).sum() };
    assert!(requests(&first) > 0 && requests(&second) == 0);
    assert!(second.statements.is_empty());
}
