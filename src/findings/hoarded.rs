//! Connections that are needlessly kept.

use serde_json::json;

use super::too_many_connections::is_refusal_for_number;
use super::words::{connections, duration, pool, watched};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Reason, Severity, Summary};

pub const CODE: &str = "hoarded";

pub fn find(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    let hoarding = |one: &&Pool| one.connections.hoarded > told_elsewhere(one);
    let mut pools: Vec<&Pool> = summary.pools.iter().filter(hoarding).collect();
    pools.sort_by_key(|one| std::cmp::Reverse(one.connections.hoarded));
    pools
        .into_iter()
        .map(|one| tell(summary, one, thresholds))
        .collect()
}

/// Hoarded ones that have a finding of their own: silent transactions, and connections that one side has left already.
fn told_elsewhere(one: &Pool) -> u64 {
    let count = |reason: Reason| one.signs.reasons.get(reason.name()).copied().unwrap_or(0);
    count(Reason::IdleInTransaction) + count(Reason::HalfOpen)
}

fn tell(summary: &Summary, one: &Pool, thresholds: &Thresholds) -> Finding {
    let count = one.connections;
    let hoarded = count.hoarded - told_elsewhere(one);
    let longest = one.signs.longest_idle_seconds.unwrap_or(thresholds.idle_after);
    let refused = summary
        .services
        .iter()
        .any(|service| service.server == one.server && is_refusal_for_number(service));
    Told {
        severity: if refused { Severity::Critical } else { Severity::Warning },
        title: format!("{hoarded} of {} of {} are hoarded", connections(count.open), super::words::client(&one.client)),
        detail: format!(
            "{} never used more than {} at once; with headroom it needs {}. These did no useful work for {} or longer, \
             the longest idle for {}. {}",
            pool(one),
            count.peak_in_use.max(one.demand.last().map_or(0, |level| level.0)),
            count.needed.unwrap_or(0),
            duration(thresholds.idle_after),
            duration(longest),
            watched(one, thresholds),
        ),
        evidence: [
            ("hoarded", json!(hoarded)),
            ("open", json!(count.open)),
            ("needed", json!(count.needed)),
            ("surplus", json!(count.surplus)),
            ("peak_in_use", json!(count.peak_in_use)),
            ("reasons", json!(one.signs.reasons)),
            ("longest_idle_seconds", json!(longest)),
            ("idle_connection_seconds", json!(one.idle_connection_seconds)),
            ("observed_seconds", json!(one.observed_seconds)),
        ],
        advice: "Lower the pool's maximum and its minimum of idle connections to what is needed, and let it close \
                 connections that stay idle (idle time-out). Without a pool, close connections after use.",
    }
    .of(CODE, pool_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn hoarded_connections_are_told_with_their_number() {
        let found = found_when(CODE, |all| {
            let one = &mut all.pools[0].connections;
            (one.open, one.hoarded, one.needed, one.surplus) = (412, 388, Some(10), Some(402));
        });
        assert_eq!(
            found[0].title,
            "388 of 412 connections of shop.service (pid 4711) are hoarded"
        );
        assert_eq!(found[0].severity, Severity::Warning);
        assert!(
            found[0].detail.contains("never used more than 9 at once"),
            "{}",
            found[0].detail
        );
    }

    #[test]
    fn they_harm_where_others_are_refused() {
        let found = found_when(CODE, |all| {
            all.pools[0].connections.hoarded = 1;
            all.services[0].signs.refusals.insert("53300".to_owned(), 3);
        });
        assert_eq!(found[0].severity, Severity::Critical);
    }

    #[test]
    fn silent_transactions_and_dead_ends_alone_are_told_elsewhere() {
        for reason in [Reason::IdleInTransaction, Reason::HalfOpen] {
            let found = found_when(CODE, |all| {
                all.pools[0].connections.hoarded = 1;
                all.pools[0].signs.reasons.insert(reason.name().to_owned(), 1);
            });
            assert_eq!(found, []);
        }
    }
}
