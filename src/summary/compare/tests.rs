use super::*;
use crate::protocol::System;
use crate::summary::sample::{at, morning, spread};
use crate::summary::{Connections, Severity};

/// The morning after the pool was made smaller, and the database moved.
pub(crate) fn fixed() -> Summary {
    let mut after = morning();
    let moved = at("10.0.0.6:5432");
    after.services[0].server = moved;
    after.services[0].connections = Connections {
        open: 30,
        in_use: 7,
        idle: 23,
        peak_open: 30,
        peak_in_use: 20,
        ..Connections::default()
    };
    after.services[0].latency = spread(50_000, 420_000);
    after.services[0].duration = spread(50_000, 520_000);
    after
        .pools
        .iter_mut()
        .filter(|it| it.system == System::Postgresql)
        .for_each(|it| it.server = moved);
    after.pools[0].connections = Connections {
        open: 10,
        idle: 10,
        needed: Some(10),
        surplus: Some(0),
        ..Connections::default()
    };
    after.pools[0].client.pids = vec![9001];
    for statement in &mut after.statements[..2] {
        statement.server = moved;
        statement.latency = spread(statement.count, 400_000);
    }
    after.statements.remove(2);
    after.hoarded.clear();
    after.findings.remove(0);
    after.findings.remove(0);
    after.findings[0].subject.server = Some(moved);
    after.findings.push(Finding {
        code: "churn".to_owned(),
        severity: Severity::Info,
        title: "Every request opens a connection".to_owned(),
        ..after.findings[0].clone()
    });
    after
}

#[test]
fn nothing_changed_is_said_so() {
    let same = compare(&morning(), &morning()).unwrap();
    assert!(same.findings.gone.is_empty() && same.findings.new.is_empty());
    assert_eq!(same.findings.remaining.len(), 3);
    assert!(
        same.services
            .iter()
            .all(|it| it.latency.verdict == Verdict::WithinNoise)
    );
    assert!(
        same.statements
            .iter()
            .all(|it| it.latency.verdict == Verdict::WithinNoise)
    );
    assert!(
        same.services
            .iter()
            .all(|it| it.latency.shape.unwrap().p_value > 0.999)
    );
}

#[test]
fn a_fix_is_told() {
    let fix = compare(&morning(), &fixed()).unwrap();
    let codes = |all: &[Finding]| all.iter().map(|it| it.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&fix.findings.gone), ["idle_in_transaction", "hoarded"]);
    assert_eq!(codes(&fix.findings.new), ["churn"]);
    assert_eq!(
        codes(&fix.findings.remaining),
        ["clear_text"],
        "the server moved, the finding stayed"
    );
    let database = &fix.services[0];
    assert_eq!(
        database.server,
        Sides {
            before: Some(at("10.0.0.5:5432")),
            after: Some(at("10.0.0.6:5432"))
        }
    );
    assert_eq!(
        database.connections.hoarded,
        Sides {
            before: 389,
            after: 0
        }
    );
    assert_eq!(database.latency.verdict, Verdict::Faster);
    let pool = fix.pools.iter().find(|it| it.client.unit.is_some()).unwrap();
    assert_eq!(
        pool.connections.surplus,
        Some(Sides {
            before: 402,
            after: 0
        })
    );
    assert_eq!(fix.statements[0].latency.verdict, Verdict::Faster);
    let gone = fix
        .statements
        .iter()
        .find(|it| it.id == "45c48cce2e2d7fbd")
        .unwrap();
    assert_eq!((gone.server.after, gone.latency.verdict), (None, Verdict::TooFew));
}

#[test]
fn survives_json() {
    let fix = compare(&morning(), &fixed()).unwrap();
    let json = serde_json::to_string(&fix).unwrap();
    assert!(
        json.starts_with(r#"{"schema":"sockhound.comparison.v1","before":{"#),
        "{}",
        &json[..80]
    );
    let back: Comparison = serde_json::from_str(&json).unwrap();
    assert_eq!(back.services.len(), fix.services.len());
}
