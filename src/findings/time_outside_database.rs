//! It is slow around the database, but not in it.

use serde_json::json;

use super::words::{client, duration, percent, pool};
use super::{Thresholds, Told, pool_subject};
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
    let legs = legs(&time);
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
    elsewhere.then(|| told.of(CODE, pool_subject(one)))
}

const OPENING: &str = "connecting and logging in";
const NETWORK: &str = "the network";
const SENDING: &str = "sending requests";
const RECEIVING: &str = "receiving replies";
const THINKING: &str = "the application inside transactions";

fn legs(time: &WhereTimeGoes) -> [(&'static str, f64); 5] {
    let known = |seconds: Option<f64>| seconds.unwrap_or(0.0);
    [
        (OPENING, known(time.connect_seconds) + known(time.login_seconds)),
        (NETWORK, known(time.network_seconds)),
        (SENDING, known(time.request_seconds)),
        (RECEIVING, known(time.reply_seconds)),
        (THINKING, known(time.thinking_seconds)),
    ]
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
    fn a_database_at_work_or_no_leg_that_stands_out_is_not() {
        assert_eq!(thinking(50.0, 30.0), []);
        assert_eq!(thinking(0.5, 0.2), []);
    }
}
