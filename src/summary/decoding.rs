//! A distribution's filled buckets straight from its bytes: the way back of [`encoding`](super::encoding).
//!
//! The library's histogram takes some 200 KB to hold a handful of values; totals read thousands of distributions every few
//! seconds.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};

use super::encoding::{COMPRESSED_COOKIE, COOKIE, DIGITS, middle};
use super::{Distribution, HistogramError};

/// No histogram of 3 digits is longer.
const LONGEST: usize = 1 << 20;
/// Bytes before the counts.
const HEADER: usize = 40;

impl Distribution {
    /// The middles of the filled buckets in nanoseconds, rising, and how many values each holds. Every value of a bucket is within
    /// 0.05% of its middle.
    pub fn middles(&self) -> Result<Vec<(u64, u64)>, HistogramError> {
        let text = self.histogram.as_deref().unwrap_or_default();
        let found = STANDARD.decode(text).ok().and_then(|bytes| sparse(&bytes));
        match found.filter(|middles| total(middles) == Some(self.count)) {
            Some(middles) => Ok(middles),
            None => self.through_library(),
        }
    }

    /// The same for histograms of other makers, and the reason where it is none.
    fn through_library(&self) -> Result<Vec<(u64, u64)>, HistogramError> {
        let Some(histogram) = self.decode()? else {
            return Ok(Vec::new());
        };
        let buckets = histogram.iter_recorded();
        Ok(buckets
            .map(|bucket| {
                let value = bucket.value_iterated_to();
                (histogram.median_equivalent(value), bucket.count_at_value())
            })
            .collect())
    }
}

fn total(middles: &[(u64, u64)]) -> Option<u64> {
    middles.iter().try_fold(0_u64, |sum, it| sum.checked_add(it.1))
}

/// The buckets of what this program wrote; `None` for anything else.
fn sparse(whole: &[u8]) -> Option<Vec<(u64, u64)>> {
    let (cookie, rest) = whole.split_first_chunk()?;
    let (length, compressed) = rest.split_first_chunk()?;
    let is_whole = u32::from_be_bytes(*length) as usize == compressed.len();
    if !is_whole || u32::from_be_bytes(*cookie) != COMPRESSED_COOKIE {
        return None;
    }
    inflated(compressed, buckets)?
}

/// Calls `read` with what was compressed, in a buffer that a thread keeps.
fn inflated<T>(compressed: &[u8], read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    thread_local! {
        static INFLATE: RefCell<(Decompress, Vec<u8>)> = RefCell::new((Decompress::new(true), Vec::new()));
    }
    INFLATE.with_borrow_mut(|(decompress, plain)| {
        decompress.reset(true);
        plain.clear();
        plain.reserve(4 * compressed.len() + 4096);
        loop {
            let eaten = usize::try_from(decompress.total_in()).ok()?;
            let before = plain.len();
            let rest = compressed.get(eaten..)?;
            match decompress
                .decompress_vec(rest, plain, FlushDecompress::Finish)
                .ok()?
            {
                Status::StreamEnd => return Some(read(plain)),
                _ if plain.len() == plain.capacity() && plain.len() < LONGEST => plain.reserve(plain.len()),
                _ if plain.len() > before => {}
                _ => return None,
            }
        }
    })
}

/// The V2 encoding: a header, then counts, runs of empty buckets as negative numbers.
fn buckets(plain: &[u8]) -> Option<Vec<(u64, u64)>> {
    let field = |at: usize| plain.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
    let is_ours =
        field(0)? == COOKIE && field(8)? == 0 && field(12)? == DIGITS && (field(16)?, field(20)?) == (0, 1);
    let mut counts = plain
        .get(HEADER..)
        .filter(|counts| field(4).is_some_and(|it| it as usize == counts.len()))?;
    let mut found = Vec::new();
    let mut index = 0_u64;
    while is_ours && !counts.is_empty() {
        let number = zig_zag(&mut counts)?;
        match u64::try_from(number) {
            Ok(count) => {
                found.extend((count > 0).then_some((middle(index)?, count)));
                index += 1;
            }
            Err(_) => index = index.checked_add(number.unsigned_abs())?,
        }
    }
    is_ours.then_some(found)
}

/// LEB128 of at most nine bytes, the ninth of which is whole.
fn zig_zag(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let is_last = place == 8 || byte < 0x80;
        let bits = if place == 8 { byte } else { byte & 0x7f };
        number |= u64::from(bits) << (7 * place);
        if is_last {
            break;
        }
    }
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Exact;
    use crate::summary::sample::spread;
    use hdrhistogram::Histogram;

    fn distributions() -> Vec<Distribution> {
        let values = |values: &[(u64, u64)]| {
            let exact = Exact {
                min: values[0].0,
                max: values[values.len() - 1].0,
                sum: 1,
            };
            Distribution::from_values(values.to_vec(), exact)
        };
        let every: Vec<(u64, u64)> = (0..60_000).map(|n| (n * n * 977 + 1, n % 300 + 1)).collect();
        vec![
            values(&[(0, 1)]),
            values(&[(1, 1)]),
            values(&[(0, 3), (2047, 1), (2048, 2), (2049, 1)]),
            values(&[(850_000, 1), (850_001, u64::MAX / 8), (u64::MAX / 4, 1)]),
            values(&every),
            spread(3000, 850_000),
            spread(2, 7),
        ]
    }

    #[test]
    fn is_what_the_library_reads() {
        for distribution in distributions() {
            let bytes = STANDARD
                .decode(distribution.histogram.as_deref().unwrap())
                .unwrap();
            let direct = sparse(&bytes).unwrap();
            assert_eq!(direct, distribution.through_library().unwrap());
            assert_eq!(distribution.middles().unwrap(), direct);
        }
        assert_eq!(Distribution::default().middles().unwrap(), []);
    }

    #[test]
    fn other_makers_are_read_too() {
        let mut coarse = Histogram::<u64>::new(2).unwrap();
        coarse.record_n(123_456, 7).unwrap();
        let middles = Distribution::new(&coarse, None).middles().unwrap();
        assert_eq!((middles.len(), middles[0].1), (1, 7));
        assert!((middles[0].0 as f64 / 123_456.0 - 1.0).abs() < 0.01);
    }

    #[test]
    fn damage_is_refused_and_never_panics() {
        let whole = distributions().swap_remove(5);
        let bytes = STANDARD.decode(whole.histogram.as_deref().unwrap()).unwrap();
        for at in 0..bytes.len() {
            assert_eq!(sparse(&bytes[..at]), None, "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let _ = sparse(&damaged);
        }
        let mut plain = Vec::new();
        inflated(&bytes[8..], |bytes| plain.extend_from_slice(bytes)).unwrap();
        for at in 0..plain.len() {
            let mut damaged = plain.clone();
            damaged[at] = 0xff;
            let _ = buckets(&damaged);
            let _ = buckets(&plain[..at]);
        }
        let lie = Distribution { count: 1, ..whole };
        assert!(matches!(
            lie.middles(),
            Err(HistogramError::Count { count: 1, .. })
        ));
    }
}
