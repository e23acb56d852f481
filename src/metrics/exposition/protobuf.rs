//! Prometheus' protobuf format: each `io.prometheus.client.MetricFamily`
//! (<https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto>) behind its length. Histograms are native and
//! classic at once; the scraper takes what it was told to.

use prost::Message;

use super::family::{self, Kind, Sample, Value};
use super::text::unit;
use crate::clock::Timestamp;
use crate::metrics::Native;
use crate::metrics::histogram::CLASSIC;

/// Durations of less are zero: 2^-128, as Prometheus' own libraries have it.
const ZERO_THRESHOLD: f64 = 1.0 / (1_u128 << 127) as f64 / 2.0;
/// Runs of empty buckets this long are written out rather than begin another span.
const WRITTEN_OUT: i32 = 2;

pub(super) fn draw(families: &[family::Family<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        // A Vec takes all that is written.
        let _ = MetricFamily::from(family).encode_length_delimited(&mut out);
    }
    out
}

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    /// COUNTER 0, GAUGE 1, HISTOGRAM 4.
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    unit: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Gauge {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Counter {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
    /// When it was zero.
    #[prost(message, optional, tag = "3")]
    created: Option<Time>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    classic: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    spans: Vec<BucketSpan>,
    /// Each count less the one before it.
    #[prost(sint64, repeated, tag = "13")]
    deltas: Vec<i64>,
    /// When it was empty.
    #[prost(message, optional, tag = "15")]
    created: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    below: Option<u64>,
    #[prost(double, optional, tag = "2")]
    bound: Option<f64>,
}

/// Buckets in a row, so far behind those of the span before.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

impl From<&family::Family<'_>> for MetricFamily {
    fn from(family: &family::Family<'_>) -> Self {
        let kind = match family.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Histogram => 4,
        };
        Self {
            name: family.name.to_owned(),
            help: family.help.to_owned(),
            kind: Some(kind),
            metrics: family
                .samples
                .iter()
                .map(|sample| metric(family.kind, sample))
                .collect(),
            unit: unit(family.name).map(str::to_owned),
        }
    }
}

fn metric(kind: Kind, sample: &Sample<'_>) -> Metric {
    let mut metric = Metric {
        labels: sample.labels().map(pair).collect(),
        ..Metric::default()
    };
    let created = sample.since().map(Time::from);
    match sample.value {
        Value::Number(value) if kind == Kind::Counter => {
            let value = Some(value);
            metric.counter = Some(Counter { value, created });
        }
        Value::Number(value) => metric.gauge = Some(Gauge { value: Some(value) }),
        Value::Distribution(histogram, most) => {
            metric.histogram = Some(Histogram {
                created,
                ..both(histogram, most)
            });
        }
    }
    metric
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        let second = 1_000_000_000;
        Self {
            seconds: time.nanos().div_euclid(second),
            nanos: time.nanos().rem_euclid(second) as i32,
        }
    }
}

