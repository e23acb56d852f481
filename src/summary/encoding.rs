//! A distribution straight from its filled buckets.
//!
//! A histogram of three digits takes some 200 KB and as long to fill as to clear; summaries with thousands of mostly
//! small distributions are made every few seconds. This writes the same bytes (`HdrHistogram`'s V2 encoding,
//! <https://github.com/HdrHistogram/HdrHistogram>) from the filled buckets alone.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, FlushCompress};

use super::{Distribution, Exact, Figures};

/// Values below this have a bucket each; above it buckets double in width every half as many.
const LINEAR: u64 = 2048;
pub(super) const DIGITS: u32 = 3;
pub(super) const COOKIE: u32 = 0x1c84_9313;
pub(super) const COMPRESSED_COOKIE: u32 = 0x1c84_9314;
const NANOS: f64 = 1e9;

/// One filled bucket.
#[derive(Clone, Copy)]
struct Bucket {
    index: u64,
    /// The highest value it holds.
    high: u64,
    count: u64,
}

impl Distribution {
    /// From nanoseconds and how often each was seen, in any order; `exact` are those of the same values.
    #[must_use]
    pub fn from_values(mut values: Vec<(u64, u64)>, exact: Exact) -> Self {
        values.retain(|&(_, count)| count > 0);
        values.sort_unstable();
        let buckets = buckets(&values);
        let count = buckets.iter().map(|bucket| bucket.count).sum();
        if count == 0 {
            return Self::default();
        }
        Self {
            count,
            figures: Some(figures(&buckets, count, exact)),
            histogram: Some(encode(&buckets)),
        }
    }
}

/// The buckets of values that rise.
fn buckets(values: &[(u64, u64)]) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::with_capacity(values.len());
    for &(value, count) in values {
        let (index, high) = place(value);
        match buckets.last_mut() {
            Some(last) if last.index == index => last.count += count,
            _ => buckets.push(Bucket { index, high, count }),
        }
    }
    buckets
}

/// The bucket of `value`: its place in the array of all buckets, and the highest value that it holds.
const fn place(value: u64) -> (u64, u64) {
    let shift = (LINEAR - 1).leading_zeros() - (value | (LINEAR - 1)).leading_zeros();
    let sub = value >> shift;
    (
        shift as u64 * (LINEAR / 2) + sub,
        (sub << shift) | ((1 << shift) - 1),
    )
}

/// The middle of the bucket at this place; `None` where no value reaches it.
pub(super) fn middle(index: u64) -> Option<u64> {
    if index < LINEAR {
        return Some(index);
    }
    let shift = u32::try_from(index / (LINEAR / 2) - 1).ok()?;
    let sub = index % (LINEAR / 2) + LINEAR / 2;
    let low = sub.checked_shl(shift).filter(|low| low >> shift == sub)?;
    Some(low + (1 << shift) / 2)
}

fn figures(buckets: &[Bucket], count: u64, exact: Exact) -> Figures {
    let at = |share: f64| seconds(at_share(buckets, count, share).clamp(exact.min, exact.max.max(exact.min)));
    Figures {
        min_seconds: seconds(exact.min),
        mean_seconds: exact.sum as f64 / count as f64 / NANOS,
        p50_seconds: at(0.5),
        p90_seconds: at(0.9),
        p95_seconds: at(0.95),
        p99_seconds: at(0.99),
        p999_seconds: at(0.999),
        max_seconds: seconds(exact.max),
    }
}

#[allow(clippy::cast_sign_loss, reason = "a share of a count is not negative")]
fn at_share(buckets: &[Bucket], count: u64, share: f64) -> u64 {
    let rank = ((share * count as f64).ceil() as u64).max(1);
    let mut below = 0;
    let reached = buckets.iter().find(|bucket| {
        below += bucket.count;
        below >= rank
    });
    reached.or(buckets.last()).map_or(0, |bucket| bucket.high)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS
}

fn encode(buckets: &[Bucket]) -> String {
    let plain = plain(buckets);
    let compressed = deflate(&plain);
    let mut whole = Vec::with_capacity(compressed.len() + 8);
    whole.extend(COMPRESSED_COOKIE.to_be_bytes());
    whole.extend((compressed.len() as u32).to_be_bytes());
    whole.extend(compressed);
    STANDARD.encode(whole)
}

