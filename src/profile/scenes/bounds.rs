//! Bounds on what is kept of pools.

use std::collections::BTreeMap;

use super::super::script::Script;
use super::super::{Bounds, Config, Picture};
use crate::summary::Pool;

const CLIENTS: u32 = 100;
const EACH: u32 = 300;

/// One client after the other has 300 connections in flight at once, and leaves.
fn busy_clients(pools: usize) -> Script {
    let bounds = Bounds {
        pools,
        ..Bounds::default()
    };
    let mut script = Script::with(Config {
        bounds,
        ..Config::default()
    });
    for client in 0..CLIENTS {
        for id in 0..EACH {
            let seconds = f64::from(client * EACH + id);
            script.open_from(id, seconds, &format!("10.1.0.{client}"), true);
            script.busy(id, seconds);
        }
        (0..EACH).for_each(|id| script.close(id, f64::from((client + 1) * EACH)));
    }
    script
}

/// Each client with its peak, its seconds and its connection-seconds in use.
fn demands(picture: &Picture) -> BTreeMap<String, (u64, f64, f64)> {
    let demand = |pool: &Pool| {
        let peak = pool.demand.last().map_or(0, |last| last.0);
        let seconds = pool.demand.iter().map(|level| level.1).sum();
        let used = pool.demand.iter().map(|level| level.0 as f64 * level.1).sum();
        (peak, seconds, used)
    };
    let client = |pool: &Pool| format!("{:?}", pool.client);
    picture
        .pools
        .iter()
        .map(|pool| (client(pool), demand(pool)))
        .collect()
}

#[test]
fn demand_of_many_pools_is_told_at_fewer_levels_and_never_lower() {
    let end = f64::from((CLIENTS + 1) * EACH);
    let exact = busy_clients(1024).picture(end);
    let script = busy_clients(128);
    let kept: usize = script
        .profile
        .pools
        .iter()
        .map(|(_, pool)| pool.demand.kept())
        .sum();
    assert!(kept <= 270 << 10, "{kept} bytes of a bound of 256 KiB");
    let bounded = script.picture(end);
    assert_eq!(exact.coarse, 0);
    assert!(bounded.coarse > 30, "{}", bounded.coarse);
    let exact = demands(&exact);
    assert_eq!(exact.len(), CLIENTS as usize);
    for (client, (peak, seconds, used)) in demands(&bounded) {
        let (exact_peak, exact_seconds, exact_used) = exact[&client];
        assert_eq!((peak, seconds), (exact_peak, exact_seconds), "{client}");
        assert!(
            (exact_used..exact_used * 1.2).contains(&used),
            "{client}: {used} for {exact_used}"
        );
    }
}
