//! A made-up morning in a shop: one pool hoards, one works, one needs all its connections; for tests of what draws
//! summaries.

use std::sync::LazyLock;

use hdrhistogram::Histogram;
use serde_json::json;

use super::{
    Connection, ConnectionState, Connections, Distribution, Exact, Exchanges, Finding, InFlight, Logins,
    Owner, Pool, PoolClient, Reason, Service, Severity, Source, SourceKind, StatementRow, Subject, Summary,
    SummarySchema, Vantage, WhatIf, WhereTimeGoes,
};
use crate::clock::Timestamp;
use crate::packet::Endpoint;
use crate::protocol::System;

const START: i64 = 1_795_449_966;

/// The address and port that `text` writes.
pub(crate) fn at(text: &str) -> Endpoint {
    text.parse::<std::net::SocketAddr>().unwrap().into()
}

/// `count` values around `typical` nanoseconds with a long tail, the same every time.
pub(crate) fn spread(count: u64, typical: u64) -> Distribution {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let mut exact = Exact {
        min: u64::MAX,
        max: 0,
        sum: 0,
    };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ typical;
    for _ in 0..count {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        let stretched = 0.6 + 0.25 / (1.001 - uniform).powf(0.6);
        let value = (typical as f64 * stretched).round().clamp(1.0, 1e15);
        #[allow(clippy::cast_sign_loss, reason = "clamped")]
        let value = value as u64;
        histogram.record(value).unwrap();
        exact = Exact {
            min: exact.min.min(value),
            max: exact.max.max(value),
            sum: exact.sum + u128::from(value),
        };
    }
    Distribution::new(&histogram, Some(exact))
}

/// The summary.
pub(crate) fn morning() -> Summary {
    static MORNING: LazyLock<Summary> = LazyLock::new(make);
    MORNING.clone()
}

fn make() -> Summary {
    Summary {
        schema: SummarySchema::V1,
        sequence: 0,
        host: Some("app-3".to_owned()),
        version: "0.1.0".to_owned(),
        start: Timestamp::from_parts(START, 123_456_789),
        end: Timestamp::from_parts(START + 120, 623_456_789),
        seconds: 120.5,
        source: source(),
        services: vec![postgresql(), redis()],
        pools: vec![hoarder(), worker(), cache()],
        statements: statements(),
        hoarded: hoarded(),
        connections: Some(hoarded()),
        findings: findings(),
    }
}

/// A watch that saw nothing it was asked for.
pub(crate) fn nothing() -> Summary {
    Summary {
        services: Vec::new(),
        pools: Vec::new(),
        statements: Vec::new(),
        hoarded: Vec::new(),
        connections: Some(Vec::new()),
        findings: Vec::new(),
        source: Source {
            targets: vec!["postgresql://:6432".to_owned(), "redis://cache:6379".to_owned()],
            watched_packets: Some(0),
            elsewhere: [
                ("10.0.0.5:5432", 81_234),
                ("10.0.0.7:3306", 1200),
                ("[2001:db8::5]:9200", 7),
            ]
            .map(|(server, packets)| super::Elsewhere {
                server: server.to_owned(),
                packets,
                bytes: Some(packets * 180),
            })
            .to_vec(),
            ..source()
        },
        ..morning()
    }
}

fn source() -> Source {
    Source {
        kind: SourceKind::Live,
        interfaces: vec!["eth0".to_owned(), "lo".to_owned()],
        packets: 1_234_567,
        bytes: 187_654_321,
        dropped: 0,
        undecoded: 310,
        duplicates: 18,
        gaps: 3,
        gap_bytes: 4344,
        targets: vec![
            "postgresql://10.0.0.5:5432".to_owned(),
            "redis://:6379".to_owned(),
        ],
        watched_packets: Some(1_200_000),
        ..Source::default()
    }
}

