//! The watch itself: what was watched, what was lost, what is wrong.

use super::family::Definition;
use crate::metrics::Totals;

type Metric = Definition<Totals>;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "sockhound_build_info",
        "Always 1; the version of sockhound.",
        |_, values| values.labelled(env!("CARGO_PKG_VERSION"), 1.0),
    )
    .by("version"),
    Metric::counter(
        "sockhound_intervals_total",
        "Summaries that all counters are made of.",
        |totals, values| values.count(totals.intervals()),
    ),
    Metric::counter(
        "sockhound_lost_intervals_total",
        "Summaries that are in no counter, because this host was too slow to add them.",
        |totals, values| values.count(totals.lost()),
    ),
    Metric::gauge(
        "sockhound_last_interval_timestamp_seconds",
        "When the latest interval ended; what every gauge is as of.",
        |totals, values| values.known(totals.end().map(|end| end.nanos() as f64 / 1e9)),
    ),
    Metric::gauge(
        "sockhound_interfaces",
        "Interfaces that are watched.",
        |totals, values| values.count(totals.source.interfaces),
    ),
    Metric::counter("sockhound_packets_total", "Frames seen.", |totals, values| {
        values.count(totals.source.packets);
    }),
    Metric::counter(
        "sockhound_packets_bytes_total",
        "Bytes of the frames seen, on the wire.",
        |totals, values| values.count(totals.source.bytes),
    ),
    Metric::counter(
        "sockhound_watched_packets_total",
        "TCP segments that belong to a watched connection.",
        |totals, values| values.count(totals.source.watched_packets),
    ),
    Metric::counter(
        "sockhound_dropped_packets_total",
        "Frames that the kernel dropped before sockhound saw them.",
        |totals, values| values.count(totals.source.dropped),
    ),
    Metric::counter(
        "sockhound_discarded_packets_total",
        "Frames that were no readable TCP segment, by reason.",
        |totals, values| {
            let discarded = &totals.source.discarded;
            values.labelled("not_ip", discarded.not_ip as f64);
            values.labelled("not_tcp", discarded.not_tcp as f64);
            values.labelled("fragment", discarded.fragments as f64);
            values.labelled("malformed", discarded.malformed as f64);
        },
    )
    .by("reason"),
    Metric::counter(
        "sockhound_duplicate_packets_total",
        "Copies of frames seen before, which count once.",
        |totals, values| values.count(totals.source.duplicates),
    ),
    Metric::counter(
        "sockhound_gaps_total",
        "Holes in the byte streams of connections; exchanges that they touch are doubtful.",
        |totals, values| values.count(totals.source.gaps),
    ),
    Metric::counter(
        "sockhound_gaps_bytes_total",
        "Bytes in those holes, where their length is known.",
        |totals, values| values.count(totals.source.gap_bytes),
    ),
    Metric::counter(
        "sockhound_evicted_connections_total",
        "Connections forgotten because of --max-connections or --max-memory.",
        |totals, values| values.count(totals.source.evicted_connections),
    ),
    Metric::counter(
        "sockhound_evicted_statements_total",
        "Statements forgotten because of --max-statements.",
        |totals, values| values.count(totals.source.evicted_statements),
    ),
    Metric::gauge(
        "sockhound_watched_share",
        "The share of all connections that is watched: 1, or less while this host can't keep up.",
        |totals, values| values.known(Some(totals.source.share())),
    ),
    Metric::counter(
        "sockhound_overloads_total",
        "How often that share was halved; see source.overload of the summary.",
        |totals, values| values.count(totals.source.narrowed),
    ),
    Metric::counter(
        "sockhound_forgotten_connections_total",
        "Connections that were watched and then no more, for overload.",
        |totals, values| values.count(totals.source.forgotten_connections),
    ),
    Metric::gauge(
        "sockhound_findings",
        "What is wrong now, by the code of docs/findings.",
        |totals, values| {
            let all = totals.findings.iter();
            all.for_each(|(code, found)| values.labelled(code, found.now as f64));
        },
    )
    .by("code"),
    Metric::counter(
        "sockhound_findings_appeared_total",
        "What came to be wrong; a finding that stays counts once.",
        |totals, values| {
            let all = totals.findings.iter();
            all.for_each(|(code, found)| values.labelled(code, found.came as f64));
        },
    )
    .by("code"),
    Metric::gauge(
        "sockhound_rows",
        "Rows of their own in each table; there are 64 services, 200 pools and 200 statements at most.",
        |totals, values| {
            values.labelled("services", totals.services.len() as f64);
            values.labelled("pools", totals.pools.len() as f64);
            values.labelled("statements", totals.statements.len() as f64);
        },
    )
    .by("table"),
    Metric::counter(
        "sockhound_folded_rows_total",
        "Rows of summaries that were added to the row `other`, because the table was full.",
        |totals, values| {
            values.labelled("services", totals.services.folded() as f64);
            values.labelled("pools", totals.pools.folded() as f64);
            values.labelled("statements", totals.statements.folded() as f64);
        },
    )
    .by("table"),
    Metric::counter(
        "sockhound_replaced_rows_total",
        "Rows that made room for more valuable ones; their series end.",
        |totals, values| {
            values.labelled("services", totals.services.replaced() as f64);
            values.labelled("pools", totals.pools.replaced() as f64);
            values.labelled("statements", totals.statements.replaced() as f64);
        },
    )
    .by("table"),
];
