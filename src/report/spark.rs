//! Whole distributions in a line each, on one logarithmic scale.

use crate::summary::Distribution;

const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Some distributions cut into the same bins.
pub struct Sparks {
    from: f64,
    to: f64,
    shares: Vec<Vec<f64>>,
}

impl Sparks {
    /// Cuts `distributions` into `bins`; `None` where there is nothing to see, or a histogram can't be read.
    pub fn new<const N: usize>(distributions: [&Distribution; N], bins: usize) -> Option<Self> {
        let figures = distributions.iter().filter_map(|it| it.figures);
        let from = figures
            .clone()
            .map(|it| it.min_seconds)
            .fold(f64::INFINITY, f64::min)
            .max(1e-9);
        let to = figures.map(|it| it.max_seconds).fold(0.0, f64::max);
        if bins == 0 || to <= from {
            return None;
        }
        let scale = Scale {
            from: from.ln(),
            width: (to / from).ln(),
            bins,
        };
        let shares = distributions
            .iter()
            .map(|it| scale.shares(it))
            .collect::<Option<Vec<_>>>()?;
        Some(Self { from, to, shares })
    }

    /// The line of one of them; its fullest bin is a full block, and none that holds anything is blank.
    pub fn line(&self, index: usize) -> String {
        let shares = self.shares(index);
        let fullest = shares.iter().copied().fold(0.0, f64::max);
        let level = |&share: &f64| LEVELS.get(height(share, fullest)).copied().unwrap_or(' ');
        shares.iter().map(level).collect::<String>().trim_end().to_owned()
    }

    /// The share of one of them in each bin.
    pub fn shares(&self, index: usize) -> &[f64] {
        self.shares.get(index).map_or(&[], Vec::as_slice)
    }

    /// The least and the greatest value, in seconds.
    pub const fn scale(&self) -> (f64, f64) {
        (self.from, self.to)
    }
}

#[allow(clippy::cast_sign_loss, reason = "shares are not negative")]
fn height(share: f64, fullest: f64) -> usize {
    if share > 0.0 && fullest > 0.0 {
        ((share / fullest * 8.0).round() as usize).clamp(1, 8)
    } else {
        0
    }
}

struct Scale {
    from: f64,
    width: f64,
    bins: usize,
}

impl Scale {
    fn shares(&self, distribution: &Distribution) -> Option<Vec<f64>> {
        let mut shares = vec![0.0; self.bins];
        let Some(histogram) = distribution.decode().ok()? else {
            return Some(shares);
        };
        for bucket in histogram.iter_recorded() {
            let bin = self.bin(bucket.value_iterated_to());
            if let Some(share) = shares.get_mut(bin) {
                *share += bucket.count_since_last_iteration() as f64 / distribution.count as f64;
            }
        }
        Some(shares)
    }

    #[allow(clippy::cast_sign_loss, reason = "clamped to what is not negative")]
    fn bin(&self, nanos: u64) -> usize {
        let seconds = (nanos as f64 / 1e9).max(1e-9);
        let position = (seconds.ln() - self.from) / self.width * self.bins as f64;
        (position.max(0.0) as usize).min(self.bins - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample::spread;

    #[test]
    fn the_faster_one_stands_further_left() {
        let (slow, fast) = (spread(1000, 900_000), spread(1000, 90_000));
        let sparks = Sparks::new([&slow, &fast], 40).unwrap();
        let peak = |index| sparks.line(index).chars().position(|c| c == '█').unwrap();
        assert!(peak(1) + 8 < peak(0), "{:?} {:?}", sparks.line(0), sparks.line(1));
        assert!(sparks.line(0).chars().count() <= 40);
    }

    #[test]
    fn nothing_to_see() {
        assert!(Sparks::new([&Distribution::default()], 40).is_none());
        assert!(
            Sparks::new([&spread(1, 5)], 40).is_none(),
            "one value has no width"
        );
    }
}
