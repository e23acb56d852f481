//! What is measured: name, unit, and where it is in the totals.

use super::points::{By, Instrument, Of};
use crate::metrics::{
    Findings, Operations, PoolTotals, ServiceTotals, SourceTotals, StatementTotals, Totals,
};
use crate::summary::Connections;

macro_rules! instruments {
    ($($name:literal $unit:literal $help:literal $of:expr;)*) => {
        &[$(Instrument { name: $name, unit: $unit, help: $help, of: $of }),*]
    };
}

const STATE: &str = "sockhound.state";

pub(super) const STATEMENTS: &[Instrument<StatementTotals>] = instruments! {
    "db.client.operation.duration" "s" "First byte of a request to the last byte of its reply, as seen on the network."
        Of::Durations(|row| &row.duration);
    "sockhound.statement.executions" "{request}" "Executions seen whole, errors included." Of::Count(|row| row.count);
    "sockhound.statement.errors" "{reply}" "Replies that were errors." Of::Count(|row| row.errors);
    "sockhound.statement.rows" "{row}" "Rows returned or affected." Of::Count(|row| row.rows);
};

pub(super) const POOLS: &[Instrument<PoolTotals>] = instruments! {
    "db.client.connection.count" "{connection}" "Open connections; used ones have a request in flight or a transaction open."
        Of::NowBy(|row| used_or_idle(&row.connections));
    "sockhound.pool.connections.hoarded" "{connection}" "Connections kept without need." Of::Now(|row| Some(row.connections.hoarded));
    "sockhound.pool.hoarded_reasons" "{connection}" "Why they are; one may have several reasons."
        Of::NowBy(|row| ("sockhound.reason", row.reasons.clone().into_iter().collect()));
    "sockhound.pool.connections.needed" "{connection}" "Peak demand plus headroom." Of::Now(|row| row.connections.needed);
    "sockhound.pool.connections.surplus" "{connection}" "Open connections that are not needed." Of::Now(|row| row.connections.surplus);
    "sockhound.pool.connections.recommended" "{connection}" "The size at which requests would hardly have waited."
        Of::Now(|row| row.recommended_size);
    "sockhound.pool.connections.close_wait" "{connection}" "Connections that the server has closed and the client has not."
        Of::Now(|row| Some(row.close_wait));
    "sockhound.pool.connections.half_open" "{connection}" "Connections of which only one side is left." Of::Now(|row| Some(row.half_open));
    "sockhound.pool.connections.opened" "{connection}" "Connections opened." Of::Count(|row| row.opened);
    "sockhound.pool.connections.closed" "{connection}" "Connections closed." Of::Count(|row| row.closed);
    "sockhound.pool.requests" "{request}" "Requests sent." Of::Count(|row| row.exchanges.requests);
    "sockhound.pool.errors" "{reply}" "Replies that were errors." Of::Count(|row| row.exchanges.errors);
    "sockhound.pool.validations" "{request}" "Requests that only ask whether the connection lives."
        Of::Count(|row| row.exchanges.validations);
    "sockhound.pool.logins" "{login}" "Logins, by outcome." Of::CountBy(logins);
    "sockhound.pool.full" "s" "For how long all connections were held at once." Of::Seconds(|row| row.full_seconds);
    "sockhound.pool.time" "s" "Where time went." Of::SecondsBy("sockhound.leg", |row| row.time.iter().collect());
    "sockhound.pool.latency" "s" "Last byte of a request to the first byte of its reply." Of::Durations(|row| &row.latency);
};

