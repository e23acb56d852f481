//! Requests as a collector would read them.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Known;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, ExponentialHistogramDataPoint};

use super::*;
use crate::summary::Summary;
use crate::summary::sample::morning;

fn after(intervals: u64) -> ExportMetricsServiceRequest {
    let mut totals = Totals::default();
    for sequence in 0..intervals {
        totals.add(&Summary {
            sequence,
            ..morning()
        });
    }
    let sent = encoded(&totals, &Operations::default()).unwrap();
    ExportMetricsServiceRequest::decode(&sent[..]).unwrap()
}

fn all(request: &ExportMetricsServiceRequest) -> &[Metric] {
    &request.resource_metrics[0].scope_metrics[0].metrics
}

fn named<'a>(request: &'a ExportMetricsServiceRequest, name: &str) -> &'a Data {
    let found = all(request).iter().find(|metric| metric.name == name);
    found.and_then(|it| it.data.as_ref()).expect(name)
}

fn attributes(of: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> BTreeSet<String> {
    let value =
        |it: &opentelemetry_proto::tonic::common::v1::KeyValue| match &it.value.as_ref().unwrap().value {
            Some(Known::StringValue(text)) => format!("{}={text}", it.key),
            Some(Known::IntValue(number)) => format!("{}={number}", it.key),
            other => panic!("{other:?}"),
        };
    of.iter().map(value).collect()
}

/// The upper bound of the bucket that holds `share` of all.
fn quantile(point: &ExponentialHistogramDataPoint, share: f64) -> (f64, f64) {
    let wanted = point.count as f64 * share;
    let base = (-f64::from(point.scale)).exp2().exp2();
    let positive = point.positive.as_ref().unwrap();
    let mut below = point.zero_count;
    for (place, count) in positive.bucket_counts.iter().enumerate() {
        below += count;
        if below as f64 >= wanted {
            let low = base.powi(positive.offset + i32::try_from(place).unwrap());
            return (low, low * base);
        }
    }
    panic!("less than it counts");
}

#[test]
fn says_who_measures() {
    let request = after(1);
    let resource = request.resource_metrics[0].resource.as_ref().unwrap();
    let said = attributes(&resource.attributes);
    assert!(said.contains("service.name=sockhound"), "{said:?}");
    assert!(said.contains(&format!("service.version={VERSION}")));
    assert!(said.iter().any(|it| it.starts_with("host.name=")));
    assert!(
        encoded(&Totals::default(), &Operations::default()).is_none(),
        "nothing yet"
    );
}

#[test]
fn durations_agree_with_the_summary() {
    let morning = morning();
    let request = after(3);
    let Data::ExponentialHistogram(durations) = named(&request, "db.client.operation.duration") else {
        panic!("no exponential histogram")
    };
    assert_eq!(durations.data_points.len(), morning.statements.len());
    for row in &morning.statements {
        let id = format!("sockhound.statement={}", row.id);
        let point = durations
            .data_points
            .iter()
            .find(|it| attributes(&it.attributes).contains(&id));
        let point = point.unwrap();
        let figures = row.duration.figures.unwrap();
        assert_eq!(point.count, 3 * row.duration.count);
        assert_eq!(point.min, Some(figures.min_seconds));
        assert_eq!(point.max, Some(figures.max_seconds));
        assert!((point.sum.unwrap() / (3.0 * row.duration.total_seconds()) - 1.0).abs() < 1e-6);
        let positive = point.positive.as_ref().unwrap();
        assert_eq!(
            positive.bucket_counts.iter().sum::<u64>() + point.zero_count,
            point.count
        );
        for (share, said) in [(0.5, figures.p50_seconds), (0.99, figures.p99_seconds)] {
            let (low, high) = quantile(point, share);
            assert!(
                low * 0.995 <= said && said <= high * 1.005,
                "{share}: {low} {said} {high}"
            );
        }
    }
}

#[test]
fn follows_the_conventions_for_databases() {
    let request = after(1);
    let Data::Sum(connections) = named(&request, "db.client.connection.count") else {
        panic!("no sum")
    };
    assert!(!connections.is_monotonic);
    for point in &connections.data_points {
        let told = attributes(&point.attributes);
        for key in [
            "db.system.name=",
            "server.address=",
            "server.port=",
            "db.client.connection.pool.name=",
        ] {
            assert!(told.iter().any(|it| it.starts_with(key)), "{key} in {told:?}");
        }
        let states = ["idle", "used"].map(|state| format!("db.client.connection.state={state}"));
        assert!(states.iter().any(|state| told.contains(state)));
    }
    let open = connections.data_points.iter().map(|point| match point.value {
        Some(Value::AsInt(count)) => count.cast_unsigned(),
        other => panic!("{other:?}"),
    });
    let said: u64 = morning().pools.iter().map(|it| it.connections.open).sum();
    assert_eq!(open.sum::<u64>(), said);
}

#[test]
fn sums_are_cumulative_from_their_start() {
    let (once, often) = (after(1), after(5));
    let Data::Sum(sum) = named(&often, "sockhound.requests") else {
        panic!("no sum")
    };
    assert!(sum.is_monotonic);
    assert_eq!(
        sum.aggregation_temporality,
        AggregationTemporality::Cumulative as i32
    );
    let Data::Sum(first) = named(&once, "sockhound.requests") else {
        panic!("no sum")
    };
    let morning = morning();
    for (point, before) in sum.data_points.iter().zip(&first.data_points) {
        assert_eq!(point.start_time_unix_nano, morning.start.nanos().cast_unsigned());
        assert_eq!(point.time_unix_nano, morning.end.nanos().cast_unsigned());
        let (Some(Value::AsInt(now)), Some(Value::AsInt(then))) = (point.value, before.value) else {
            panic!("no whole numbers")
        };
        assert_eq!(now, 5 * then);
    }
}

#[test]
fn no_series_is_told_twice() {
    let request = after(1);
    let mut names = BTreeSet::new();
    for metric in all(&request) {
        assert!(names.insert(&metric.name), "{}", metric.name);
        assert!(
            !metric.description.is_empty() && !metric.unit.is_empty(),
            "{}",
            metric.name
        );
        let keys: Vec<_> = match metric.data.as_ref().unwrap() {
            Data::Sum(it) => it
                .data_points
                .iter()
                .map(|it| attributes(&it.attributes))
                .collect(),
            Data::Gauge(it) => it
                .data_points
                .iter()
                .map(|it| attributes(&it.attributes))
                .collect(),
            Data::ExponentialHistogram(it) => it
                .data_points
                .iter()
                .map(|it| attributes(&it.attributes))
                .collect(),
            other => panic!("{other:?}"),
        };
        let unique: BTreeSet<_> = keys.iter().collect();
        assert_eq!(unique.len(), keys.len(), "{}", metric.name);
    }
}
