//! Pools of which all connections are held at once.

use serde_json::json;

use super::words::{client, connections, duration, percent, pool};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Severity, Summary};

pub const CODE: &str = "exhausted_pool";

/// All held for less than this in all is a coincidence.
const LASTS: f64 = 1.0;
/// And for less than this share of the watch, no more than a peak.
const SHARE: f64 = 0.1;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary
        .pools
        .iter()
        .filter(|one| is_exhausted(one))
        .map(tell)
        .collect()
}

/// A pool that still grew when all were held was not at its limit; a single connection is no pool.
fn is_exhausted(one: &Pool) -> bool {
    let count = one.connections;
    let full = one.signs.full_seconds;
    let grew = count.opened > count.closed;
    count.open >= 2
        && !grew
        && count.peak_in_use >= count.peak_open
        && full >= LASTS
        && full >= SHARE * one.observed_seconds
}

fn tell(one: &Pool) -> Finding {
    let signs = &one.signs;
    Told {
        severity: Severity::Warning,
        title: format!("All {} of {} are busy at once", connections(one.connections.open), client(&one.client)),
        detail: format!(
            "{}: {} in all ({} of the watch), at the longest {}. If that is the pool's limit, requests wait for a free \
             connection before they are sent; that wait can't be seen on the wire.",
            pool(one),
            duration(signs.full_seconds),
            percent(signs.full_seconds / one.observed_seconds.max(1e-9)),
            duration(signs.longest_full_seconds),
        ),
        evidence: [
            ("open", json!(one.connections.open)),
            ("full_seconds", json!(signs.full_seconds)),
            ("longest_full_seconds", json!(signs.longest_full_seconds)),
            ("full_times", json!(signs.full_times)),
            ("thinking_seconds", json!(one.time.and_then(|time| time.thinking_seconds))),
            ("observed_seconds", json!(one.observed_seconds)),
        ],
        advice: "Look first at what holds the connections: slow statements, and transactions kept open while the application \
                 does something else. Enlarge the pool only if the server has room for more work at once.",
    }
    .of(CODE, pool_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn full(all: &mut Summary, seconds: f64) {
        let one = &mut all.pools[0];
        one.connections.peak_in_use = one.connections.peak_open;
        one.signs.full_seconds = seconds;
        one.signs.longest_full_seconds = seconds / 2.0;
    }

    #[test]
    fn a_pool_busy_for_long_is_exhausted() {
        let found = found_when(CODE, |all| full(all, 120.0));
        assert_eq!(
            found[0].title,
            "All 10 connections of shop.service (pid 4711) are busy at once"
        );
        assert!(
            found[0]
                .detail
                .contains("2 min 0 s in all (20% of the watch), at the longest 1 min 0 s")
        );
    }

    #[test]
    fn a_short_peak_or_a_pool_that_grows_is_not() {
        assert_eq!(found_when(CODE, |all| full(all, 30.0)), []);
        let grows = found_when(CODE, |all| {
            full(all, 300.0);
            all.pools[0].connections.opened = 2;
        });
        assert_eq!(grows, []);
        let single = found_when(CODE, |all| {
            full(all, 300.0);
            all.pools[0].connections.open = 1;
        });
        assert_eq!(single, []);
    }
}