fn pair((name, value): (&str, &str)) -> LabelPair {
    LabelPair {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn both(histogram: &crate::metrics::Histogram, most: usize) -> Histogram {
    let native = histogram.native(most);
    let (spans, deltas) = spans(&native);
    let classic = CLASSIC.into_iter().zip(histogram.classic());
    Histogram {
        count: Some(histogram.count()),
        sum: Some(histogram.sum_seconds()),
        classic: classic
            .map(|(bound, below)| Bucket {
                below: Some(below),
                bound: Some(bound),
            })
            .collect(),
        schema: Some(i32::from(native.schema)),
        zero_threshold: Some(ZERO_THRESHOLD),
        zero_count: Some(native.zero),
        spans,
        deltas,
        created: None,
    }
}

fn spans(native: &Native) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::<BucketSpan>::new(), Vec::new());
    let (mut next, mut before) = (0, 0_i64);
    for &(number, count) in &native.buckets {
        let gap = number - next;
        match spans.last_mut() {
            Some(last) if gap <= WRITTEN_OUT => {
                last.length = last.length.map(|length| length + gap.unsigned_abs() + 1);
                for _ in 0..gap {
                    deltas.push(-std::mem::take(&mut before));
                }
            }
            _ => spans.push(BucketSpan {
                offset: Some(gap),
                length: Some(1),
            }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - std::mem::replace(&mut before, count));
        next = number + 1;
    }
    (spans, deltas)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every series of an exposition by the name that text gives it.
    pub(in crate::metrics::exposition) fn read(mut bytes: &[u8]) -> Vec<(String, f64)> {
        let mut series = Vec::new();
        while !bytes.is_empty() {
            let family = MetricFamily::decode_length_delimited(&mut bytes).unwrap();
            for metric in &family.metrics {
                let (gauge, counter) = (metric.gauge.map(|it| it.value), metric.counter.map(|it| it.value));
                let number = gauge.or(counter).flatten();
                series.extend(number.map(|it| (named(&family.name, metric, None), it)));
                if let Some(histogram) = &metric.histogram {
                    series.extend(distribution(&family.name, metric, histogram));
                }
            }
        }
        series
    }

    fn named(name: &str, metric: &Metric, bound: Option<&str>) -> String {
        let labels = metric
            .labels
            .iter()
            .map(|pair| (pair.name.as_str(), pair.value.as_str()));
        let labels: Vec<String> = labels
            .chain(bound.map(|bound| ("le", bound)))
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        if labels.is_empty() {
            name.to_owned()
        } else {
            format!("{name}{{{}}}", labels.join(","))
        }
    }

    fn distribution(name: &str, metric: &Metric, histogram: &Histogram) -> Vec<(String, f64)> {
        let count = histogram.count.unwrap();
        let native = buckets(&histogram.spans, &histogram.deltas);
        let in_native: u64 = native.iter().map(|bucket| bucket.1).sum();
        assert_eq!(in_native + histogram.zero_count.unwrap(), count);
        let classic = histogram
            .classic
            .iter()
            .zip(crate::metrics::exposition::text::BOUNDS);
        let mut series: Vec<_> = classic
            .map(|(bucket, bound)| (bound, bucket.below.unwrap()))
            .chain([("+Inf", count)])
            .map(|(bound, below)| {
                (
                    named(&format!("{name}_bucket"), metric, Some(bound)),
                    below as f64,
                )
            })
            .collect();
        series.push((
            named(&format!("{name}_sum"), metric, None),
            histogram.sum.unwrap(),
        ));
        series.push((named(&format!("{name}_count"), metric, None), count as f64));
        series
    }

    /// Reads spans and deltas as a scraper does.
    fn buckets(spans: &[BucketSpan], deltas: &[i64]) -> Vec<(i32, u64)> {
        let (mut at, mut count, mut deltas) = (0, 0, deltas.iter());
        let mut buckets = Vec::new();
        for span in spans {
            at += span.offset.unwrap();
            for _ in 0..span.length.unwrap() {
                count += deltas.next().unwrap();
                buckets.push((at, u64::try_from(count).unwrap()));
                at += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        buckets.retain(|bucket| bucket.1 > 0);
        buckets
    }

    #[test]
    fn spans_tell_the_buckets() {
        let sets: [&[(i32, u64)]; 4] = [
            &[],
            &[(-7, 3)],
            &[(-7, 3), (-6, 1), (-4, 9), (-1, 2), (0, 5), (4, 1), (5, 1)],
            &[(i32::MIN / 2, 1), (100, 7), (103, 1), (106, u64::MAX >> 1)],
        ];
        for buckets in sets {
            let native = Native {
                buckets: buckets.to_vec(),
                ..Native::default()
            };
            let (spans, deltas) = spans(&native);
            assert_eq!(super::tests::buckets(&spans, &deltas), buckets);
        }
    }

    #[test]
    fn the_zero_threshold_is_prometheus_own() {
        assert_eq!(ZERO_THRESHOLD.to_bits(), (-128.0_f64).exp2().to_bits());
    }
}
