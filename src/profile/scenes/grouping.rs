//! Which pool connections are counted with.

use std::net::IpAddr;

use super::super::Picture;
use super::super::script::{Script, at};
use super::{connection, owner};
use crate::clock::Span;
use crate::exchange::{ConnectionId, Event};
use crate::protocol::Session;

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
