//! Two summaries side by side: what a change changed.
//!
//! Rows are matched by what names them (server, client, statement); where a name is on one side only and one row of
//! its kind is left on each side, those two are matched, so that a database that moved to another port is still
//! compared.

mod change;
mod matching;
mod noise;

pub use change::{
    Comparison, ComparisonSchema, ConnectionsChange, FindingsChange, Period, PoolChange, ServiceChange,
    Sides, StatementChange,
};
pub use noise::{DistributionChange, Interval, QuantileChange, Shape, Verdict};

use super::{Finding, HistogramError, Pool, Service, StatementRow, Subject, Summary};
use crate::packet::Endpoint;
use matching::{Pair, by_key_then_alone};

/// Compares `before` with `after`.
pub fn compare(before: &Summary, after: &Summary) -> Result<Comparison, HistogramError> {
    let services = match_services(before, after);
    let moved = Moved::new(&services);
    let seconds = Sides {
        before: before.seconds,
        after: after.seconds,
    };
    let service = |pair: &Pair<'_, Service>| ServiceChange::new(*pair, seconds);
    let pool = |pair: &Pair<'_, Pool>| PoolChange::new(*pair);
    let statement = |pair: &Pair<'_, StatementRow>| StatementChange::new(*pair, seconds);
    let pools = match_pools(before, after, &moved);
    let statements = match_statements(before, after, &moved);
    let mut statements = statements.iter().map(statement).collect::<Result<Vec<_>, _>>()?;
    statements.sort_by(|one, other| other.weight().total_cmp(&one.weight()));
    Ok(Comparison {
        schema: ComparisonSchema::V1,
        before: Period::new(before),
        after: Period::new(after),
        confidence: noise::CONFIDENCE,
        findings: findings(&before.findings, &after.findings, &moved),
        services: services.iter().map(service).collect::<Result<_, _>>()?,
        pools: pools.iter().map(pool).collect::<Result<_, _>>()?,
        statements,
    })
}

fn match_services<'a>(before: &'a Summary, after: &'a Summary) -> Vec<Pair<'a, Service>> {
    by_key_then_alone(
        &before.services,
        &after.services,
        |it, _| (it.host.clone(), it.server),
        |it, _| it.system,
    )
}

fn match_pools<'a>(before: &'a Summary, after: &'a Summary, moved: &Moved) -> Vec<Pair<'a, Pool>> {
    let full = |it: &Pool, is_before| {
        let client = super::PoolClient {
            pids: Vec::new(),
            ..it.client.clone()
        };
        (
            it.host.clone(),
            client,
            moved.to(it.server, is_before),
            it.user.clone(),
            it.database.clone(),
        )
    };
    let name = |it: &Pool, is_before| {
        let client = it.client.unit.clone().or_else(|| it.client.process.clone());
        (
            client.or_else(|| it.client.application.clone()),
            moved.to(it.server, is_before),
        )
    };
    by_key_then_alone(&before.pools, &after.pools, full, name)
}

fn match_statements<'a>(
    before: &'a Summary,
    after: &'a Summary,
    moved: &Moved,
) -> Vec<Pair<'a, StatementRow>> {
    let key = |it: &StatementRow, is_before| (it.host.clone(), moved.to(it.server, is_before), it.id.clone());
    matching::by_key(&before.statements, &after.statements, key)
}

/// Where servers that were matched without having the same address went.
struct Moved(Vec<(Endpoint, Endpoint)>);

impl Moved {
    fn new(services: &[Pair<'_, Service>]) -> Self {
        Self(
            services
                .iter()
                .filter_map(|pair| Some((pair.before?.server, pair.after?.server)))
                .collect(),
        )
    }

    fn to(&self, server: Endpoint, is_before: bool) -> Endpoint {
        let there = self.0.iter().find(|(before, _)| is_before && *before == server);
        there.map_or(server, |(_, after)| *after)
    }
}

fn findings(before: &[Finding], after: &[Finding], moved: &Moved) -> FindingsChange {
    let key = |finding: &Finding, is_before: bool| {
        let subject = finding.subject.clone();
        let server = subject.server.map(|server| moved.to(server, is_before));
        let client = subject.client.clone().map(|client| super::PoolClient {
            pids: Vec::new(),
            ..client
        });
        (
            finding.code.clone(),
            Subject {
                server,
                client,
                ..subject
            },
        )
    };
    let mut change = FindingsChange::default();
    for pair in matching::by_key(before, after, key) {
        match (pair.before, pair.after) {
            (Some(gone), None) => change.gone.push(gone.clone()),
            (_, Some(new)) if pair.before.is_none() => change.new.push(new.clone()),
            (_, after) => change.remaining.extend(after.cloned()),
        }
    }
    change
}

#[cfg(test)]
pub(crate) mod tests;
