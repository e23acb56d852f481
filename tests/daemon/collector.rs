//! A collector: takes metrics by OTLP over HTTP and reads them with OpenTelemetry's own types. It is busy at first.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, NumberDataPoint};
use prost::Message as _;

/// What was pushed.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Vec<ExportMetricsServiceRequest>>>);

impl Collector {
    /// Listens on a port of its own; the first request is put off for a second.
    pub fn start() -> (Self, u16) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taking = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taking = taking.clone();
                std::thread::spawn(move || taking.serve(&stream.unwrap()));
            }
        });
        (collector, port)
    }

    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(body) = request(&mut reader) {
            let mut taken = self.0.lock().unwrap();
            taken.push(ExportMetricsServiceRequest::decode(&body[..]).expect("OTLP"));
            let answer = match taken.len() {
                1 => "503 Service Unavailable\r\nRetry-After: 1",
                _ => "200 OK",
            };
            drop(taken);
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// The latest of all.
    pub fn latest(&self) -> Option<Told> {
        self.0.lock().unwrap().last().cloned().map(Told)
    }
}

/// A request's body, of one that is addressed as the specification says.
fn request(reader: &mut impl std::io::BufRead) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    assert_eq!(lines[0], "post /v1/metrics http/1.1");
    assert!(
        lines.contains(&"content-type: application/x-protobuf".to_owned()),
        "{lines:?}"
    );
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// One request.
pub struct Told(ExportMetricsServiceRequest);

impl Told {
    fn data(&self, name: &str) -> Option<&Data> {
        let metrics = &self.0.resource_metrics[0].scope_metrics[0].metrics;
        metrics.iter().find(|it| it.name == name)?.data.as_ref()
    }

    /// All points of a sum or a gauge.
    pub fn numbers(&self, name: &str) -> &[NumberDataPoint] {
        match self.data(name) {
            Some(Data::Sum(sum)) => &sum.data_points,
            Some(Data::Gauge(gauge)) => &gauge.data_points,
            _ => &[],
        }
    }

    /// All points of a sum, added up.
    pub fn total(&self, name: &str) -> u64 {
        let numbers = self.numbers(name).iter().map(|point| match point.value {
            Some(Number::AsInt(count)) => count.cast_unsigned(),
            other => panic!("{name}: {other:?}"),
        });
        numbers.sum()
    }

    /// The points of an exponential histogram.
    pub fn durations(&self, name: &str) -> &[ExponentialHistogramDataPoint] {
        match self.data(name) {
            Some(Data::ExponentialHistogram(histogram)) => &histogram.data_points,
            _ => &[],
        }
    }
}

/// The text of an attribute.
pub fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|it| it.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The bounds of the bucket that holds this share of all.
pub fn quantile(point: &ExponentialHistogramDataPoint, share: f64) -> (f64, f64) {
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
    panic!("fewer than it counts: {point:?}");
}
