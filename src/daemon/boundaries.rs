//! When an interval ends: at multiples of its length since the epoch, so that those of several hosts line up.

use crate::clock::{Span, Timestamp};

/// The ends of intervals.
#[derive(Clone, Copy, Debug)]
pub struct Boundaries {
    interval: Span,
    next: Timestamp,
    /// The wall clock is ahead by this.
    ahead: Span,
}

impl Boundaries {
    /// Every `interval`, the first one after `now`; an interval is one nanosecond at least.
    #[must_use]
    pub fn new(interval: Span, now: Timestamp) -> Self {
        let mut boundaries = Self {
            interval: interval.max(Span::from_nanos(1)),
            next: now,
            ahead: Span::ZERO,
        };
        boundaries.next = boundaries.after(now);
        boundaries
    }

    /// The wall clock, by which intervals end, is ahead of the times here by so much from `now` on.
    pub fn follow(&mut self, ahead: Span, now: Timestamp) {
        self.ahead = ahead;
        self.next = self.after(now);
    }

    /// The end of the interval at hand.
    #[must_use]
    pub const fn next(&self) -> Timestamp {
        self.next
    }

    /// The boundary that `now` has reached, if any. Where several have gone by at once (the host slept, the clock was set
    /// forward) the interval ends at the first of them and the next one is longer: never a flood of empty summaries.
    /// Where the clock was set back, the next boundary comes with it.
    pub fn due(&mut self, now: Timestamp) -> Option<Timestamp> {
        let reached = (now >= self.next).then_some(self.next);
        let was_set_back = now + self.interval + self.interval < self.next;
        if reached.is_some() || was_set_back {
            self.next = self.after(now);
        }
        reached
    }

    fn after(&self, now: Timestamp) -> Timestamp {
        let length = self.interval.nanos();
        let gone = (now + self.ahead).nanos().rem_euclid(length);
        now + Span::from_nanos(length - gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn boundaries_are_multiples_of_the_interval() {
        let mut boundaries = Boundaries::new(Span::from_secs(10), at(1_003));
        assert_eq!(boundaries.due(at(1_009)), None);
        assert_eq!(boundaries.due(at(1_010)), Some(at(1_010)));
        assert_eq!(boundaries.due(at(1_010)), None, "once");
        assert_eq!(boundaries.next(), at(1_020));
    }

    #[test]
    fn a_clock_set_forward_makes_one_long_interval() {
        let mut boundaries = Boundaries::new(Span::from_secs(10), at(1_003));
        assert_eq!(boundaries.due(at(9_999)), Some(at(1_010)));
        assert_eq!(boundaries.next(), at(10_000));
    }

    #[test]
    fn a_clock_set_back_is_followed() {
        let mut boundaries = Boundaries::new(Span::from_secs(10), at(9_003));
        assert_eq!(boundaries.due(at(1_003)), None);
        assert_eq!(boundaries.due(at(1_011)), Some(at(1_010)));
    }

    #[test]
    fn intervals_end_by_the_clock_as_it_is_and_are_never_longer_for_it() {
        for ahead in [3_607, -907] {
            let mut boundaries = Boundaries::new(Span::from_secs(10), at(1_003));
            boundaries.follow(Span::from_secs(ahead), at(1_004));
            let next = boundaries.next();
            assert!(next > at(1_004) && next <= at(1_014), "{next}");
            assert_eq!((next.nanos() / 1_000_000_000 + ahead) % 10, 0);
            assert_eq!(boundaries.due(next), Some(next));
        }
    }

    #[test]
    fn no_interval_is_too_short() {
        let mut boundaries = Boundaries::new(Span::ZERO, at(1));
        assert!(boundaries.due(at(2)).is_some());
    }
}
