//! How many connections of a pool are held, as exact time at each level.

use crate::clock::{Span, Timestamp};

/// One stretch of watching.
#[derive(Clone, Debug, Default)]
struct Stretch {
    /// Nanoseconds at each level, or at every so many.
    at_level: Vec<u64>,
    peak: u32,
    /// How often neighbouring levels were taken together.
    halvings: u8,
}

/// Demand over the demand window: since the watch began, or where the watch is endless, over the window that
/// [`Demand::turn`] moves along.
#[derive(Clone, Debug)]
pub struct Demand {
    level: u32,
    since: Timestamp,
    now: Stretch,
    before: Option<Box<Stretch>>,
}

impl Demand {
    /// None, from `start` on.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            level: 0,
            since: start,
            now: Stretch::default(),
            before: None,
        }
    }

    /// How many are held.
    #[must_use]
    pub const fn level(&self) -> u32 {
        self.level
    }

    /// One more is held. What comes out of order counts from the latest time seen.
    #[inline]
    pub fn rise(&mut self, at: Timestamp) {
        self.pass(at);
        self.level += 1;
        self.now.peak = self.now.peak.max(self.level);
    }

    /// A connection joins that was used elsewhere, where up to `peak` were held at once: it may have been held beside all
    /// that were held here. For how long can't be known: the level is told with no time at it.
    pub fn may_have_reached(&mut self, peak: u32) {
        if self.peak() < peak {
            self.now.peak = self.peak() + 1;
            let _ = self.now.slot(self.now.peak);
        }
    }

    /// One less is held.
    #[inline]
    pub fn fall(&mut self, at: Timestamp) {
        self.pass(at);
        self.level = self.level.saturating_sub(1);
    }

    /// Takes the level as given, for a pool that is split off another.
    pub fn restart_at(&mut self, level: u32, at: Timestamp) {
        self.pass(at);
        self.level = level;
        self.now.peak = self.now.peak.max(level);
    }

    /// Counts the time up to `at`.
    #[inline]
    pub fn pass(&mut self, at: Timestamp) {
        let spent = at.since(self.since).nanos();
        if spent > 0 {
            *self.now.slot(self.level) += spent.unsigned_abs();
            self.since = at;
        }
    }

    /// The most that were held at once in the window.
    #[must_use]
    pub fn peak(&self) -> u32 {
        self.now
            .peak
            .max(self.before.as_ref().map_or(0, |before| before.peak))
    }

    /// For how long demand was watched, up to the last time passed.
    #[must_use]
    pub fn observed(&self) -> Span {
        let nanos: u64 = self.stretches().flat_map(|stretch| &stretch.at_level).sum();
        Span::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// Connection-time held: each level times the time at it, in nanoseconds.
    #[must_use]
    pub fn held(&self) -> u128 {
        let product = |(level, nanos): (u32, u64)| u128::from(level) * u128::from(nanos);
        self.stretches().flat_map(Stretch::levels).map(product).sum()
    }

    /// Each level with the time at it, levels never seen left out. The highest may have been reached for no known time.
    #[must_use]
    pub fn levels(&self) -> Vec<(u64, Span)> {
        let mut sum: Vec<u64> = Vec::new();
        for (level, nanos) in self.stretches().flat_map(Stretch::levels) {
            let index = level as usize;
            sum.resize(sum.len().max(index + 1), 0);
            sum[index] += nanos;
        }
        let peak = u64::from(self.peak());
        let seen = (0..).zip(sum);
        let seen = seen.filter(|(level, nanos)| *nanos > 0 || (*level == peak && peak > 0));
        seen.map(|(level, nanos)| (level, Span::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))))
            .collect()
    }

    /// Forgets all but what was seen since the last turn: called every half window, the window is at least a half
    /// and at most a whole.
    pub fn turn(&mut self) {
        let fresh = Stretch {
            peak: self.level,
            ..Stretch::default()
        };
        self.before = Some(Box::new(std::mem::replace(&mut self.now, fresh)));
    }

    /// Forgets all but the peak, which was reached for no known time.
    pub fn watch_anew(&mut self, at: Timestamp) {
        self.pass(at);
        let peak = self.peak();
        self.before = None;
        self.now = Stretch {
            peak,
            ..Stretch::default()
        };
        let _ = self.now.slot(peak);
    }

    /// Bytes that the levels take.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.stretches()
            .map(|stretch| stretch.at_level.capacity() * size_of::<u64>())
            .sum()
    }

    /// Takes each two neighbouring levels as the higher one, so that they take half as much: demand is told as higher than it was, but
    /// its peak as it was.
    pub fn halve(&mut self) {
        self.now.halve();
        if let Some(before) = &mut self.before {
            before.halve();
        }
    }

    /// Whether levels were taken together.
    #[must_use]
    pub fn is_coarse(&self) -> bool {
        self.stretches().any(|stretch| stretch.halvings > 0)
    }

    fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.before.as_deref().into_iter().chain([&self.now])
    }
}

impl Stretch {
    #[inline]
    fn slot(&mut self, level: u32) -> &mut u64 {
        let index = level.div_ceil(1 << self.halvings) as usize;
        if index >= self.at_level.len() {
            self.grow(index);
        }
        &mut self.at_level[index]
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        self.at_level.resize(index + 1, 0);
    }

    /// Each level with the nanoseconds at it.
    fn levels(&self) -> impl Iterator<Item = (u32, u64)> {
        let level = |index: u32| (index << self.halvings).min(self.peak);
        (0..)
            .zip(&self.at_level)
            .map(move |(index, &nanos)| (level(index), nanos))
    }

