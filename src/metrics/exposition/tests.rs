//! The exposition as a scraper reads it.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::clock::Timestamp;
use crate::protocol::System;
use crate::summary::Summary;
use crate::summary::sample::morning;

fn totals(intervals: u64) -> Totals {
    let mut totals = Totals::default();
    for sequence in 0..intervals {
        totals.add(&Summary {
            sequence,
            ..morning()
        });
    }
    totals
}

fn text(totals: &Totals, format: Format) -> String {
    String::from_utf8(draw(totals, &Operations::default(), format)).unwrap()
}

/// Every series with its value.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let mut series = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert_eq!(series.insert(name, value.parse().unwrap()), None, "twice: {name}");
    }
    series
}

#[test]
fn every_series_is_there_once_and_below_its_type() {
    for format in [Format::Text, Format::OpenMetrics] {
        let text = text(&totals(2), format);
        assert!(series(&text).len() > 500);
        let mut known = BTreeSet::new();
        let mut family = "";
        for line in text.lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                family = typed.split(' ').next().unwrap();
                assert!(known.insert(family), "{family} twice");
            } else if !line.starts_with('#') {
                assert!(line.starts_with(family), "{line} under {family}");
            }
        }
    }
}

#[test]
fn counters_are_sums_and_gauges_the_latest() {
    let text = text(&totals(3), Format::Text);
    let series = series(&text);
    let (one, service) = (morning(), &morning().services[0]);
    let labels = format!(
        "server=\"{}\",system=\"{}\"",
        service.server,
        service.system.name()
    );
    let of = |name: &str| series[format!("{name}{{{labels}}}").as_str()];
    assert_eq!(
        of("sockhound_requests_total"),
        3.0 * service.exchanges.requests as f64
    );
    assert_eq!(
        of("sockhound_connections_hoarded"),
        service.connections.hoarded as f64
    );
    assert_eq!(
        of("sockhound_latency_seconds_count"),
        3.0 * service.latency.count as f64
    );
    let sum = of("sockhound_latency_seconds_sum") / (3.0 * service.latency.total_seconds());
    assert!((sum - 1.0).abs() < 1e-9);
    assert_eq!(series["sockhound_packets_total"], 3.0 * one.source.packets as f64);
    assert_eq!(series["sockhound_intervals_total"], 3.0);
    assert!(text.contains("# TYPE sockhound_packets_total counter\n"));
}

#[test]
fn classic_buckets_rise_to_the_count() {
    let text = text(&totals(1), Format::Text);
    let mut below = 0.0;
    for (name, value) in text.lines().filter_map(|line| line.rsplit_once(' ')) {
        let Some((_, bound)) = name.split_once("le=\"").filter(|_| !name.starts_with('#')) else {
            below = 0.0;
            continue;
        };
        let value: f64 = value.parse().unwrap();
        assert!(value >= below, "{name}");
        below = if bound.starts_with("+Inf") { 0.0 } else { value };
    }
}

#[test]
fn openmetrics_has_its_own_ways() {
    let text = text(&totals(1), Format::OpenMetrics);
    assert!(text.ends_with("\n# EOF\n"));
    assert!(text.contains("# TYPE sockhound_packets counter\nsockhound_packets_total "));
    assert!(text.contains("# UNIT sockhound_packets_bytes bytes\n"));
    assert!(text.contains("# UNIT sockhound_latency_seconds seconds\n"));
}

#[test]
fn protobuf_says_the_same() {
    let totals = totals(2);
    let text = text(&totals, Format::Text);
    let told = protobuf::tests::read(&draw(&totals, &Operations::default(), Format::Protobuf));
    // What the process itself uses changes between two drawings.
    let lasting = |name: &str| !name.starts_with("process_");
    let of_text = series(&text).into_iter().filter(|(name, _)| lasting(name));
    let of_text: BTreeMap<String, u64> = of_text
        .map(|(name, value)| (name.to_owned(), value.to_bits()))
        .collect();
    let told: BTreeMap<String, u64> = told
        .into_iter()
        .filter(|(name, _)| lasting(name))
        .map(|(name, value)| (name, value.to_bits()))
        .collect();
    assert_eq!(told, of_text);
}

