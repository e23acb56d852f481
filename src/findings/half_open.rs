//! Connections of which only one side is left.

use serde_json::json;

use super::words::{client, connections, pool};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Severity, Summary};

pub const CODE: &str = "half_open";

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary
        .pools
        .iter()
        .filter(|one| one.signs.half_open > 0)
        .map(tell)
        .collect()
}

fn tell(one: &Pool) -> Finding {
    let count = one.signs.half_open;
    Told {
        severity: Severity::Warning,
        title: format!("{} of {} with nobody at one end", connections(count), client(&one.client)),
        detail: format!(
            "{}: the client has closed and the server has not, or the other side does not answer keep-alive probes or \
             retransmissions any more. A session at the server, and its locks, live on until it notices.",
            pool(one),
        ),
        evidence: [("connections", json!(count)), ("open", json!(one.connections.open))],
        advice: "Shorten TCP keep-alive at the server (tcp_keepalives_idle, tcp_user_timeout; net.ipv4.tcp_keepalive_time), \
                 and look for a firewall or balancer that forgets idle connections without a word.",
    }
    .of(CODE, pool_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn peers_that_are_gone_are_told() {
        let found = found_when(CODE, |all| all.pools[0].signs.half_open = 3);
        assert_eq!(
            found[0].title,
            "3 connections of shop.service (pid 4711) with nobody at one end"
        );
    }

    #[test]
    fn a_client_that_has_yet_to_close_is_told_elsewhere() {
        assert_eq!(found_when(CODE, |all| all.pools[0].signs.close_wait = 3), []);
    }
}
