//! One database server as seen from here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, ServiceSigns};
use crate::packet::Endpoint;
use crate::protocol::System;

/// One database server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its address and port.
    pub server: Endpoint,
    /// What it speaks.
    pub system: System,
    /// From where it was watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vantage: Option<Vantage>,
    /// Its connections.
    pub connections: Connections,
    /// First byte of a login to its end.
    pub login: Distribution,
    /// How many exchanges of each kind.
    pub exchanges: Exchanges,
    /// Requests that had no reply when the summary was made.
    pub in_flight: InFlight,
    /// Last byte of the request to first byte of the reply, of useful exchanges.
    pub latency: Distribution,
    /// First byte of the request to last byte of the reply, of useful exchanges.
    pub duration: Distribution,
    /// Round trips of the network alone, from handshakes and acknowledgments.
    pub network_rtt: Distribution,
    /// SYN to the ACK that completes the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Distribution>,
    /// Logins that the server refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_failures: Option<u64>,
    /// Where the time of its exchanges and connections goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<WhereTimeGoes>,
    /// Segments sent again, by either side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u64>,
    /// Times a side closed its receive window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zero_windows: Option<u64>,
    /// What findings rest on beside the rest.
    #[serde(default, skip_serializing_if = "ServiceSigns::is_none")]
    pub signs: ServiceSigns,
    /// The host that watched it, in merged summaries where the addresses alone would not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// From where a server was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// On the application's host.
    Client,
    /// On the database's host.
    Server,
    /// Both are on this host.
    Both,
    /// On neither.
    Middle,
}

/// How many connections are in each state at the end, and how they came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// Open at the end.
    pub open: u64,
    /// A request in flight.
    pub in_use: u64,
    /// No request in flight, no transaction open.
    pub idle: u64,
    /// No request in flight, a transaction open.
    pub idle_in_transaction: u64,
    /// Needlessly kept.
    pub hoarded: u64,
    /// Opened during the watch.
    pub opened: u64,
    /// Closed during the watch.
    pub closed: u64,
    /// The most that were open at once.
    pub peak_open: u64,
    /// The most that were in use at once, open transactions included.
    pub peak_in_use: u64,
    /// Connections that the demand seen asks for, headroom included; pools only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<u64>,
    /// Open ones beyond `needed`; pools only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surplus: Option<u64>,
}

/// How many exchanges of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchanges {
    /// Requests seen.
    pub requests: u64,
    /// Replies seen whole.
    pub replies: u64,
    /// Replies that were errors.
    pub errors: u64,
    /// Requests whose connection closed before the reply.
    pub unanswered: u64,
    /// Liveness checks; not in any distribution.
    pub validations: u64,
    /// Commands that wait by design; not in any distribution.
    pub waiting: u64,
    /// Left out of every distribution, because loss or a late start makes their numbers doubtful.
    pub doubtful: u64,
}

/// Requests that had no reply yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InFlight {
    /// How many.
    pub count: u64,
    /// How long the oldest has been waiting for its reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<f64>,
}

/// Seconds spent on each leg, summed over exchanges or connections. What can't be told apart is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhereTimeGoes {
    /// TCP handshakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_seconds: Option<f64>,
    /// Logins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_seconds: Option<f64>,
    /// First to last byte of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_seconds: Option<f64>,
    /// On the network: one round trip an exchange, less where watched at the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_seconds: Option<f64>,
    /// In the server: latency less the network's share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_seconds: Option<f64>,
    /// First to last byte of replies, closed windows not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_seconds: Option<f64>,
    /// Waiting on a receive window that was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_closed_seconds: Option<f64>,
    /// Between requests inside a transaction: the application's own time while it holds the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_seconds: Option<f64>,
    /// Connections open with nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<f64>,
}
