//! Whole scenes: what a profile makes of scripted connections.

use std::net::IpAddr;

use proptest::prelude::*;

use super::hoard::need;
use super::script::{CONNECTED, Script, at};
use super::{Config, Picture};
use crate::clock::Span;
use crate::exchange::{Close, ConnectionId, Event};
use crate::protocol::{ErrorCode, Session, Side, System};
use crate::summary::{Connection, ConnectionState, Owner, Reason};

fn flagged(picture: &Picture) -> Vec<(u16, Vec<Reason>)> {
    let mut flagged: Vec<_> = picture
        .hoarded
        .iter()
        .map(|one| (one.client.port - 40_000, one.reasons.clone()))
        .collect();
    flagged.sort();
    flagged
}

fn connection(picture: &Picture, id: u16) -> &Connection {
    let all = picture.connections.as_ref().unwrap();
    all.iter().find(|one| one.client.port == 40_000 + id).unwrap()
}

#[test]
fn each_kind_of_hoarded_connection_is_flagged_with_its_reason() {
    let mut script = Script::new();
    (0..6).for_each(|id| script.login(id, f64::from(id) * 0.01, "app"));
    script.query(1, 1.0, 1.1);
    (0..12).for_each(|n| script.ping(2, 5.0 + f64::from(n) * 10.0));
    (0..8).for_each(|n| script.probe(3, 10.0 + f64::from(n) * 15.0));
    script.busy(4, 100.0);
    script.rest_in_transaction(4, 100.2);
    // The worker: one request every second.
    (0..120).for_each(|n| script.query(5, 2.0 + f64::from(n), 2.5 + f64::from(n)));
    let picture = script.picture(125.0);
    assert_eq!(
        flagged(&picture),
        [
            (0, vec![Reason::NeverUsed]),
            (2, vec![Reason::ValidationOnly]),
            (3, vec![Reason::NeverUsed, Reason::KeepaliveOnly]),
            (4, vec![Reason::IdleInTransaction]),
        ]
    );
    // Peak 2 and 1 more are needed, of 6: the idle one used last stays in the headroom.
    let pool = &picture.pools[0];
    assert_eq!(
        (pool.connections.needed, pool.connections.surplus),
        (Some(3), Some(3))
    );
    assert_eq!(pool.connections.hoarded, 4);
    assert_eq!(connection(&picture, 4).state, ConnectionState::IdleInTransaction);
    assert_eq!(connection(&picture, 2).validations, 12);
    assert!((connection(&picture, 1).idle_seconds.unwrap() - 123.9).abs() < 1e-9);
}

#[test]
fn a_connection_used_once_and_silent_is_idle() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.login(1, 0.0, "app");
    script.login(2, 0.0, "app");
    script.query(0, 1.0, 1.5);
    script.probe(0, 40.0);
    (0..100).for_each(|n| script.query(1, 2.0 + f64::from(n), 2.5 + f64::from(n)));
    script.query(2, 70.0, 71.0);
    let picture = script.picture(102.0);
    assert_eq!(
        flagged(&picture),
        [(0, vec![Reason::Idle, Reason::KeepaliveOnly])]
    );
}

#[test]
fn a_pool_that_needs_all_its_connections_in_bursts_hoards_none() {
    let mut script = Script::new();
    (0..20).for_each(|id| script.login(id, 0.0, "app"));
    for id in 0..20 {
        script.busy(id, 10.0 + f64::from(id) * 0.01);
    }
    for id in 0..20 {
        script.exchanged(id, 10.0, 12.0, |_| {});
        script.rest(id, 12.0);
    }
    let picture = script.picture(600.0);
    assert_eq!(flagged(&picture), []);
    let pool = &picture.pools[0].connections;
    assert_eq!(
        (pool.needed, pool.surplus, pool.peak_in_use),
        (Some(22), Some(0), 20)
    );
    // The same pool with three more than that.
    (20..25).for_each(|id| script.login(id, 0.0, "app"));
    assert_eq!(flagged(&script.picture(600.0)).len(), 3);
}

