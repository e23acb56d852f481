//! Segments that had to be sent again.

use serde_json::json;

use super::words::{counted, percent};
use super::{Thresholds, Told, service_subject};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "retransmissions";

/// Fewer happen on any network.
const COUNT: u64 = 20;
/// So many for each request are felt: each costs 200 ms or more unless later segments show the loss.
const SHARE: f64 = 0.005;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.services.iter().filter_map(tell).collect()
}

fn tell(one: &Service) -> Option<Finding> {
    let signs = &one.signs;
    let count = one.retransmits?;
    let share = count as f64 / one.exchanges.requests.max(1) as f64;
    let told = Told {
        severity: if share >= 10.0 * SHARE {
            Severity::Warning
        } else {
            Severity::Info
        },
        title: format!(
            "{} sent again on the way to and from {}",
            counted(count, "segment"),
            one.server
        ),
        detail: format!(
            "That is {} of {} requests. The clients sent {} segments again, the server {}: they were lost, or their acknowledgment \
             came too late. What was lost before it came past here is not counted.",
            percent(share),
            one.exchanges.requests,
            signs.client_retransmits,
            signs.server_retransmits,
        ),
        evidence: [
            ("retransmits", json!(count)),
            ("client_retransmits", json!(signs.client_retransmits)),
            ("server_retransmits", json!(signs.server_retransmits)),
            ("requests", json!(one.exchanges.requests)),
            ("share", json!(share)),
        ],
        advice: "Look at the interfaces' error and drop counters on both hosts and on the switches between them, at the virtual \
                 machine's or container's bandwidth limit, and whether a host has no CPU left to acknowledge in time (steal, throttling).",
    };
    (count >= COUNT && share >= SHARE).then(|| told.of(CODE, service_subject(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn loss_on_the_way_is_told() {
        let found = found_when(CODE, |all| all.services[0].retransmits = Some(600));
        assert_eq!(
            found[0].title,
            "600 segments sent again on the way to and from 10.0.0.5:5432"
        );
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn a_few_are_not() {
        for count in [0, 19, 49] {
            assert_eq!(
                found_when(CODE, |all| all.services[0].retransmits = Some(count)),
                []
            );
        }
    }
}
