//! Whatever happens, in any order.

use proptest::prelude::*;

use super::super::hoard::need;
use super::super::script::{Script, at};
use super::owner;
use crate::clock::Span;
use crate::exchange::{ConnectionId, Event};

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
