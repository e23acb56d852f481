//! A distribution of durations that is small while little is in it.
//!
//! The first values are kept as they are. From then on they are counted in buckets, 256 to each power of two, so that a
//! bucket's middle is within 0.2% of every value in it; buckets live in pages of 64 that exist only where values
//! fell. Minimum, maximum, sum and count are exact.

use crate::clock::Span;
use crate::summary;

/// Values kept raw before buckets are worth their memory.
const RAW: usize = 32;
/// Buckets to each power of two, as a power of two.
const PRECISION: u32 = 8;
const PER_OCTAVE: u64 = 1 << PRECISION;
/// Buckets in a page.
const PAGE: usize = 64;

/// Durations in nanoseconds.
#[derive(Clone, Debug)]
pub struct Durations {
    count: u64,
    sum: u128,
    /// The highest there is where empty.
    min: u64,
    max: u64,
    kept: Kept,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
            kept: Kept::default(),
        }
    }
}

#[derive(Clone, Debug)]
enum Kept {
    Raw(Vec<u64>),
    Pages(Box<Pages>),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Raw(Vec::new())
    }
}

impl Durations {
    /// Adds one; a negative one counts as zero.
    pub fn record(&mut self, span: Span) {
        self.record_value(Value::of(span));
    }

    /// Adds one that goes to several distributions.
    pub fn record_value(&mut self, value: Value) {
        self.record_values(value, 1);
    }

    /// Adds so many equal ones.
    #[inline]
    pub fn record_values(&mut self, value: Value, times: u32) {
        self.count_in(value.nanos, times);
        match &mut self.kept {
            Kept::Pages(pages) => pages.add(value.bucket, times),
            Kept::Raw(_) => self.fill(value, times),
        }
    }

    /// Raw as long as there is room.
    #[cold]
    #[inline(never)]
    fn fill(&mut self, value: Value, times: u32) {
        for left in (1..=times).rev() {
            match &mut self.kept {
                Kept::Raw(raw) if raw.len() < RAW => raw.push(value.nanos),
                _ => return self.promote().add(value.bucket, left),
            }
        }
    }

    fn record_many(&mut self, nanos: u64, times: u32) {
        self.count_in(nanos, times);
        match &mut self.kept {
            Kept::Pages(pages) => pages.add(bucket(nanos), times),
            Kept::Raw(raw) if raw.len() < RAW && times == 1 => raw.push(nanos),
            Kept::Raw(_) => self.promote().add(bucket(nanos), times),
        }
    }

    #[inline]
    fn count_in(&mut self, nanos: u64, times: u32) {
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.count += u64::from(times);
        self.sum += u128::from(nanos) * u128::from(times);
    }

    #[cold]
    fn promote(&mut self) -> &mut Pages {
        let mut pages = Box::<Pages>::default();
        self.each(|nanos, times| pages.add(bucket(nanos), times));
        self.kept = Kept::Pages(pages);
        match &mut self.kept {
            Kept::Pages(pages) => pages,
            Kept::Raw(_) => unreachable!("just set"),
        }
    }

    /// Bytes that it takes beside itself.
    #[must_use]
    pub fn kept(&self) -> usize {
        match &self.kept {
            Kept::Raw(raw) => raw.capacity() * size_of::<u64>(),
            Kept::Pages(pages) => size_of::<Pages>() + pages.counters.capacity() * size_of::<[u32; PAGE]>(),
        }
    }

    /// How many were recorded.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum, in nanoseconds.
    #[must_use]
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The exact maximum; zero where empty.
    #[must_use]
    pub fn max(&self) -> Span {
        span(self.max)
    }