#[test]
fn without_demand_nothing_is_needed() {
    let mut script = Script::new();
    (0..3).for_each(|id| script.open_from(id, 2.0, "10.0.0.9", false));
    assert_eq!(flagged(&script.picture(59.9)), []);
    let picture = script.picture(60.0);
    assert_eq!(
        flagged(&picture).len(),
        3,
        "idle since the watch began, not since first seen"
    );
    assert_eq!(
        picture.hoarded[0].reasons,
        [Reason::Idle],
        "whether it was used before is not known"
    );
    assert_eq!(picture.hoarded[0].opened, None);
    assert_eq!(picture.pools[0].connections.needed, Some(0));
}

#[test]
fn demand_is_exact_seconds_at_each_level() {
    let mut script = Script::new();
    (0..3).for_each(|id| script.login(id, 0.0, "app"));
    script.busy(0, 1.0);
    script.busy(1, 2.0);
    script.ping(2, 2.5);
    script.rest_in_transaction(0, 3.0);
    script.rest(1, 4.0);
    script.busy(0, 5.0);
    script.rest(0, 6.0);
    let picture = script.picture(10.0);
    let pool = &picture.pools[0];
    assert_eq!(pool.demand, [(0, 5.0), (1, 3.0), (2, 2.0)]);
    assert!((pool.observed_seconds - 10.0).abs() < f64::EPSILON);
    assert!((pool.idle_connection_seconds - (30.0 - 7.0)).abs() < 1e-9);
    assert_eq!(pool.time.unwrap().thinking_seconds, Some(2.0));
    assert!((connection(&picture, 0).in_use_seconds - 5.0).abs() < 1e-9);
    assert!(
        connection(&picture, 2).in_use_seconds.abs() < f64::EPSILON,
        "validations make no demand"
    );
    assert_eq!(picture.services[0].connections.peak_in_use, 2);
}

#[test]
fn pinned_sessions_are_at_work() {
    let mut script = Script::new();
    (0..3).for_each(|id| script.login(id, 0.0, "app"));
    script.query(0, 1.0, 1.1);
    script.event(0, 1.1, Event::Pinned(true));
    let picture = script.picture(100.0);
    assert_eq!(flagged(&picture).len(), 1, "one is needed beside it");
    assert!(picture.hoarded.iter().all(|one| one.client.port != 40_000));
    assert_eq!(picture.pools[0].pinned, Some(1));
}

#[test]
fn a_silent_transaction_is_flagged_however_small_the_pool() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.busy(0, 1.0);
    script.rest_in_transaction(0, 1.5);
    // Neither the kernel's view nor a half close is activity.
    script.profile.peer_gone(ConnectionId(0), false);
    script.event(0, 9.0, Event::HalfClosed(crate::protocol::Side::Server));
    assert_eq!(flagged(&script.picture(11.4)), []);
    let picture = script.picture(11.5);
    assert_eq!(flagged(&picture), [(0, vec![Reason::IdleInTransaction])]);
    assert!((picture.hoarded[0].idle_seconds.unwrap() - 10.0).abs() < 1e-9);
}

#[test]
fn a_request_in_flight_is_told_with_its_age() {
    let mut script = Script::new();
    script.login(0, 0.0, "app");
    script.busy(0, 1.0);
    let picture = script.picture(61.5);
    let in_flight = picture.services[0].in_flight;
    assert_eq!((in_flight.count, in_flight.oldest_seconds), (1, Some(60.5)));
    assert_eq!(flagged(&picture), []);
}

#[test]
fn the_kernel_knows_of_idleness_before_the_watch() {
    let mut script = Script::new();
    (0..2).for_each(|id| script.open_from(id, 0.0, "10.0.0.9", false));
    script.profile.known_idle(ConnectionId(0), at(-3000.0));
    let picture = script.picture(10.0);
    assert_eq!(flagged(&picture), [(0, vec![Reason::Idle])]);
    let one = connection(&picture, 0);
    assert!((one.idle_seconds.unwrap() - 3010.0).abs() < 1e-9);
    assert!(one.age_seconds.unwrap() >= 3010.0 && one.opened.is_none());
    script.query(1, 11.0, 12.0);
    script.profile.known_idle(ConnectionId(1), at(-5.0));
    assert!(
        (connection(&script.picture(20.0), 1).idle_seconds.unwrap() - 8.0).abs() < 1e-9,
        "seen at work since"
    );
}

fn users(picture: &Picture) -> Vec<(Option<&str>, u64)> {
    let mut users: Vec<_> = picture
        .pools
        .iter()
        .map(|pool| (pool.user.as_deref(), pool.connections.open))
        .collect();
    users.sort_unstable();
    users
}