fn postgresql() -> Service {
    Service {
        server: at("10.0.0.5:5432"),
        system: System::Postgresql,
        vantage: Some(Vantage::Client),
        connections: Connections {
            open: 432,
            in_use: 7,
            idle: 424,
            idle_in_transaction: 1,
            hoarded: 389,
            opened: 3,
            closed: 1,
            peak_open: 433,
            peak_in_use: 21,
            needed: None,
            surplus: None,
        },
        login: spread(3, 4_100_000),
        exchanges: Exchanges {
            requests: 48_224,
            replies: 48_210,
            errors: 3,
            unanswered: 2,
            validations: 1200,
            waiting: 0,
            doubtful: 12,
        },
        in_flight: InFlight {
            count: 7,
            oldest_seconds: Some(2.345_678_901),
        },
        latency: spread(46_998, 850_000),
        duration: spread(46_998, 990_000),
        network_rtt: spread(51_000, 210_000),
        connect: Some(spread(3, 230_000)),
        login_failures: Some(0),
        time: Some(WhereTimeGoes {
            connect_seconds: Some(0.0007),
            login_seconds: Some(0.0131),
            request_seconds: Some(0.41),
            network_seconds: Some(10.2),
            server_seconds: Some(41.7),
            reply_seconds: Some(6.9),
            window_closed_seconds: Some(0.0),
            thinking_seconds: Some(64.2),
            idle_seconds: Some(49_930.5),
        }),
        retransmits: Some(4),
        zero_windows: Some(0),
        signs: super::ServiceSigns {
            errors: [("40001".to_owned(), 1), ("23505".to_owned(), 2)].into(),
            ..super::ServiceSigns::default()
        },
        host: None,
    }
}

fn redis() -> Service {
    Service {
        server: at("[2001:db8::17]:6379"),
        system: System::Redis,
        vantage: None,
        connections: Connections {
            open: 4,
            idle: 4,
            opened: 4,
            peak_open: 4,
            peak_in_use: 2,
            ..Connections::default()
        },
        login: Distribution::default(),
        exchanges: Exchanges {
            requests: 96,
            replies: 96,
            waiting: 12,
            ..Exchanges::default()
        },
        in_flight: InFlight::default(),
        latency: spread(84, 92_000),
        duration: spread(84, 97_000),
        network_rtt: spread(4, 60_000),
        connect: None,
        login_failures: None,
        time: None,
        retransmits: None,
        zero_windows: None,
        signs: super::ServiceSigns::default(),
        host: None,
    }
}

fn hoarder() -> Pool {
    Pool {
        client: PoolClient {
            process: Some("java".to_owned()),
            pids: vec![4711],
            unit: Some("shop.service".to_owned()),
            application: Some("PostgreSQL JDBC Driver".to_owned()),
            ..PoolClient::default()
        },
        server: at("10.0.0.5:5432"),
        system: System::Postgresql,
        user: Some("shop".to_owned()),
        database: Some("orders".to_owned()),
        connections: Connections {
            open: 412,
            in_use: 2,
            idle: 409,
            idle_in_transaction: 1,
            hoarded: 389,
            opened: 0,
            closed: 0,
            peak_open: 412,
            peak_in_use: 9,
            needed: Some(10),
            surplus: Some(402),
        },
        observed_seconds: 120.5,
        demand: vec![(0, 12.25), (1, 60.0), (2, 30.0), (4, 17.5), (9, 0.75)],
        what_if: vec![
            WhatIf {
                size: 4,
                wait_p99_seconds: 0.041,
                waited_share: 0.013,
                wait_max_seconds: Some(0.2),
            },
            WhatIf {
                size: 9,
                wait_p99_seconds: 0.0,
                waited_share: 0.0,
                wait_max_seconds: Some(0.0),
            },
        ],
        idle_connection_seconds: 49_120.3,
        latency: spread(9034, 1_900_000),
        exchanges: Some(Exchanges {
            requests: 9040,
            replies: 9034,
            doubtful: 6,
            ..Exchanges::default()
        }),
        logins: Some(Logins::default()),
        time: Some(WhereTimeGoes {
            network_seconds: Some(1.8),
            server_seconds: Some(15.2),
            reply_seconds: Some(2.1),
            thinking_seconds: Some(64.2),
            ..WhereTimeGoes::default()
        }),
        pinned: Some(1),
        recommended_size: Some(10),
        signs: super::PoolSigns::default(),
        host: None,
    }
}

