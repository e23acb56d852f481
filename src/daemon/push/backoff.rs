//! How long to wait before the next try.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// A collector that asks for more is asked again all the same.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// Doubles with each try, up to a minute; spread, so that many hosts do not come back at once.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// All is well again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next wait: what the collector asks for, from a second to an hour, or else our own.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = FIRST * 2_u32.saturating_pow(self.tries.min(16));
        self.tries += 1;
        match asked {
            Some(asked) => asked.clamp(FIRST, LONGEST_ASKED),
            None => doubled.min(LONGEST).mul_f64(spread()),
        }
    }
}

/// From 0.5 to 1.
fn spread() -> f64 {
    let random = RandomState::new().hash_one(0);
    0.5 + (random >> 11) as f64 / (1_u64 << 53) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_a_minute_and_begins_anew() {
        let mut backoff = Backoff::default();
        for tries in 0..100 {
            let most = Duration::from_secs(1 << tries.min(6)).min(LONGEST);
            let wait = backoff.next(None);
            assert!(wait <= most && wait >= most / 2, "{tries}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
    }

    #[test]
    fn the_collector_is_obeyed() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.next(Some(Duration::ZERO)), FIRST, "but never at once");
        assert_eq!(backoff.next(Some(Duration::MAX)), LONGEST_ASKED);
    }
}
