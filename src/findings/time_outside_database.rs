//! It is slow around the database, but not in it.

use serde_json::json;

use super::connection_churn::OPENED;
use super::words::{client, duration, percent, pool};
use super::{Thresholds, Told, connection_churn, pool_subject};
use crate::summary::{Finding, Pool, Severity, Summary, WhereTimeGoes};

pub const CODE: &str = "time_outside_database";

/// Less time than this in all is not felt.
const FELT: f64 = 1.0;
/// The server's own part of the time that it must stay below.
const SHARE: f64 = 0.25;
/// Fewer requests make no habit.
const COUNT: u64 = 50;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.pools.iter().filter_map(tell).collect()
}

fn tell(one: &Pool) -> Option<Finding> {
    let time = one.time?;
    let server = time.server_seconds?;
    let legs = legs(one, &time);
    let total = server + legs.iter().map(|(_, seconds)| seconds).sum::<f64>();
    let (leg, most) = *legs.iter().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let told = Told {
        severity: Severity::Info,
        title: format!(
            "{}: most time goes to {leg}, not to the database",
            client(&one.client)
        ),
        detail: format!(
            "{}: of {} that its connections were at work, {} went to {leg} and {} to the server's own work.",
            pool(one),
            duration(total),
            percent(most / total.max(1e-9)),
            percent(server / total.max(1e-9)),
        ),
        evidence: [
            ("time", json!(time)),
            ("total_seconds", json!(total)),
            ("most_seconds", json!(most)),
            ("server_seconds", json!(server)),
            ("requests", json!(one.latency.count)),
        ],
        advice: advice(leg),
    };
    let elsewhere =
        total >= FELT && server <= SHARE * total && most >= 0.5 * total && one.latency.count >= COUNT;
    let told_as_churn = leg == OPENING && connection_churn::is_churn(one);
    (elsewhere && !told_as_churn).then(|| told.of(CODE, pool_subject(one)))
}

const OPENING: &str = "connecting and logging in";
const NETWORK: &str = "the network";
const SENDING: &str = "sending requests";
const RECEIVING: &str = "receiving replies";
const THINKING: &str = "the application inside transactions";

fn legs(one: &Pool, time: &WhereTimeGoes) -> [(&'static str, f64); 5] {
    let known = |seconds: Option<f64>| seconds.unwrap_or(0.0);
    let opening = known(time.connect_seconds) + known(time.login_seconds);
    [
        (OPENING, if opens_out_of_habit(one) { opening } else { 0.0 }),
        (NETWORK, known(time.network_seconds)),
        (SENDING, known(time.request_seconds)),
        (RECEIVING, known(time.reply_seconds)),
        (THINKING, known(time.thinking_seconds)),
    ]
}

/// A pool that is filled once pays for it once.
fn opens_out_of_habit(one: &Pool) -> bool {
    let count = one.connections;
    count.opened >= OPENED && count.closed * 2 >= count.opened
}

fn advice(leg: &str) -> &'static str {
    match leg {
        OPENING => "Keep connections: a pool sized to its demand.",
        NETWORK => "Make fewer round trips (joins, batches, pipelining), or move the two closer together.",
        SENDING => "Send requests in one write, and large values in fewer or smaller pieces.",
        RECEIVING => "Ask for fewer rows and columns, and read them faster.",
        _ => {
            "Do the application's own work before the transaction begins or after it ends: meanwhile connection and locks are held."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn thinking(seconds: f64, server: f64) -> Vec<Finding> {
        found_when(CODE, |all| {
            if let Some(time) = &mut all.pools[0].time {
                (time.thinking_seconds, time.server_seconds) = (Some(seconds), Some(server));
            }
        })
    }

    #[test]
    fn an_application_that_thinks_in_transactions_is_told() {
        let found = thinking(95.0, 3.6);
        assert_eq!(
            found[0].title,
            "shop.service (pid 4711): most time goes to the application inside transactions, not to the database"
        );
        assert!(found[0].detail.contains("95% went to"), "{}", found[0].detail);
    }

    #[test]
    fn logins_that_cost_more_than_all_work_are_told_where_they_are_a_habit() {
        let opening = |opened, closed, requests| {
            found_when(CODE, |all| {
                let one = &mut all.pools[0];
                (one.connections.opened, one.connections.closed) = (opened, closed);
                if let (Some(exchanges), Some(time)) = (&mut one.exchanges, &mut one.time) {
                    exchanges.requests = requests;
                    (time.login_seconds, time.server_seconds) = (Some(30.0), Some(2.0));
                }
            })
        };
        assert!(
            opening(100, 95, 5000)[0]
                .title
                .contains("connecting and logging in")
        );
        assert_eq!(opening(100, 2, 5000), [], "a pool is filled");
        assert_eq!(opening(100, 95, 100), [], "told as churn");
    }

    #[test]
    fn a_database_at_work_or_no_leg_that_stands_out_is_not() {
        assert_eq!(thinking(50.0, 30.0), []);
        assert_eq!(thinking(0.5, 0.2), []);
    }
}