#[test]
fn what_is_unknown_joins_the_only_pool_its_client_has() {
    let mut script = Script::new();
    (0..4).for_each(|id| script.open_from(id, 0.0, "10.0.0.9", false));
    script.query(0, 1.0, 2.0);
    script.login(4, 3.0, "app");
    let picture = script.picture(10.0);
    assert_eq!(users(&picture), [(Some("app"), 5)], "history and all");
    assert_eq!(picture.pools[0].demand, [(0, 9.0), (1, 1.0)]);
    script.open_from(5, 11.0, "10.0.0.9", false);
    script.open_from(6, 11.0, "10.0.0.7", false);
    assert_eq!(
        users(&script.picture(12.0)),
        [(None, 1), (Some("app"), 6)],
        "another host is another client"
    );
}

#[test]
fn what_is_unknown_is_a_pool_of_its_own_where_the_client_has_two() {
    let mut script = Script::new();
    (0..4).for_each(|id| script.open_from(id, 0.0, "10.0.0.9", false));
    script.busy(0, 1.0);
    script.login(4, 3.0, "app");
    script.login(5, 4.0, "batch");
    let picture = script.picture(10.0);
    assert_eq!(users(&picture), [(None, 4), (Some("app"), 1), (Some("batch"), 1)]);
    let unknown = picture.pools.iter().find(|pool| pool.user.is_none()).unwrap();
    assert_eq!(
        (unknown.connections.in_use, unknown.connections.peak_in_use),
        (1, 1)
    );
    script.rest(0, 11.0);
    for pool in script.profile.pools.iter_mut() {
        pool.demand.pass(at(12.0));
        assert_eq!(
            (pool.demand.level(), pool.demand.observed()),
            (0, Span::from_secs(12))
        );
    }
}

#[test]
fn a_name_learnt_late_leaves_no_pool_behind() {
    let mut script = Script::new();
    for id in 0..3 {
        script.login(id, f64::from(id), "app");
        let session = Session {
            application: Some(b"web"),
            ..Session::default()
        };
        script.event(id, f64::from(id) + 0.1, Event::Identified(session));
        script.query(id, f64::from(id) + 0.2, f64::from(id) + 0.3);
    }
    let picture = script.picture(10.0);
    assert_eq!(users(&picture), [(Some("app"), 3)]);
    let pool = &picture.pools[0];
    assert_eq!(pool.client.application.as_deref(), Some("web"));
    assert_eq!((pool.connections.opened, pool.logins.unwrap().count), (3, 3));
    assert!((pool.logins.unwrap().seconds - 0.018).abs() < 1e-9);
}

fn owner(pid: u32, unit: Option<&str>) -> Owner {
    Owner {
        pid: Some(pid),
        command: Some("web".to_owned()),
        unit: unit.map(str::to_owned),
        ..Owner::default()
    }
}

#[test]
fn a_pool_takes_its_owners_name_and_keeps_its_history() {
    let mut script = Script::new();
    (0..4).for_each(|id| script.open_from(id, 0.0, "127.0.0.1", false));
    script.query(0, 1.0, 3.0);
    for id in 0..2 {
        script
            .profile
            .attribute(ConnectionId(id), &owner(10 + id, Some("web.service")));
    }
    let picture = script.picture(10.0);
    assert_eq!(picture.pools.len(), 1, "the other two may be the unit's too");
    assert_eq!(picture.pools[0].client.unit.as_deref(), Some("web.service"));
    assert_eq!(picture.pools[0].client.pids, [10, 11]);
    assert_eq!(picture.pools[0].demand, [(0, 8.0), (1, 2.0)]);
    script
        .profile
        .attribute(ConnectionId(2), &owner(77, Some("session-3.scope")));
    script
        .profile
        .attribute(ConnectionId(3), &owner(78, Some("user@0.service")));
    let picture = script.picture(10.0);
    let mut told: Vec<_> = picture
        .pools
        .iter()
        .map(|pool| (pool.client.pids.clone(), pool.connections.open))
        .collect();
    told.sort();
    assert_eq!(told, [(vec![10, 11], 2), (vec![77], 1), (vec![78], 1)]);
    assert_eq!(
        connection(&picture, 2).owner.as_ref().and_then(|owner| owner.pid),
        Some(77)
    );
    // The address is no single process's any more.
    script.open_from(4, 11.0, "127.0.0.1", true);
    let picture = script.picture(12.0);
    let address: IpAddr = "127.0.0.1".parse().unwrap();
    assert_eq!(
        picture
            .pools
            .iter()
            .filter(|pool| pool.client.address == Some(address))
            .count(),
        1
    );
}

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

