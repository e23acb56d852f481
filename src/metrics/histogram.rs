//! A distribution that grows by each interval's, exactly: bucket by bucket, as [`merge`](crate::summary::merge) adds them.

use crate::summary::{Distribution, Exact, HistogramError};

/// Upper bounds of the classic buckets in seconds, from a look-up on loopback to a report: 2.5 times apart or less where most
/// databases answer.
pub const CLASSIC: [f64; 19] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// The finest native buckets: 256 to each power of two, as fine as those of the summary (a bucket's middle is within 0.14% of all in it).
const FINEST: i8 = 8;
/// The coarsest that buckets are merged to where they are too many: 8 to each power of two.
const COARSEST: i8 = 3;

const NANOS: f64 = 1e9;

/// Durations in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    count: u64,
    exact: Option<Exact>,
    /// Filled buckets of the summary's histograms by their middle, rising.
    middles: Vec<(u64, u64)>,
}

/// Exponential buckets in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Native {
    /// Bounds are powers of `2^(2^-schema)`: Prometheus' schema, OpenTelemetry's scale.
    pub schema: i8,
    /// Durations of zero.
    pub zero: u64,
    /// Filled buckets, rising. Number `i` holds what is above `base^(i-1)` and up to `base^i`, as Prometheus counts them;
    /// OpenTelemetry's index is `i - 1`.
    pub buckets: Vec<(i32, u64)>,
}

impl Histogram {
    /// Adds `distribution`, or nothing of it where it can't be read.
    pub fn add(&mut self, distribution: &Distribution) -> Result<(), HistogramError> {
        if distribution.count == 0 {
            return Ok(());
        }
        let middles = distribution.middles()?;
        self.middles = merged(&self.middles, &middles);
        self.count += distribution.count;
        self.exact = match (self.exact, distribution.exact()) {
            (Some(one), Some(other)) => Some(Exact {
                min: one.min.min(other.min),
                max: one.max.max(other.max),
                sum: one.sum.saturating_add(other.sum),
            }),
            (one, other) => one.or(other),
        };
        Ok(())
    }

    /// How many durations.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All of them added up.
    #[must_use]
    pub fn sum_seconds(&self) -> f64 {
        self.exact.map_or(0.0, |exact| exact.sum as f64 / NANOS)
    }

    /// The shortest and the longest; `None` where there is none.
    #[must_use]
    pub fn extremes_seconds(&self) -> Option<(f64, f64)> {
        self.exact
            .map(|exact| (exact.min as f64 / NANOS, exact.max as f64 / NANOS))
    }

    /// How many took no longer than each of [`CLASSIC`]; durations within 0.3% of a bound may be on either side of it.
    #[must_use]
    pub fn classic(&self) -> [u64; CLASSIC.len()] {
        let mut rest = self.middles.iter().peekable();
        let mut below = 0;
        CLASSIC.map(|bound| {
            while let Some((_, count)) = rest.next_if(|(middle, _)| *middle as f64 <= bound * NANOS) {
                below += count;
            }
            below
        })
    }

    /// Exponential buckets, as fine as they can be without being more than `most`; never coarser than 8 to each
    /// power of two.
    #[must_use]
    pub fn native(&self, most: usize) -> Native {
        let mut native = self.finest();
        while native.buckets.len() > most && native.schema > COARSEST {
            native = native.coarser();
        }
        native
    }

    /// Exponential buckets, as fine as they can be with no more than `span` (2 or more) from the first to the last
    /// filled one.
    #[must_use]
    pub fn within(&self, span: usize) -> Native {
        let mut native = self.finest();
        while native.span() > span.max(2) {
            native = native.coarser();
        }
        native
    }

    fn finest(&self) -> Native {
        let mut native = Native {
            schema: FINEST,
            ..Native::default()
        };
        for &(middle, count) in &self.middles {
            match middle {
                0 => native.zero += count,
                _ => native.push(number(middle), count),
            }
        }
        native
    }
}

impl Native {
    /// Numbers come rising.
    fn push(&mut self, number: i32, count: u64) {
        match self.buckets.last_mut() {
            Some(last) if last.0 == number => last.1 += count,
            _ => self.buckets.push((number, count)),
        }
    }

    /// Buckets from the first to the last, empty ones too.
    fn span(&self) -> usize {
        let ends = self.buckets.first().zip(self.buckets.last());
        ends.map_or(0, |((first, _), (last, _))| last.abs_diff(*first) as usize + 1)
    }

    /// Two buckets become one.
    fn coarser(&self) -> Self {
        let mut coarser = Self {
            schema: self.schema - 1,
            zero: self.zero,
            buckets: Vec::with_capacity(self.buckets.len()),
        };
        for &(number, count) in &self.buckets {
            coarser.push((number + 1) >> 1, count);
        }
        coarser
    }

    /// The upper bound of bucket `number` in seconds.
    #[must_use]
    pub fn upper_bound(&self, number: i32) -> f64 {
        (f64::from(number) * (-f64::from(self.schema)).exp2()).exp2()
    }
}

/// The finest bucket of these nanoseconds, which are not 0.
fn number(nanos: u64) -> i32 {
    ((nanos as f64 / NANOS).log2() * f64::from(FINEST).exp2()).ceil() as i32
}

