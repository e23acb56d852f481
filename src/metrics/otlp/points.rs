//! Data points out of rows.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric,
    NumberDataPoint, Sum, metric,
};

use super::attributes::{others, text};
use crate::clock::Timestamp;
use crate::metrics::table::Row;
use crate::metrics::{Histogram, Native, Table};

/// The most buckets from the first to the last filled one: room for durations of a nanosecond to a second at once in buckets that are
/// 1.1% wide. Where durations are less spread, buckets are narrower, down to 0.27%.
const SPAN: usize = 1920;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// One metric of rows `R`.
pub(super) struct Instrument<R> {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
    pub(super) of: Of<R>,
}

/// Counts by the value of one more attribute.
pub(super) type By = (&'static str, Vec<(String, u64)>);

/// What a metric is, and where it is in a row.
pub(super) enum Of<R> {
    /// A counter.
    Count(fn(&R) -> u64),
    /// A counter of seconds.
    Seconds(fn(&R) -> f64),
    /// Counters by one more attribute.
    CountBy(fn(&R) -> By),
    /// Counters of seconds by one more attribute.
    SecondsBy(&'static str, fn(&R) -> Vec<(&'static str, f64)>),
    /// How many there are now, which may be added up.
    Now(fn(&R) -> Option<u64>),
    /// The same by one more attribute.
    NowBy(fn(&R) -> By),
    /// A value that makes no sense added up.
    Gauge(fn(&R) -> Option<f64>),
    /// Durations in seconds.
    Durations(fn(&R) -> &Histogram),
}

/// Rows with what tells them apart.
pub(super) struct Rows<'a, R>(Vec<(Vec<KeyValue>, Timestamp, &'a R)>);

impl<'a, R> Rows<'a, R> {
    /// Those of a table, and one for all that found no room in it.
    pub(super) fn of<K: Ord + Clone>(
        table: &'a Table<K, R>,
        start: Timestamp,
        attributes: fn(&K, &R) -> Vec<KeyValue>,
    ) -> Self
    where
        R: Row,
    {
        let own = table
            .iter()
            .map(|(key, kept)| (attributes(key, &kept.row), kept.since, &kept.row));
        let other = (table.folded() > 0).then(|| (others(), start, table.other()));
        Self(own.chain(other).collect())
    }

    /// What there is one of.
    pub(super) fn one(row: &'a R, start: Timestamp) -> Self {
        Self(vec![(Vec::new(), start, row)])
    }
}

/// Metrics in the making.
pub(super) struct Drawing {
    start: Timestamp,
    time: u64,
    metrics: Vec<Metric>,
}

