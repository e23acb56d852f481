//! Each interval's summary, added up since the start.

use super::findings::Findings;
use super::pool::{self, PoolKey, PoolTotals};
use super::service::{self, ServiceKey, ServiceTotals};
use super::source::SourceTotals;
use super::statement::{self, StatementKey, StatementTotals};
use super::table::Table;
use crate::clock::Timestamp;
use crate::protocol::System;
use crate::summary::Summary;

/// Servers with rows of their own.
pub const SERVICES: usize = 64;
/// Pools, and so clients, with rows of their own.
pub const POOLS: usize = 200;
/// Statements with rows of their own.
pub const STATEMENTS: usize = 200;

/// What was counted since the start.
#[derive(Clone, Debug)]
pub struct Totals {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    next: u64,
    intervals: u64,
    lost: u64,
    host: Option<String>,
    /// What was watched.
    pub source: SourceTotals,
    /// One row for each server.
    pub services: Table<ServiceKey, ServiceTotals>,
    /// One row for each client of a server.
    pub pools: Table<PoolKey, PoolTotals>,
    /// One row for each statement of a server.
    pub statements: Table<StatementKey, StatementTotals>,
    /// What is wrong.
    pub findings: Findings,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            start: None,
            end: None,
            next: 0,
            intervals: 0,
            lost: 0,
            host: None,
            source: SourceTotals::default(),
            services: Table::new(SERVICES),
            pools: Table::new(POOLS),
            statements: Table::new(STATEMENTS),
            findings: Findings::default(),
        }
    }
}

impl Totals {
    /// Adds the next interval. One that was added already adds nothing; those that were skipped are counted as lost.
    pub fn add(&mut self, summary: &Summary) {
        let Some(skipped) = summary.sequence.checked_sub(self.next) else {
            return;
        };
        self.lost += skipped;
        self.next = summary.sequence + 1;
        self.intervals += 1;
        self.start.get_or_insert(summary.start);
        self.end = Some(summary.end);
        self.host.clone_from(&summary.host);
        self.source.add(&summary.source);
        let since = summary.start;
        self.services
            .add(since, summary.services.iter().map(service::told));
        self.pools.add(since, summary.pools.iter().map(pool::told));
        self.statements
            .add(since, summary.statements.iter().map(statement::told));
        self.findings.add(&summary.findings);
    }

    /// Gives a server that is to be watched its row from `since` on, all zero: what counts its increments sees the first ones too.
    pub fn expect(&mut self, server: ServiceKey, system: System, since: Timestamp) {
        if let Some(row) = self.services.expect(server, since) {
            row.system = Some(system);
        }
    }

    /// When the first interval began.
    #[must_use]
    pub const fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// When the latest interval ended.
    #[must_use]
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// How many intervals were added.
    #[must_use]
    pub const fn intervals(&self) -> u64 {
        self.intervals
    }

    /// How many were not, because this machine was too slow.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// The host that watches.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::merge::merge;
    use crate::summary::sample::{at, morning};

    fn interval(sequence: u64) -> Summary {
        Summary {
            sequence,
            ..morning()
        }
    }

    #[test]
    fn counts_grow_and_gauges_are_the_latest() {
        let mut totals = Totals::default();
        (0..3).for_each(|sequence| totals.add(&interval(sequence)));
        let one = morning();
        let [first, _] = &one.services[..] else {
            panic!("two services")
        };
        let (_, kept) = totals
            .services
            .iter()
            .find(|(key, _)| **key == first.server)
            .unwrap();
        let row = &kept.row;
        assert_eq!(kept.since, one.start);
        assert_eq!(row.exchanges.requests, 3 * first.exchanges.requests);
        assert_eq!(row.opened, 3 * first.connections.opened);
        assert_eq!(row.latency.count(), 3 * first.latency.count);
        assert_eq!(row.connections.open, first.connections.open);
        assert_eq!(row.in_flight, first.in_flight);
        assert_eq!(totals.source.packets, 3 * one.source.packets);
        assert_eq!(totals.pools.len(), one.pools.len());
        assert_eq!(totals.statements.len(), one.statements.len());
        assert_eq!((totals.intervals(), totals.lost()), (3, 0));
        totals.add(&Summary {
            sequence: 3,
            ..Summary::default()
        });
        let (_, kept) = totals
            .services
            .iter()
            .find(|(key, _)| **key == first.server)
            .unwrap();
        assert_eq!(kept.row.connections.open, 0, "gone");
        assert_eq!(kept.row.exchanges.requests, 3 * first.exchanges.requests);
    }

    #[test]
    fn an_interval_counts_once_and_a_lost_one_is_said() {
        let mut totals = Totals::default();
        for sequence in [0, 0, 1, 4, 2] {
            totals.add(&interval(sequence));
        }
        assert_eq!((totals.intervals(), totals.lost()), (3, 2));
        assert_eq!(totals.source.packets, 3 * morning().source.packets);
    }

    #[test]
    fn agrees_with_merge() {
        let later = |sequence: u64| {
            let mut summary = interval(sequence);
            summary.start = summary.start + crate::clock::Span::from_secs(200 * sequence.cast_signed());
            summary.end = summary.end + crate::clock::Span::from_secs(200 * sequence.cast_signed());
            summary
        };
        let mut totals = Totals::default();
        (0..4).for_each(|sequence| totals.add(&later(sequence)));
        let merged = merge((0..4).map(later).collect()).unwrap();
        let service = merged
            .services
            .iter()
            .find(|it| it.server == at("10.0.0.5:5432"))
            .unwrap();
        let (_, kept) = totals
            .services
            .iter()
            .find(|(key, _)| **key == service.server)
            .unwrap();
        assert_eq!(kept.row.latency.count(), service.latency.count);
        let exact = service.latency.exact().unwrap();
        let (min, max) = kept.row.latency.extremes_seconds().unwrap();
        assert_eq!(
            ((min * 1e9).round(), (max * 1e9).round()),
            (exact.min as f64, exact.max as f64)
        );
        assert_eq!(kept.row.exchanges, service.exchanges);
    }
}
