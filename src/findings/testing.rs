//! What tests of rules begin with: a healthy pool, server and statement, in none of which any rule finds anything.

use std::collections::BTreeMap;

use super::{RULES, Rule, Thresholds};
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::summary::{
    Connection, ConnectionState, Connections, Distribution, Exchanges, Figures, Finding, InFlight, Logins,
    Owner, Pool, PoolClient, PoolSigns, Service, ServiceSigns, StatementRow, Summary, WhereTimeGoes,
};

pub fn server() -> Endpoint {
    Endpoint::new("10.0.0.5".parse().unwrap(), 5432)
}

pub fn distribution(count: u64, p50: f64, p95: f64, p99: f64) -> Distribution {
    Distribution {
        count,
        figures: Some(Figures {
            min_seconds: p50 / 2.0,
            mean_seconds: p50,
            p50_seconds: p50,
            p90_seconds: p95,
            p95_seconds: p95,
            p99_seconds: p99,
            p999_seconds: p99,
            max_seconds: p99,
        }),
        histogram: None,
    }
}

pub fn time() -> WhereTimeGoes {
    WhereTimeGoes {
        connect_seconds: Some(0.1),
        login_seconds: Some(0.2),
        request_seconds: Some(0.1),
        network_seconds: Some(0.5),
        server_seconds: Some(20.0),
        reply_seconds: Some(0.5),
        window_closed_seconds: Some(0.0),
        thinking_seconds: Some(1.0),
        idle_seconds: Some(5000.0),
    }
}

pub fn pool() -> Pool {
    Pool {
        client: PoolClient {
            process: Some("java".to_owned()),
            pids: vec![4711],
            unit: Some("shop.service".to_owned()),
            ..PoolClient::default()
        },
        server: server(),
        system: System::Postgresql,
        user: Some("shop".to_owned()),
        database: Some("orders".to_owned()),
        connections: Connections {
            open: 10,
            in_use: 3,
            idle: 7,
            peak_open: 10,
            peak_in_use: 9,
            needed: Some(10),
            surplus: Some(0),
            ..Connections::default()
        },
        observed_seconds: 600.0,
        demand: vec![(0, 500.0), (3, 99.0), (9, 1.0)],
        what_if: Vec::new(),
        idle_connection_seconds: 5000.0,
        latency: distribution(10_000, 0.002, 0.004, 0.008),
        exchanges: Some(Exchanges {
            requests: 10_000,
            replies: 10_000,
            ..Exchanges::default()
        }),
        logins: Some(Logins {
            count: 10,
            seconds: 0.3,
            ..Logins::default()
        }),
        time: Some(time()),
        pinned: Some(0),
        recommended_size: Some(5),
        signs: PoolSigns::default(),
        host: None,
    }
}

pub fn service() -> Service {
    Service {
        server: server(),
        system: System::Postgresql,
        vantage: None,
        connections: Connections {
            opened: 100,
            ..pool().connections
        },
        login: distribution(10, 0.01, 0.02, 0.03),
        exchanges: Exchanges {
            requests: 10_000,
            replies: 10_000,
            ..Exchanges::default()
        },
        in_flight: InFlight::default(),
        latency: distribution(10_000, 0.002, 0.004, 0.008),
        duration: distribution(10_000, 0.002, 0.004, 0.008),
        network_rtt: distribution(10, 0.0002, 0.0003, 0.0003),
        connect: None,
        login_failures: Some(0),
        time: Some(time()),
        retransmits: Some(0),
        zero_windows: Some(0),
        signs: ServiceSigns {
            refusals: BTreeMap::new(),
            ..ServiceSigns::default()
        },
        host: None,
    }
}

pub fn statement() -> StatementRow {
    StatementRow {
        server: server(),
        system: System::Postgresql,
        id: "c9f0f895fb98ab91".to_owned(),
        summary: Some("SELECT orders".to_owned()),
        text: Some("SELECT * FROM orders WHERE id = ?".to_owned()),
        verb: "query".to_owned(),
        count: 10_000,
        errors: 0,
        rows: Some(10_000),
        latency: distribution(10_000, 0.002, 0.004, 0.008),
        duration: distribution(10_000, 0.002, 0.004, 0.008),
        doubtful: 0,
        unanswered: Some(0),
        waiting: false,
        validation: false,
        peak_repeats: None,
        repeats: None,
        time: None,
        host: None,
    }
}

/// One of each, healthy.
pub fn summary() -> Summary {
    Summary {
        seconds: 600.0,
        services: vec![service()],
        pools: vec![pool()],
        statements: vec![statement()],
        ..Summary::default()
    }
}

pub fn page(name: &str) -> String {
    let path = format!("{}/docs/findings/{name}.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the rule of `code` finds; its page must name all the evidence.
pub fn found(code: &str, summary: &Summary) -> Vec<Finding> {
    let rule: Rule = RULES.iter().find(|(known, _)| *known == code).unwrap().1;
    let found = rule(summary, &Thresholds::default());
    let page = page(code);
    for finding in &found {
        assert_eq!(finding.code, code);
        for name in finding.evidence.keys() {
            assert!(
                page.contains(&format!("`{name}`")),
                "docs/findings/{code}.md does not name `{name}`"
            );
        }
        assert!(finding.subject.server.is_some() && !finding.advice.is_empty());
        assert!(finding.title.chars().count() <= 110, "{}", finding.title);
    }
    found
}

/// What the rule of `code` finds when the healthy summary is changed so.
pub fn found_when(code: &str, change: impl FnOnce(&mut Summary)) -> Vec<Finding> {
    let mut summary = summary();
    change(&mut summary);
    found(code, &summary)
}

#[test]
fn the_healthy_are_left_alone() {
    assert_eq!(super::find(&summary(), &Thresholds::default()), []);
}

pub fn connection() -> Connection {
    Connection {
        host: None,
        client: Endpoint::new("10.0.0.9".parse().unwrap(), 41_000),
        server: server(),
        system: System::Postgresql,
        user: Some("shop".to_owned()),
        database: Some("orders".to_owned()),
        application: None,
        owner: Some(Owner {
            pid: Some(4711),
            command: Some("java".to_owned()),
            unit: Some("shop.service".to_owned()),
            ..Owner::default()
        }),
        opened: None,
        state: ConnectionState::Idle,
        tls: false,
        age_seconds: Some(600.0),
        idle_seconds: Some(100.0),
        connect_seconds: None,
        login_seconds: None,
        exchanges: 5,
        validations: 0,
        keepalive_probes: 0,
        in_use_seconds: 1.0,
        reasons: Vec::new(),
        observed_seconds: Some(600.0),
        pinned: false,
        last_statement: None,
        transaction_seconds: None,
        network_rtt_seconds: None,
        retransmits: None,
        kernel: None,
    }
}
