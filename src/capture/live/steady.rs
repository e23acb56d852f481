//! Stamps of frames on a clock that is never set.

use crate::clock::{Span, Timestamp};
use crate::host;

/// Frames this close to the one before are on the same side of any step.
const CLOSE: i64 = 50_000_000;
/// A smaller difference is no step.
const STEP: i64 = 10_000_000;

/// Takes the steps of the wall clock, which stamps frames, out of their stamps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady {
    last: Timestamp,
    /// What the clock was set by since the process began.
    set_by: Span,
    /// The same before its last step: frames in the rings may still be stamped so.
    before: Span,
}

impl Steady {
    /// The time of a frame stamped `stamp`.
    #[inline]
    pub fn of(&mut self, stamp: Timestamp) -> Timestamp {
        let steady = stamp - self.set_by;
        if (steady.nanos() - self.last.nanos()).abs() < CLOSE {
            self.last = steady;
            return steady;
        }
        self.decide(stamp, host::now(), host::set_by())
    }

    /// The same at `now`, the clock having been set by `set_by` in all. A frame was stamped a short while ago, before or after its
    /// last step.
    #[cold]
    pub fn decide(&mut self, stamp: Timestamp, now: Timestamp, set_by: Span) -> Timestamp {
        if (set_by.nanos() - self.set_by.nanos()).abs() >= STEP {
            (self.before, self.set_by) = (self.set_by, set_by);
        }
        let age = |steady: &Timestamp| (now.nanos() - steady.nanos()).abs();
        let (late, early) = (stamp - self.set_by, stamp - self.before);
        self.last = if age(&early) < age(&late) { early } else { late };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(10 * HOUR + nanos)
    }

    /// Frames each second, of which some are stamped before the clock is set by `step` and read after it.
    fn read_over(step: i64) -> Vec<i64> {
        let mut steady = Steady::default();
        let mut times = Vec::new();
        for second in 0..10 {
            let true_time = second * 1_000_000_000;
            let (stamped, read) = (second >= 5, second >= 3);
            let stamp = at(true_time + if stamped { step } else { 0 });
            let set_by = Span::from_nanos(if read { step } else { 0 });
            // Each is read two seconds late.
            let time = steady.decide(stamp, at(true_time + 2_000_000_000), set_by);
            times.push(time.nanos() - at(0).nanos());
        }
        times
    }

    #[test]
    fn no_step_is_seen_in_any_stamp() {
        let expected: Vec<i64> = (0..10).map(|second| second * 1_000_000_000).collect();
        for step in [HOUR, -HOUR, 86_400 * 1_000_000_000, -30_000_000_000, 0] {
            assert_eq!(read_over(step), expected, "{step}");
        }
    }

    #[test]
    fn without_a_step_stamps_stay_what_they_are() {
        let mut steady = Steady::default();
        let now = host::now();
        for later in [0, 1, 40_000_000, 900_000_000, 900_000_001] {
            let stamp = now + Span::from_nanos(later);
            assert_eq!(steady.of(stamp), stamp);
        }
    }
}
