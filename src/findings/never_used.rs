//! Connections that were opened and never used.

use serde_json::json;

use super::words::{client, connections, duration, watched};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Reason, Severity, Summary};

pub const CODE: &str = "never_used";

pub fn find(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    let told = summary.pools.iter().filter_map(|one| tell(one, thresholds));
    told.collect()
}

fn tell(one: &Pool, thresholds: &Thresholds) -> Option<Finding> {
    let count = *one.signs.reasons.get(Reason::NeverUsed.name())?;
    let told = Told {
        severity: Severity::Info,
        title: format!(
            "{} of {} were opened and never used",
            connections(count),
            client(&one.client)
        ),
        detail: format!(
            "No request came on them since they were opened, for {} or longer. {} are open to {}. {}",
            duration(thresholds.idle_after),
            connections(one.connections.open),
            one.server,
            watched(one, thresholds),
        ),
        evidence: [
            ("connections", json!(count)),
            ("open", json!(one.connections.open)),
            ("longest_idle_seconds", json!(one.signs.longest_idle_seconds)),
            ("observed_seconds", json!(one.observed_seconds)),
        ],
        advice: "Lower the pool's minimum of idle connections, or have it open connections only when they are asked for.",
    };
    (count > 0).then(|| told.of(CODE, pool_subject(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn they_are_told_with_their_number() {
        let found = found_when(CODE, |all| {
            all.pools[0].signs.reasons.insert(CODE.to_owned(), 7);
        });
        assert!(
            found[0].title.starts_with("7 connections of shop.service"),
            "{}",
            found[0].title
        );
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn other_reasons_are_not_theirs() {
        let found = found_when(CODE, |all| {
            all.pools[0].signs.reasons.insert("idle".to_owned(), 7);
        });
        assert_eq!(found, []);
    }
}