pub(super) const SERVICES: &[Instrument<ServiceTotals>] = instruments! {
    "sockhound.connections" "{connection}" "Open connections by state." Of::NowBy(|row| states(&row.connections));
    "sockhound.connections.hoarded" "{connection}" "Connections kept without need." Of::Now(|row| Some(row.connections.hoarded));
    "sockhound.connections.peak_open" "{connection}" "The most that were open at once in the latest interval."
        Of::Now(|row| Some(row.connections.peak_open));
    "sockhound.connections.peak_in_use" "{connection}" "The most that were in use at once in the latest interval."
        Of::Now(|row| Some(row.connections.peak_in_use));
    "sockhound.connections.opened" "{connection}" "Connections opened." Of::Count(|row| row.opened);
    "sockhound.connections.closed" "{connection}" "Connections closed." Of::Count(|row| row.closed);
    "sockhound.requests" "{request}" "Requests sent." Of::Count(|row| row.exchanges.requests);
    "sockhound.replies" "{reply}" "Replies that came." Of::Count(|row| row.exchanges.replies);
    "sockhound.validations" "{request}" "Requests that only ask whether the connection lives." Of::Count(|row| row.exchanges.validations);
    "sockhound.waiting_requests" "{request}" "Requests that wait by design." Of::Count(|row| row.exchanges.waiting);
    "sockhound.unanswered_requests" "{request}" "Requests whose connection ended before the reply." Of::Count(|row| row.exchanges.unanswered);
    "sockhound.doubtful_exchanges" "{exchange}" "Exchanges touched by loss, left out of all durations." Of::Count(|row| row.exchanges.doubtful);
    "sockhound.errors" "{reply}" "Replies that were errors." Of::Count(|row| row.exchanges.errors);
    "sockhound.errors_by_code" "{reply}" "The same by the database's code."
        Of::CountBy(|row| ("db.response.status_code", row.errors.clone().into_iter().collect()));
    "sockhound.refused_logins" "{login}" "Logins that the server refused, by code."
        Of::CountBy(|row| ("db.response.status_code", row.refusals.clone().into_iter().collect()));
    "sockhound.requests_in_flight" "{request}" "Requests without reply yet." Of::Now(|row| Some(row.in_flight.count));
    "sockhound.oldest_request_in_flight" "s" "Age of the oldest of these." Of::Gauge(|row| row.in_flight.oldest_seconds);
    "sockhound.latency" "s" "Last byte of a request to the first byte of its reply." Of::Durations(|row| &row.latency);
    "sockhound.duration" "s" "First byte of a request to the last byte of its reply." Of::Durations(|row| &row.duration);
    "sockhound.connect" "s" "SYN to the ACK that completes the handshake." Of::Durations(|row| &row.connect);
    "sockhound.login" "s" "First byte of a login to its end." Of::Durations(|row| &row.login);
    "sockhound.network_round_trip" "s" "Round trips of the network alone." Of::Durations(|row| &row.network_rtt);
    "sockhound.time" "s" "Where time went." Of::SecondsBy("sockhound.leg", |row| row.time.iter().collect());
    "sockhound.retransmitted_segments" "{segment}" "Segments sent again, by who sent them." Of::CountBy(retransmits);
    "sockhound.syn_retries" "{segment}" "SYNs sent again." Of::Count(|row| row.syn_retries);
    "sockhound.zero_windows" "{event}" "Times a side closed its receive window." Of::Count(|row| row.zero_windows);
    "sockhound.delayed_acknowledgments" "{event}" "Requests and replies that waited for a delayed acknowledgment."
        Of::Count(|row| row.delayed_acknowledgments);
};

pub(super) const FINDINGS: &[Instrument<Findings>] = instruments! {
    "sockhound.findings" "{finding}" "What is wrong now, by code." Of::NowBy(|all| ("sockhound.code", all.iter().map(|(code, found)| (code.to_owned(), found.now)).collect()));
    "sockhound.findings.appeared" "{finding}" "How often it came, by code; what stays counts once."
        Of::CountBy(|all| ("sockhound.code", all.iter().map(|(code, found)| (code.to_owned(), found.came)).collect()));
};

pub(super) const SOURCE: &[Instrument<SourceTotals>] = instruments! {
    "sockhound.packets" "{packet}" "Frames seen." Of::Count(|it| it.packets);
    "sockhound.packets.bytes" "By" "Bytes of them on the wire." Of::Count(|it| it.bytes);
    "sockhound.watched_packets" "{packet}" "Segments of watched connections among them." Of::Count(|it| it.watched_packets);
    "sockhound.dropped_packets" "{packet}" "Frames that the kernel dropped." Of::Count(|it| it.dropped);
    "sockhound.duplicate_packets" "{packet}" "Copies of frames." Of::Count(|it| it.duplicates);
    "sockhound.discarded_packets" "{packet}" "Frames that were no readable TCP segment, by reason." Of::CountBy(discarded);
    "sockhound.gaps" "{gap}" "Holes in byte streams." Of::Count(|it| it.gaps);
    "sockhound.gaps.bytes" "By" "Bytes in holes of known length." Of::Count(|it| it.gap_bytes);
    "sockhound.evicted_connections" "{connection}" "Connections forgotten because of the bounds." Of::Count(|it| it.evicted_connections);
    "sockhound.evicted_statements" "{statement}" "Statements forgotten because of the bounds." Of::Count(|it| it.evicted_statements);
    "sockhound.watched_share" "1" "The share of all connections that is watched." Of::Gauge(|it| Some(it.share()));
    "sockhound.overloads" "{event}" "How often that share was halved for overload." Of::Count(|it| it.narrowed);
    "sockhound.forgotten_connections" "{connection}" "Connections watched no more, for overload." Of::Count(|it| it.forgotten_connections);
    "sockhound.interfaces" "{interface}" "Interfaces watched." Of::Now(|it| Some(it.interfaces));
};

