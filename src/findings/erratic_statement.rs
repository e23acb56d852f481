//! Statements that are fast most of the time and then very slow.

use serde_json::json;

use super::words::{duration, statement};
use super::{Thresholds, Told, statement_subject};
use crate::summary::{Finding, Severity, StatementRow, Summary};

pub const CODE: &str = "erratic_statement";

/// So many times the median.
const TIMES: f64 = 20.0;
/// A hundredth that takes less than this is not felt.
const FELT: f64 = 0.1;
/// A hundredth of fewer is nothing.
const COUNT: u64 = 200;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.statements.iter().filter_map(tell).collect()
}

fn tell(row: &StatementRow) -> Option<Finding> {
    let figures = row.latency.figures?;
    let times = figures.p99_seconds / figures.p50_seconds.max(1e-9);
    let told = Told {
        severity: Severity::Info,
        title: format!(
            "{} is erratic: {times:.0} times slower one time in a hundred",
            statement(row)
        ),
        detail: format!(
            "Half of {} executions took no longer than {}, but one in a hundred {} or longer, at worst {}.",
            row.latency.count,
            duration(figures.p50_seconds),
            duration(figures.p99_seconds),
            duration(figures.max_seconds),
        ),
        evidence: [
            ("count", json!(row.latency.count)),
            ("p50_seconds", json!(figures.p50_seconds)),
            ("p99_seconds", json!(figures.p99_seconds)),
            ("max_seconds", json!(figures.max_seconds)),
            ("times", json!(times)),
            ("text", json!(row.text)),
        ],
        advice: "The same statement does different work at times: it waits for locks, its plan depends on the values, or what it \
                 reads has left the server's cache. Look at the slow ones' times (--exchanges) and at what else ran then.",
    };
    let erratic = row.latency.count >= COUNT && times >= TIMES && figures.p99_seconds >= FELT;
    erratic.then(|| told.of(CODE, statement_subject(row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::{distribution, found_when};

    #[test]
    fn a_long_tail_is_erratic() {
        let found = found_when(CODE, |all| {
            all.statements[0].latency = distribution(1000, 0.002, 0.01, 0.3);
        });
        assert_eq!(
            found[0].title,
            "SELECT orders is erratic: 150 times slower one time in a hundred"
        );
    }

    #[test]
    fn a_tail_that_is_not_felt_or_of_few_is_not() {
        for (count, p50, p99) in [(1000, 0.0001, 0.05), (1000, 0.02, 0.3), (150, 0.002, 0.3)] {
            let found = found_when(CODE, |all| {
                all.statements[0].latency = distribution(count, p50, p99, p99);
            });
            assert_eq!(found, []);
        }
    }
}
