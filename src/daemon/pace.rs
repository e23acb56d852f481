//! How often something is done that costs time.

use std::time::{Duration, Instant};

/// What costs much is done less often: it takes 2% of one core at most.
const REST: u32 = 50;

/// When something is to be done again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    /// So often, beginning after that time.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        let next = Instant::now() + every;
        Self { every, next }
    }

    /// Whether it is time.
    #[must_use]
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// It was done, since `begun`.
    pub fn done(&mut self, begun: Instant) {
        let now = Instant::now();
        self.next = now + self.every.max((now - begun) * REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_much_is_done_less_often() {
        let mut pace = Pace::every(Duration::ZERO);
        assert!(pace.is_due());
        pace.done(Instant::now());
        let begun = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        pace.done(begun);
        assert!(!pace.is_due());
        let wait = pace.next - Instant::now();
        assert!(wait > Duration::from_secs(49), "{wait:?}");
    }
}
