//! What of a difference between two distributions is more than noise.
//!
//! Each percentile gets an interval that holds the true one with 95% confidence, from order statistics: the number
//! of values below the true percentile is binomial, whatever the distribution's shape. Two percentiles differ where
//! their intervals do not touch and they are at least 1% apart. That supposes exchanges to be independent, which
//! those of one burst are not quite: close calls deserve a longer watch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::summary::{Distribution, HistogramError};

/// How sure an interval is to hold the true percentile.
pub const CONFIDENCE: f64 = 0.95;
/// The least relative change that is called one: histograms blur, and no two hours are the same.
const LEAST_CHANGE: f64 = 0.01;
/// The percentiles compared.
const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
/// Those that decide what it comes to.
const DECISIVE: [f64; 2] = [0.5, 0.99];

/// A distribution before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistributionChange {
    /// What it comes to: that of the median and the p99.
    pub verdict: Verdict,
    /// Before.
    pub before: Distribution,
    /// After.
    pub after: Distribution,
    /// Each percentile that both sides have enough exchanges for.
    pub quantiles: Vec<QuantileChange>,
    /// How different the whole distributions are; absent where one side is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

/// One percentile before and after.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuantileChange {
    /// Which: 0.5 is the median.
    pub quantile: f64,
    /// Before.
    pub before_seconds: f64,
    /// After.
    pub after_seconds: f64,
    /// `after / before - 1`: -0.5 is twice as fast.
    pub change: f64,
    /// Where the true one before lies.
    pub before_interval: Interval,
    /// Where the true one after lies.
    pub after_interval: Interval,
    /// What it comes to.
    pub verdict: Verdict,
}

/// Where a true percentile lies, with the comparison's `confidence`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Not below this.
    pub low_seconds: f64,
    /// Not above this; absent where there are too few exchanges to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_seconds: Option<f64>,
}

/// What a change comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Took less time.
    Faster,
    /// Took more time.
    Slower,
    /// Faster in one percentile, slower in another.
    Mixed,
    /// No difference that chance would not make.
    WithinNoise,
    /// One side has too few exchanges to say.
    TooFew,
}

/// The two-sample Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shape {
    /// The largest difference between the cumulated shares, 0 to 1.
    pub distance: f64,
    /// How likely one and the same distribution shows a difference this large.
    pub p_value: f64,
}

impl Interval {
    /// Whether the true percentile may be anything.
    fn says_nothing(self) -> bool {
        self.low_seconds <= 0.0 && self.high_seconds.is_none()
    }
}

impl DistributionChange {
    /// Compares `before` with `after`.
    pub fn new(before: &Distribution, after: &Distribution) -> Result<Self, HistogramError> {
        let (one, other) = (Steps::new(before)?, Steps::new(after)?);
        let quantiles: Vec<QuantileChange> = QUANTILES
            .iter()
            .filter_map(|&quantile| QuantileChange::new(quantile, &one, &other))
            .collect();
        Ok(Self {
            verdict: overall(&quantiles),
            before: before.clone(),
            after: after.clone(),
            shape: shape(&one, &other),
            quantiles,
        })
    }
}

fn overall(quantiles: &[QuantileChange]) -> Verdict {
    let said = |verdict| {
        let decisive = quantiles.iter().filter(|it| DECISIVE.contains(&it.quantile));
        decisive.map(|it| it.verdict).any(|it| it == verdict)
    };
    match (said(Verdict::Faster), said(Verdict::Slower)) {
        (true, true) => Verdict::Mixed,
        (true, false) => Verdict::Faster,
        (false, true) => Verdict::Slower,
        (false, false) if said(Verdict::WithinNoise) => Verdict::WithinNoise,
        (false, false) => Verdict::TooFew,
    }
}

impl QuantileChange {
    /// `None` where a side has too few values to tell this percentile from its maximum.
    fn new(quantile: f64, before: &Steps, after: &Steps) -> Option<Self> {
        let enough = |steps: &Steps| steps.count as f64 * (1.0 - quantile) >= 1.0;
        if !(enough(before) && enough(after)) {
            return None;
        }
        let (one, other) = (before.at(quantile), after.at(quantile));
        let change = if one > 0.0 { other / one - 1.0 } else { 0.0 };
        let (before_interval, after_interval) = (before.interval(quantile), after.interval(quantile));
        let verdict = verdict(change, before_interval, after_interval);
        Some(Self {
            quantile,
            before_seconds: one,
            after_seconds: other,
            change,
            before_interval,
            after_interval,
            verdict,
        })
    }
}

fn verdict(change: f64, before: Interval, after: Interval) -> Verdict {
    let below =
        |one: Interval, other: Interval| one.high_seconds.is_some_and(|high| high < other.low_seconds);
    if change <= -LEAST_CHANGE && below(after, before) {
        Verdict::Faster
    } else if change >= LEAST_CHANGE && below(before, after) {
        Verdict::Slower
    } else if before.says_nothing() || after.says_nothing() {
        Verdict::TooFew
    } else {
        Verdict::WithinNoise
    }
}

