//! How hard it is to keep up with the rings.

use std::iter::Sum;
use std::time::{Duration, Instant};

use super::{Counted, LiveError, LiveSource, explain};
use crate::capture::filter::program;
use crate::capture::share::Share;

/// What the rings had to bear for a while.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// For how long.
    pub over: Duration,
    /// Frames that passed the filter.
    pub passed: u64,
    /// Frames among them that the kernel dropped for want of room.
    pub lost: u64,
    /// How much of the fullest ring waits to be read, of 1.
    pub fullness: f64,
    /// How much of the time nothing was to be read, of 1.
    pub spare: f64,
}

/// Of sources that divide the frames: the one worse off says how full and how busy.
impl Sum for Load {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let nothing = Self {
            spare: 1.0,
            ..Self::default()
        };
        all.fold(nothing, |sum, one| Self {
            over: sum.over.max(one.over),
            passed: sum.passed + one.passed,
            lost: sum.lost + one.lost,
            fullness: sum.fullness.max(one.fullness),
            spare: sum.spare.min(one.spare),
        })
    }
}

/// What was told of already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    at: Instant,
    counted: Counted,
    waited: Duration,
}

impl Told {
    pub(super) fn now() -> Self {
        Self {
            at: Instant::now(),
            counted: Counted::default(),
            waited: Duration::ZERO,
        }
    }
}

impl LiveSource {
    /// The load since last asked. Costs a system call for each ring.
    pub fn load(&mut self) -> Load {
        let now = Told {
            at: Instant::now(),
            counted: self.counted(),
            waited: self.waited,
        };
        let told = std::mem::replace(&mut self.told, now);
        let over = now.at - told.at;
        let waited = now.waited.saturating_sub(told.waited).as_secs_f64();
        Load {
            over,
            passed: now.counted.passed - told.counted.passed,
            lost: now.counted.dropped - told.counted.dropped,
            fullness: self
                .watches
                .iter()
                .map(|it| it.ring.fullness())
                .fold(0.0, f64::max),
            spare: waited / over.as_secs_f64().max(1e-9),
        }
    }

    /// Lets only the connections in `share` into the rings from now on, and into those still to be opened. Frames of others that
    /// are in the rings already still come.
    ///
    /// # Errors
    /// The kernel refuses a filter: that ring goes on with the one it had.
    pub fn keep(&mut self, share: Share) -> Result<(), LiveError> {
        self.share = share;
        let mut failed = None;
        for watch in &self.watches {
            let filtered = watch
                .ring
                .filter(|framing| program(framing, &self.options.targets, share));
            failed = failed.or(filtered.err().map(|error| (watch.interface, error)));
        }
        match failed {
            Some((interface, error)) => Err(explain(&self.names.name(interface), &error)),
            None => Ok(()),
        }
    }

    /// What the kernel counted in all rings since the watch began.
    pub(super) fn counted(&mut self) -> Counted {
        let mut sum = self.closed;
        self.watches.iter_mut().for_each(|it| sum.add(it.ring.counted()));
        sum
    }
}
