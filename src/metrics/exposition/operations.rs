//! What the daemon itself did.

use super::family::Definition;
use crate::metrics::Operations;

type Metric = Definition<Operations>;

pub(super) const METRICS: &[Metric] = &[
    Metric::counter(
        "sockhound_summaries_written_total",
        "Summaries written, once for each output.",
        |it, values| values.count(it.summaries.written.total()),
    ),
    Metric::counter(
        "sockhound_summaries_lost_total",
        "Summaries that an output lacks, by reason: not_read (it stalled), no_space, failed.",
        |it, values| {
            let lost = &it.summaries;
            values.labelled("not_read", lost.not_read.total() as f64);
            values.labelled("no_space", lost.no_space.total() as f64);
            values.labelled("failed", lost.failed.total() as f64);
        },
    )
    .by("reason"),
    Metric::counter(
        "sockhound_exchanges_lost_total",
        "Exchanges that the file of --exchanges lacks.",
        |it, values| values.count(it.lost_exchanges.total()),
    ),
    Metric::counter(
        "sockhound_frames_lost_total",
        "Watched frames that the file of --write lacks.",
        |it, values| values.count(it.lost_frames.total()),
    ),
    Metric::counter(
        "sockhound_messages_lost_total",
        "Messages that standard error did not take in time.",
        |it, values| values.count(it.lost_messages.total()),
    ),
    Metric::counter(
        "sockhound_inventories_total",
        "Looks at the kernel's sockets; incomplete ones lack some, and close no connection.",
        |it, values| {
            values.labelled("complete", it.inventories.complete.total() as f64);
            values.labelled("incomplete", it.inventories.incomplete.total() as f64);
        },
    )
    .by("outcome"),
    Metric::counter(
        "sockhound_reloads_total",
        "Reloads of the configuration; a bad one is refused and the old one stays.",
        |it, values| {
            values.labelled("done", it.reloads.done.total() as f64);
            values.labelled("refused", it.reloads.refused.total() as f64);
        },
    )
    .by("outcome"),
    Metric::counter(
        "sockhound_otlp_pushes_total",
        "Requests to the collector of --otlp: taken, postponed (tried again soon), refused (given up).",
        |it, values| {
            values.labelled("taken", it.pushes.taken.total() as f64);
            values.labelled("postponed", it.pushes.postponed.total() as f64);
            values.labelled("refused", it.pushes.refused.total() as f64);
        },
    )
    .by("outcome"),
    Metric::counter(
        "sockhound_otlp_retries_total",
        "Those of them that tried again what had been postponed.",
        |it, values| values.count(it.pushes.retried.total()),
    ),
    Metric::counter(
        "sockhound_otlp_rejected_data_points_total",
        "Data points that the collector dropped from requests that it took.",
        |it, values| values.count(it.pushes.rejected.total()),
    ),
];