/// A histogram as steps of its cumulated count.
struct Steps {
    count: u64,
    steps: Vec<Step>,
}

/// Values of one bucket, in nanoseconds.
struct Step {
    low: u64,
    high: u64,
    /// Values in this bucket and below.
    up_to: u64,
}

impl Steps {
    fn new(distribution: &Distribution) -> Result<Self, HistogramError> {
        let Some(histogram) = distribution.decode()? else {
            return Ok(Self {
                count: 0,
                steps: Vec::new(),
            });
        };
        let exact = distribution.exact();
        let mut up_to = 0;
        let step = |bucket: hdrhistogram::iterators::IterationValue<u64>| {
            let high = bucket.value_iterated_to();
            up_to += bucket.count_since_last_iteration();
            let clamp = |value: u64| exact.map_or(value, |exact| value.min(exact.max).max(exact.min));
            Step {
                low: clamp(histogram.lowest_equivalent(high)),
                high: clamp(high),
                up_to,
            }
        };
        let steps = histogram.iter_recorded().map(step).collect();
        Ok(Self {
            count: distribution.count,
            steps,
        })
    }

    /// The bucket that holds the value of this rank, counted from 1.
    fn rank(&self, rank: u64) -> Option<&Step> {
        self.steps
            .get(self.steps.partition_point(|step| step.up_to < rank))
    }

    #[allow(clippy::cast_sign_loss, reason = "a share of a count is not negative")]
    fn at(&self, quantile: f64) -> f64 {
        let rank = (self.count as f64 * quantile).ceil().max(1.0) as u64;
        seconds(self.rank(rank).map_or(0, |step| step.high))
    }

    fn interval(&self, quantile: f64) -> Interval {
        let (low, high) = ranks(self.count, quantile);
        let value = |rank: u64, pick: fn(&Step) -> u64| self.rank(rank).map(|step| seconds(pick(step)));
        Interval {
            low_seconds: low.and_then(|rank| value(rank, |step| step.low)).unwrap_or(0.0),
            high_seconds: high.and_then(|rank| value(rank, |step| step.high)),
        }
    }

    /// The share of values up to `value`.
    fn share(&self, value: u64) -> f64 {
        let index = self.steps.partition_point(|step| step.high <= value);
        let below = index
            .checked_sub(1)
            .and_then(|index| self.steps.get(index))
            .map_or(0, |step| step.up_to);
        below as f64 / self.count as f64
    }
}

/// The ranks, counted from 1, between which the true percentile of `count` values lies; `None` where no value is
/// low or high enough.
fn ranks(count: u64, quantile: f64) -> (Option<u64>, Option<u64>) {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let (low, high) = if count <= EXACT_UP_TO {
        exact(count, quantile, tail)
    } else {
        normal(count, quantile)
    };
    (
        Some(low).filter(|&low| low >= 1),
        Some(high).filter(|&high| high <= count),
    )
}

/// Beyond this the normal distribution is as good as the binomial one.
const EXACT_UP_TO: u64 = 20_000;

/// The largest `low` with P(B < low) <= tail and the smallest `high` with P(B < high) >= 1 - tail, B binomial.
fn exact(count: u64, quantile: f64, tail: f64) -> (u64, u64) {
    let odds = (quantile / (1.0 - quantile)).ln();
    let mut ln_mass = count as f64 * (1.0 - quantile).ln();
    let mut below = 0.0;
    let mut low = 0;
    for rank in 0..=count {
        if below <= tail {
            low = rank;
        }
        if below >= 1.0 - tail {
            return (low, rank);
        }
        below += ln_mass.exp();
        ln_mass += ((count - rank) as f64 / (rank + 1) as f64).ln() + odds;
    }
    (low, count + 1)
}

#[allow(clippy::cast_sign_loss, reason = "below zero becomes zero")]
fn normal(count: u64, quantile: f64) -> (u64, u64) {
    /// The standard normal distribution's 97.5% point.
    const Z: f64 = 1.959_963_984_540_054;
    let mean = count as f64 * quantile;
    let reach = Z * (mean * (1.0 - quantile)).sqrt();
    (
        (mean - reach).floor().max(0.0) as u64,
        (mean + reach).ceil() as u64 + 1,
    )
}

fn shape(before: &Steps, after: &Steps) -> Option<Shape> {
    if before.count == 0 || after.count == 0 {
        return None;
    }
    let edges = before.steps.iter().chain(&after.steps).map(|step| step.high);
    let distance = edges
        .map(|edge| (before.share(edge) - after.share(edge)).abs())
        .fold(0.0, f64::max);
    let (one, other) = (before.count as f64, after.count as f64);
    let root = (one * other / (one + other)).sqrt();
    Some(Shape {
        distance,
        p_value: kolmogorov((root + 0.12 + 0.11 / root) * distance),
    })
}

