//! The connections of one client to one server.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connections, Distribution, Exchanges, PoolSigns, WhereTimeGoes};
use crate::packet::Endpoint;
use crate::protocol::System;

/// The connections of one client to one server, per user and database where these are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    /// Whose they are.
    pub client: PoolClient,
    /// To which server.
    pub server: Endpoint,
    /// What it speaks.
    pub system: System,
    /// The database user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The database or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// How many are in each state, with `needed` and `surplus`.
    pub connections: Connections,
    /// For how long demand was watched.
    pub observed_seconds: f64,
    /// `[level, seconds]`: for how long exactly that many connections were held; levels never seen are left out.
    pub demand: Vec<(u64, f64)>,
    /// How long requests would have waited with other sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<WhatIf>,
    /// Seconds that connections were open with nothing to do, summed over connections.
    pub idle_connection_seconds: f64,
    /// Last byte of the request to first byte of the reply, of useful exchanges.
    pub latency: Distribution,
    /// How many exchanges of each kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<Exchanges>,
    /// How often and how long it logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logins: Option<Logins>,
    /// Where the time goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<WhereTimeGoes>,
    /// Connections exempt from hoarding, since LISTEN, SUBSCRIBE, replication and the like keep them at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<u64>,
    /// The size that the what-if recommends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended_size: Option<u64>,
    /// What findings rest on beside the rest.
    #[serde(default, skip_serializing_if = "PoolSigns::is_none")]
    pub signs: PoolSigns,
    /// The host that watched it, in merged summaries where the addresses alone would not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Whose connections these are: a process, unit or container of this host, otherwise an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PoolClient {
    /// The address it connects from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The process's command name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The processes that hold the sockets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<u32>,
    /// The systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The container's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The name that the application gives itself (`application_name`, `program_name`, CLIENT SETNAME).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

/// What requests would have waited, had the pool been of this size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhatIf {
    /// Connections in the pool.
    pub size: u64,
    /// 99 of 100 requests would have waited no longer.
    pub wait_p99_seconds: f64,
    /// The share of requests that would have waited at all, 0 to 1.
    pub waited_share: f64,
    /// The longest wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_max_seconds: Option<f64>,
}

/// How often connections were opened, and what that cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Logins {
    /// Logins that succeeded.
    pub count: u64,
    /// Logins that the server refused.
    pub failures: u64,
    /// Time spent connecting and logging in.
    pub seconds: f64,
    /// Logins for each useful request; 1 where every request opens a connection of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_request: Option<f64>,
}
