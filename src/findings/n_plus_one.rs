//! The same statement over and over where one would do.

use serde_json::json;

use super::words::{counted, duration, statement, time_at};
use super::{Thresholds, Told, statement_subject};
use crate::summary::{Finding, Repeats, Severity, StatementRow, Summary};

pub const CODE: &str = "n_plus_one";

/// Less time than this in all is nobody's problem,
const COSTS: f64 = 0.1;
/// nor is less than this of the time that all statements there took.
const SHARE: f64 = 0.01;
/// Whoever waits for a transaction or burst feels this.
const FELT: f64 = 0.02;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    let mut rows: Vec<(&StatementRow, Repeats)> = summary
        .statements
        .iter()
        .filter_map(|row| Some((row, row.repeats?)))
        .collect();
    rows.retain(|(row, repeats)| costs(summary, row, *repeats) && !row.validation && !row.waiting);
    rows.sort_by(|one, other| other.1.seconds.total_cmp(&one.1.seconds));
    rows.into_iter()
        .map(|(row, repeats)| tell(summary, row, repeats))
        .collect()
}

fn costs(summary: &Summary, row: &StatementRow, repeats: Repeats) -> bool {
    repeats.seconds >= COSTS && repeats.seconds >= SHARE * time_at(summary, row.server)
}

fn tell(summary: &Summary, row: &StatementRow, repeats: Repeats) -> Finding {
    let mean = repeats.executions as f64 / repeats.bursts.max(1) as f64;
    let each = repeats.seconds / repeats.bursts.max(1) as f64;
    let service = summary
        .services
        .iter()
        .find(|service| service.server == row.server);
    let round_trip = service
        .and_then(|service| service.network_rtt.figures)
        .map(|figures| figures.p50_seconds);
    let travel = round_trip.map(|one| one * repeats.executions as f64);
    let priced = travel.map_or_else(String::new, |travel| {
        format!(", of which {} were network round trips", duration(travel))
    });
    Told {
        severity: if each >= FELT { Severity::Warning } else { Severity::Info },
        title: format!("{}: {mean:.0} times in a row where one may do", statement(row)),
        detail: format!(
            "In {} it ran {} in all, up to {} in one. They took {}{priced}.",
            counted(repeats.bursts, "transaction or burst").replace("transaction or bursts", "transactions or bursts"),
            counted(repeats.executions, "time"),
            row.peak_repeats.unwrap_or(0),
            duration(repeats.seconds),
        ),
        evidence: [
            ("bursts", json!(repeats.bursts)),
            ("executions", json!(repeats.executions)),
            ("peak_repeats", json!(row.peak_repeats)),
            ("seconds", json!(repeats.seconds)),
            ("round_trip_seconds", json!(round_trip)),
            ("network_seconds", json!(travel)),
            ("text", json!(row.text)),
        ],
        advice: "Ask for all rows at once (a join, IN (..), = ANY (..); MGET), write them in one statement, batch or pipeline, or \
                 let the object mapper load the relation eagerly.",
    }
    .of(CODE, statement_subject(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn repeated(seconds: f64) -> Vec<Finding> {
        found_when(CODE, |all| {
            all.statements[0].peak_repeats = Some(120);
            all.statements[0].repeats = Some(Repeats {
                bursts: 50,
                executions: 5000,
                seconds,
            });
        })
    }

    #[test]
    fn a_statement_for_each_row_is_priced() {
        let found = repeated(10.0);
        assert_eq!(
            found[0].title,
            "SELECT orders: 100 times in a row where one may do"
        );
        assert_eq!(
            found[0].detail,
            "In 50 transactions or bursts it ran 5000 times in all, up to 120 in one. They took 10.0 s, of which 1.0 s were \
             network round trips."
        );
    }

    #[test]
    fn what_costs_nothing_is_not_told_and_what_nobody_feels_is_information() {
        // All statements took 20 s.
        assert_eq!(repeated(0.05), []);
        assert_eq!(repeated(0.15), []);
        assert_eq!(repeated(0.5)[0].severity, Severity::Info);
        assert_eq!(repeated(10.0)[0].severity, Severity::Warning);
    }
}
