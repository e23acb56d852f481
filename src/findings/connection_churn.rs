//! Connections opened for each request or few: too little pooling.

use serde_json::json;

use super::words::{client, connections, counted, duration, percent, pool};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Exchanges, Finding, Pool, Severity, Summary};

pub const CODE: &str = "connection_churn";

/// Fewer openings make no habit.
pub const OPENED: u64 = 20;
/// A connection is worth opening for more requests than this.
const REQUESTS: u64 = 4;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.pools.iter().filter_map(tell).collect()
}

fn tell(one: &Pool) -> Option<Finding> {
    let (exchanges, logins, time) = (one.exchanges?, one.logins?, one.time?);
    let opened = one.connections.opened;
    let useful = useful(exchanges);
    let working: f64 = [
        time.request_seconds,
        time.network_seconds,
        time.server_seconds,
        time.reply_seconds,
    ]
    .into_iter()
    .flatten()
    .sum();
    let share = logins.seconds / (logins.seconds + working).max(1e-9);
    let told = Told {
        severity: if share >= 0.5 {
            Severity::Warning
        } else {
            Severity::Info
        },
        title: format!(
            "{} opens {} for {}",
            client(&one.client),
            connections(opened),
            counted(useful, "request")
        ),
        detail: format!(
            "{}: connecting and logging in took {}, {} of the time that the requests and the logins took together.",
            pool(one),
            duration(logins.seconds),
            percent(share),
        ),
        evidence: [
            ("opened", json!(opened)),
            ("closed", json!(one.connections.closed)),
            ("logins", json!(logins.count)),
            ("requests", json!(useful)),
            ("login_seconds", json!(logins.seconds)),
            ("request_seconds", json!(working)),
            ("share", json!(share)),
        ],
        advice: "Keep connections for more than a request or two: a pool in the application, or one between it and the \
                 server (pgbouncer, ProxySQL), sized to its demand.",
    };
    is_churn(one).then(|| told.of(CODE, pool_subject(one)))
}

/// Whether connections come and go for a few requests each.
pub fn is_churn(one: &Pool) -> bool {
    let count = one.connections;
    let useful = one.exchanges.map_or(0, useful);
    count.opened >= OPENED && count.closed * 2 >= count.opened && useful <= count.opened * REQUESTS
}

fn useful(exchanges: Exchanges) -> u64 {
    exchanges.requests.saturating_sub(exchanges.validations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn churn(all: &mut Summary, opened: u64, closed: u64, requests: u64) {
        let one = &mut all.pools[0];
        (one.connections.opened, one.connections.closed) = (opened, closed);
        if let (Some(exchanges), Some(logins), Some(time)) =
            (&mut one.exchanges, &mut one.logins, &mut one.time)
        {
            exchanges.requests = requests;
            (logins.count, logins.seconds) = (opened, 9.0);
            time.server_seconds = Some(1.9);
        }
    }

    #[test]
    fn a_connection_for_each_request_is_churn() {
        let found = found_when(CODE, |all| churn(all, 1000, 995, 1000));
        assert_eq!(
            found[0].title,
            "shop.service (pid 4711) opens 1000 connections for 1000 requests"
        );
        assert!(
            found[0].detail.contains("took 9.0 s, 75% of the time"),
            "{}",
            found[0].detail
        );
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn a_pool_that_opens_or_renews_its_connections_is_not() {
        for (opened, closed, requests) in [(100, 2, 100), (100, 100, 5000), (10, 10, 10)] {
            assert_eq!(found_when(CODE, |all| churn(all, opened, closed, requests)), []);
        }
    }
}
