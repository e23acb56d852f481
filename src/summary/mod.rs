//! The public model: what every command prints and every report draws.
//!
//! One [`Summary`] tells what was seen between `start` and `end`. Its JSON is the contract (`sockhound schema
//! summary`); fields may be added, none renamed or re-scaled without a new [`SummarySchema`]. Times are RFC 3339 in
//! UTC with nanoseconds, durations are in seconds (`_seconds`), and what is absent is unknown.

pub mod compare;
mod connection;
mod decoding;
mod distribution;
mod encoding;
mod exchange;
mod finding;
pub mod json;
pub mod merge;
mod names;
mod pool;
#[cfg(test)]
pub(crate) mod sample;
mod service;
mod signs;
mod source;
mod statement;
mod time;

pub use connection::{Connection, ConnectionState, KernelView, Owner, Reason};
pub use distribution::{Distribution, Exact, Figures, HistogramError};
pub use exchange::{ExchangeLine, ExchangeNames, ExchangeSchema, OutcomeName};
pub use finding::{Finding, Severity, Subject};
pub use pool::{Logins, Pool, PoolClient, WhatIf};
pub use service::{Connections, Exchanges, InFlight, Service, Vantage, WhereTimeGoes};
pub use signs::{PoolSigns, Repeats, ServiceSigns};
pub use source::{Discarded, Elsewhere, MergedFrom, Overload, SequenceGap, Source, SourceKind};
pub use statement::StatementRow;

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::{Span, Timestamp};

/// Everything seen from `start` to `end`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Which version of this model it is.
    pub schema: SummarySchema,
    /// Counts the summaries of one run from 0; none is skipped unsaid.
    pub sequence: u64,
    /// The host that watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The version of sockhound that wrote it.
    pub version: String,
    /// When watching began: the time of the first frame, or of the interval's begin.
    pub start: Timestamp,
    /// When watching ended.
    pub end: Timestamp,
    /// From `start` to `end`.
    pub seconds: f64,
    /// What was watched, and what was lost on the way.
    pub source: Source,
    /// One for each database server, the busiest first.
    pub services: Vec<Service>,
    /// One for each client of a server, the largest surplus first.
    pub pools: Vec<Pool>,
    /// One for each statement of a server, the most time first.
    pub statements: Vec<StatementRow>,
    /// The hoarded connections, longest idle first.
    pub hoarded: Vec<Connection>,
    /// The connections asked for with `--connections`; absent where none were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Vec<Connection>>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

impl Summary {
    /// Tells times of a clock that is ahead by `by`; lengths of time stay.
    pub fn shift(&mut self, by: Span) {
        if by == Span::ZERO {
            return;
        }
        self.start = self.start + by;
        self.end = self.end + by;
        let listed = self.connections.iter_mut().flatten().chain(&mut self.hoarded);
        for opened in listed.filter_map(|it| it.opened.as_mut()) {
            *opened = *opened + by;
        }
    }

    /// Puts every list into its documented order; ties by address, so that the same traffic prints the same.
    pub fn sort(&mut self) {
        self.services
            .sort_by_key(|it| (Reverse(it.exchanges.requests), it.server));
        self.pools.sort_by(|one, other| {
            let surplus = |pool: &Pool| Reverse((pool.connections.surplus, pool.connections.open));
            let name = |pool: &Pool| {
                (
                    pool.client.clone(),
                    pool.server,
                    pool.user.clone(),
                    pool.database.clone(),
                )
            };
            surplus(one)
                .cmp(&surplus(other))
                .then_with(|| name(one).cmp(&name(other)))
        });
        self.statements.sort_by(|one, other| {
            let time = |it: &StatementRow| it.duration.total_seconds();
            time(other)
                .total_cmp(&time(one))
                .then_with(|| (one.server, &one.id).cmp(&(other.server, &other.id)))
        });
        self.hoarded.sort_by(|one, other| {
            let idle = |it: &Connection| it.idle_seconds.unwrap_or(0.0);
            idle(other)
                .total_cmp(&idle(one))
                .then_with(|| (one.server, one.client).cmp(&(other.server, other.client)))
        });
        self.connections
            .iter_mut()
            .for_each(|all| all.sort_by_key(|it| (it.server, it.client)));
        self.findings.sort_by_key(|it| Reverse(it.severity));
    }
}

/// The model's version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SummarySchema {
    /// The first.
    #[default]
    #[serde(rename = "sockhound.summary.v1")]
    V1,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_survives_json() {
        let before = Summary {
            version: "0.1.0".to_owned(),
            ..Summary::default()
        };
        let json = serde_json::to_string(&before).unwrap();
        assert!(
            json.starts_with(r#"{"schema":"sockhound.summary.v1","sequence":0,"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), before);
    }

    #[test]
    fn another_schema_is_refused() {
        let error = serde_json::from_str::<SummarySchema>(r#""sockhound.summary.v9""#).unwrap_err();
        assert!(
            error.to_string().contains("expected `sockhound.summary.v1`"),
            "{error}"
        );
    }
}
