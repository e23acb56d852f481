//! What was counted of the connections of one client to one server.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::labels::label;
use super::service::{Legs, add_exchanges, add_states};
use super::table::{Row, Told};
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::summary::{Connections, Exchanges, Pool, PoolClient};

/// What tells pools apart; empty where it is not known. Processes of one name are one client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolKey {
    /// To which server.
    pub server: Endpoint,
    /// The process's name, or the address where it is on another host.
    pub client: String,
    /// The systemd unit.
    pub unit: String,
    /// The container's id.
    pub container: String,
    /// The name that the application gives itself.
    pub application: String,
    /// The database user.
    pub user: String,
    /// The database or namespace.
    pub database: String,
}

impl PoolKey {
    fn of(pool: &Pool) -> Self {
        let PoolClient {
            address,
            process,
            unit,
            container,
            application,
            ..
        } = &pool.client;
        let address = address.map(|address| address.to_string());
        Self {
            server: pool.server,
            client: label(process.as_deref().or(address.as_deref())),
            unit: label(unit.as_deref()),
            container: label(container.as_deref()),
            application: label(application.as_deref()),
            user: label(pool.user.as_deref()),
            database: label(pool.database.as_deref()),
        }
    }
}

/// What was counted of a pool.
#[derive(Clone, Debug, Default)]
pub struct PoolTotals {
    /// What its server speaks, as last known.
    pub system: Option<System>,
    /// Its connections now, with `needed` and `surplus`.
    pub connections: Connections,
    /// Its hoarded connections now, by reason; one may have several.
    pub reasons: BTreeMap<String, u64>,
    /// Connections now that the server has closed and the client has not.
    pub close_wait: u64,
    /// Connections now of which only one side is left.
    pub half_open: u64,
    /// The size that the what-if recommends now.
    pub recommended_size: Option<u64>,
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Exchanges of each kind.
    pub exchanges: Exchanges,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that the server refused.
    pub login_failures: u64,
    /// For how long all its connections were held at once.
    pub full_seconds: f64,
    /// Where time went; `idle` is the seconds that connections were open with nothing to do.
    pub time: Legs,
    /// Last byte of the request to first byte of the reply.
    pub latency: Histogram,
}

impl Row for PoolTotals {
    type Told = Pool;

    fn add(&mut self, told: &Pool) {
        self.system = Some(told.system);
        self.add_gauges(told);
        self.opened += told.connections.opened;
        self.closed += told.connections.closed;
        add_exchanges(&mut self.exchanges, &told.exchanges.unwrap_or_default());
        let logins = told.logins.unwrap_or_default();
        self.logins += logins.count;
        self.login_failures += logins.failures;
        self.full_seconds += told.signs.full_seconds;
        self.time.add(told.time.as_ref());
        // A summary of this process can be read; one that can't is left out.
        let _ = self.latency.add(&told.latency);
    }

    fn begin(&mut self) {
        self.connections = Connections::default();
        self.reasons.clear();
        (self.close_wait, self.half_open, self.recommended_size) = (0, 0, None);
    }
}

impl PoolTotals {
    fn add_gauges(&mut self, told: &Pool) {
        add_states(&mut self.connections, &told.connections);
        for (reason, count) in &told.signs.reasons {
            *self.reasons.entry(reason.clone()).or_default() += count;
        }
        self.close_wait += told.signs.close_wait;
        self.half_open += told.signs.half_open;
        let sizes = [self.recommended_size, told.recommended_size];
        self.recommended_size = sizes.into_iter().flatten().reduce(|one, other| one + other);
    }
}

/// A pool as its table takes it: those that hold connections and those that hoard matter most.
pub(super) fn told(pool: &Pool) -> Told<'_, PoolKey, Pool> {
    let Connections { open, hoarded, .. } = pool.connections;
    let requests = pool.exchanges.unwrap_or_default().requests;
    Told {
        key: PoolKey::of(pool),
        value: open as f64 + 10.0 * hoarded as f64 + (requests as f64).sqrt(),
        told: pool,
    }
}
