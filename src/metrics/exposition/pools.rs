//! The connections of one client to one server.

use std::borrow::Cow;

use super::catalog::system;
use super::family::{Definition, Labels};
use crate::metrics::{PoolKey, PoolTotals};

pub(super) const LABELS: &[&str] = &[
    "server",
    "system",
    "client",
    "unit",
    "container",
    "application",
    "user",
    "database",
];
/// Those that say `other` where the row is of all that have none of their own.
pub(super) const OTHER: &[&str] = &["server", "client"];

pub(super) fn labels<'a>(key: &'a PoolKey, row: &'a PoolTotals) -> Labels<'a> {
    vec![
        ("server", Cow::Owned(key.server.to_string())),
        ("system", system(row.system)),
        ("client", Cow::Borrowed(&key.client)),
        ("unit", Cow::Borrowed(&key.unit)),
        ("container", Cow::Borrowed(&key.container)),
        ("application", Cow::Borrowed(&key.application)),
        ("user", Cow::Borrowed(&key.user)),
        ("database", Cow::Borrowed(&key.database)),
    ]
}

type Metric = Definition<PoolTotals>;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "sockhound_pool_connections",
        "Open connections of a pool by state: in_use, idle_in_transaction, idle.",
        |row, values| values.states(&row.connections),
    )
    .by("state"),
    Metric::gauge(
        "sockhound_pool_connections_hoarded",
        "Open connections of a pool that are needlessly kept.",
        |row, values| values.count(row.connections.hoarded),
    ),
    Metric::gauge(
        "sockhound_pool_hoarded_reasons",
        "Why they are flagged; one connection may have several reasons.",
        |row, values| {
            let all = row.reasons.iter();
            all.for_each(|(reason, count)| values.labelled(reason, *count as f64));
        },
    )
    .by("reason"),
    Metric::gauge(
        "sockhound_pool_connections_peak_in_use",
        "The most connections of a pool that were in use at once in the latest interval.",
        |row, values| values.count(row.connections.peak_in_use),
    ),
    Metric::gauge(
        "sockhound_pool_connections_needed",
        "Connections that the demand of the last hour asks for, headroom included.",
        |row, values| values.known(row.connections.needed.map(|needed| needed as f64)),
    ),
    Metric::gauge(
        "sockhound_pool_connections_surplus",
        "Open connections beyond those needed.",
        |row, values| values.known(row.connections.surplus.map(|surplus| surplus as f64)),
    ),
    Metric::gauge(
        "sockhound_pool_connections_recommended",
        "The smallest size at which 99 of 100 requests would not have waited.",
        |row, values| values.known(row.recommended_size.map(|size| size as f64)),
    ),
    Metric::gauge(
        "sockhound_pool_connections_close_wait",
        "Connections that the server has closed and the client has not.",
        |row, values| values.count(row.close_wait),
    ),
    Metric::gauge(
        "sockhound_pool_connections_half_open",
        "Connections of which only one side is left.",
        |row, values| values.count(row.half_open),
    ),
    Metric::counter(
        "sockhound_pool_connections_opened_total",
        "Connections opened by a pool.",
        |row, values| values.count(row.opened),
    ),
    Metric::counter(
        "sockhound_pool_connections_closed_total",
        "Connections of a pool that were closed.",
        |row, values| values.count(row.closed),
    ),
    Metric::counter(
        "sockhound_pool_logins_total",
        "Logins of a pool, by outcome.",
        |row, values| {
            values.labelled("ok", row.logins as f64);
            values.labelled("refused", row.login_failures as f64);
        },
    )
    .by("outcome"),
    Metric::counter(
        "sockhound_pool_requests_total",
        "Requests of a pool, of every kind.",
        |row, values| values.count(row.exchanges.requests),
    ),
    Metric::counter(
        "sockhound_pool_errors_total",
        "Replies to a pool that were errors.",
        |row, values| values.count(row.exchanges.errors),
    ),
    Metric::counter(
        "sockhound_pool_validations_total",
        "Liveness checks of a pool.",
        |row, values| values.count(row.exchanges.validations),
    ),
    Metric::histogram(
        "sockhound_pool_latency_seconds",
        "Last byte of the request to first byte of the reply, of a pool's useful exchanges.",
        |row, values| values.histogram(&row.latency),
    ),
    Metric::counter(
        "sockhound_pool_full_seconds_total",
        "For how long all connections of a pool were held at once.",
        |row, values| values.number(row.full_seconds),
    ),
    Metric::counter(
        "sockhound_pool_time_seconds_total",
        "Where the time of a pool's exchanges and connections goes; idle is its connections open with nothing to do.",
        |row, values| row.time.iter().for_each(|(leg, seconds)| values.labelled(leg, seconds)),
    )
    .by("leg"),
];