fn worker() -> Pool {
    Pool {
        client: PoolClient {
            address: "10.0.0.9".parse().ok(),
            ..PoolClient::default()
        },
        connections: Connections {
            open: 20,
            in_use: 5,
            idle: 15,
            opened: 3,
            closed: 1,
            peak_open: 21,
            peak_in_use: 19,
            needed: Some(21),
            surplus: Some(0),
            ..Connections::default()
        },
        user: Some("report".to_owned()),
        demand: vec![(3, 100.0), (19, 20.5)],
        what_if: Vec::new(),
        idle_connection_seconds: 810.2,
        latency: spread(37_964, 700_000),
        recommended_size: None,
        signs: super::PoolSigns::default(),
        pinned: None,
        time: None,
        ..hoarder()
    }
}

fn cache() -> Pool {
    Pool {
        client: PoolClient {
            container: Some("9f2b6d1c0a7e4f55".to_owned()),
            process: Some("celery".to_owned()),
            pids: vec![801, 802, 803, 804],
            ..PoolClient::default()
        },
        server: at("[2001:db8::17]:6379"),
        system: System::Redis,
        user: None,
        database: None,
        connections: Connections {
            open: 4,
            idle: 4,
            peak_open: 4,
            peak_in_use: 2,
            needed: Some(3),
            surplus: Some(1),
            ..Connections::default()
        },
        demand: vec![(0, 119.0), (1, 1.4), (2, 0.1)],
        what_if: Vec::new(),
        idle_connection_seconds: 477.5,
        latency: spread(84, 92_000),
        exchanges: None,
        recommended_size: None,
        signs: super::PoolSigns::default(),
        pinned: None,
        ..hoarder()
    }
}

fn statements() -> Vec<StatementRow> {
    let row = |id: &str, summary: &str, text: &str, verb: &str, count: u64, typical: u64| StatementRow {
        server: at("10.0.0.5:5432"),
        system: System::Postgresql,
        id: id.to_owned(),
        summary: (!summary.is_empty()).then(|| summary.to_owned()),
        text: (!text.is_empty()).then(|| text.to_owned()),
        verb: verb.to_owned(),
        count,
        errors: count / 10_000,
        rows: Some(count * 3),
        latency: spread(count, typical),
        duration: spread(count, typical + typical / 8),
        doubtful: count / 4000,
        unanswered: None,
        waiting: false,
        validation: false,
        peak_repeats: None,
        repeats: None,
        time: Some(WhereTimeGoes {
            network_seconds: Some(count as f64 * 0.000_2),
            server_seconds: Some(count as f64 * typical.saturating_sub(200_000) as f64 / 1e9),
            reply_seconds: Some(count as f64 * typical as f64 / 8e9),
            ..WhereTimeGoes::default()
        }),
        host: None,
    };
    vec![
        row(
            "8f14e45fceea167a",
            "SELECT orders order_items",
            "SELECT o.id, o.placed_at, i.sku, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.customer_id = ? AND o.state IN (?) ORDER BY o.placed_at DESC LIMIT ?",
            "execute",
            21_400,
            1_100_000,
        ),
        row(
            "c9f0f895fb98ab91",
            "UPDATE stock",
            "UPDATE stock SET reserved = reserved + ? WHERE sku = ?",
            "query",
            20_100,
            640_000,
        ),
        row("45c48cce2e2d7fbd", "", "", "execute", 5498, 310_000),
        StatementRow {
            server: at("[2001:db8::17]:6379"),
            system: System::Redis,
            rows: None,
            ..row("d3d9446802a44259", "GET", "GET ?", "command", 84, 92_000)
        },
    ]
}

