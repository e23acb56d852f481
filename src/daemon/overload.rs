//! Which share of the connections is watched: half of it where the host can't keep up, twice as much again when it long could.
//!
//! Whole connections are shed rather than packets of any: those that are still watched stay exact.

use std::time::{Duration, Instant};

use crate::capture::live::{LiveError, Load};
use crate::capture::share::Share;
use crate::host;
use crate::watch::Session;
use crate::watch::live::Live;

/// How often the load is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// What was in the rings when the share changed may still overflow them for so long.
const SETTLE: Duration = Duration::from_secs(2);
/// One frame lost in so many is too much at once; fewer are when more are lost soon.
const FEW: u64 = 100;
const SOON: Duration = Duration::from_secs(10);
/// A ring this full is nearly full ...
const NEARLY_FULL: f64 = 0.75;
/// ... and too much where it stays so for as many looks.
const STAYS: u32 = 3;
/// The load is low below this fullness, with this much of the time to spare: then twice as much would fit.
const LOW: f64 = 0.25;
const SPARE: f64 = 0.5;
/// How long the load must be low before more is watched.
const CALM: Duration = Duration::from_mins(1);
/// Where that proves too early each time, it takes longer each time, up to this.
const LONGEST_CALM: Duration = Duration::from_hours(1);

/// The share, and what speaks for another.
#[derive(Clone, Debug)]
pub struct Overload {
    share: Share,
    next_look: Instant,
    /// Nothing is judged before.
    settled: Instant,
    /// When few frames were lost lately.
    lost_few: Option<Instant>,
    /// Looks in a row at a nearly full ring.
    full: u32,
    /// For how long the load was low, since it was last too much.
    calm: Duration,
    /// How long that must be before more is watched.
    patience: Duration,
    least_patience: Duration,
    widened: Option<Instant>,
}

/// Another share is watched from now on.
#[derive(Debug)]
pub struct Change {
    /// Which.
    pub share: Share,
    /// Whether it is smaller than before.
    pub narrowed: bool,
    /// What is to be said of it.
    pub words: String,
    /// Why the kernel did not change its filter: the others' frames still come, and are passed over.
    pub refused: Option<LiveError>,
}

impl Default for Overload {
    fn default() -> Self {
        Self::with_patience(CALM)
    }
}

