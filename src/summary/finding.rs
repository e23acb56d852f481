//! What is wrong, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::PoolClient;
use crate::packet::Endpoint;
use crate::protocol::System;

/// One diagnosis, never more certain than its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule's stable name, which is also its page in `docs/findings`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// The same with its numbers, in a sentence or three.
    pub detail: String,
    /// Whom it concerns.
    pub subject: Subject,
    /// The numbers that it rests on, by name; durations end in `_seconds`.
    pub evidence: Map<String, Value>,
    /// What to do about it.
    pub advice: String,
}

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// Costs something, or will.
    Warning,
    /// Harms now.
    Critical,
}

impl Severity {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Whom a finding concerns: as much as applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The database server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Endpoint>,
    /// What it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
    /// The client of the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<PoolClient>,
    /// The database user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The database or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The application's end of one connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Endpoint>,
    /// The `id` of one statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}
