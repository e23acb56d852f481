//! Statements of a server.

use std::borrow::Cow;

use super::catalog::system;
use super::family::{Definition, Labels};
use crate::metrics::{StatementKey, StatementTotals};

pub(super) const LABELS: &[&str] = &["server", "system", "statement", "verb", "summary"];
/// Those that say `other` where the row is of all that have none of their own.
pub(super) const OTHER: &[&str] = &["server", "statement"];

pub(super) fn labels<'a>(key: &'a StatementKey, row: &'a StatementTotals) -> Labels<'a> {
    vec![
        ("server", Cow::Owned(key.server.to_string())),
        ("system", system(row.system)),
        ("statement", Cow::Borrowed(&key.id)),
        ("verb", Cow::Borrowed(&key.verb)),
        ("summary", Cow::Borrowed(&row.summary)),
    ]
}

type Metric = Definition<StatementTotals>;

pub(super) const METRICS: &[Metric] = &[
    Metric::counter(
        "sockhound_statement_executions_total",
        "Executions of a statement seen whole, errors included.",
        |row, values| values.count(row.count),
    ),
    Metric::counter(
        "sockhound_statement_errors_total",
        "Executions of a statement that ended with an error.",
        |row, values| values.count(row.errors),
    ),
    Metric::counter(
        "sockhound_statement_rows_total",
        "Rows that a statement returned or affected.",
        |row, values| values.count(row.rows),
    ),
    Metric::histogram(
        "sockhound_statement_duration_seconds",
        "First byte of the request to last byte of the reply, of a statement.",
        |row, values| values.histogram(&row.duration),
    ),
];