impl Overload {
    /// More is watched once the load was low for `patience`.
    #[must_use]
    pub fn with_patience(patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            share: Share::ALL,
            next_look: now + LOOK,
            settled: now,
            lost_few: None,
            full: 0,
            calm: Duration::ZERO,
            patience,
            least_patience: patience,
            widened: None,
        }
    }

    /// Looks at the load once a second; where another share is to be watched, `live` and `session` do so from now on.
    pub fn look(&mut self, live: &mut Live, session: &mut Session) -> Option<Change> {
        let now = Instant::now();
        if now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK;
        let mut change = self.weigh(&live.load(), now)?;
        change.refused = live.keep(change.share).err();
        session.keep(change.share, host::now());
        Some(change)
    }

    /// What follows from the load since the last look.
    pub fn weigh(&mut self, load: &Load, now: Instant) -> Option<Change> {
        let trouble = self.trouble(load, now);
        if now < self.settled {
            return None;
        }
        if let Some(trouble) = trouble {
            self.calm = Duration::ZERO;
            return self.narrow(&trouble, now);
        }
        if load.lost == 0 && load.fullness < LOW && load.spare >= SPARE {
            // Time that the host slept is no evidence.
            self.calm += load.over.min(LOOK * 2);
        }
        if self.calm < self.patience {
            return None;
        }
        self.calm = Duration::ZERO;
        self.widen(now)
    }

    /// What is too much, in words.
    fn trouble(&mut self, load: &Load, now: Instant) -> Option<String> {
        self.full = if load.fullness < NEARLY_FULL {
            0
        } else {
            self.full + 1
        };
        if load.lost > 0 {
            let again = self.lost_few.replace(now);
            let again = again.is_some_and(|before| now - before < SOON);
            return (again || load.lost >= load.passed / FEW).then(|| {
                let over = load.over.as_secs_f64().round().max(1.0);
                let over = if over > 1.0 {
                    format!("{over} s")
                } else {
                    "second".to_owned()
                };
                format!("{} frames lost in the last {over}", load.lost)
            });
        }
        (self.full >= STAYS).then(|| format!("the rings were nearly full for {} s", self.full))
    }

    fn narrow(&mut self, trouble: &str, now: Instant) -> Option<Change> {
        let share = self.share.narrowed();
        if share == self.share {
            return None;
        }
        if self
            .widened
            .is_some_and(|widened| now - widened < self.patience * 2)
        {
            self.patience = (self.patience * 2).min(LONGEST_CALM.max(self.least_patience));
        }
        self.full = 0;
        let words = format!(
            "overload: {trouble}; watching 1 connection in {} from now on",
            share.one_in()
        );
        Some(self.change(share, words, now))
    }

    fn widen(&mut self, now: Instant) -> Option<Change> {
        let share = self.share.widened();
        if share == self.share {
            // All is watched, and was for long: the next overload is a new one.
            self.patience = self.least_patience;
            return None;
        }
        self.widened = Some(now);
        let words = if share.is_all() {
            "overload is over: watching every connection from now on".to_owned()
        } else {
            format!(
                "overload eases: watching 1 connection in {} from now on",
                share.one_in()
            )
        };
        Some(self.change(share, words, now))
    }

    fn change(&mut self, share: Share, words: String, now: Instant) -> Change {
        let narrowed = share < self.share;
        self.share = share;
        self.settled = now + SETTLE;
        Change {
            share,
            narrowed,
            words,
            refused: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock of looks, one a second.
    struct Bench {
        overload: Overload,
        now: Instant,
    }

    const LIGHT: Load = Load {
        over: LOOK,
        passed: 1_000,
        lost: 0,
        fullness: 0.0,
        spare: 0.9,
    };
    const LOSING: Load = Load { lost: 500, ..LIGHT };

    impl Bench {
        fn new() -> Self {
            Self {
                overload: Overload::default(),
                now: Instant::now(),
            }
        }

        /// What was said in so many seconds of this load.
        fn looks(&mut self, seconds: u32, load: &Load) -> Vec<(u32, String)> {
            let mut said = Vec::new();
            for second in 1..=seconds {
                self.now += LOOK;
                let change = self.overload.weigh(load, self.now);
                said.extend(change.map(|change| (second, change.words)));
            }
            said
        }

        fn one_in(&self) -> u32 {
            self.overload.share.one_in()
        }
    }

    #[test]
    fn lost_frames_halve_the_share_down_to_the_least() {
        let mut bench = Bench::new();
        let said = bench.looks(60, &LOSING);
        let at: Vec<u32> = said.iter().map(|(second, _)| *second).collect();
        assert_eq!(at, [1, 3, 5, 7, 9, 11], "{said:?}");
        assert_eq!(
            said[0].1,
            "overload: 500 frames lost in the last second; watching 1 connection in 2 from now on"
        );
        assert_eq!(bench.one_in(), 64);
    }

    #[test]
    fn few_lost_frames_are_forgiven_once() {
        let few = Load { lost: 3, ..LIGHT };
        let mut bench = Bench::new();
        assert!(bench.looks(1, &few).is_empty() && bench.looks(20, &LIGHT).is_empty());
        assert!(bench.looks(1, &few).is_empty(), "long after");
        assert_eq!(bench.looks(1, &few).len(), 1, "soon after");
    }

    #[test]
    fn a_ring_that_stays_nearly_full_halves_it_before_anything_is_lost() {
        let full = Load {
            fullness: 0.8,
            spare: 0.0,
            ..LIGHT
        };
        let mut bench = Bench::new();
        assert!(bench.looks(2, &full).is_empty());
        bench.looks(1, &LIGHT);
        let said = bench.looks(3, &full);
        assert_eq!(
            said[0].1,
            "overload: the rings were nearly full for 3 s; watching 1 connection in 2 from now on"
        );
    }

    #[test]
    fn a_low_load_doubles_it_step_by_step() {
        let mut bench = Bench::new();
        bench.looks(3, &LOSING);
        assert_eq!(bench.one_in(), 4);
        let said = bench.looks(200, &LIGHT);
        let words: Vec<&str> = said.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(
            words,
            [
                "overload eases: watching 1 connection in 2 from now on",
                "overload is over: watching every connection from now on"
            ]
        );
        assert!(said[0].0 >= 60 && said[1].0 >= said[0].0 + 60, "{said:?}");
    }

    #[test]
    fn a_load_that_just_fits_changes_nothing() {
        let busy = Load { spare: 0.3, ..LIGHT };
        let mut bench = Bench::new();
        bench.looks(1, &LOSING);
        assert!(bench.looks(10_000, &busy).is_empty());
        assert_eq!(bench.one_in(), 2);
    }

    /// A load that looks low at half of the share and is too much at the whole.
    #[test]
    fn trying_in_vain_becomes_rare() {
        let mut bench = Bench::new();
        let mut changes = 0;
        for _ in 0..86_400 {
            let load = if bench.one_in() == 1 { &LOSING } else { &LIGHT };
            changes += bench.looks(1, load).len();
        }
        assert!((24..=64).contains(&changes), "{changes} a day");
        assert_eq!(bench.overload.patience, LONGEST_CALM);
        bench.looks(20_000, &LIGHT);
        assert_eq!(bench.overload.patience, CALM, "forgotten after a long calm");
    }
}
