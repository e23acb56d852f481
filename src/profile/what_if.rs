//! How long requests would have waited, had the pool been smaller: the arrivals and holding times that were seen, replayed
//! first come first served as they happen.
//!
//! A replay can run along with the traffic, because no hold can end earlier in it than it did in truth. As long as no
//! request ever had to wait at a size, its replay *is* the truth and costs nothing: only sizes that have somebody waiting, or
//! still feel that somebody waited, are *astray* and simulated. Sizes never exceeded by the level need no replay at all.

mod current;

use std::collections::VecDeque;

use current::Current;

use super::durations::{Durations, rank};
use crate::clock::{Span, Timestamp};
use crate::exchange::ConnectionId;

/// Sizes replayed at once; when more come into play, the smallest are given up.
const SIZES: usize = 24;
/// Holds remembered while they wait; when more would be, the sizes furthest behind are given up.
const BACKLOG: usize = 4096;
/// Holds that began late in some replay and go on, of all replays; when more would, the same.
const LATE: usize = 4 * BACKLOG;
/// Holds kept at least before it is looked at which of them are still needed.
const UNSETTLED: usize = 32;
/// So near the limit it is looked at each time.
const NEARLY_FULL: usize = BACKLOG - UNSETTLED;

/// The replays of one pool.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    /// Holds that began.
    arrivals: u64,
    /// In rising order; each was exceeded by the level at some time. Those given up are gone.
    replays: Vec<Replay>,
    /// The largest size ever replayed.
    covered: u32,
    /// Replays that are astray, or were when it was last looked: zero only where none is.
    astray: usize,
    /// Holds from the first that some replay has not begun yet; numbered from `first`.
    holds: VecDeque<Hold>,
    first: u64,
    /// So many holds needed no look at which are still needed.
    settled: usize,
    /// The hold that each connection is in, of those numbered.
    current: Current,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    arrival: Timestamp,
    /// Known once it ended.
    length: Option<Span>,
}

/// What happened at one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Waits {
    /// Connections in the pool.
    pub size: u32,
    /// 99 of 100 waited no longer.
    pub p99: Span,
    /// The longest wait.
    pub max: Span,
    /// The share of requests that waited at all.
    pub share: f64,
}

impl Waits {
    /// Nobody waits at this size.
    #[must_use]
    pub const fn none(size: u32) -> Self {
        Self {
            size,
            p99: Span::ZERO,
            max: Span::ZERO,
            share: 0.0,
        }
    }
}

impl WhatIf {
    /// A connection is taken into use while `level` others were held.
    pub fn arrive(&mut self, id: ConnectionId, at: Timestamp, level: u32) {
        self.arrivals += 1;
        if level > self.covered {
            self.cover(level);
        }
        let waits_nowhere = self.replays.first().is_none_or(|least| least.size > level);
        if self.astray == 0 && waits_nowhere {
            return;
        }
        let number = self.first + self.holds.len() as u64;
        self.holds.push_back(Hold {
            arrival: at,
            length: None,
        });
        self.current.insert(id, number);
        for replay in &mut self.replays {
            replay.arrive(number, at, level, &self.holds, self.first);
        }
        self.astray = self.astray.max(1);
        self.settle_if_due();
    }

    /// A connection is given back.
    pub fn release(&mut self, id: ConnectionId, at: Timestamp) {
        if self.astray == 0 {
            return;
        }
        let number = self.current.remove(id);
        if let Some(hold) = number.and_then(|number| self.hold_mut(number)) {
            hold.length = Some(at.since(hold.arrival));
        }
        let next = self.first + self.holds.len() as u64;
        for replay in self.replays.iter_mut().filter(|replay| replay.astray) {
            replay.release(number, at, &self.holds, self.first, next);
        }
        self.settle_if_due();
    }

