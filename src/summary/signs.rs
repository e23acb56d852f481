//! What findings rest on beside the counts and distributions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Signs of trouble with a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServiceSigns {
    /// Logins refused, by error code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refusals: BTreeMap<String, u64>,
    /// Exchanges that ended with an error, by error code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// SYNs sent again.
    pub syn_retries: u64,
    /// Segments that clients sent again.
    pub client_retransmits: u64,
    /// Segments that the server sent again.
    pub server_retransmits: u64,
    /// Requests and replies sent in two parts, the second of which came as much later as Linux delays an
    /// acknowledgment (40 ms).
    pub delayed_acknowledgments: u64,
    /// Connections between two hosts on which requests could be read.
    pub clear_text_connections: u64,
}

/// Signs of trouble with a pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PoolSigns {
    /// For how long all its connections were held at once.
    pub full_seconds: f64,
    /// The longest stretch of that.
    pub longest_full_seconds: f64,
    /// How many stretches.
    pub full_times: u64,
    /// Its hoarded connections by reason; one connection may have several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, u64>,
    /// How long its longest idle connection has been idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_idle_seconds: Option<f64>,
    /// How many connections were open at evenly spaced times since the watch began, at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_history: Vec<u64>,
    /// The time between two of those.
    pub open_history_seconds: f64,
    /// Connections that the server has closed and the client has not (`CLOSE_WAIT` at the client).
    pub close_wait: u64,
    /// For how long the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_close_wait_seconds: Option<f64>,
    /// Connections of which only one side is left: it does not answer any more, or has closed.
    pub half_open: u64,
}

/// How often a statement was executed over and over (10 times or more) inside one transaction or burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repeats {
    /// Transactions and bursts.
    pub bursts: u64,
    /// Executions in them.
    pub executions: u64,
    /// First byte of the request to last byte of the reply, summed over those executions.
    pub seconds: f64,
}

impl ServiceSigns {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Signs of the same server, seen elsewhere or at another time.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        add_counts(&mut self.refusals, other.refusals);
        add_counts(&mut self.errors, other.errors);
        self.syn_retries += other.syn_retries;
        self.client_retransmits += other.client_retransmits;
        self.server_retransmits += other.server_retransmits;
        self.delayed_acknowledgments += other.delayed_acknowledgments;
        self.clear_text_connections = self.clear_text_connections.max(other.clear_text_connections);
        self
    }
}

impl PoolSigns {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Signs of the same pool at a later time: what is a state is the later one's.
    #[must_use]
    pub fn and_later(self, later: Self) -> Self {
        Self {
            full_seconds: self.full_seconds + later.full_seconds,
            longest_full_seconds: self.longest_full_seconds.max(later.longest_full_seconds),
            full_times: self.full_times + later.full_times,
            ..later
        }
    }
}

impl Repeats {
    /// Those of the same statement, seen elsewhere or at another time.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            bursts: self.bursts + other.bursts,
            executions: self.executions + other.executions,
            seconds: self.seconds + other.seconds,
        }
    }
}

fn add_counts(counts: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (code, count) in more {
        *counts.entry(code).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_add_up_by_code() {
        let signs = |code: &str| ServiceSigns {
            refusals: BTreeMap::from([(code.to_owned(), 2), ("1040".to_owned(), 1)]),
            syn_retries: 3,
            ..ServiceSigns::default()
        };
        let both = signs("53300").and(signs("28P01"));
        assert_eq!(both.refusals.get("1040"), Some(&2));
        assert_eq!((both.refusals.len(), both.syn_retries), (3, 6));
        assert!(!both.is_none() && ServiceSigns::default().is_none());
    }

    #[test]
    fn a_pools_later_state_counts() {
        let signs = |seconds, close_wait| PoolSigns {
            full_seconds: seconds,
            longest_full_seconds: seconds,
            full_times: 1,
            close_wait,
            ..PoolSigns::default()
        };
        let both = signs(5.0, 9).and_later(signs(2.0, 0));
        assert_eq!((both.full_times, both.close_wait), (2, 0));
        assert!((both.full_seconds - 7.0).abs() < 1e-9 && (both.longest_full_seconds - 5.0).abs() < 1e-9);
    }
}
