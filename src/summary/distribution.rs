//! How long things took: percentiles for people, the whole histogram for machines.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A distribution of durations. Where `count` is 0 there is nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// How many stand behind it.
    pub count: u64,
    /// The figures; absent where `count` is 0.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Every value: `HdrHistogram` V2 with DEFLATE in base64, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}

/// The figures of a distribution that is not empty. Percentiles are the highest values that their bucket of the
/// histogram can hold, and never beyond the maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// The shortest.
    pub min_seconds: f64,
    /// The mean.
    pub mean_seconds: f64,
    /// Half took no longer.
    pub p50_seconds: f64,
    /// 90 of 100 took no longer.
    pub p90_seconds: f64,
    /// 95 of 100 took no longer.
    pub p95_seconds: f64,
    /// 99 of 100 took no longer.
    pub p99_seconds: f64,
    /// 999 of 1000 took no longer.
    pub p999_seconds: f64,
    /// The longest.
    pub max_seconds: f64,
}

/// What a histogram's buckets blur, kept beside it, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// The least value recorded.
    pub min: u64,
    /// The greatest value recorded.
    pub max: u64,
    /// The sum of all values recorded.
    pub sum: u128,
}

/// Why a distribution's `histogram` can't be read.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// It is not base64.
    #[error("histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// It is not an `HdrHistogram`.
    #[error("histogram is no HdrHistogram V2 with DEFLATE: {0}")]
    Format(#[from] hdrhistogram::serialization::DeserializeError),
    /// It holds values that can't be added.
    #[error("histogram can't be merged: {0}")]
    Merge(#[from] hdrhistogram::AdditionError),
    /// It does not hold `count` values.
    #[error("histogram holds {held} values where count says {count}")]
    Count {
        /// Values in the histogram.
        held: u64,
        /// What `count` says.
        count: u64,
    },
}

impl HistogramError {
    const fn count(held: u64, count: u64) -> Self {
        Self::Count { held, count }
    }
}

const NANOS: f64 = 1e9;

impl Distribution {
    /// From a histogram of nanoseconds; minimum, mean and maximum are exact where `exact` is given, otherwise within
    /// the histogram's precision.
    #[must_use]
    pub fn new(histogram: &Histogram<u64>, exact: Option<Exact>) -> Self {
        let count = histogram.len();
        if count == 0 {
            return Self::default();
        }
        Self {
            count,
            figures: Some(Figures::new(histogram, exact)),
            histogram: encode(histogram),
        }
    }

    /// The histogram in nanoseconds; `None` where `count` is 0. It grows with what is added to it.
    pub fn decode(&self) -> Result<Option<Histogram<u64>>, HistogramError> {
        let Some(text) = &self.histogram else {
            return if self.count == 0 {
                Ok(None)
            } else {
                Err(HistogramError::count(0, self.count))
            };
        };
        let bytes = STANDARD.decode(text)?;
        let mut histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice())?;
        histogram.auto(true);
        match histogram.len() {
            held if held == self.count => Ok(Some(histogram)),
            held => Err(HistogramError::count(held, self.count)),
        }
    }

    /// All durations added up.
    #[must_use]
    pub fn total_seconds(&self) -> f64 {
        self.figures
            .map_or(0.0, |figures| figures.mean_seconds * self.count as f64)
    }

    /// Minimum, maximum and sum in nanoseconds, as the figures tell them; `None` where empty.
    #[must_use]
    pub fn exact(&self) -> Option<Exact> {
        self.figures.map(|figures| Exact {
            min: nanos(figures.min_seconds),
            max: nanos(figures.max_seconds),
            sum: sum(figures.mean_seconds, self.count),
        })
    }
}

impl Figures {
    fn new(histogram: &Histogram<u64>, exact: Option<Exact>) -> Self {
        let max = exact.map_or(histogram.max(), |exact| exact.max);
        let min = exact.map_or(histogram.min(), |exact| exact.min);
        let mean = exact.map_or_else(
            || histogram.mean(),
            |exact| exact.sum as f64 / histogram.len() as f64,
        );
        let at = |quantile| seconds(histogram.value_at_quantile(quantile).min(max).max(min));
        Self {
            min_seconds: seconds(min),
            mean_seconds: mean / NANOS,
            p50_seconds: at(0.5),
            p90_seconds: at(0.9),
            p95_seconds: at(0.95),
            p99_seconds: at(0.99),
            p999_seconds: at(0.999),
            max_seconds: seconds(max),
        }
    }
}

fn encode(histogram: &Histogram<u64>) -> Option<String> {
    let mut bytes = Vec::new();
    // A Vec takes all that is written, so this fails for no histogram that fits in memory.
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS
}

#[allow(clippy::cast_sign_loss, reason = "negative values become 0")]
fn nanos(seconds: f64) -> u64 {
    (seconds * NANOS).round().max(0.0) as u64
}

#[allow(clippy::cast_sign_loss, reason = "negative values become 0")]
fn sum(mean_seconds: f64, count: u64) -> u128 {
    (mean_seconds * NANOS * count as f64).round().max(0.0) as u128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for &value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    #[test]
    fn exact_figures_are_not_blurred_by_buckets() {
        let exact = Exact {
            min: 1_234_567,
            max: 7_654_321,
            sum: 8_888_888,
        };
        let figures = Distribution::new(&histogram(&[exact.min, exact.max]), Some(exact))
            .figures
            .unwrap();
        assert_eq!(figures.min_seconds.to_string(), "0.001234567");
        assert_eq!(figures.max_seconds.to_string(), "0.007654321");
        assert_eq!(figures.mean_seconds.to_string(), "0.004444444");
        assert_eq!(
            figures.p999_seconds.to_string(),
            "0.007654321",
            "never beyond the maximum"
        );
        assert!((figures.p50_seconds / 0.001_234_567 - 1.0).abs() < 0.001);
    }

    #[test]
    fn the_histogram_survives_json() {
        let before = histogram(&[1, 1000, 1_000_000, 3_600_000_000_000]);
        let json = serde_json::to_string(&Distribution::new(&before, None)).unwrap();
        let after: Distribution = serde_json::from_str(&json).unwrap();
        assert_eq!(after.decode().unwrap().unwrap(), before);
        assert!(
            after.histogram.unwrap().starts_with("HISTF"),
            "the form that other tools read"
        );
    }

    #[test]
    fn an_empty_one_is_a_count_alone() {
        let empty = Distribution::new(&histogram(&[]), None);
        let json = serde_json::to_string(&empty).unwrap();
        assert_eq!(json, r#"{"count":0}"#);
        assert_eq!(serde_json::from_str::<Distribution>(&json).unwrap(), empty);
        assert_eq!(empty.decode().unwrap(), None);
    }

    #[test]
    fn refuses_histograms_that_lie() {
        let mut lie = Distribution::new(&histogram(&[1, 2, 3]), None);
        lie.count = 4;
        assert!(matches!(
            lie.decode(),
            Err(HistogramError::Count { held: 3, count: 4 })
        ));
        lie.histogram = Some("%".to_owned());
        assert!(matches!(lie.decode(), Err(HistogramError::Base64(_))));
        lie.histogram = Some("AAAA".to_owned());
        assert!(matches!(lie.decode(), Err(HistogramError::Format(_))));
        lie.histogram = None;
        assert!(matches!(
            lie.decode(),
            Err(HistogramError::Count { held: 0, count: 4 })
        ));
    }
}