/// The V2 encoding: a header, then counts, runs of empty buckets as negative numbers.
fn plain(buckets: &[Bucket]) -> Vec<u8> {
    let mut counts = Vec::with_capacity(buckets.len() * 3);
    let mut next = 0;
    for bucket in buckets {
        match bucket.index - next {
            0 => {}
            1 => zig_zag(0, &mut counts),
            empty => zig_zag(-empty.cast_signed(), &mut counts),
        }
        zig_zag(bucket.count.cast_signed(), &mut counts);
        next = bucket.index + 1;
    }
    let highest = buckets.last().map_or(2, |bucket| bucket.high.max(2));
    let mut plain = Vec::with_capacity(counts.len() + 40);
    plain.extend(COOKIE.to_be_bytes());
    plain.extend((counts.len() as u32).to_be_bytes());
    plain.extend(0_u32.to_be_bytes()); // normalising offset
    plain.extend(DIGITS.to_be_bytes());
    plain.extend(1_u64.to_be_bytes()); // lowest value told from zero
    plain.extend(highest.to_be_bytes());
    plain.extend(1.0_f64.to_be_bytes()); // to whole numbers and back
    plain.extend(counts);
    plain
}

/// LEB128 of at most nine bytes, the ninth of which is whole.
fn zig_zag(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    for _ in 0..8 {
        if rest < 0x80 {
            break;
        }
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// zlib's format, by one compressor a thread: making one takes longer than using it.
fn deflate(plain: &[u8]) -> Vec<u8> {
    thread_local! {
        static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), true));
    }
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        // What can't be compressed grows by no more than this.
        let mut out = Vec::with_capacity(plain.len() + plain.len() / 1000 + 64);
        // With room for all of it this ends in one step.
        let _ = compress.compress_vec(plain, &mut out, FlushCompress::Finish);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Serializer, V2Serializer};

    fn exact(values: &[(u64, u64)]) -> Exact {
        Exact {
            min: values.iter().map(|it| it.0).min().unwrap_or(0),
            max: values.iter().map(|it| it.0).max().unwrap_or(0),
            sum: values.iter().map(|it| u128::from(it.0) * u128::from(it.1)).sum(),
        }
    }

    fn library(values: &[(u64, u64)]) -> Histogram<u64> {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        for &(value, count) in values {
            histogram.record_n(value, count).unwrap();
        }
        histogram
    }

    fn sets() -> Vec<Vec<(u64, u64)>> {
        let hour = 3_600_000_000_000;
        let mut many: Vec<(u64, u64)> = (0..5000).map(|n| (n * n * 977 % hour + 1, n % 7 + 1)).collect();
        many.push((hour, 300_000_000));
        vec![
            vec![(1, 1)],
            vec![(0, 3), (2047, 1), (2048, 2), (2049, 1)],
            vec![(850_000, 1), (1, 2), (850_001, 70_000), (u64::MAX / 4, 1)],
            many,
        ]
    }

    #[test]
    fn every_bucket_is_the_librarys() {
        for shift in 0..62 {
            for near in [(1_u64 << shift) - 1, 1 << shift, (1 << shift) + 1] {
                let histogram = library(&[(near, 1), (u64::MAX / 4, 1)]);
                assert_eq!(place(near).1, histogram.highest_equivalent(near), "{near}");
            }
        }
    }

    #[test]
    fn is_read_back_by_the_library() {
        for values in sets() {
            let told = Distribution::from_values(values.clone(), exact(&values));
            let expected = library(&values);
            assert_eq!(told.decode().unwrap().unwrap(), expected);
            assert_eq!(told.count, expected.len());
        }
    }

    #[test]
    fn counts_are_written_as_the_library_writes_them() {
        for values in sets() {
            let mut theirs = Vec::new();
            V2Serializer::new()
                .serialize(&library(&values), &mut theirs)
                .unwrap();
            let mut sorted = values;
            sorted.sort_unstable();
            let ours = plain(&buckets(&sorted));
            assert_eq!(ours[40..], theirs[40..]);
            assert_eq!(
                (&ours[..24], &ours[32..40]),
                (&theirs[..24], &theirs[32..40]),
                "all but the highest value"
            );
        }
    }

    #[test]
    fn figures_are_those_of_the_histogram() {
        for values in sets() {
            let direct = Distribution::from_values(values.clone(), exact(&values));
            let through = Distribution::new(&library(&values), Some(exact(&values)));
            assert_eq!(direct.figures, through.figures, "{values:?}");
        }
        assert_eq!(
            Distribution::from_values(vec![(5, 0)], exact(&[])),
            Distribution::default()
        );
    }
}
