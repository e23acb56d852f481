//! What is counted, when it is forgotten, and the bounds.

use super::super::Config;
use super::super::script::{CONNECTED, Script, at};
use super::{connection, flagged, owner};
use crate::clock::Span;
use crate::exchange::{Close, ConnectionId, Event, Reply, StatementId};
use crate::protocol::{ErrorCode, Side, System};
use crate::summary::{ConnectionState, StatementRow};

#[test]
fn closed_connections_are_told_up_to_the_bound() {
    let mut script = Script::with(Config {
        max_connections: 10,
        ..Config::default()
    });
    for id in 0..8 {
        script.login(id, 0.0, "app");
    }
    for n in 0..5 {
        script.query(0, 1.0, 2.0);
        script.close(0, 3.0 + f64::from(n));
        script.login(0, 4.0 + f64::from(n), "app");
    }
    let picture = script.picture(20.0);
    assert_eq!(
        (picture.connections.as_ref().unwrap().len(), picture.unlisted),
        (10, 3)
    );
    let counts = picture.services[0].connections;
    assert_eq!(
        (counts.open, counts.opened, counts.closed, counts.peak_open),
        (8, 13, 5, 8)
    );
    let closed: Vec<_> = picture
        .connections
        .unwrap()
        .into_iter()
        .filter(|one| one.state == ConnectionState::Closed)
        .collect();
    assert!(
        closed
            .iter()
            .all(|one| one.idle_seconds.is_none() && one.age_seconds.is_some())
    );
    script.event(1, 21.0, Event::Closed(Close::Evicted));
    assert_eq!(
        script.picture(22.0).services[0].connections.closed,
        5,
        "it may well live on"
    );
}

#[test]
fn an_interval_begins_anew_but_connections_and_demand_carry_over() {
    let mut script = Script::new();
    (0..2).for_each(|id| script.login(id, 0.0, "app"));
    script.query(0, 1.0, 2.0);
    script.busy(1, 8.0);
    script.profile.turn(at(10.0));
    let picture = script.picture(20.0);
    let service = &picture.services[0];
    assert_eq!(
        (
            service.exchanges.requests,
            service.latency.count,
            service.login.count
        ),
        (0, 0, 0)
    );
    assert_eq!(
        (
            service.connections.open,
            service.connections.opened,
            service.connections.peak_in_use
        ),
        (2, 0, 1)
    );
    assert!(picture.statements.is_empty());
    let pool = &picture.pools[0];
    assert_eq!(pool.demand, [(0, 7.0), (1, 13.0)]);
    assert!(
        (pool.idle_connection_seconds - 10.0).abs() < 1e-9,
        "of this interval"
    );
}

#[test]
fn old_demand_is_forgotten_with_its_window() {
    let mut script = Script::with(Config {
        demand_window: Some(Span::from_secs(100)),
        ..Config::default()
    });
    (0..5).for_each(|id| script.login(id, 0.0, "app"));
    (0..5).for_each(|id| script.busy(id, 1.0));
    (0..5).for_each(|id| script.rest(id, 2.0));
    for n in 1..=8 {
        script.query(0, f64::from(n) * 10.0 + 5.0, f64::from(n) * 10.0 + 6.0);
        script.profile.turn(at(f64::from(n + 1) * 10.0));
    }
    assert_eq!(
        flagged(&script.picture(91.0)),
        [],
        "the burst is within the window"
    );
    for n in 9..=12 {
        script.query(0, f64::from(n) * 10.0 + 5.0, f64::from(n) * 10.0 + 6.0);
        script.profile.turn(at(f64::from(n + 1) * 10.0));
    }
    assert_eq!(flagged(&script.picture(131.0)).len(), 3);
}

#[test]
fn logins_are_counted_where_they_happen() {
    let mut script = Script::new();
    script.open_from(0, 0.0, "10.0.0.9", true);
    script.event(0, 0.1, CONNECTED);
    assert_eq!(
        connection(&script.picture(0.2), 0).state,
        ConnectionState::Handshake
    );
    script.event(0, 0.2, Event::LoginFailed(ErrorCode::new(b"53300")));
    script.close(0, 0.3);
    script.login(1, 1.0, "app");
    script.event(1, 1.0, Event::System(System::Mariadb));
    script.event(0, 1.0, Event::System(System::Unknown));
    script.event(1, 1.0, Event::System(System::Unknown));
    let picture = script.picture(2.0);
    let service = &picture.services[0];
    assert_eq!(
        (service.login.count, service.login_failures, service.system),
        (1, Some(1), System::Mariadb)
    );
    assert_eq!(connection(&picture, 1).login_seconds, Some(0.005));
    assert_eq!(connection(&picture, 1).connect_seconds, Some(0.001));
}

#[test]
fn events_of_nobody_are_ignored() {
    let mut script = Script::new();
    script.query(7, 1.0, 2.0);
    script.ping(7, 3.0);
    script.close(7, 4.0);
    script.profile.attribute(ConnectionId(7), &owner(1, None));
    script.profile.known_idle(ConnectionId(7), at(0.0));
    assert_eq!(script.picture(5.0).pools, []);
}

