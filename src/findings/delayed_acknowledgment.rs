//! Requests or replies that wait 40 ms for an acknowledgment.

use serde_json::json;

use super::words::{counted, duration, percent};
use super::{Thresholds, Told, service_subject};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "delayed_acknowledgment";

/// Fewer may take 40 ms for any reason.
const COUNT: u64 = 20;
const SHARE: f64 = 0.05;
/// What each one waits.
const WAIT: f64 = 0.04;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.services.iter().filter_map(tell).collect()
}

fn tell(one: &Service) -> Option<Finding> {
    let count = one.signs.delayed_acknowledgments;
    let share = count as f64 / one.latency.count.max(1) as f64;
    let told = Told {
        severity: Severity::Warning,
        title: format!(
            "{} with {} paused for about 40 ms in their middle",
            counted(count, "exchange"),
            one.server
        ),
        detail: format!(
            "{} of {} were small, with 38 to 48 ms between the first byte and the last. That is how long Linux delays an \
             acknowledgment: most likely the sender holds its second part back until the first is acknowledged (Nagle). About {} in \
             all.",
            percent(share),
            one.latency.count,
            duration(count as f64 * WAIT),
        ),
        evidence: [
            ("delayed_acknowledgments", json!(count)),
            ("exchanges", json!(one.latency.count)),
            ("share", json!(share)),
            ("lost_seconds", json!(count as f64 * WAIT)),
        ],
        advice: "Set TCP_NODELAY in the client or driver, or have it send each request in one write.",
    };
    (count >= COUNT && share >= SHARE).then(|| told.of(CODE, service_subject(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn delayed(count: u64) -> Vec<Finding> {
        found_when(CODE, |all| all.services[0].signs.delayed_acknowledgments = count)
    }

    #[test]
    fn requests_in_two_parts_are_told() {
        let found = delayed(2000);
        assert_eq!(
            found[0].title,
            "2000 exchanges with 10.0.0.5:5432 paused for about 40 ms in their middle"
        );
        assert!(
            found[0].detail.ends_with("About 1 min 20 s in all."),
            "{}",
            found[0].detail
        );
    }

    #[test]
    fn a_few_that_take_40_ms_are_not() {
        assert_eq!(delayed(19), []);
        assert_eq!(delayed(499), []);
    }
}
