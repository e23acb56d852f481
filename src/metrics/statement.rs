//! What was counted of a statement.

use super::histogram::Histogram;
use super::labels::label;
use super::table::{Row, Told};
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::summary::StatementRow;

/// What tells statements apart: the server and the fingerprint's hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementKey {
    /// The server asked.
    pub server: Endpoint,
    /// The fingerprint's hash.
    pub id: String,
    /// What kind of request.
    pub verb: String,
}

/// What was counted of a statement.
#[derive(Clone, Debug, Default)]
pub struct StatementTotals {
    /// What its server speaks, as last known.
    pub system: Option<System>,
    /// Verb and tables.
    pub summary: String,
    /// Exchanges seen whole, errors included.
    pub count: u64,
    /// Replies that were errors.
    pub errors: u64,
    /// Rows returned or affected.
    pub rows: u64,
    /// First byte of the request to last byte of the reply.
    pub duration: Histogram,
}

impl Row for StatementTotals {
    type Told = StatementRow;

    fn add(&mut self, told: &StatementRow) {
        self.system = Some(told.system);
        if self.summary.is_empty() {
            self.summary = label(told.summary.as_deref());
        }
        self.count += told.count;
        self.errors += told.errors;
        self.rows += told.rows.unwrap_or(0);
        // A summary of this process can be read; one that can't is left out.
        let _ = self.duration.add(&told.duration);
    }

    fn begin(&mut self) {}
}

/// A statement as its table takes it: what takes the most time matters most.
pub(super) fn told(row: &StatementRow) -> Told<'_, StatementKey, StatementRow> {
    Told {
        key: StatementKey {
            server: row.server,
            id: label(Some(&row.id)),
            verb: label(Some(&row.verb)),
        },
        value: row.duration.total_seconds(),
        told: row,
    }
}
