//! Who is flagged, why, and who is not.

use super::super::script::{Script, at};
use super::{connection, flagged};
use crate::exchange::{Close, ConnectionId, Event};
use crate::summary::{ConnectionState, Reason};

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

#[test]
fn work_that_the_kernel_saw_and_the_watch_did_not_needs_its_connections() {
    let mut script = Script::new();
    (0..6).for_each(|id| script.open_from(id, 0.0, "10.0.0.9", false));
    (0..6).for_each(|id| script.profile.known_idle(ConnectionId(id), at(-3000.0)));
    assert_eq!(flagged(&script.picture(10.0)).len(), 6);
    (0..2).for_each(|id| script.profile.known_idle(ConnectionId(id), at(9.0)));
    let picture = script.picture(10.0);
    let counts = picture.pools[0].connections;
    assert_eq!((counts.needed, counts.surplus), (Some(3), Some(3)));
    assert_eq!(flagged(&picture).len(), 3);
    assert_eq!(script.profile.unseen(), 2);
    script.close(0, 11.0);
    assert_eq!(script.profile.unseen(), 1);
}

#[test]
fn nobody_is_judged_by_the_time_in_which_it_was_not_watched() {
    let mut script = Script::new();
    (0..4).for_each(|id| script.login(id, 0.0, "app"));
    (0..4).for_each(|id| script.query(id, 1.0, 2.0));
    script.profile.watch_anew(at(50.0));
    (2..4).for_each(|id| script.event(id, 50.0, Event::Closed(Close::Forgotten)));
    (0..100).for_each(|n| script.query(0, 100.0 + f64::from(n), 100.5 + f64::from(n)));
    let narrow = script.picture(200.0);
    let counts = narrow.pools[0].connections;
    assert_eq!((counts.open, counts.closed), (2, 0), "forgotten, not closed");
    // All four were in use at once: within the share nothing is known to be too much.
    assert_eq!((flagged(&narrow), counts.surplus), (Vec::new(), Some(0)));
    assert!((narrow.pools[0].observed_seconds - 150.0).abs() < 1e-9);

    script.profile.watch_anew(at(200.0));
    script.open_from(2, 230.0, "10.0.0.9", false);
    let wide = script.picture(231.0);
    let idle = connection(&wide, 2).idle_seconds.unwrap();
    assert!((idle - 31.0).abs() < 1e-9, "since it is watched again: {idle}");
    assert!((wide.pools[0].observed_seconds - 31.0).abs() < 1e-9);
}
