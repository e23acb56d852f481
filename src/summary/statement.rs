//! One statement of one server, its literals taken out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Repeats, WhereTimeGoes};
use crate::packet::Endpoint;
use crate::protocol::System;

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementRow {
    /// The server asked.
    pub server: Endpoint,
    /// What it speaks.
    pub system: System,
    /// The fingerprint's hash: the same on every host and in every run.
    pub id: String,
    /// Verb and tables, at most 255 characters (OpenTelemetry's `db.query.summary`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The fingerprint: the text with every literal replaced by `?`, or the text itself with `--show-literals`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What kind of request: `query`, `execute`, `command` ...
    pub verb: String,
    /// Exchanges seen whole, errors included.
    pub count: u64,
    /// Replies that were errors.
    pub errors: u64,
    /// Rows returned or affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Last byte of the request to first byte of the reply.
    pub latency: Distribution,
    /// First byte of the request to last byte of the reply.
    pub duration: Distribution,
    /// Exchanges left out of the distributions as doubtful.
    #[serde(default)]
    pub doubtful: u64,
    /// Requests whose connection closed before the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<u64>,
    /// Waits by design; its exchanges are in no other distribution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
    /// A liveness check; its exchanges are in no other distribution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub validation: bool,
    /// The most executions inside one transaction or burst of one connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_repeats: Option<u64>,
    /// How often that was 10 or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// Where the time goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<WhereTimeGoes>,
    /// The host that watched it, in merged summaries where the addresses alone would not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}