/// One step of a random play: which connection, how much later in milliseconds, what.
type Step = (u32, i64, u8);

fn play(steps: &[Step]) -> (Script, f64) {
    let mut script = Script::new();
    let mut millis = 0;
    for &(id, later, what) in steps {
        millis += later;
        let now = millis as f64 / 1000.0;
        let address = if id % 2 == 0 { "10.0.0.9" } else { "10.0.0.8" };
        match what {
            0 => script.open_from(id, now, address, false),
            1 => script.open_from(id, now, address, true),
            2 => script.identify(id, now, if id % 3 == 0 { "app" } else { "batch" }),
            3 | 4 => script.busy(id, now),
            5 | 6 => script.rest(id, now),
            7 => script.rest_in_transaction(id, now),
            8 => script.ping(id, now),
            9 => script.close(id, now),
            10 => script.event(id, now, Event::Pinned(id % 2 == 0)),
            11 => script.profile.attribute(
                ConnectionId(id),
                &owner(id % 4, (id % 3 == 0).then_some("x.service")),
            ),
            12 => script.query(id, now, now + 0.01),
            13 => script.profile.turn(at(now)),
            14 => script.event(id, now, Event::LoggedIn(Span::from_millis(2))),
            _ => script.probe(id, now),
        }
    }
    (script, (millis + 70_000) as f64 / 1000.0)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..12_u32, 0..5000_i64, 0..16_u8), 0..250)
}

proptest! {
    #[test]
    fn whatever_happens_the_sums_agree(steps in steps()) {
        let (script, now) = play(&steps);
        let picture = script.picture(now);
        for pool in &picture.pools {
            let sum: f64 = pool.demand.iter().map(|(_, seconds)| seconds).sum();
            prop_assert!((sum - pool.observed_seconds).abs() < 1e-6);
            prop_assert!((pool.observed_seconds - now).abs() < 1e-6);
            let one = pool.connections;
            prop_assert!(one.hoarded <= one.surplus.unwrap() + one.idle_in_transaction);
            prop_assert_eq!(one.open, one.in_use + one.idle + one.idle_in_transaction);
            if let Some(last) = pool.what_if.last() {
                prop_assert!(last.waited_share == 0.0 && last.wait_p99_seconds == 0.0, "the peak waits for nothing");
            }
        }
        let open: u64 = picture.services.iter().map(|one| one.connections.open).sum();
        prop_assert_eq!(open, picture.pools.iter().map(|pool| pool.connections.open).sum::<u64>());
        prop_assert_eq!(open as usize, script.profile.open());
        let hoarded: u64 = picture.pools.iter().map(|pool| pool.connections.hoarded).sum();
        prop_assert_eq!(hoarded as usize, picture.hoarded.len());
        let listed = picture.connections.unwrap();
        prop_assert_eq!(listed.iter().filter(|one| !one.reasons.is_empty()).count(), picture.hoarded.len());
    }

    #[test]
    fn levels_and_guests_are_those_of_the_members(steps in steps()) {
        let (script, _) = play(&steps);
        for (id, pool) in script.profile.pools.iter() {
            let members = || script.profile.lives.iter().filter(move |(_, life)| life.pool == id);
            prop_assert_eq!(members().count(), pool.open.now as usize);
            prop_assert_eq!(members().filter(|(_, life)| life.is_held()).count(), pool.demand.level() as usize);
            let guests = members().filter(|(_, life)| script.profile.key_in(life.identity, id) != pool.key).count();
            prop_assert!(guests <= pool.guests as usize, "{} of {}", guests, pool.guests);
            let _ = need(pool, &script.profile.config);
        }
    }

    #[test]
    fn replaying_twice_is_the_same(steps in steps()) {
        let ((one, now), (other, _)) = (play(&steps), play(&steps));
        prop_assert_eq!(one.picture(now), other.picture(now));
    }
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
