//! The comparison's model. Its JSON is `sockhound.comparison.v1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::Pair;
use super::noise::DistributionChange;
use crate::clock::Timestamp;
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::summary::{
    Connections, Distribution, Finding, HistogramError, Pool, PoolClient, Service, SourceKind, StatementRow,
    Summary,
};

/// What changed from one summary to the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Which version of this model it is.
    pub schema: ComparisonSchema,
    /// What the first summary covers.
    pub before: Period,
    /// What the second one covers.
    pub after: Period,
    /// How sure the intervals of percentiles are to hold the true one.
    pub confidence: f64,
    /// Findings that went, came and stayed.
    pub findings: FindingsChange,
    /// One for each database server.
    pub services: Vec<ServiceChange>,
    /// One for each client of a server.
    pub pools: Vec<PoolChange>,
    /// One for each statement, the most time first.
    pub statements: Vec<StatementChange>,
}

/// The model's version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ComparisonSchema {
    /// The first.
    #[default]
    #[serde(rename = "sockhound.comparison.v1")]
    V1,
}

/// Something before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sides<T> {
    /// Before.
    pub before: T,
    /// After.
    pub after: T,
}

/// What a summary covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// The host that watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A live watch or capture files.
    pub kind: SourceKind,
    /// When watching began.
    pub start: Timestamp,
    /// When watching ended.
    pub end: Timestamp,
    /// From `start` to `end`.
    pub seconds: f64,
    /// Requests seen.
    pub requests: u64,
    /// Exchanges left out of every distribution as doubtful.
    pub doubtful: u64,
    /// Frames that the kernel or the interface dropped.
    pub dropped: u64,
}

/// Findings that went, came and stayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingsChange {
    /// Those of the first summary only.
    pub gone: Vec<Finding>,
    /// Those of the second only.
    pub new: Vec<Finding>,
    /// Those of both, as the second tells them.
    pub remaining: Vec<Finding>,
}

/// How many connections in each state, before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionsChange {
    /// Open at the end.
    pub open: Sides<u64>,
    /// A request in flight at the end.
    pub in_use: Sides<u64>,
    /// Idle at the end.
    pub idle: Sides<u64>,
    /// In an open transaction without a request at the end.
    pub idle_in_transaction: Sides<u64>,
    /// Needlessly kept.
    pub hoarded: Sides<u64>,
    /// Opened during the watch.
    pub opened: Sides<u64>,
    /// The most that were open at once.
    pub peak_open: Sides<u64>,
    /// The most that were in use at once.
    pub peak_in_use: Sides<u64>,
    /// What the demand asked for; pools only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<Sides<u64>>,
    /// Open beyond that; pools only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surplus: Option<Sides<u64>>,
}

/// One database server before and after; an address is absent where the server was not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceChange {
    /// Its address and port.
    pub server: Sides<Option<Endpoint>>,
    /// What it speaks.
    pub system: System,
    /// Its connections.
    pub connections: ConnectionsChange,
    /// Requests a second.
    pub requests_per_second: Sides<f64>,
    /// Errors among the replies, 0 to 1.
    pub error_share: Sides<f64>,
    /// Exchanges left out as doubtful.
    pub doubtful: Sides<u64>,
    /// Last byte of the request to first byte of the reply.
    pub latency: DistributionChange,
    /// First byte of the request to last byte of the reply.
    pub duration: DistributionChange,
    /// Logins.
    pub login: DistributionChange,
}

/// One client's connections to a server before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoolChange {
    /// Whose they are.
    pub client: PoolClient,
    /// To which server; absent where the pool was not seen.
    pub server: Sides<Option<Endpoint>>,
    /// The database user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The database or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// How many in each state.
    pub connections: ConnectionsChange,
    /// `[level, seconds]` of demand.
    pub demand: Sides<Vec<(u64, f64)>>,
    /// Connections held at a time, on average.
    pub mean_demand: Sides<f64>,
    /// Connections open with nothing to do at a time, on average.
    pub mean_idle: Sides<f64>,
    /// Last byte of the request to first byte of the reply.
    pub latency: DistributionChange,
}

/// One statement before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementChange {
    /// The server asked; absent where the statement was not seen.
    pub server: Sides<Option<Endpoint>>,
    /// What it speaks.
    pub system: System,
    /// The fingerprint's hash.
    pub id: String,
    /// Verb and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What kind of request.
    pub verb: String,
    /// Executions a second.
    pub per_second: Sides<f64>,
    /// Errors among them, 0 to 1.
    pub error_share: Sides<f64>,
    /// Exchanges left out as doubtful.
    pub doubtful: Sides<u64>,
    /// Seconds of duration a second: how many of it run at a time.
    pub load: Sides<f64>,
    /// Last byte of the request to first byte of the reply.
    pub latency: DistributionChange,
    /// First byte of the request to last byte of the reply.
    pub duration: DistributionChange,
}

impl Period {
    pub(super) fn new(of: &Summary) -> Self {
        Self {
            host: of.host.clone(),
            kind: of.source.kind,
            start: of.start,
            end: of.end,
            seconds: of.seconds,
            requests: of.services.iter().map(|it| it.exchanges.requests).sum(),
            doubtful: of.services.iter().map(|it| it.exchanges.doubtful).sum(),
            dropped: of.source.dropped,
        }
    }
}

