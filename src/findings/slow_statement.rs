//! Statements that are slow most of the time.

use serde_json::json;

use super::words::{duration, percent, statement, time_at, time_of};
use super::{Thresholds, Told, statement_subject};
use crate::summary::{Finding, Severity, StatementRow, Summary};

pub const CODE: &str = "slow_statement";

/// One in twenty or more takes this long.
const SLOW: f64 = 0.5;
/// With less of the server's time it is slow for itself alone.
const WEIGHS: f64 = 0.1;
/// Fewer say little about the next one.
const COUNT: u64 = 5;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    let mut rows: Vec<&StatementRow> = summary.statements.iter().filter(|row| is_slow(row)).collect();
    rows.sort_by(|one, other| time_of(other).total_cmp(&time_of(one)));
    rows.into_iter()
        .filter_map(|row| tell(row, time_of(row) / time_at(summary, row.server).max(1e-9)))
        .collect()
}

fn is_slow(row: &StatementRow) -> bool {
    row.latency.count >= COUNT
        && row
            .latency
            .figures
            .is_some_and(|figures| figures.p95_seconds >= SLOW)
}

fn tell(row: &StatementRow, share: f64) -> Option<Finding> {
    let figures = row.latency.figures?;
    let told = Told {
        severity: if share >= WEIGHS {
            Severity::Warning
        } else {
            Severity::Info
        },
        title: format!("{} takes {} (p95)", statement(row), duration(figures.p95_seconds)),
        detail: format!(
            "Half of {} executions took {} or longer, the longest {}. It has {} of the time of all statements there; {} were left \
             out as doubtful.",
            row.latency.count,
            duration(figures.p50_seconds),
            duration(figures.max_seconds),
            percent(share),
            row.doubtful,
        ),
        evidence: [
            ("count", json!(row.latency.count)),
            ("p50_seconds", json!(figures.p50_seconds)),
            ("p95_seconds", json!(figures.p95_seconds)),
            ("p99_seconds", json!(figures.p99_seconds)),
            ("max_seconds", json!(figures.max_seconds)),
            ("share", json!(share)),
            ("rows", json!(row.rows)),
            ("doubtful", json!(row.doubtful)),
            ("text", json!(row.text)),
        ],
        advice: "Look at its plan (EXPLAIN ANALYZE): a missing index, rows read and thrown away, or waiting for a lock. If it \
                 returns many rows, ask for fewer.",
    };
    Some(told.of(CODE, statement_subject(row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::{distribution, found_when};

    #[test]
    fn a_statement_that_takes_a_second_is_slow() {
        let found = found_when(CODE, |all| {
            all.statements[0].latency = distribution(100, 0.8, 1.2, 1.3);
            all.statements[0].duration = distribution(100, 0.8, 1.2, 1.3);
        });
        assert_eq!(found[0].title, "SELECT orders takes 1.2 s (p95)");
        assert!(
            found[0].detail.contains("It has 100% of the time"),
            "{}",
            found[0].detail
        );
    }

    #[test]
    fn one_that_hardly_weighs_is_information() {
        let found = found_when(CODE, |all| {
            let mut report = all.statements[0].clone();
            report.latency = distribution(5, 0.8, 1.2, 1.3);
            report.duration = distribution(5, 0.4, 1.2, 1.3);
            all.statements.push(report);
        });
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn a_fast_one_or_too_few_are_not() {
        assert_eq!(
            found_when(CODE, |all| all.statements[0].latency =
                distribution(100, 0.2, 0.45, 0.9)),
            []
        );
        assert_eq!(
            found_when(CODE, |all| all.statements[0].latency =
                distribution(4, 0.8, 1.2, 1.3)),
            []
        );
    }
}