/// The chance that Kolmogorov's statistic exceeds `lambda` (Stephens' approximation).
fn kolmogorov(lambda: f64) -> f64 {
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |j: i32| {
        let sign = if j % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * f64::from(j * j) * lambda * lambda).exp()
    };
    (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Exact;
    use hdrhistogram::Histogram;

    /// A generator whose draws are the same every time.
    struct Draws(u64);

    impl Draws {
        fn next(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// `count` draws of an exponential distribution with this mean.
    fn exponential(seed: u64, count: u64, mean: f64) -> Distribution {
        let mut draws = Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        for _ in 0..20 {
            draws.next();
        }
        let mut sum = 0;
        for _ in 0..count {
            #[allow(clippy::cast_sign_loss, reason = "not negative")]
            let value = (-(1.0 - draws.next()).ln() * mean) as u64 + 1;
            histogram.record(value).unwrap();
            sum += u128::from(value);
        }
        let exact = Exact {
            min: histogram.min(),
            max: histogram.max(),
            sum,
        };
        Distribution::new(&histogram, Some(exact))
    }

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Conover, Practical Nonparametric Statistics: the median of 20 lies between the 6th and the 15th.
        assert_eq!(ranks(20, 0.5), (Some(6), Some(15)));
        assert_eq!(ranks(5, 0.5), (None, None), "too few for 95%");
        assert_eq!(
            ranks(100, 0.99).1,
            None,
            "the p99 of 100 may be beyond the maximum"
        );
        let (exact, normal) = (exact(20_000, 0.99, 0.025), normal(20_000, 0.99));
        assert!(
            exact.0.abs_diff(normal.0) <= 2 && exact.1.abs_diff(normal.1) <= 2,
            "{exact:?} {normal:?}"
        );
    }

    #[test]
    fn intervals_hold_the_true_percentile_as_often_as_they_say() {
        let truth = |quantile: f64| -(1.0 - quantile).ln() * 1e6 / 1e9;
        for quantile in [0.5, 0.99] {
            let held = (0..400).filter(|&seed| {
                let steps = Steps::new(&exponential(seed, 1000, 1e6)).unwrap();
                let interval = steps.interval(quantile);
                let high = interval.high_seconds.unwrap_or(f64::INFINITY);
                (interval.low_seconds..=high).contains(&truth(quantile))
            });
            let share = held.count() as f64 / 400.0;
            assert!((0.92..=0.99).contains(&share), "{quantile}: {share}");
        }
    }

    #[test]
    fn the_same_twice_is_within_noise() {
        let called = (0..100).filter(|&seed| {
            let change = DistributionChange::new(
                &exponential(seed, 2000, 1e6),
                &exponential(seed + 1000, 2000, 1e6),
            );
            change.unwrap().verdict != Verdict::WithinNoise
        });
        assert!(
            called.count() <= 3,
            "non-overlap of two 95% intervals is rare by chance"
        );
    }

    #[test]
    fn a_real_change_is_called_one() {
        let change =
            DistributionChange::new(&exponential(1, 2000, 1e6), &exponential(2, 2000, 0.7e6)).unwrap();
        assert_eq!(change.verdict, Verdict::Faster);
        assert!(
            (change.quantiles[0].change + 0.3).abs() < 0.08,
            "{:?}",
            change.quantiles[0]
        );
        assert!(change.shape.unwrap().p_value < 1e-6);
        let change =
            DistributionChange::new(&exponential(1, 2000, 1e6), &exponential(2, 2000, 1.4e6)).unwrap();
        assert_eq!(change.verdict, Verdict::Slower);
    }

    #[test]
    fn too_few_are_not_judged() {
        let change = DistributionChange::new(&exponential(1, 1, 1e6), &exponential(2, 2000, 9e6)).unwrap();
        assert_eq!((change.verdict, change.quantiles.len()), (Verdict::TooFew, 0));
        let change = DistributionChange::new(&Distribution::default(), &Distribution::default()).unwrap();
        assert_eq!((change.verdict, change.shape), (Verdict::TooFew, None));
        let change = DistributionChange::new(&exponential(1, 4, 1e6), &exponential(2, 4, 9e9)).unwrap();
        assert_eq!(
            change.verdict,
            Verdict::TooFew,
            "four values have no 95% interval"
        );
    }

    #[test]
    fn the_test_of_shape_knows_chance() {
        assert!((kolmogorov(1.358) - 0.05).abs() < 0.001, "the table's 5% point");
        assert!((kolmogorov(1.628) - 0.01).abs() < 0.001, "the table's 1% point");
        let same = DistributionChange::new(&exponential(1, 2000, 1e6), &exponential(7, 2000, 1e6)).unwrap();
        assert!(same.shape.unwrap().p_value > 0.01);
    }
}