    fn halve(&mut self) {
        if self.at_level.len() < 3 || self.halvings == 31 {
            return;
        }
        let (none, some) = self.at_level.split_at(1);
        let pairs = some.chunks(2).map(|pair| pair.iter().sum());
        self.at_level = none.iter().copied().chain(pairs).collect();
        self.halvings += 1;
    }
}

/// Connections needed for this peak: none without demand, else the peak and `headroom` percent more, at least 1 more.
#[allow(
    clippy::cast_sign_loss,
    reason = "settings refuse a negative headroom; here it counts as none"
)]
#[must_use]
pub fn needed(peak: u32, headroom: f64) -> u32 {
    match peak {
        0 => 0,
        peak => peak.saturating_add(((f64::from(peak) * headroom / 100.0).ceil() as u32).max(1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    fn levels(demand: &Demand) -> Vec<(u64, i64)> {
        let seconds = |(level, span): (u64, Span)| (level, span.nanos() / 1_000_000_000);
        demand.levels().into_iter().map(seconds).collect()
    }

    #[test]
    fn counts_exact_seconds_at_each_level() {
        let mut demand = Demand::new(at(0));
        demand.rise(at(2));
        demand.rise(at(3));
        demand.rise(at(3));
        demand.fall(at(7));
        demand.fall(at(7));
        demand.fall(at(8));
        demand.pass(at(10));
        assert_eq!(levels(&demand), [(0, 4), (1, 2), (3, 4)]);
        assert_eq!((demand.peak(), demand.observed()), (3, Span::from_secs(10)));
        assert_eq!(demand.held(), 14_000_000_000);
    }

    #[test]
    fn coarser_levels_are_no_lower_and_keep_time_and_peak() {
        let mut demand = Demand::new(at(0));
        for second in 1..=7 {
            demand.rise(at(second));
        }
        demand.pass(at(17));
        assert_eq!(levels(&demand)[5..], [(5, 1), (6, 1), (7, 10)]);
        let kept = demand.kept();
        demand.halve();
        assert_eq!(levels(&demand), [(0, 1), (2, 2), (4, 2), (6, 2), (7, 10)]);
        assert!(demand.is_coarse() && demand.kept() < kept);
        demand.halve();
        assert_eq!(levels(&demand), [(0, 1), (4, 4), (7, 12)]);
        demand.rise(at(20));
        demand.fall(at(21));
        assert_eq!(levels(&demand), [(0, 1), (4, 4), (8, 16)]);
        assert_eq!((demand.peak(), demand.observed()), (8, Span::from_secs(21)));
        demand.turn();
        demand.fall(at(23));
        assert_eq!(levels(&demand), [(0, 1), (4, 4), (7, 2), (8, 16)]);
    }

    #[test]
    fn who_comes_from_elsewhere_may_have_been_held_beside_the_others() {
        let mut demand = Demand::new(at(0));
        demand.rise(at(1));
        demand.fall(at(2));
        (0..5).for_each(|_| demand.may_have_reached(3));
        demand.pass(at(4));
        assert_eq!(demand.peak(), 3);
        assert_eq!(levels(&demand), [(0, 3), (1, 1), (3, 0)]);
        demand.may_have_reached(2);
        assert_eq!(demand.peak(), 3);
    }

    #[test]
    fn the_window_forgets_old_peaks() {
        let mut demand = Demand::new(at(0));
        (0..5).for_each(|_| demand.rise(at(1)));
        (0..4).for_each(|_| demand.fall(at(2)));
        demand.pass(at(10));
        demand.turn();
        assert_eq!((demand.peak(), demand.observed()), (5, Span::from_secs(10)));
        demand.pass(at(20));
        demand.turn();
        assert_eq!((demand.peak(), demand.observed()), (1, Span::from_secs(10)));
    }

    #[test]
    fn a_watch_of_others_keeps_the_peak_and_forgets_the_time() {
        let mut demand = Demand::new(at(0));
        (0..3).for_each(|_| demand.rise(at(1)));
        (0..2).for_each(|_| demand.fall(at(2)));
        demand.watch_anew(at(10));
        demand.pass(at(14));
        assert_eq!((demand.peak(), demand.observed()), (3, Span::from_secs(4)));
        assert_eq!(levels(&demand), [(1, 4), (3, 0)]);
    }

    #[test]
    fn time_that_runs_back_adds_none() {
        let mut demand = Demand::new(at(0));
        demand.rise(at(5));
        demand.fall(at(4));
        demand.pass(at(6));
        assert_eq!(levels(&demand), [(0, 6)]);
    }

    #[test]
    fn headroom_is_at_least_one() {
        assert_eq!(
            [0, 1, 9, 10, 11, 100].map(|peak| needed(peak, 10.0)),
            [0, 2, 10, 11, 13, 110]
        );
        assert_eq!(needed(5, 0.0), 6);
        assert_eq!(needed(u32::MAX, 10.0), u32::MAX);
    }

    proptest! {
        #[test]
        fn seconds_add_up_to_what_was_watched(steps in prop::collection::vec((0..1_000_i64, any::<bool>()), 0..200)) {
            let mut demand = Demand::new(Timestamp::from_nanos(0));
            let mut now = 0;
            for (later, up) in steps {
                now += later;
                if up { demand.rise(Timestamp::from_nanos(now)) } else { demand.fall(Timestamp::from_nanos(now)) }
            }
            demand.pass(Timestamp::from_nanos(now + 7));
            prop_assert_eq!(demand.observed(), Span::from_nanos(now + 7));
            let sum: i64 = demand.levels().iter().map(|(_, span)| span.nanos()).sum();
            prop_assert_eq!(sum, now + 7);
        }
    }
}