    /// The value that `rank` (from 1) of the values don't exceed, within 0.2%; exact at both ends. Zero where empty.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Span {
        if rank <= 1 {
            return span(self.min.min(self.max));
        }
        if rank >= self.count {
            return span(self.max);
        }
        span(self.inner_rank(rank).clamp(self.min, self.max))
    }

    fn inner_rank(&self, rank: u64) -> u64 {
        match &self.kept {
            Kept::Raw(raw) => {
                let mut sorted = raw.clone();
                sorted.sort_unstable();
                let index = usize::try_from(rank - 1).unwrap_or(usize::MAX);
                sorted.get(index).copied().unwrap_or(self.max)
            }
            Kept::Pages(pages) => pages.at_rank(rank).unwrap_or(self.max),
        }
    }

    /// The value that this share (0 to 1) of the values don't exceed.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Span {
        self.at_rank(rank(share, self.count))
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (min, max) = match self.count {
            0 => (other.min, other.max),
            _ => (self.min.min(other.min), self.max.max(other.max)),
        };
        let sum = self.sum + other.sum;
        other.each(|nanos, times| self.record_many(nanos, times));
        (self.min, self.max, self.sum) = (min, max, sum);
    }

    /// As the summary tells it.
    #[must_use]
    pub fn summarise(&self) -> summary::Distribution {
        if self.count == 0 {
            return summary::Distribution::default();
        }
        let exact = summary::Exact {
            min: self.min,
            max: self.max,
            sum: self.sum,
        };
        let mut values = Vec::new();
        self.each(|nanos, times| values.push((nanos, u64::from(times))));
        summary::Distribution::from_values(values, exact)
    }

    fn each(&self, mut take: impl FnMut(u64, u32)) {
        match &self.kept {
            Kept::Raw(raw) => raw.iter().for_each(|&nanos| take(nanos, 1)),
            Kept::Pages(pages) => pages.each(|nanos, times| take(nanos.clamp(self.min, self.max), times)),
        }
    }
}

/// A duration and where it is counted: found once for all the distributions that it goes to.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    nanos: u64,
    bucket: usize,
}

impl Value {
    /// Of a span; a negative one counts as zero.
    #[inline]
    #[must_use]
    pub fn of(span: Span) -> Self {
        let nanos = u64::try_from(span.nanos()).unwrap_or(0);
        Self {
            nanos,
            bucket: bucket(nanos),
        }
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.nanos
    }
}

/// The rank of a quantile among `count` values, from 1.
#[must_use]
#[allow(clippy::cast_sign_loss, reason = "shares are 0 to 1")]
pub fn rank(share: f64, count: u64) -> u64 {
    ((share * count as f64).ceil() as u64).clamp(1, count.max(1))
}

fn span(nanos: u64) -> Span {
    Span::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// Numbers that a page can have: [`bucket`] ends below this many pages.
const NUMBERS: usize = 256;

/// Counters of the buckets that values fell into.
#[derive(Clone, Debug)]
struct Pages {
    /// By a page's number, one more than its place in `counters`; 0 where no value fell.
    places: [u8; NUMBERS],
    counters: Vec<[u32; PAGE]>,
}

#[inline]
fn count(page: &mut [u32; PAGE], bucket: usize, times: u32) {
    let counter = &mut page[bucket % PAGE];
    *counter = counter.saturating_add(times);
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            places: [0; NUMBERS],
            counters: Vec::new(),
        }
    }
}

impl Pages {
    #[inline]
    fn add(&mut self, bucket: usize, times: u32) {
        let place = usize::from(self.places[bucket / PAGE % NUMBERS]);
        match self.counters.get_mut(place.wrapping_sub(1)) {
            Some(page) => count(page, bucket, times),
            None => self.add_page(bucket, times),
        }
    }

    #[cold]
    #[inline(never)]
    fn add_page(&mut self, bucket: usize, times: u32) {
        let mut page = [0; PAGE];
        count(&mut page, bucket, times);
        self.counters.push(page);
        self.places[bucket / PAGE % NUMBERS] = self.counters.len() as u8;
    }

    /// Calls with each bucket's middle and count, in rising order.
    fn each(&self, mut take: impl FnMut(u64, u32)) {
        for (number, &place) in self.places.iter().enumerate() {
            let page = usize::from(place).checked_sub(1);
            let counters = page.and_then(|page| self.counters.get(page));
            for (offset, &times) in counters.into_iter().flatten().enumerate() {
                if times > 0 {
                    take(middle(number * PAGE + offset), times);
                }
            }
        }
    }

    fn at_rank(&self, rank: u64) -> Option<u64> {
        let (mut passed, mut found) = (0, None);
        self.each(|nanos, times| {
            passed += u64::from(times);
            if found.is_none() && passed >= rank {
                found = Some(nanos);
            }
        });
        found
    }
}

/// The bucket that `nanos` falls into: below [`PER_OCTAVE`] one for each value, then [`PER_OCTAVE`] for each power of two.
#[inline]
const fn bucket(nanos: u64) -> usize {
    if nanos < PER_OCTAVE {
        return nanos as usize;
    }
    let shift = u64::BITS - 1 - nanos.leading_zeros() - PRECISION;
    ((shift as usize) << PRECISION) + (nanos >> shift) as usize
}