/// What `pick` finds on each side; nothing where the side is missing.
fn sides<T, V: Default>(pair: Pair<'_, T>, pick: impl Fn(&T) -> V) -> Sides<V> {
    Sides {
        before: pair.before.map(&pick).unwrap_or_default(),
        after: pair.after.map(&pick).unwrap_or_default(),
    }
}

fn times<T>(
    pair: Pair<'_, T>,
    pick: impl Fn(&T) -> &Distribution,
) -> Result<DistributionChange, HistogramError> {
    let nothing = Distribution::default();
    DistributionChange::new(
        pair.before.map_or(&nothing, &pick),
        pair.after.map_or(&nothing, &pick),
    )
}

fn per(amount: f64, whole: f64) -> f64 {
    if whole > 0.0 { amount / whole } else { 0.0 }
}

fn rates<T>(pair: Pair<'_, T>, seconds: Sides<f64>, pick: impl Fn(&T) -> f64) -> Sides<f64> {
    let amounts = sides(pair, pick);
    Sides {
        before: per(amounts.before, seconds.before),
        after: per(amounts.after, seconds.after),
    }
}

impl ConnectionsChange {
    fn new<T>(pair: Pair<'_, T>, pick: impl Fn(&T) -> &Connections) -> Self {
        let of = |field: fn(&Connections) -> u64| sides(pair, |row| field(pick(row)));
        let known = |field: fn(&Connections) -> Option<u64>| {
            let any = [pair.before, pair.after]
                .into_iter()
                .flatten()
                .any(|row| field(pick(row)).is_some());
            any.then(|| sides(pair, |row| field(pick(row)).unwrap_or_default()))
        };
        Self {
            open: of(|it| it.open),
            in_use: of(|it| it.in_use),
            idle: of(|it| it.idle),
            idle_in_transaction: of(|it| it.idle_in_transaction),
            hoarded: of(|it| it.hoarded),
            opened: of(|it| it.opened),
            peak_open: of(|it| it.peak_open),
            peak_in_use: of(|it| it.peak_in_use),
            needed: known(|it| it.needed),
            surplus: known(|it| it.surplus),
        }
    }
}

impl ServiceChange {
    pub(super) fn new(pair: Pair<'_, Service>, seconds: Sides<f64>) -> Result<Self, HistogramError> {
        let known = pair.after.or(pair.before);
        Ok(Self {
            server: sides(pair, |it| Some(it.server)),
            system: known.map_or(System::Unknown, |it| it.system),
            connections: ConnectionsChange::new(pair, |it| &it.connections),
            requests_per_second: rates(pair, seconds, |it| it.exchanges.requests as f64),
            error_share: sides(pair, |it| {
                per(it.exchanges.errors as f64, it.exchanges.replies as f64)
            }),
            doubtful: sides(pair, |it| it.exchanges.doubtful),
            latency: times(pair, |it| &it.latency)?,
            duration: times(pair, |it| &it.duration)?,
            login: times(pair, |it| &it.login)?,
        })
    }
}

impl PoolChange {
    pub(super) fn new(pair: Pair<'_, Pool>) -> Result<Self, HistogramError> {
        let known = pair.after.or(pair.before);
        let held = |pool: &Pool| {
            pool.demand
                .iter()
                .map(|&(level, seconds)| level as f64 * seconds)
                .sum::<f64>()
        };
        let watched = |pool: &Pool| pool.demand.iter().map(|&(_, seconds)| seconds).sum::<f64>();
        Ok(Self {
            client: known.map(|it| it.client.clone()).unwrap_or_default(),
            server: sides(pair, |it| Some(it.server)),
            user: known.and_then(|it| it.user.clone()),
            database: known.and_then(|it| it.database.clone()),
            connections: ConnectionsChange::new(pair, |it| &it.connections),
            demand: sides(pair, |it| it.demand.clone()),
            mean_demand: sides(pair, |it| per(held(it), watched(it))),
            mean_idle: sides(pair, |it| per(it.idle_connection_seconds, it.observed_seconds)),
            latency: times(pair, |it| &it.latency)?,
        })
    }
}

impl StatementChange {
    pub(super) fn new(pair: Pair<'_, StatementRow>, seconds: Sides<f64>) -> Result<Self, HistogramError> {
        let known = pair.after.or(pair.before);
        Ok(Self {
            server: sides(pair, |it| Some(it.server)),
            system: known.map_or(System::Unknown, |it| it.system),
            id: known.map(|it| it.id.clone()).unwrap_or_default(),
            summary: known.and_then(|it| it.summary.clone()),
            text: known.and_then(|it| it.text.clone()),
            verb: known.map(|it| it.verb.clone()).unwrap_or_default(),
            per_second: rates(pair, seconds, |it| it.count as f64),
            error_share: sides(pair, |it| per(it.errors as f64, it.count as f64)),
            doubtful: sides(pair, |it| it.doubtful),
            load: rates(pair, seconds, |it| it.duration.total_seconds()),
            latency: times(pair, |it| &it.latency)?,
            duration: times(pair, |it| &it.duration)?,
        })
    }

    /// How much of a difference it makes.
    pub(super) fn weight(&self) -> f64 {
        self.load.before.max(self.load.after)
    }
}
