//! Connections that the server has closed and the client has not.

use serde_json::json;

use super::words::{client, connections, duration, pool};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Severity, Summary};

pub const CODE: &str = "close_wait";

/// A pool may look at its connections once in a while only.
const FORGOTTEN: f64 = 60.0;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary
        .pools
        .iter()
        .filter(|one| one.signs.close_wait > 0)
        .map(tell)
        .collect()
}

fn tell(one: &Pool) -> Finding {
    let signs = &one.signs;
    let longest = signs.longest_close_wait_seconds;
    let since = longest.map_or_else(String::new, |longest| {
        format!(", the first for {} or longer", duration(longest))
    });
    Told {
        severity: if longest >= Some(FORGOTTEN) { Severity::Warning } else { Severity::Info },
        title: format!("{} leaves {} in CLOSE_WAIT", client(&one.client), connections(signs.close_wait)),
        detail: format!(
            "{}: the server has closed these, and the application has not{since}. Each costs it a descriptor, and a request \
             sent on one fails.",
            pool(one),
        ),
        evidence: [
            ("connections", json!(signs.close_wait)),
            ("longest_close_wait_seconds", json!(longest)),
            ("open", json!(one.connections.open)),
        ],
        advice: "Have the pool look at its idle connections (validation, idle time-out shorter than the server's), and close \
                 connections on every path that ends with an error.",
    }
    .of(CODE, pool_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn connections_that_the_application_forgot_are_told() {
        let found = found_when(CODE, |all| {
            all.pools[0].signs.close_wait = 1;
            all.pools[0].signs.longest_close_wait_seconds = Some(75.0);
        });
        assert_eq!(
            found[0].title,
            "shop.service (pid 4711) leaves 1 connection in CLOSE_WAIT"
        );
        assert!(found[0].detail.contains("the first for 1 min 15 s or longer"));
        assert_eq!(found[0].severity, Severity::Warning);
        let fresh = found_when(CODE, |all| {
            all.pools[0].signs.close_wait = 1;
            all.pools[0].signs.longest_close_wait_seconds = Some(10.0);
        });
        assert_eq!(fresh[0].severity, Severity::Info);
    }

    #[test]
    fn a_side_that_is_gone_is_told_elsewhere() {
        assert_eq!(found_when(CODE, |all| all.pools[0].signs.half_open = 1), []);
    }
}
