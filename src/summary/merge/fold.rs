//! One summary that grows by others.

use std::collections::{BTreeMap, BTreeSet};

use super::pools::PoolSum;
use super::rows::{ServiceSum, StatementSum};
use super::source;
use crate::clock::Timestamp;
use crate::packet::Endpoint;
use crate::summary::{Connection, Finding, HistogramError, Pool, PoolClient, Service, StatementRow, Summary};

/// How the next summary relates to those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It follows them, from the same host.
    Later,
    /// It is another host's.
    Beside {
        /// Whether their times overlap.
        overlapping: bool,
    },
}

/// Why summaries can't be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There are none.
    #[error("there is no summary to merge")]
    Nothing,
    /// A histogram can't be read.
    #[error("summary {sequence} of {host}: {row}: {error}")]
    Histogram {
        /// Its sequence number.
        sequence: u64,
        /// Its host.
        host: String,
        /// The row with the histogram.
        row: String,
        /// What is wrong with it.
        error: HistogramError,
    },
}

/// What tells rows apart: the watching host where addresses don't, then the rest.
type Scoped<K> = (Option<String>, K);
type PoolKey = (PoolClient, Endpoint, Option<String>, Option<String>);

/// A summary while it grows.
pub struct Fold {
    head: Summary,
    several_hosts: bool,
    services: BTreeMap<Scoped<Endpoint>, ServiceSum>,
    pools: BTreeMap<Scoped<PoolKey>, PoolSum>,
    statements: BTreeMap<Scoped<(Endpoint, String)>, StatementSum>,
    hoarded: BTreeMap<Scoped<(Endpoint, Endpoint)>, Connection>,
    connections: Option<BTreeMap<Scoped<(Endpoint, Endpoint)>, Connection>>,
    findings: Vec<Finding>,
    watched_twice: BTreeSet<String>,
}

impl Fold {
    /// Begins with `first`.
    pub fn new(first: Summary, several_hosts: bool) -> Result<Self, MergeError> {
        let mut fold = Self {
            head: Summary {
                source: first.source.clone(),
                ..head(&first)
            },
            several_hosts,
            services: BTreeMap::new(),
            pools: BTreeMap::new(),
            statements: BTreeMap::new(),
            hoarded: BTreeMap::new(),
            connections: None,
            findings: Vec::new(),
            watched_twice: BTreeSet::new(),
        };
        fold.add_rows(first, How::Beside { overlapping: false })?;
        Ok(fold)
    }

    /// When and where so far.
    pub const fn head(&self) -> &Summary {
        &self.head
    }

    /// Adds `next`.
    pub fn add(&mut self, next: Summary, how: How) -> Result<(), MergeError> {
        let head = &mut self.head;
        head.start = head.start.min(next.start);
        head.end = head.end.max(next.end);
        head.sequence = 0;
        if head.host != next.host {
            head.host = None;
        }
        source::add(&mut head.source, next.source.clone());
        self.add_rows(next, how)
    }

    fn add_rows(&mut self, next: Summary, how: How) -> Result<(), MergeError> {
        let place = Place {
            sequence: next.sequence,
            host: next.host.clone(),
            end: next.end,
        };
        if how == How::Later {
            self.forget_states();
        }
        for row in next.services {
            self.add_service(row, &place, how)?;
        }
        for row in next.pools {
            self.add_pool(row, &place, how)?;
        }
        for row in next.statements {
            self.add_statement(row, &place)?;
        }
        for connection in next.hoarded {
            let (key, connection) = self.keyed(connection, &place);
            keep_owned(&mut self.hoarded, key, connection);
        }
        for connection in next.connections.into_iter().flatten() {
            let (key, connection) = self.keyed(connection, &place);
            let connections = self.connections.get_or_insert_default();
            match how {
                How::Later => drop(connections.insert(key, connection)),
                How::Beside { .. } => keep_owned(connections, key, connection),
            }
        }
        next.findings
            .into_iter()
            .for_each(|finding| self.add_finding(finding));
        Ok(())
    }

    /// The next summary tells the states anew; what it does not name is gone.
    fn forget_states(&mut self) {
        self.services.values_mut().for_each(ServiceSum::gone);
        self.pools.values_mut().for_each(PoolSum::gone);
        self.hoarded.clear();
    }

