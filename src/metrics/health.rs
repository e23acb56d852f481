//! Whether the watch goes on, as the capture loop itself tells.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The capture loop tells of itself ten times a second; one that was silent for this long has stalled.
const PATIENCE: Duration = Duration::from_secs(5);

/// The capture loop's signs of life.
#[derive(Debug)]
pub struct Health {
    since: Instant,
    /// The latest, in milliseconds since `since`.
    beat: AtomicU64,
    interfaces: AtomicUsize,
}

/// How it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Interfaces that are watched.
    pub interfaces: usize,
    /// Since the loop last went round.
    pub silent: Duration,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Illness {
    /// The loop does not go round.
    #[error("the capture loop has not gone round for {} s", .0.as_secs())]
    Stalled(Duration),
    /// There is nothing to watch.
    #[error("no interface is watched")]
    Blind,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            beat: AtomicU64::new(0),
            interfaces: AtomicUsize::new(0),
        }
    }
}

impl Health {
    /// The loop goes round and watches so many interfaces.
    pub fn beat(&self, interfaces: usize) {
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(millis, Ordering::Relaxed);
        self.interfaces.store(interfaces, Ordering::Relaxed);
    }

    /// How it does.
    #[must_use]
    pub fn state(&self) -> State {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        State {
            interfaces: self.interfaces.load(Ordering::Relaxed),
            silent: self.since.elapsed().saturating_sub(beat),
        }
    }
}

impl State {
    /// What is wrong, if anything.
    pub fn judge(self) -> Result<(), Illness> {
        if self.silent > PATIENCE {
            return Err(Illness::Stalled(self.silent));
        }
        if self.interfaces == 0 {
            return Err(Illness::Blind);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_goes_round_is_well() {
        let health = Health::default();
        assert_eq!(health.state().judge(), Err(Illness::Blind));
        health.beat(2);
        assert_eq!(health.state().judge(), Ok(()));
        let stalled = State {
            silent: Duration::from_secs(9),
            ..health.state()
        };
        let illness = stalled.judge().unwrap_err();
        assert_eq!(illness.to_string(), "the capture loop has not gone round for 9 s");
    }
}