#[test]
fn an_expected_server_is_there_all_zero() {
    let mut totals = Totals::default();
    let server = crate::summary::sample::at("10.0.0.5:6379");
    totals.expect(server, System::Redis, Timestamp::from_parts(1, 0));
    for format in [Format::Text, Format::OpenMetrics] {
        let text = text(&totals, format);
        let series = series(&text);
        let labels = "{server=\"10.0.0.5:6379\",system=\"redis\"}";
        for name in [
            "requests_total",
            "connections_opened_total",
            "latency_seconds_count",
            "duration_seconds_sum",
        ] {
            assert_eq!(series[format!("sockhound_{name}{labels}").as_str()], 0.0);
        }
    }
    let told = protobuf::tests::read(&draw(&totals, &Operations::default(), Format::Protobuf));
    let latency = told
        .iter()
        .find(|(name, _)| name.starts_with("sockhound_latency_seconds_count{"));
    assert_eq!(latency.unwrap().1, 0.0);
}

#[test]
fn nothing_yet_is_drawn_too() {
    for format in Format::ALL {
        assert!(
            draw(&Totals::default(), &Operations::default(), format).len() > 500,
            "{format:?}"
        );
    }
}

#[test]
fn a_crowd_is_folded_and_counted() {
    let mut crowd = morning();
    let statement = crowd.statements[0].clone();
    crowd.statements = (0..1000)
        .map(|number| crate::summary::StatementRow {
            id: format!("{number:016x}"),
            ..statement.clone()
        })
        .collect();
    let mut totals = Totals::default();
    totals.add(&crowd);
    let text = text(&totals, Format::Text);
    let series = series(&text);
    let executions = |(name, _): &(&&str, &f64)| name.starts_with("sockhound_statement_executions_total");
    let all: Vec<_> = series.iter().filter(executions).collect();
    assert_eq!(all.len(), 201);
    let sum: f64 = all.iter().map(|(_, count)| **count).sum();
    assert_eq!(sum, 1000.0 * statement.count as f64);
    assert_eq!(series["sockhound_folded_rows_total{table=\"statements\"}"], 800.0);
    assert!(text.contains("{server=\"other\",statement=\"other\"}"));
}

/// The table's line of a metric in docs/metrics.md.
fn row(metric: &Described) -> String {
    let (row, own) = metric.labels;
    let own = Some(own).filter(|own| !own.is_empty());
    let labels: Vec<String> = row
        .iter()
        .copied()
        .chain(own)
        .map(|it| format!("`{it}`"))
        .collect();
    // The labels of the row stand above its table.
    let own = own.map_or(String::new(), |own| format!("`{own}`"));
    assert!(labels.iter().collect::<BTreeSet<_>>().len() == labels.len());
    format!(
        "| `{}` | {} | {own} | {} |",
        metric.name,
        metric.kind.name(),
        metric.help
    )
}

#[test]
fn the_documentation_lists_exactly_these() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let documented = std::fs::read_to_string(path).unwrap();
    let listed: Vec<&str> = documented
        .lines()
        .filter(|line| line.starts_with("| `sockhound_") || line.starts_with("| `process_"))
        .collect();
    let exposed: Vec<String> = described().map(|metric| row(&metric)).collect();
    assert_eq!(
        listed,
        exposed,
        "docs/metrics.md must hold:\n{}",
        exposed.join("\n")
    );
    for metric in described() {
        assert!(
            !metric.help.contains(['\n', '\\', '|']) && metric.help.ends_with('.'),
            "{}",
            metric.name
        );
        assert_eq!(
            metric.kind == Kind::Counter,
            metric.name.ends_with("_total"),
            "{}",
            metric.name
        );
        assert!(metric.kind != Kind::Histogram || metric.name.ends_with("_seconds"));
        for label in metric.labels.0 {
            assert!(
                documented.contains(&format!("`{label}`")),
                "{label} is not explained"
            );
        }
    }
}