fn hoarded() -> Vec<Connection> {
    let connection = |port: u16, idle: f64, state: ConnectionState, reason: Reason| Connection {
        client: at(&format!("10.0.0.3:{port}")),
        server: at("10.0.0.5:5432"),
        system: System::Postgresql,
        user: Some("shop".to_owned()),
        database: Some("orders".to_owned()),
        application: Some("PostgreSQL JDBC Driver".to_owned()),
        owner: Some(Owner {
            pid: Some(4711),
            command: Some("java".to_owned()),
            unit: Some("shop.service".to_owned()),
            ..Owner::default()
        }),
        opened: (idle < 100.0).then(|| Timestamp::from_parts(START + 1, 0)),
        state,
        tls: false,
        age_seconds: Some(idle + 12.0),
        idle_seconds: Some(idle),
        connect_seconds: None,
        login_seconds: None,
        exchanges: u64::from(port) % 3,
        validations: u64::from(port) % 3,
        keepalive_probes: u64::from(port) % 2 * 16,
        in_use_seconds: 0.002,
        reasons: vec![reason],
        observed_seconds: Some(120.5),
        pinned: false,
        last_statement: None,
        transaction_seconds: None,
        network_rtt_seconds: Some(0.0002),
        retransmits: None,
        kernel: None,
        host: None,
    };
    let mut all = vec![Connection {
        transaction_seconds: Some(47.25),
        last_statement: Some("c9f0f895fb98ab91".to_owned()),
        ..connection(
            41_000,
            47.25,
            ConnectionState::IdleInTransaction,
            Reason::IdleInTransaction,
        )
    }];
    let reasons = [
        Reason::NeverUsed,
        Reason::KeepaliveOnly,
        Reason::ValidationOnly,
        Reason::Idle,
    ];
    for (number, reason) in (1_u16..=30).zip(reasons.into_iter().cycle()) {
        let idle = 8000.0 - f64::from(number) * 151.5;
        all.push(connection(41_000 + number, idle, ConnectionState::Idle, reason));
    }
    all
}

fn findings() -> Vec<Finding> {
    let server = Some(at("10.0.0.5:5432"));
    let evidence = |value: serde_json::Value| value.as_object().cloned().unwrap_or_default();
    vec![
        Finding {
            code: "idle_in_transaction".to_owned(),
            severity: Severity::Critical,
            title: "A transaction has been open and silent for 47.3 s".to_owned(),
            detail: "java (pid 4711, shop.service) opened it on 10.0.0.3:41000; the last statement was UPDATE stock. \
                     It keeps its locks and stops vacuum until it ends."
                .to_owned(),
            subject: Subject { server, connection: Some(at("10.0.0.3:41000")), ..Subject::default() },
            evidence: evidence(json!({ "idle_seconds": 47.25, "last_statement": "c9f0f895fb98ab91" })),
            advice: "Commit or roll back before waiting for anything else; set idle_in_transaction_session_timeout."
                .to_owned(),
        },
        Finding {
            code: "hoarded".to_owned(),
            severity: Severity::Warning,
            title: "388 of 412 connections of shop.service are hoarded".to_owned(),
            detail: "Never more than 9 were in use at once in the 2m 0s watched. 97 were never used, 291 answered \
                     nothing but checks and keep-alive probes."
                .to_owned(),
            subject: Subject { server, user: Some("shop".to_owned()), ..Subject::default() },
            evidence: evidence(json!({ "hoarded": 388, "open": 412, "peak_in_use": 9, "observed_seconds": 120.5 })),
            advice: "Set the pool's maximum to 10 and its minimum idle to 2.".to_owned(),
        },
        Finding {
            code: "clear_text".to_owned(),
            severity: Severity::Info,
            title: "Queries cross the network unencrypted".to_owned(),
            detail: "432 connections to 10.0.0.5:5432 do not use TLS.".to_owned(),
            subject: Subject { server, ..Subject::default() },
            evidence: evidence(json!({ "connections": 432 })),
            advice: "Ask for it with sslmode=require.".to_owned(),
        },
    ]
}
