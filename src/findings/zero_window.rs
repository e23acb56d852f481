//! A side that does not read what it is sent.

use serde_json::json;

use super::words::{counted, duration};
use super::{Thresholds, Told, service_subject};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "zero_window";

/// Less waiting than this in all is not felt,
const FELT: f64 = 0.5;
/// nor less than this of the time that requests took: any fast transfer waits a little.
const SHARE: f64 = 0.05;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.services.iter().filter_map(tell).collect()
}

fn tell(one: &Service) -> Option<Finding> {
    let times = one.zero_windows?;
    let closed = one.time.and_then(|time| time.window_closed_seconds)?;
    let told = Told {
        severity: Severity::Warning,
        title: format!(
            "Data waited {} for a receiver that does not read ({})",
            duration(closed),
            one.server
        ),
        detail: format!(
            "A side closed its receive window {}: the other had to stop sending. Most often it is a client that fetches \
             many rows and handles them slowly; meanwhile its connection, and the server's work for it, are held.",
            counted(times, "time"),
        ),
        evidence: [
            ("zero_windows", json!(times)),
            ("window_closed_seconds", json!(closed)),
            ("requests", json!(one.exchanges.requests)),
        ],
        advice: "Fetch fewer rows, or in portions (a cursor, a page), or read them first and handle them after; look whether \
                 the receiving process is short of CPU.",
    };
    let taken = one
        .duration
        .figures
        .map_or(0.0, |figures| figures.mean_seconds * one.duration.count as f64);
    let felt = times > 0 && closed >= FELT && closed >= SHARE * taken;
    felt.then(|| told.of(CODE, service_subject(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn closed(seconds: f64) -> Vec<Finding> {
        found_when(CODE, |all| {
            all.services[0].zero_windows = Some(4);
            if let Some(time) = &mut all.services[0].time {
                time.window_closed_seconds = Some(seconds);
            }
        })
    }

    #[test]
    fn a_client_that_does_not_read_is_told() {
        assert_eq!(
            closed(7.0)[0].title,
            "Data waited 7.0 s for a receiver that does not read (10.0.0.5:5432)"
        );
    }

    #[test]
    fn a_window_closed_for_a_moment_or_now_and_then_in_a_long_watch_is_not() {
        assert_eq!(closed(0.2), []);
        // Requests took 20 s in all.
        assert_eq!(closed(0.9), []);
    }
}