    /// The waits at each size that was replayed through, smallest first, as of `now`. Who still waits counts with the
    /// wait so far.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> Vec<Waits> {
        let next = self.first + self.holds.len() as u64;
        let told = self.replays.iter();
        told.map(|replay| replay.told(self.arrivals, now, &self.holds, self.first, next))
            .collect()
    }

    /// Holds that began.
    #[must_use]
    pub const fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Forgets what was seen but not what is going on.
    pub fn turn(&mut self) {
        self.arrivals = 0;
        for replay in &mut self.replays {
            replay.waits = Durations::default();
        }
    }

    /// Begins the replays of the sizes that this level exceeds.
    fn cover(&mut self, level: u32) {
        let mut size = next_size(self.covered);
        while size <= level {
            self.replays.push(Replay::new(size));
            self.covered = size;
            size = next_size(size);
        }
        let most = self.replays.len().saturating_sub(SIZES);
        self.replays.drain(..most);
    }

    fn hold_mut(&mut self, number: u64) -> Option<&mut Hold> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.holds.get_mut(index)
    }

    #[inline]
    fn settle_if_due(&mut self) {
        if self.holds.len() >= self.settled.max(UNSETTLED) {
            self.settle();
        }
    }

    /// Drops what no replay needs any more. Until then, what is kept in vain changes no replay.
    fn settle(&mut self) {
        if self.holds.len() > BACKLOG {
            self.give_up_the_furthest();
        }
        while self.late() > LATE {
            self.give_up_the_furthest();
        }
        let next = self.first + self.holds.len() as u64;
        let astray = self.replays.iter().filter(|replay| replay.astray);
        let (count, needed) = astray.fold((0, next), |(count, least), replay| {
            (count + 1, least.min(replay.queue))
        });
        self.astray = count;
        let done = usize::try_from(needed - self.first).unwrap_or(0);
        self.holds.drain(..done.min(self.holds.len()));
        self.first = needed;
        self.settled = (2 * self.holds.len()).min(NEARLY_FULL);
        if count == 0 {
            self.current.clear();
        }
    }

    /// Bytes that it takes beside itself.
    #[must_use]
    pub fn kept(&self) -> usize {
        let replays = self.replays.iter().map(Replay::kept);
        self.holds.capacity() * size_of::<Hold>() + self.current.kept() + replays.sum::<usize>()
    }

    /// Gives up all sizes so far, for good.
    pub fn give_up(&mut self) {
        *self = Self {
            arrivals: self.arrivals,
            covered: self.covered,
            first: self.first + self.holds.len() as u64,
            ..Self::default()
        };
    }

    fn late(&self) -> usize {
        self.replays.iter().map(|replay| replay.late.len()).sum()
    }

    #[cold]
    fn give_up_the_furthest(&mut self) {
        let astray = self.replays.iter().filter(|replay| replay.astray);
        if let Some(furthest) = astray.map(|replay| replay.queue).min() {
            self.replays
                .retain(|replay| !replay.astray || replay.queue != furthest);
        }
    }
}

/// Every size up to 12, then about four to each doubling.
const fn next_size(size: u32) -> u32 {
    if size < 12 {
        return size + 1;
    }
    let step = 1 << (size.ilog2() - 2);
    (size / step).saturating_add(1).saturating_mul(step)
}

/// One size.
#[derive(Clone, Debug)]
struct Replay {
    size: u32,
    /// The replay differs from the truth for now.
    astray: bool,
    /// The number of the first hold that waits; all later ones wait too.
    queue: u64,
    /// Connections whose hold began when it did in truth: they end as in truth.
    on_time: u32,
    /// Connections whose hold began late, and has not ended in truth.
    late: Vec<Late>,
    /// When those whose hold began late and has ended in truth will end here, earliest last.
    ends: Vec<Timestamp>,
    /// Of those who waited.
    waits: Durations,
}

#[derive(Clone, Copy, Debug)]
struct Late {
    number: u64,
    arrival: Timestamp,
    start: Timestamp,
}

impl Replay {
    fn new(size: u32) -> Self {
        Self {
            size,
            astray: false,
            queue: 0,
            on_time: 0,
            late: Vec::new(),
            ends: Vec::new(),
            waits: Durations::default(),
        }
    }