#[test]
fn signs_of_trouble_are_counted() {
    let mut script = Script::new();
    (0..3).for_each(|id| script.login(id, 0.0, "app"));
    (0..3).for_each(|id| script.busy(id, 1.0));
    script.rest(2, 4.0);
    script.event(0, 5.0, Event::HalfClosed(Side::Server));
    script.event(1, 19.0, Event::HalfClosed(Side::Server));
    script.event(2, 6.0, Event::HalfClosed(Side::Client));
    script.event(0, 7.0, Event::ZeroWindow(Side::Client, true));
    script.event(0, 9.0, Event::ZeroWindow(Side::Client, false));
    script.event(0, 9.0, Event::Retransmitted(Side::Server));
    script.open_from(3, 10.0, "10.0.0.9", true);
    script.event(3, 11.0, Event::Retransmitted(Side::Client));
    script.event(3, 12.0, CONNECTED);
    script.event(3, 12.0, Event::Retransmitted(Side::Client));
    script.event(3, 12.0, Event::LoginFailed(ErrorCode::new(b"53300")));
    let picture = script.picture(20.0);
    let service = &picture.services[0];
    assert_eq!(service.signs.syn_retries, 1);
    assert_eq!(
        (service.signs.client_retransmits, service.signs.server_retransmits),
        (2, 1)
    );
    assert_eq!(service.signs.refusals.get("53300"), Some(&1));
    assert_eq!(
        (service.zero_windows, service.time.unwrap().window_closed_seconds),
        (Some(1), Some(2.0))
    );
    let signs: Vec<_> = picture.pools.iter().map(|pool| &pool.signs).collect();
    assert_eq!(
        signs.iter().map(|one| one.close_wait).sum::<u64>(),
        1,
        "the second has not lasted"
    );
    assert_eq!(signs.iter().map(|one| one.half_open).sum::<u64>(), 1);
    assert_eq!((signs[0].full_times, signs[0].longest_full_seconds), (1, 3.0));
    assert_eq!(signs[0].open_history.len(), 10, "2, 4 .. 20 seconds");
}

#[test]
fn only_what_crosses_between_hosts_in_clear_is_told_so() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.query(0, 1.0, 2.0);
    script.login(1, 0.0, "app");
    script.event(1, 0.5, Event::Tls);
    script.query(1, 1.0, 2.0);
    script.open_from(2, 0.0, "10.0.0.5", false);
    script.query(2, 1.0, 2.0);
    script.login(3, 0.0, "app");
    script.query(3, 1.0, 2.0);
    script.close(3, 3.0);
    assert_eq!(script.picture(4.0).services[0].signs.clear_text_connections, 2);
}

#[test]
fn a_statement_repeated_in_a_transaction_is_told() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.busy(0, 1.0);
    script.rest_in_transaction(0, 1.0);
    for n in 0..12 {
        let from = 1.0 + f64::from(n) * 0.5;
        script.busy(0, from);
        script.exchanged(0, from, from + 0.25, |one| one.in_transaction = true);
        script.rest_in_transaction(0, from + 0.25);
    }
    let ongoing = script.picture(10.0).statements[0].repeats.unwrap();
    script.rest(0, 11.0);
    let row = &script.picture(12.0).statements[0];
    assert_eq!((row.repeats, row.peak_repeats), (Some(ongoing), Some(12)));
    assert_eq!(
        (ongoing.bursts, ongoing.executions, ongoing.seconds),
        (1, 12, 3.0)
    );
}

#[test]
fn a_closed_window_is_told_apart_from_receiving_and_only_once() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.busy(0, 1.0);
    script.event(0, 2.0, Event::ZeroWindow(Side::Client, true));
    let time = |script: &Script, now| script.picture(now).services[0].time.unwrap();
    assert_eq!(time(&script, 4.0).window_closed_seconds, Some(2.0), "it goes on");
    script.event(0, 5.0, Event::ZeroWindow(Side::Client, false));
    assert_eq!(time(&script, 5.5).window_closed_seconds, Some(3.0));
    script.exchanged(0, 1.0, 6.0, |one| {
        one.reply = Some(Reply {
            start: at(1.5),
            end: at(6.0),
        });
    });
    script.rest(0, 6.0);
    script.event(0, 7.0, Event::ZeroWindow(Side::Client, true));
    script.event(0, 8.0, Event::ZeroWindow(Side::Client, false));
    let picture = script.picture(9.0);
    for time in [
        picture.services[0].time,
        picture.pools[0].time,
        picture.statements[0].time,
    ] {
        let time = time.unwrap();
        assert_eq!(
            time.window_closed_seconds,
            Some(3.0),
            "nothing waited for the second"
        );
        assert_eq!(time.reply_seconds, Some(1.5));
    }
}

#[test]
fn the_clients_pause_in_a_transaction_is_told_of_the_statement_before_it() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.query(0, 1.0, 1.5);
    script.busy(0, 2.0);
    script.exchanged(0, 2.0, 3.0, |one| one.statement = Some(StatementId(2)));
    script.rest_in_transaction(0, 3.0);
    script.busy(0, 7.0);
    script.exchanged(0, 7.0, 7.5, |one| one.statement = Some(StatementId(3)));
    script.rest(0, 7.5);
    let picture = script.picture(9.0);
    assert_eq!(picture.pools[0].time.unwrap().thinking_seconds, Some(4.0));
    let paused = |row: &&StatementRow| row.time.unwrap().thinking_seconds == Some(4.0);
    let after: Vec<_> = picture.statements.iter().filter(paused).collect();
    assert_eq!(after.len(), 1);
    let longest = after[0].duration.figures.map(|figures| figures.max_seconds);
    assert_eq!(longest, Some(1.0), "the one of a second");
}
