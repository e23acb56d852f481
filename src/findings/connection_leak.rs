//! Pools that grow without demand.

use serde_json::json;

use super::words::{client, duration, pool, watched};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Severity, Summary};

pub const CODE: &str = "connection_leak";

/// Fewer samples make no trend.
const SAMPLES: usize = 6;
/// Fewer more may be a pool that fills.
const MORE: u64 = 5;

pub fn find(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    summary
        .pools
        .iter()
        .filter_map(|one| tell(one, thresholds))
        .collect()
}

fn tell(one: &Pool, thresholds: &Thresholds) -> Option<Finding> {
    let history = &one.signs.open_history;
    let (first, last) = (*history.first()?, *history.last()?);
    let peak = one.demand.last().map_or(0, |level| level.0);
    let over = one.signs.open_history_seconds * (history.len() - 1) as f64;
    let told = Told {
        severity: Severity::Warning,
        title: format!(
            "{} opens connections and does not close them",
            client(&one.client)
        ),
        detail: format!(
            "{}: from {first} to {} open in {}, never fewer than before, while never more than {peak} were in use at once. {}",
            pool(one),
            last,
            duration(over),
            watched(one, thresholds),
        ),
        evidence: [
            ("open_history", json!(history)),
            ("open_history_seconds", json!(one.signs.open_history_seconds)),
            ("open", json!(one.connections.open)),
            ("peak_in_use", json!(peak)),
            ("opened", json!(one.connections.opened)),
            ("closed", json!(one.connections.closed)),
            ("observed_seconds", json!(one.observed_seconds)),
        ],
        advice: "Something takes connections and does not give them back or close them, most often on an error path. Let the \
                 language close them (try-with-resources, using, with, defer), and turn on the pool's leak detection.",
    };
    (grows(one, peak) && last >= first + MORE).then(|| told.of(CODE, pool_subject(one)))
}

/// It went on growing to the end, in many steps, and beyond all that was ever in use.
fn grows(one: &Pool, peak: u64) -> bool {
    let history = &one.signs.open_history;
    let steps = history.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let recent = history.len() / 2;
    let late = history.windows(2).skip(recent).any(|pair| pair[0] < pair[1]);
    history.len() >= SAMPLES
        && history.is_sorted()
        && steps * 2 >= history.len() - 1
        && late
        && history
            .last()
            .is_some_and(|&last| last >= peak.saturating_mul(2).saturating_add(MORE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn history(all: &mut Summary, open: &[u64]) {
        let one = &mut all.pools[0];
        one.demand = vec![(0, 500.0), (2, 100.0)];
        one.signs.open_history = open.to_vec();
        one.signs.open_history_seconds = 60.0;
    }

    #[test]
    fn steady_growth_without_demand_is_a_leak() {
        let found = found_when(CODE, |all| history(all, &[3, 5, 8, 11, 14, 17, 20, 24]));
        assert_eq!(
            found[0].title,
            "shop.service (pid 4711) opens connections and does not close them"
        );
        assert!(
            found[0].detail.contains("from 3 to 24 open in 7 min 0 s"),
            "{}",
            found[0].detail
        );
    }

    #[test]
    fn a_pool_that_fills_once_or_breathes_is_not() {
        for open in [
            &[3, 20, 20, 20, 20, 20, 20, 20][..],
            &[3, 5, 8, 11, 9, 14, 17, 24],
            &[3, 10, 20, 30],
            &[3, 4, 5, 6, 7, 7, 7, 7],
        ] {
            assert_eq!(found_when(CODE, |all| history(all, open)), [], "{open:?}");
        }
        let needed = found_when(CODE, |all| {
            history(all, &[3, 5, 8, 11, 14, 17, 20, 24]);
            all.pools[0].demand = vec![(0, 500.0), (23, 100.0)];
        });
        assert_eq!(needed, []);
    }
}
