//! Database servers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::catalog::{self, system};
use super::family::{Definition, Labels, Values};
use crate::metrics::{ServiceKey, ServiceTotals};

pub(super) const LABELS: &[&str] = &["server", "system"];
/// Those that say `other` where the row is of all that have none of their own.
pub(super) const OTHER: &[&str] = &["server"];

pub(super) fn labels<'a>(key: &'a ServiceKey, row: &'a ServiceTotals) -> Labels<'a> {
    vec![
        ("server", Cow::Owned(key.to_string())),
        ("system", system(row.system)),
    ]
}

/// Codes that found no room have an empty name.
fn codes<'a>(values: &mut Values<'a>, codes: &'a BTreeMap<String, u64>) {
    for (code, count) in codes {
        let name = if code.is_empty() { catalog::OTHER } else { code };
        values.labelled(name, *count as f64);
    }
}

type Metric = Definition<ServiceTotals>;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "sockhound_connections",
        "Open connections by state: in_use (a request in flight), idle_in_transaction, idle.",
        |row, values| values.states(&row.connections),
    )
    .by("state"),
    Metric::gauge(
        "sockhound_connections_hoarded",
        "Open connections that are needlessly kept.",
        |row, values| values.count(row.connections.hoarded),
    ),
    Metric::gauge(
        "sockhound_connections_peak_open",
        "The most connections that were open at once in the latest interval.",
        |row, values| values.count(row.connections.peak_open),
    ),
    Metric::gauge(
        "sockhound_connections_peak_in_use",
        "The most connections that were in use at once in the latest interval, open transactions included.",
        |row, values| values.count(row.connections.peak_in_use),
    ),
    Metric::counter(
        "sockhound_connections_opened_total",
        "Connections opened.",
        |row, values| values.count(row.opened),
    ),
    Metric::counter(
        "sockhound_connections_closed_total",
        "Connections closed.",
        |row, values| values.count(row.closed),
    ),
    Metric::counter(
        "sockhound_requests_total",
        "Requests seen, of every kind.",
        |row, values| values.count(row.exchanges.requests),
    ),
    Metric::counter(
        "sockhound_replies_total",
        "Replies seen whole.",
        |row, values| values.count(row.exchanges.replies),
    ),
    Metric::counter(
        "sockhound_errors_total",
        "Replies that were errors.",
        |row, values| values.count(row.exchanges.errors),
    ),
    Metric::counter(
        "sockhound_errors_by_code_total",
        "Exchanges that ended with an error, by the database's code (SQLSTATE, MySQL number, Redis prefix, HTTP status).",
        |row, values| codes(values, &row.errors),
    )
    .by("code"),
    Metric::counter(
        "sockhound_unanswered_requests_total",
        "Requests whose connection closed before the reply.",
        |row, values| values.count(row.exchanges.unanswered),
    ),
    Metric::counter(
        "sockhound_validations_total",
        "Liveness checks; they are in no histogram.",
        |row, values| values.count(row.exchanges.validations),
    ),
    Metric::counter(
        "sockhound_waiting_requests_total",
        "Requests that wait by design (BLPOP, long polls); they are in no histogram.",
        |row, values| values.count(row.exchanges.waiting),
    ),
    Metric::counter(
        "sockhound_doubtful_exchanges_total",
        "Exchanges left out of every histogram, because loss or a late start makes their numbers doubtful.",
        |row, values| values.count(row.exchanges.doubtful),
    ),
    Metric::gauge(
        "sockhound_requests_in_flight",
        "Requests that had no reply when the latest interval ended.",
        |row, values| values.count(row.in_flight.count),
    ),
    Metric::gauge(
        "sockhound_oldest_request_in_flight_seconds",
        "How long the oldest of them had been waiting; 0 where there is none.",
        |row, values| values.number(row.in_flight.oldest_seconds.unwrap_or(0.0)),
    ),
    Metric::histogram(
        "sockhound_latency_seconds",
        "Last byte of the request to first byte of the reply, of useful exchanges.",
        |row, values| values.histogram_from_zero(&row.latency),
    ),
    Metric::histogram(
        "sockhound_duration_seconds",
        "First byte of the request to last byte of the reply, of useful exchanges.",
        |row, values| values.histogram_from_zero(&row.duration),
    ),
    Metric::histogram(
        "sockhound_login_seconds",
        "First byte of a login to its end.",
        |row, values| values.histogram(&row.login),
    ),
    Metric::histogram(
        "sockhound_connect_seconds",
        "SYN to the ACK that completes the handshake.",
        |row, values| values.histogram(&row.connect),
    ),
    Metric::histogram(
        "sockhound_network_round_trip_seconds",
        "Round trips of the network alone.",
        |row, values| values.histogram(&row.network_rtt),
    ),
    Metric::counter(
        "sockhound_refused_logins_total",
        "Logins that the server refused, by its code.",
        |row, values| codes(values, &row.refusals),
    )
    .by("code"),
    Metric::counter(
        "sockhound_retransmitted_segments_total",
        "Segments sent again, by the side that sent them.",
        |row, values| {
            values.labelled("client", row.client_retransmits as f64);
            values.labelled("server", row.server_retransmits as f64);
        },
    )
    .by("side"),
    Metric::counter(
        "sockhound_zero_windows_total",
        "Times a side closed its receive window.",
        |row, values| values.count(row.zero_windows),
    ),
    Metric::counter(
        "sockhound_syn_retries_total",
        "SYNs sent again.",
        |row, values| values.count(row.syn_retries),
    ),
    Metric::counter(
        "sockhound_delayed_acknowledgments_total",
        "Requests and replies whose second part came as much later as Linux delays an acknowledgment.",
        |row, values| values.count(row.delayed_acknowledgments),
    ),
    Metric::counter(
        "sockhound_time_seconds_total",
        "Where the time of exchanges and connections goes, summed over them.",
        |row, values| row.time.iter().for_each(|(leg, seconds)| values.labelled(leg, seconds)),
    )
    .by("leg"),
];
