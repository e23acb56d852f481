//! Pools added up: demand is added where it was watched at different times, never where it was watched twice.

use std::collections::BTreeMap;

use super::fold::How;
use super::rows::{closed, connections, exchanges, logins, times};
use super::sum::Sum;
use crate::clock::{Span, Timestamp};
use crate::summary::{HistogramError, Logins, Pool};

/// A pool and its distribution while they grow.
#[derive(Debug)]
pub struct PoolSum {
    row: Pool,
    /// When its demand was watched.
    from: Timestamp,
    to: Timestamp,
    latency: Sum,
}

/// Clocks and rounding may make one interval's demand begin this much before the last one's end.
const TOLERANCE: Span = Span::from_millis(1);

impl PoolSum {
    /// Begins with `row`, whose demand was watched up to `end`.
    pub fn new(row: Pool, end: Timestamp) -> Result<Self, HistogramError> {
        let mut latency = Sum::default();
        latency.add(row.latency.clone())?;
        Ok(Self {
            from: begin(&row, end),
            to: end,
            row,
            latency,
        })
    }

    /// Adds what another summary, which ends at `end`, says of it.
    pub fn add(&mut self, other: Pool, end: Timestamp, how: How) -> Result<(), HistogramError> {
        self.latency.add(other.latency.clone())?;
        let from = begin(&other, end);
        let watched_at_once = from + TOLERANCE < self.to && self.from + TOLERANCE < end;
        let row = &mut self.row;
        row.exchanges = match (row.exchanges, other.exchanges) {
            (Some(one), Some(other)) => Some(exchanges(one, other)),
            (one, other) => one.or(other),
        };
        row.logins = logins(row.logins, other.logins);
        row.time = times(row.time, other.time);
        row.client.pids.extend(&other.client.pids);
        row.client.pids.sort_unstable();
        row.client.pids.dedup();
        match how {
            How::Later => {
                row.connections = connections(row.connections, other.connections, how);
                row.pinned = other.pinned;
                row.signs = std::mem::take(&mut row.signs).and_later(other.signs.clone());
            }
            // Both hosts saw the same connections: the client's address is in the key.
            How::Beside { .. } if other.observed_seconds > row.observed_seconds => {
                row.connections = other.connections;
                row.signs = other.signs.clone();
            }
            How::Beside { .. } => {}
        }
        if !watched_at_once {
            self.add_demand(other);
        } else if other.observed_seconds >= self.row.observed_seconds {
            self.take_demand(other);
        }
        self.from = self.from.min(from);
        self.to = self.to.max(end);
        Ok(())
    }

    fn add_demand(&mut self, other: Pool) {
        let row = &mut self.row;
        let mut demand: BTreeMap<u64, f64> = BTreeMap::new();
        for (level, seconds) in row.demand.iter().copied().chain(other.demand) {
            *demand.entry(level).or_default() += seconds;
        }
        row.demand = demand.into_iter().collect();
        row.observed_seconds += other.observed_seconds;
        row.idle_connection_seconds += other.idle_connection_seconds;
        row.connections.needed = row.connections.needed.max(other.connections.needed);
        // What would have been, had the size been another, can't be told from two halves.
        row.what_if.clear();
        row.recommended_size = None;
    }

    fn take_demand(&mut self, other: Pool) {
        let row = &mut self.row;
        row.demand = other.demand;
        row.observed_seconds = other.observed_seconds;
        row.idle_connection_seconds = other.idle_connection_seconds;
        row.connections.needed = other.connections.needed;
        row.what_if = other.what_if;
        row.recommended_size = other.recommended_size;
    }

    /// It is not in the last summary: none is open any more.
    pub fn gone(&mut self) {
        self.row.connections = closed(self.row.connections);
    }

    /// The row.
    pub fn finish(self) -> Pool {
        let mut row = Pool {
            latency: self.latency.finish(),
            ..self.row
        };
        let open = row.connections.open;
        row.connections.surplus = row.connections.needed.map(|needed| open.saturating_sub(needed));
        row.logins = row.logins.map(|logins| Logins {
            per_request: per_request(&row, logins),
            ..logins
        });
        row
    }
}

fn begin(pool: &Pool, end: Timestamp) -> Timestamp {
    let observed = std::time::Duration::try_from_secs_f64(pool.observed_seconds).unwrap_or_default();
    end - Span::from(observed)
}

fn per_request(pool: &Pool, logins: Logins) -> Option<f64> {
    let useful = pool
        .exchanges
        .map(|it| it.requests.saturating_sub(it.validations));
    let computed = useful
        .filter(|&useful| useful > 0)
        .map(|useful| logins.count as f64 / useful as f64);
    logins.per_request.or(computed)
}