    fn kept(&self) -> usize {
        size_of::<Self>() + self.late.capacity() * size_of::<Late>() + self.waits.kept()
    }

    fn busy(&self) -> usize {
        self.on_time as usize + self.late.len() + self.ends.len()
    }

    fn arrive(&mut self, number: u64, at: Timestamp, level: u32, holds: &VecDeque<Hold>, first: u64) {
        if self.astray {
            self.advance(at, holds, first, number);
        }
        if !self.astray {
            if self.size > level {
                return;
            }
            (self.astray, self.on_time, self.queue) = (true, level, number);
        } else if self.queue == number && self.busy() < self.size as usize {
            self.queue += 1;
            self.on_time += 1;
        }
    }

    fn release(&mut self, number: Option<u64>, at: Timestamp, holds: &VecDeque<Hold>, first: u64, next: u64) {
        // One that begins no sooner than now begins with its length known.
        let waits = number.is_some_and(|number| number >= self.queue);
        self.advance(at, holds, first, next);
        if waits {
            return;
        }
        match self.late.iter().position(|late| Some(late.number) == number) {
            Some(index) => {
                let late = self.late.swap_remove(index);
                self.end_at(late.start + at.since(late.arrival));
            }
            None => self.free_on_time(at, holds, first, next),
        }
        self.advance(at, holds, first, next);
    }

    fn free_on_time(&mut self, at: Timestamp, holds: &VecDeque<Hold>, first: u64, next: u64) {
        self.on_time = self.on_time.saturating_sub(1);
        if self.queue < next {
            self.begin_next(at, holds, first);
        }
    }

    /// Lets end what ends up to `at`, and begin what then can; notes when the replay is the truth again.
    #[inline]
    fn advance(&mut self, at: Timestamp, holds: &VecDeque<Hold>, first: u64, next: u64) {
        while let Some(&ended) = self.ends.last()
            && ended <= at
        {
            self.ends.pop();
            if self.queue < next {
                self.begin_next(ended, holds, first);
            }
        }
        self.astray = !(self.late.is_empty() && self.ends.is_empty() && self.queue >= next);
    }

    /// A hold that began late will end at `end`, most often after all others.
    fn end_at(&mut self, end: Timestamp) {
        let sooner = self.ends.iter().position(|other| *other <= end);
        self.ends.insert(sooner.unwrap_or(self.ends.len()), end);
    }

    fn begin_next(&mut self, start: Timestamp, holds: &VecDeque<Hold>, first: u64) {
        let number = self.queue;
        self.queue += 1;
        let index = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        let Some(hold) = holds.get(index) else { return };
        let wait = start.since(hold.arrival);
        if wait > Span::ZERO {
            self.waits.record(wait);
        } else if hold.length.is_none() {
            self.on_time += 1;
            return;
        }
        match hold.length {
            Some(length) => self.end_at(start + length),
            None => self.late.push(Late {
                number,
                arrival: hold.arrival,
                start,
            }),
        }
    }

    fn told(&self, arrivals: u64, now: Timestamp, holds: &VecDeque<Hold>, first: u64, next: u64) -> Waits {
        let mut replay = self.clone();
        if self.astray {
            replay.advance(now, holds, first, next);
            let waiting =
                (replay.queue..next).filter_map(|number| holds.get(usize::try_from(number - first).ok()?));
            waiting.for_each(|hold| replay.waits.record(now.since(hold.arrival)));
        }
        let waits = replay.waits;
        // Without waits since the last turn all arrivals were served at once; never more wait than arrive.
        let arrivals = arrivals.max(waits.count());
        let at_once = arrivals - waits.count();
        let rank = rank(0.99, arrivals);
        Waits {
            size: self.size,
            p99: rank
                .checked_sub(at_once)
                .filter(|&rank| rank > 0)
                .map_or(Span::ZERO, |rank| waits.at_rank(rank)),
            max: waits.max(),
            share: if arrivals == 0 {
                0.0
            } else {
                waits.count() as f64 / arrivals as f64
            },
        }
    }
}

#[cfg(test)]
mod tests;