/// The middle of a bucket's values.
const fn middle(bucket: usize) -> u64 {
    if bucket < PER_OCTAVE as usize {
        return bucket as u64;
    }
    let shift = (bucket as u64 >> PRECISION) - 1;
    let low = (bucket as u64 - (shift << PRECISION)) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn durations(values: &[u64]) -> Durations {
        let mut durations = Durations::default();
        for &value in values {
            durations.record_many(value, 1);
        }
        durations
    }

    #[test]
    fn few_values_are_exact() {
        let few = durations(&[5_000_001, 1_000_003, 3_000_007]);
        assert_eq!(few.quantile(0.5), Span::from_nanos(3_000_007));
        assert_eq!(few.quantile(0.99), Span::from_nanos(5_000_001));
        assert_eq!(few.at_rank(1), Span::from_nanos(1_000_003));
        assert_eq!(few.sum(), 9_000_011);
    }

    #[test]
    fn the_summary_keeps_the_exact_ends() {
        let many = durations(&(1..=1000).map(|n| n * 1_000_003).collect::<Vec<_>>());
        let figures = many.summarise().figures.unwrap();
        assert_eq!(figures.min_seconds.to_string(), "0.001000003");
        assert_eq!(figures.max_seconds.to_string(), "1.000003");
        assert!(
            (figures.p99_seconds / 0.990_002_97 - 1.0).abs() < 0.005,
            "{figures:?}"
        );
        assert_eq!(many.summarise().count, 1000);
    }

    #[test]
    fn hostile_values_are_kept_in_range() {
        let mut odd = durations(&[0, u64::MAX, u64::MAX]);
        for _ in 0..RAW {
            odd.record(Span::from_nanos(-5));
        }
        assert_eq!(odd.at_rank(1), Span::ZERO);
        assert_eq!(odd.count(), 35);
        assert_eq!(odd.summarise().count, 35);
    }

    #[test]
    fn a_wide_spread_stays_small() {
        let wide = durations(&(0..100_000).map(|n| 50_000 + n * 40).collect::<Vec<_>>());
        let Kept::Pages(pages) = &wide.kept else {
            panic!("promoted")
        };
        assert!(
            pages.counters.len() * PAGE * 4 <= 8 * 1024,
            "{}",
            pages.counters.len()
        );
    }

    proptest! {
        #[test]
        fn every_bucket_has_a_page_of_its_own(nanos in 0..=u64::MAX) {
            prop_assert!(bucket(nanos) / PAGE < NUMBERS - 1);
        }

        #[test]
        fn every_bucket_holds_its_middle(nanos in 0..u64::MAX / 2) {
            prop_assert_eq!(bucket(middle(bucket(nanos))), bucket(nanos));
            let error = (middle(bucket(nanos)) as f64 - nanos as f64).abs();
            prop_assert!(error <= nanos as f64 * 0.002);
        }

        #[test]
        fn quantiles_are_within_one_percent(
            mut values in prop::collection::vec(1..100_000_000_000_u64, 1..500),
            share in 0.0..1.0_f64,
        ) {
            let all = durations(&values);
            values.sort_unstable();
            let truth = values[usize::try_from(rank(share, values.len() as u64)).unwrap() - 1] as f64;
            let told = all.quantile(share).nanos() as f64;
            prop_assert!((told - truth).abs() <= truth * 0.01, "{} for {}", told, truth);
        }

        #[test]
        fn adding_is_recording_both(
            left in prop::collection::vec(0..1_000_000_000_u64, 0..100),
            right in prop::collection::vec(0..1_000_000_000_u64, 0..100),
        ) {
            let mut sum = durations(&left);
            sum.add(&durations(&right));
            let both: Vec<u64> = left.iter().chain(&right).copied().collect();
            let both = durations(&both);
            prop_assert_eq!((sum.count, sum.sum, sum.min, sum.max), (both.count, both.sum, both.min, both.max));
            for percent in 0..=100 {
                let (one, other) = (sum.quantile(f64::from(percent) / 100.0), both.quantile(f64::from(percent) / 100.0));
                prop_assert!((one.nanos() - other.nanos()).abs() <= other.nanos() / 200 + 1);
            }
        }
    }
}