pub(super) const TOTALS: &[Instrument<Totals>] = instruments! {
    "sockhound.intervals" "{interval}" "Intervals counted." Of::Count(Totals::intervals);
    "sockhound.lost_intervals" "{interval}" "Intervals not counted, because this machine was too slow." Of::Count(Totals::lost);
    "sockhound.folded_rows" "{row}" "Rows of an interval that found no room of their own, by table." Of::CountBy(folded);
    "sockhound.replaced_rows" "{row}" "Rows that made room for more valuable ones, by table." Of::CountBy(replaced);
};

pub(super) const OPERATIONS: &[Instrument<Operations>] = instruments! {
    "sockhound.summaries.written" "{summary}" "Summaries written, once for each output." Of::Count(|it| it.summaries.written.total());
    "sockhound.summaries.lost" "{summary}" "Summaries that an output lacks, by reason." Of::CountBy(lost_summaries);
    "sockhound.exchanges.lost" "{exchange}" "Exchanges that the file of --exchanges lacks." Of::Count(|it| it.lost_exchanges.total());
    "sockhound.frames.lost" "{packet}" "Watched frames that the file of --write lacks." Of::Count(|it| it.lost_frames.total());
    "sockhound.messages.lost" "{message}" "Messages that standard error did not take in time." Of::Count(|it| it.lost_messages.total());
    "sockhound.inventories" "{inventory}" "Looks at the kernel's sockets, by outcome." Of::CountBy(inventories);
    "sockhound.reloads" "{reload}" "Reloads of the configuration, by outcome." Of::CountBy(reloads);
    "sockhound.otlp.pushes" "{request}" "Requests to the collector, by outcome." Of::CountBy(pushes);
    "sockhound.otlp.retries" "{request}" "Those that tried again what had been postponed." Of::Count(|it| it.pushes.retried.total());
    "sockhound.otlp.rejected_data_points" "{data_point}" "Data points that the collector dropped from requests that it took."
        Of::Count(|it| it.pushes.rejected.total());
};

fn lost_summaries(it: &Operations) -> By {
    let lost = &it.summaries;
    let reasons = [
        ("not_read", lost.not_read.total()),
        ("no_space", lost.no_space.total()),
        ("failed", lost.failed.total()),
    ];
    named("sockhound.reason", reasons)
}

fn inventories(it: &Operations) -> By {
    let (complete, incomplete) = (it.inventories.complete.total(), it.inventories.incomplete.total());
    named(
        "sockhound.outcome",
        [("complete", complete), ("incomplete", incomplete)],
    )
}

fn reloads(it: &Operations) -> By {
    let (done, refused) = (it.reloads.done.total(), it.reloads.refused.total());
    named("sockhound.outcome", [("done", done), ("refused", refused)])
}

fn pushes(it: &Operations) -> By {
    let outcomes = [
        ("taken", it.pushes.taken.total()),
        ("postponed", it.pushes.postponed.total()),
        ("refused", it.pushes.refused.total()),
    ];
    named("sockhound.outcome", outcomes)
}

fn named<const N: usize>(key: &'static str, counts: [(&str, u64); N]) -> By {
    (key, counts.map(|(name, count)| (name.to_owned(), count)).into())
}

fn used_or_idle(it: &Connections) -> By {
    let used = it.in_use + it.idle_in_transaction;
    named("db.client.connection.state", [("used", used), ("idle", it.idle)])
}

fn states(it: &Connections) -> By {
    let held = it.idle_in_transaction;
    named(
        STATE,
        [
            ("in_use", it.in_use),
            ("idle", it.idle),
            ("idle_in_transaction", held),
        ],
    )
}

fn logins(row: &PoolTotals) -> By {
    named(
        "sockhound.outcome",
        [("ok", row.logins), ("refused", row.login_failures)],
    )
}

fn retransmits(row: &ServiceTotals) -> By {
    let (client, server) = (row.client_retransmits, row.server_retransmits);
    named("sockhound.side", [("client", client), ("server", server)])
}

fn discarded(it: &SourceTotals) -> By {
    let it = &it.discarded;
    let malformed = ("malformed", it.malformed);
    named(
        "sockhound.reason",
        [
            ("not_ip", it.not_ip),
            ("not_tcp", it.not_tcp),
            ("fragment", it.fragments),
            malformed,
        ],
    )
}

fn folded(it: &Totals) -> By {
    by_table([it.services.folded(), it.pools.folded(), it.statements.folded()])
}

fn replaced(it: &Totals) -> By {
    by_table([
        it.services.replaced(),
        it.pools.replaced(),
        it.statements.replaced(),
    ])
}

fn by_table([services, pools, statements]: [u64; 3]) -> By {
    named(
        "sockhound.table",
        [
            ("services", services),
            ("pools", pools),
            ("statements", statements),
        ],
    )
}