    fn add_service(&mut self, mut row: Service, place: &Place, how: How) -> Result<(), MergeError> {
        row.host = row
            .host
            .or_else(|| self.scope(row.server.address.is_loopback(), place));
        let at = |error| place.error(format!("service {}", row.server), error);
        let key = (row.host.clone(), row.server);
        if let Some(sum) = self.services.get_mut(&key) {
            return sum.add(row.clone(), how).map_err(at);
        }
        self.services
            .insert(key, ServiceSum::new(row.clone()).map_err(at)?);
        Ok(())
    }

    fn add_pool(&mut self, mut row: Pool, place: &Place, how: How) -> Result<(), MergeError> {
        let local = row.client.address.is_none_or(|address| address.is_loopback());
        row.host = row.host.or_else(|| self.scope(local, place));
        let client = PoolClient {
            pids: Vec::new(),
            ..row.client.clone()
        };
        let key = (
            row.host.clone(),
            (client, row.server, row.user.clone(), row.database.clone()),
        );
        let at = |error| place.error(format!("pool of {}", row.server), error);
        if let Some(sum) = self.pools.get_mut(&key) {
            if let (How::Beside { .. }, Some(address)) = (how, row.client.address) {
                self.watched_twice.insert(format!("{address} to {}", row.server));
            }
            return sum.add(row.clone(), place.end, how).map_err(at);
        }
        self.pools
            .insert(key, PoolSum::new(row.clone(), place.end).map_err(at)?);
        Ok(())
    }

    fn add_statement(&mut self, mut row: StatementRow, place: &Place) -> Result<(), MergeError> {
        row.host = row
            .host
            .or_else(|| self.scope(row.server.address.is_loopback(), place));
        let key = (row.host.clone(), (row.server, row.id.clone()));
        let at = |error| place.error(format!("statement {} of {}", row.id, row.server), error);
        if let Some(sum) = self.statements.get_mut(&key) {
            return sum.add(row.clone()).map_err(at);
        }
        self.statements
            .insert(key, StatementSum::new(row.clone()).map_err(at)?);
        Ok(())
    }

    fn keyed(&self, mut it: Connection, place: &Place) -> (Scoped<(Endpoint, Endpoint)>, Connection) {
        it.host = it
            .host
            .or_else(|| self.scope(it.server.address.is_loopback(), place));
        ((it.host.clone(), (it.server, it.client)), it)
    }

    /// The watching host, where there are several and the addresses mean another thing on each.
    fn scope(&self, local: bool, place: &Place) -> Option<String> {
        place.host.clone().filter(|_| local && self.several_hosts)
    }

    fn add_finding(&mut self, finding: Finding) {
        let same = |known: &Finding| known.code == finding.code && known.subject == finding.subject;
        match self.findings.iter().position(same) {
            Some(at) => self.findings[at] = finding,
            None => self.findings.push(finding),
        }
    }

    /// The summary.
    pub fn finish(self) -> Summary {
        let mut summary = self.head;
        summary.seconds = summary.end.since(summary.start).seconds();
        summary.services = self.services.into_values().map(ServiceSum::finish).collect();
        summary.pools = self.pools.into_values().map(PoolSum::finish).collect();
        summary.statements = self.statements.into_values().map(StatementSum::finish).collect();
        summary.hoarded = self.hoarded.into_values().collect();
        summary.connections = self.connections.map(|all| all.into_values().collect());
        summary.findings = self.findings;
        for pair in self.watched_twice {
            summary.source.notes.push(format!(
                "{pair} was watched from more than one host: its exchanges count twice"
            ));
        }
        summary.sort();
        summary
    }
}

/// Where a row comes from.
struct Place {
    sequence: u64,
    host: Option<String>,
    end: Timestamp,
}

impl Place {
    fn error(&self, row: String, error: HistogramError) -> MergeError {
        let host = self.host.clone().unwrap_or_else(|| "an unnamed host".to_owned());
        MergeError::Histogram {
            sequence: self.sequence,
            host,
            row,
            error,
        }
    }
}

fn head(of: &Summary) -> Summary {
    Summary {
        schema: of.schema,
        sequence: of.sequence,
        host: of.host.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start: of.start,
        end: of.end,
        ..Summary::default()
    }
}

/// Of two sights of one connection, the one that knows its owner.
fn keep_owned<K: Ord>(all: &mut BTreeMap<K, Connection>, key: K, connection: Connection) {
    if connection.owner.is_some() || !all.contains_key(&key) {
        all.insert(key, connection);
    }
}