fn merged(one: &[(u64, u64)], other: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut both = Vec::with_capacity(one.len().max(other.len()));
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    loop {
        let next = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) => a.0.min(b.0),
            (Some(rest), None) | (None, Some(rest)) => rest.0,
            (None, None) => return both,
        };
        let of = |side: &mut std::iter::Peekable<std::slice::Iter<'_, (u64, u64)>>| {
            side.next_if(|bucket| bucket.0 == next)
                .map_or(0, |bucket| bucket.1)
        };
        let count = of(&mut one) + of(&mut other);
        both.push((next, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample::spread;

    fn of(parts: &[&Distribution]) -> Histogram {
        let mut histogram = Histogram::default();
        for part in parts {
            histogram.add(part).unwrap();
        }
        histogram
    }

    fn values(values: &[(u64, u64)]) -> Distribution {
        let exact = Exact {
            min: values[0].0,
            max: values[values.len() - 1].0,
            sum: values.iter().map(|it| u128::from(it.0 * it.1)).sum(),
        };
        Distribution::from_values(values.to_vec(), exact)
    }

    #[test]
    fn distributions_are_added_exactly() {
        let (one, other) = (spread(1000, 850_000), spread(500, 90_000_000));
        let both = of(&[&one, &Distribution::default(), &other]);
        let mut library = one.decode().unwrap().unwrap();
        library.add(other.decode().unwrap().unwrap()).unwrap();
        assert_eq!(both.count(), 1500);
        assert_eq!(both.middles.iter().map(|it| it.1).sum::<u64>(), 1500);
        assert_eq!(both.middles.len(), library.iter_recorded().count());
        for &(middle, count) in &both.middles {
            assert_eq!(library.count_at(middle), count, "{middle}");
        }
        assert_eq!(both, of(&[&other, &one]), "in any order");
        let sum = one.total_seconds() + other.total_seconds();
        assert!((both.sum_seconds() - sum).abs() < 1e-9 * sum);
        let (min, max) = both.extremes_seconds().unwrap();
        assert_eq!(min.to_bits(), one.figures.unwrap().min_seconds.to_bits());
        assert_eq!(max.to_bits(), other.figures.unwrap().max_seconds.to_bits());
    }

    #[test]
    fn what_can_not_be_read_adds_nothing() {
        let lie = Distribution {
            count: 3,
            ..Distribution::default()
        };
        let mut histogram = of(&[&spread(10, 1000)]);
        assert!(histogram.add(&lie).is_err());
        assert_eq!(histogram, of(&[&spread(10, 1000)]));
    }

    #[test]
    fn classic_buckets_are_cumulative() {
        let histogram = of(&[&values(&[
            (0, 1),
            (49_000, 2),
            (51_000, 4),
            (59_000_000_000, 8),
            (61_000_000_000, 16),
        ])]);
        let classic = histogram.classic();
        assert_eq!((classic[0], classic[1], classic[17], classic[18]), (3, 7, 7, 15));
        assert_eq!(histogram.count(), 31);
    }

    #[test]
    fn native_buckets_hold_what_they_say() {
        let histogram = of(&[
            &spread(20_000, 850_000),
            &values(&[(0, 7), (1, 1), (3_600_000_000_000, 2)]),
        ]);
        for most in [usize::MAX, 1000, 200, 1] {
            let native = histogram.native(most);
            assert!(native.buckets.len() <= most.max(400));
            assert_eq!(native.zero, 7);
            let total: u64 = native.buckets.iter().map(|it| it.1).sum();
            assert_eq!(total + native.zero, histogram.count());
            assert!(native.buckets.is_sorted_by(|one, other| one.0 < other.0));
            let mut rest = histogram.middles.iter().filter(|it| it.0 > 0).peekable();
            for &(number, count) in &native.buckets {
                let (low, high) = (native.upper_bound(number - 1), native.upper_bound(number));
                let mut inside = 0;
                while let Some(bucket) = rest.next_if(|it| it.0 as f64 / NANOS <= high * (1.0 + 1e-12)) {
                    assert!(bucket.0 as f64 / NANOS > low * (1.0 - 1e-12));
                    inside += bucket.1;
                }
                assert_eq!(inside, count);
            }
        }
        assert_eq!(histogram.native(usize::MAX).schema, FINEST);
        assert_eq!(histogram.native(1).schema, COARSEST);
    }

    #[test]
    fn buckets_side_by_side_are_bounded() {
        let histogram = of(&[&values(&[(1, 1), (1_000_000_000, 2)])]);
        for (span, schema) in [(usize::MAX, FINEST), (1920, 6), (40, 0), (0, -5)] {
            let native = histogram.within(span);
            assert_eq!(native.schema, schema);
            assert!(native.span() <= span.max(2));
            assert_eq!(native.buckets.iter().map(|it| it.1).sum::<u64>(), 3);
        }
        assert_eq!(Histogram::default().within(1).buckets, []);
    }

    #[test]
    fn powers_of_two_end_their_bucket() {
        let second = Native::default();
        assert_eq!(number(1_000_000_000), 0);
        assert_eq!(second.upper_bound(0).to_bits(), 1.0_f64.to_bits());
        assert_eq!(number(2_000_000_000), 256);
        assert_eq!(number(500_000_000), -256);
    }
}
