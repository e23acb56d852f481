//! How a count went over all of a watch, however long: at most 16 samples, evenly spaced.

use crate::clock::{Span, Timestamp};

/// The most samples.
const SAMPLES: usize = 16;

/// Samples of a count; when there are too many, every other one is dropped and the spacing doubled.
#[derive(Clone, Debug)]
pub struct History {
    samples: Vec<u32>,
    every: Span,
    next: Timestamp,
}

impl History {
    /// Begins at `start` with one sample a second.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        let every = Span::from_secs(1);
        Self {
            samples: Vec::new(),
            every,
            next: start + every,
        }
    }

    /// The count was `count` up to `at`.
    #[inline]
    pub fn pass(&mut self, at: Timestamp, count: u32) {
        if self.next <= at {
            self.sample(at, count);
        }
    }

    #[cold]
    fn sample(&mut self, at: Timestamp, count: u32) {
        while self.next <= at {
            if self.samples.len() == SAMPLES {
                self.thin();
            } else {
                self.samples.push(count);
                self.next = self.next + self.every;
            }
        }
    }

    /// Keeps the second of each pair, taken a whole new spacing after the second of the pair before.
    fn thin(&mut self) {
        let mut nth = 0;
        self.samples.retain(|_| {
            nth += 1;
            nth % 2 == 0
        });
        self.next = self.next + self.every;
        self.every = self.every + self.every;
    }

    /// The samples, first to last.
    #[must_use]
    pub fn samples(&self) -> &[u32] {
        &self.samples
    }

    /// The time between two.
    #[must_use]
    pub const fn every(&self) -> Span {
        self.every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn samples_are_evenly_spaced_however_long_the_watch() {
        let mut history = History::new(at(0));
        // The count is the second it was taken in.
        (1..=1000_u32).for_each(|second| history.pass(at(i64::from(second)), second));
        let expected: Vec<u32> = (1..=15).map(|n| n * 64).collect();
        assert_eq!(history.samples(), expected);
        assert_eq!(history.every(), Span::from_secs(64));
    }

    #[test]
    fn a_year_in_one_step_is_few_steps() {
        let mut history = History::new(at(0));
        history.pass(at(31_536_000), 7);
        assert!(history.samples().iter().all(|&count| count == 7));
        assert!((8..=16).contains(&history.samples().len()));
    }
}
