//! Distributions added up, bucket by bucket.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::summary::{Distribution, Exact, HistogramError};

/// A growing sum. One distribution alone is kept as it came; more are held as their filled buckets.
#[derive(Debug, Default)]
pub enum Sum {
    /// Nothing so far.
    #[default]
    Empty,
    /// One distribution.
    One(Distribution),
    /// Several.
    Many(Buckets),
}

/// Filled buckets by the highest value that they hold.
#[derive(Debug)]
pub struct Buckets {
    digits: u8,
    counts: BTreeMap<u64, u64>,
    exact: Option<Exact>,
}

impl Sum {
    /// Adds `distribution`.
    pub fn add(&mut self, distribution: Distribution) -> Result<(), HistogramError> {
        if distribution.count == 0 {
            return Ok(());
        }
        *self = match std::mem::take(self) {
            Self::Empty => {
                distribution.decode()?;
                Self::One(distribution)
            }
            Self::One(first) => Self::Many(Buckets::default().with(&first)?.with(&distribution)?),
            Self::Many(buckets) => Self::Many(buckets.with(&distribution)?),
        };
        Ok(())
    }

    /// The distribution of all that was added.
    pub fn finish(self) -> Distribution {
        match self {
            Self::Empty => Distribution::default(),
            Self::One(distribution) => distribution,
            Self::Many(buckets) => buckets.finish(),
        }
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            digits: 1,
            counts: BTreeMap::new(),
            exact: None,
        }
    }
}

impl Buckets {
    fn with(mut self, distribution: &Distribution) -> Result<Self, HistogramError> {
        let Some(histogram) = distribution.decode()? else {
            return Ok(self);
        };
        self.digits = self.digits.max(histogram.sigfig());
        for bucket in histogram.iter_recorded() {
            *self.counts.entry(bucket.value_iterated_to()).or_default() += bucket.count_at_value();
        }
        self.exact = match (self.exact, distribution.exact()) {
            (Some(one), Some(other)) => Some(both(one, other)),
            (one, other) => one.or(other),
        };
        Ok(self)
    }

    fn finish(self) -> Distribution {
        // A histogram of its own precision takes every value that one like it has held.
        let Ok(mut histogram) = Histogram::<u64>::new(self.digits) else {
            return Distribution::default();
        };
        for (value, count) in self.counts {
            // It resizes itself, which fails only where memory does.
            let _ = histogram.record_n(value, count);
        }
        Distribution::new(&histogram, self.exact)
    }
}

fn both(one: Exact, other: Exact) -> Exact {
    Exact {
        min: one.min.min(other.min),
        max: one.max.max(other.max),
        sum: one.sum.saturating_add(other.sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample::spread;

    fn merged(parts: &[&Distribution]) -> Distribution {
        let mut sum = Sum::default();
        for &part in parts {
            sum.add(part.clone()).unwrap();
        }
        sum.finish()
    }

    #[test]
    fn counts_in_every_bucket_are_added() {
        let (one, other) = (spread(1000, 850_000), spread(500, 90_000_000));
        let both = merged(&[&one, &Distribution::default(), &other]);
        let mut expected = one.decode().unwrap().unwrap();
        expected.add(other.decode().unwrap().unwrap()).unwrap();
        let histogram = both.decode().unwrap().unwrap();
        assert_eq!(both.count, 1500);
        for value in expected.iter_recorded() {
            let at = value.value_iterated_to();
            assert_eq!(histogram.count_at(at), expected.count_at(at), "{at}");
        }
        let (one, other, both) = (
            one.figures.unwrap(),
            other.figures.unwrap(),
            both.figures.unwrap(),
        );
        assert_eq!(both.min_seconds.to_bits(), one.min_seconds.to_bits());
        assert_eq!(both.max_seconds.to_bits(), other.max_seconds.to_bits());
        let mean = (one.mean_seconds * 1000.0 + other.mean_seconds * 500.0) / 1500.0;
        assert!((both.mean_seconds - mean).abs() < 1e-12);
    }

    #[test]
    fn the_order_does_not_matter() {
        let [a, b, c] = [spread(10, 1000), spread(20, 1_000_000), spread(30, 50)];
        assert_eq!(merged(&[&a, &b, &c]), merged(&[&c, &a, &b]));
    }

    #[test]
    fn one_alone_stays_as_it_is() {
        let one = spread(10, 1000);
        assert_eq!(merged(&[&one]), one);
    }

    #[test]
    fn what_can_not_be_read_is_refused_even_alone() {
        let lie = Distribution {
            count: 3,
            ..Distribution::default()
        };
        assert!(Sum::default().add(lie).is_err());
    }
}