impl Drawing {
    pub(super) fn new(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            time: nanos(end),
            metrics: Vec::new(),
        }
    }

    pub(super) const fn start(&self) -> Timestamp {
        self.start
    }

    pub(super) fn done(self) -> Vec<Metric> {
        self.metrics
    }

    /// Metrics without any data point are left out.
    pub(super) fn draw<R>(&mut self, instruments: &[Instrument<R>], rows: &Rows<'_, R>) {
        for instrument in instruments {
            if let Some(data) = self.data(&instrument.of, rows) {
                self.metrics.push(Metric {
                    name: instrument.name.to_owned(),
                    description: instrument.help.to_owned(),
                    unit: instrument.unit.to_owned(),
                    data: Some(data),
                    ..Metric::default()
                });
            }
        }
    }

    fn data<R>(&self, of: &Of<R>, rows: &Rows<'_, R>) -> Option<metric::Data> {
        match of {
            Of::Durations(of) => self.durations(rows, *of),
            Of::Gauge(of) => gauge(self.numbers(rows, |row| one(of(row).map(Value::AsDouble)))),
            Of::Count(of) => sum(true, self.numbers(rows, |row| one(Some(whole(of(row)))))),
            Of::Seconds(of) => sum(
                true,
                self.numbers(rows, |row| one(Some(Value::AsDouble(of(row))))),
            ),
            Of::CountBy(of) => sum(true, self.numbers(rows, |row| by(of(row)))),
            Of::SecondsBy(key, of) => sum(true, self.numbers(rows, |row| seconds_by(key, of(row)))),
            Of::Now(of) => sum(false, self.numbers(rows, |row| one(of(row).map(whole)))),
            Of::NowBy(of) => sum(false, self.numbers(rows, |row| by(of(row)))),
        }
    }

    fn numbers<R>(&self, rows: &Rows<'_, R>, values: impl Fn(&R) -> Vec<Told>) -> Vec<NumberDataPoint> {
        let mut points = Vec::new();
        for (attributes, since, row) in &rows.0 {
            for (more, value) in values(row) {
                points.push(NumberDataPoint {
                    attributes: attributes.iter().cloned().chain(more).collect(),
                    start_time_unix_nano: nanos(*since),
                    time_unix_nano: self.time,
                    value: Some(value),
                    ..NumberDataPoint::default()
                });
            }
        }
        points
    }

    fn durations<R>(&self, rows: &Rows<'_, R>, of: fn(&R) -> &Histogram) -> Option<metric::Data> {
        let points = rows.0.iter().filter_map(|(attributes, since, row)| {
            let histogram = of(row);
            (histogram.count() > 0).then(|| ExponentialHistogramDataPoint {
                attributes: attributes.clone(),
                start_time_unix_nano: nanos(*since),
                time_unix_nano: self.time,
                ..exponential(histogram)
            })
        });
        let data_points: Vec<_> = points.collect();
        (!data_points.is_empty()).then_some(metric::Data::ExponentialHistogram(ExponentialHistogram {
            data_points,
            aggregation_temporality: CUMULATIVE,
        }))
    }
}

/// A value, told apart from others of its row by one more attribute or none.
type Told = (Option<KeyValue>, Value);

fn one(value: Option<Value>) -> Vec<Told> {
    value.map(|value| (None, value)).into_iter().collect()
}

fn by((key, counts): By) -> Vec<Told> {
    let told = |(value, count): (String, u64)| (Some(text(key, &value)), whole(count));
    counts.into_iter().map(told).collect()
}

fn seconds_by(key: &str, seconds: Vec<(&'static str, f64)>) -> Vec<Told> {
    let told = |(value, seconds): (&str, f64)| (Some(text(key, value)), Value::AsDouble(seconds));
    seconds.into_iter().map(told).collect()
}

fn whole(count: u64) -> Value {
    Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.nanos()).unwrap_or(0)
}

fn gauge(data_points: Vec<NumberDataPoint>) -> Option<metric::Data> {
    (!data_points.is_empty()).then_some(metric::Data::Gauge(Gauge { data_points }))
}

fn sum(is_monotonic: bool, data_points: Vec<NumberDataPoint>) -> Option<metric::Data> {
    (!data_points.is_empty()).then_some(metric::Data::Sum(Sum {
        data_points,
        aggregation_temporality: CUMULATIVE,
        is_monotonic,
    }))
}

fn exponential(histogram: &Histogram) -> ExponentialHistogramDataPoint {
    let native = histogram.within(SPAN);
    let extremes = histogram.extremes_seconds();
    ExponentialHistogramDataPoint {
        count: histogram.count(),
        sum: Some(histogram.sum_seconds()),
        scale: i32::from(native.schema),
        zero_count: native.zero,
        positive: Some(buckets(&native)),
        min: extremes.map(|(min, _)| min),
        max: extremes.map(|(_, max)| max),
        ..ExponentialHistogramDataPoint::default()
    }
}

/// From the first filled bucket to the last; OpenTelemetry numbers a bucket by its lower bound, one less than by its upper.
fn buckets(native: &Native) -> Buckets {
    let Some(&(first, _)) = native.buckets.first() else {
        return Buckets::default();
    };
    let mut bucket_counts = Vec::new();
    for &(number, count) in &native.buckets {
        let place = usize::try_from(number - first).unwrap_or(0);
        bucket_counts.resize(place, 0);
        bucket_counts.push(count);
    }
    Buckets {
        offset: first - 1,
        bucket_counts,
    }
}
