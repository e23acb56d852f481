//! Pools that keep far more connections than their peaks need.

use serde_json::json;

use super::words::{client, connections, duration, percent, pool, watched};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Severity, Summary, WhatIf};

pub const CODE: &str = "oversized_pool";

/// Fewer spare ones are not worth a change.
const SPARE: u64 = 5;
/// So many spare ones cost the server something whatever it is.
const MANY: u64 = 50;

pub fn find(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    summary
        .pools
        .iter()
        .filter_map(|one| tell(one, thresholds))
        .collect()
}

fn tell(one: &Pool, thresholds: &Thresholds) -> Option<Finding> {
    let (needed, surplus) = (one.connections.needed?, one.connections.surplus?);
    let open = one.connections.open;
    let told = Told {
        severity: if surplus >= MANY {
            Severity::Warning
        } else {
            Severity::Info
        },
        title: format!(
            "{} keeps {} where {needed} would do",
            client(&one.client),
            connections(open)
        ),
        detail: format!(
            "{}: at its peak it needs {needed}, headroom included.{} {}",
            pool(one),
            what_if(one),
            watched(one, thresholds),
        ),
        evidence: [
            ("open", json!(open)),
            ("needed", json!(needed)),
            ("surplus", json!(surplus)),
            ("peak_in_use", json!(one.connections.peak_in_use)),
            ("demand", json!(one.demand)),
            ("what_if", json!(one.what_if)),
            ("recommended_size", json!(one.recommended_size)),
            ("observed_seconds", json!(one.observed_seconds)),
        ],
        advice: "Set the pool's maximum to what is needed at its peaks; watch through a busy hour before lowering it far.",
    };
    (needed > 0 && surplus >= SPARE && open >= needed * 2).then(|| told.of(CODE, pool_subject(one)))
}

/// What the replay of what was seen says about the size that it recommends.
fn what_if(one: &Pool) -> String {
    let size = one.recommended_size;
    let known = one.what_if.iter().find(|known| Some(known.size) == size);
    known.map_or_else(String::new, |known| {
        format!(" With {} instead, {}.", known.size, waits(known))
    })
}

/// How many would have waited and how long, where anybody would have.
fn waits(known: &WhatIf) -> String {
    let share = match known.waited_share {
        0.0 => return "none of the requests seen would have waited for a free one".to_owned(),
        share if share < 0.0005 => "fewer than 0.1%".to_owned(),
        share => percent(share),
    };
    let time = match known.wait_p99_seconds {
        seconds if seconds < 0.5e-6 => "99 of 100 not at all".to_owned(),
        seconds => format!("99 of 100 no longer than {}", duration(seconds)),
    };
    format!("{share} of the requests seen would have waited for a free one, {time}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn a_pool_of_fifty_that_needs_five_is_oversized() {
        let found = found_when(CODE, |all| {
            let one = &mut all.pools[0];
            (
                one.connections.open,
                one.connections.needed,
                one.connections.surplus,
            ) = (55, Some(5), Some(50));
            one.recommended_size = Some(3);
            one.what_if = vec![WhatIf {
                size: 3,
                wait_p99_seconds: 0.0,
                waited_share: 0.004,
                wait_max_seconds: Some(0.01),
            }];
        });
        assert_eq!(
            found[0].title,
            "shop.service (pid 4711) keeps 55 connections where 5 would do"
        );
        assert!(
            found[0].detail.contains("With 3 instead, 0.4% of the requests"),
            "{}",
            found[0].detail
        );
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn waits_that_hardly_are_read_well() {
        let said = |waited_share, wait_p99_seconds| {
            waits(&WhatIf {
                size: 3,
                wait_p99_seconds,
                waited_share,
                wait_max_seconds: None,
            })
        };
        let requests = "of the requests seen would have waited for a free one";
        assert_eq!(said(0.0, 0.0), format!("none {requests}"));
        assert_eq!(
            said(0.000_01, 0.0),
            format!("fewer than 0.1% {requests}, 99 of 100 not at all")
        );
        assert_eq!(said(0.004, 0.0), format!("0.4% {requests}, 99 of 100 not at all"));
        assert_eq!(
            said(0.3, 0.15),
            format!("30% {requests}, 99 of 100 no longer than 150 ms")
        );
    }

    #[test]
    fn a_few_spare_ones_or_a_pool_without_demand_are_not() {
        for (open, needed) in [(14, 10), (19, 10), (20, 0), (6, 2)] {
            let found = found_when(CODE, |all| {
                let one = &mut all.pools[0].connections;
                (one.open, one.needed, one.surplus) = (open, Some(needed), Some(open - needed));
            });
            assert_eq!(found, [], "{open} open, {needed} needed");
        }
    }
}
