//! One TCP connection between a client and a database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::packet::Endpoint;
use crate::protocol::System;

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// The application's end.
    pub client: Endpoint,
    /// The database's end.
    pub server: Endpoint,
    /// What is spoken.
    pub system: System,
    /// The database user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The database or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The name that the application gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Who holds the client's socket, where that is on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// When it was opened; absent where that was before the watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<Timestamp>,
    /// What it is doing at the end of the watch.
    pub state: ConnectionState,
    /// Whether it is encrypted.
    pub tls: bool,
    /// Since it was opened; where that was before the watch, a lower bound (or absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<f64>,
    /// Since its last useful work, or since it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<f64>,
    /// SYN to the ACK that completes the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_seconds: Option<f64>,
    /// First byte of the login to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_seconds: Option<f64>,
    /// Exchanges on it, validations included.
    pub exchanges: u64,
    /// Liveness checks among them.
    pub validations: u64,
    /// TCP keep-alive probes, from either side.
    pub keepalive_probes: u64,
    /// For how long it was in use.
    pub in_use_seconds: f64,
    /// Why it is flagged; empty where it is not.
    pub reasons: Vec<Reason>,
    /// For how long this connection was watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_seconds: Option<f64>,
    /// At work by its nature though silent (LISTEN, SUBSCRIBE, MONITOR, replication): never hoarded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// The `id` of the last useful statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_statement: Option<String>,
    /// For how long the open transaction has been open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_seconds: Option<f64>,
    /// One round trip of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_rtt_seconds: Option<f64>,
    /// Segments sent again, by either side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u64>,
    /// What the kernel says of the socket on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelView>,
    /// The host that watched it, in merged summaries where the addresses alone would not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Who holds a socket of this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its command name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The container's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The Kubernetes pod's id, where the cgroup names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The user id that the socket belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// A request is in flight.
    InUse,
    /// No request in flight, no transaction open.
    Idle,
    /// No request in flight, a transaction open.
    IdleInTransaction,
    /// Connecting or logging in.
    Handshake,
    /// Gone.
    Closed,
    /// One side has closed, the other has not; or the other side does not answer any more.
    HalfOpen,
}

impl ConnectionState {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::Idle => "idle",
            Self::IdleInTransaction => "idle_in_transaction",
            Self::Handshake => "handshake",
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Why a connection is flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No request since it was opened.
    NeverUsed,
    /// No useful work for `--idle-after`.
    Idle,
    /// Nothing but liveness checks.
    ValidationOnly,
    /// Nothing but TCP keep-alive probes.
    KeepaliveOnly,
    /// An open transaction silent for `--transaction-idle-after`.
    IdleInTransaction,
    /// The other side is gone.
    HalfOpen,
}

impl Reason {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverUsed => "never_used",
            Self::Idle => "idle",
            Self::ValidationOnly => "validation_only",
            Self::KeepaliveOnly => "keepalive_only",
            Self::IdleInTransaction => "idle_in_transaction",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The kernel's word on a socket (`sock_diag`, `tcp_info`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelView {
    /// The TCP state, as `ss` names it: `ESTAB`, `CLOSE-WAIT` ...
    pub state: String,
    /// The running timer: `keepalive`, `retransmit`, `persist` ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<String>,
    /// Until it fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer_seconds: Option<f64>,
    /// Unanswered probes or retransmissions of that timer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u64>,
    /// Bytes not yet read by the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_queue: Option<u64>,
    /// Bytes not yet acknowledged by the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_queue: Option<u64>,
    /// Since data (not an acknowledgment) was last sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sent_seconds: Option<f64>,
    /// Since data was last received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_received_seconds: Option<f64>,
    /// The socket's inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
}
