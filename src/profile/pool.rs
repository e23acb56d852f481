//! The connections of one client to one server, per user and database where these are known.

use super::demand::Demand;
use super::durations::Durations;
use super::history::History;
use super::identity::NameId;
use super::life::Opening;
use super::service::{Counts, Gauge, Legs, ServiceId};
use super::timing::Timing;
use super::what_if::WhatIf;
use crate::clock::{Span, Timestamp};
use crate::exchange::{ConnectionId, Exchange};

/// A pool's place in [`Pools`](super::pools::Pools).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u16);

/// What tells apart the pools of one client. A client named by its process needs no application name: there it is
/// [`NameId::NONE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// The application's name for itself.
    pub application: NameId,
    /// The database user.
    pub user: NameId,
    /// The database.
    pub database: NameId,
}

impl Key {
    /// Whether both may be the same pool, as far as is known.
    #[must_use]
    pub fn may_be(self, other: Self) -> bool {
        self.application.may_be(other.application)
            && self.user.may_be(other.user)
            && self.database.may_be(other.database)
    }

    /// What both together know.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            application: self.application.or(other.application),
            user: self.user.or(other.user),
            database: self.database.or(other.database),
        }
    }
}

/// One pool.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The client's group of pools.
    pub base: u16,
    /// To which server.
    pub service: ServiceId,
    /// Which of the client's pools.
    pub key: Key,
    /// How many are held.
    pub demand: Demand,
    /// What smaller pools would have done.
    pub what_if: WhatIf,
    /// Its connections.
    pub open: Gauge,
    /// The most held at once in this interval.
    pub held_peak: u32,
    /// Members of which less is known than the key says; at most this many.
    pub guests: u32,
    /// Open members on which data moved that the watch did not see.
    pub unseen: u32,
    /// Members that came, less those that turned out to belong elsewhere.
    pub joined: u64,
    /// What is counted and begins anew with each interval.
    pub seen: Seen,
    /// What `seen` counted up to.
    passed: Timestamp,
    full_since: Option<Timestamp>,
    /// How many were open at evenly spaced times.
    pub history: History,
}

/// What is counted and begins anew with each interval.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Exchanges by kind.
    pub counts: Counts,
    /// Where the time goes.
    pub legs: Legs,
    /// Last byte of the request to first byte of the reply.
    pub latency: Durations,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were refused.
    pub refused: u64,
    /// Connection-nanoseconds open and not held.
    pub idle: u128,
    /// All connections held at once: for how long in all, the longest stretch, and how many stretches.
    pub full: Full,
}

impl Seen {
    /// Adds an exchange; one that counts with its times.
    #[inline]
    pub fn add(&mut self, exchange: &Exchange, timing: Option<&Timing>) {
        self.counts.add(exchange, timing);
        if let Some(timing) = timing {
            self.latency.record_values(timing.latency, timing.times);
            self.legs.add(timing);
        }
    }
}

/// Stretches with all connections of a pool held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full {
    /// In all.
    pub total: Span,
    /// The longest.
    pub longest: Span,
    /// How many.
    pub times: u64,
}

impl Pool {
    /// An empty one, watched from `start` on.
    #[must_use]
    pub fn new(base: u16, service: ServiceId, key: Key, start: Timestamp) -> Self {
        Self {
            base,
            service,
            key,
            demand: Demand::new(start),
            what_if: WhatIf::default(),
            open: Gauge::default(),
            held_peak: 0,
            guests: 0,
            unseen: 0,
            joined: 0,
            seen: Seen::default(),
            passed: start,
            full_since: None,
            history: History::new(start),
        }
    }

    /// An empty one that may have had the same demand as `other`: what its members did there can't be told apart.
    #[must_use]
    pub fn split_off(other: &Self, key: Key, at: Timestamp) -> Self {
        let mut split = Self::new(other.base, other.service, key, at);
        split.demand = other.demand.clone();
        split.demand.restart_at(0, at);
        split
    }

    /// Whether there is nothing to tell: all members turned out to belong elsewhere, or nothing is left of them.
    #[must_use]
    pub const fn is_void(&self) -> bool {
        let seen = &self.seen;
        let nothing = seen.closed == 0 && seen.counts.all.requests == 0 && seen.refused == 0;
        self.joined == 0 || (self.open.now == 0 && nothing)
    }

    /// A connection joins, held or not.
    pub fn join(&mut self, id: ConnectionId, at: Timestamp, held: bool) {
        self.pass(at);
        self.joined += 1;
        self.open.rise();
        if held {
            self.take(id, at);
        }
        self.mark_full(at);
    }

    /// A connection leaves.
    pub fn leave(&mut self, id: ConnectionId, at: Timestamp, held: bool) {
        if held {
            self.give_back(id, at);
        }
        self.pass(at);
        self.open.fall();
        self.mark_full(at);
    }

    /// A connection turns out to belong elsewhere. One opened in this interval, here with what that took, was not opened here.
    pub fn move_out(&mut self, id: ConnectionId, at: Timestamp, held: bool, opened: Option<Opening>) {
        self.leave(id, at, held);
        self.joined = self.joined.saturating_sub(1);
        if let Some(opening) = opened {
            self.seen.opened = self.seen.opened.saturating_sub(1);
            self.seen.logins = self.seen.logins.saturating_sub(u64::from(opening.1 > Span::ZERO));
            self.seen.legs.take_back(opening);
        }
    }

    /// A connection turns out to belong here.
    pub fn move_in(&mut self, id: ConnectionId, at: Timestamp, held: bool, opened: Option<Opening>) {
        self.join(id, at, held);
        if let Some(opening) = opened {
            self.seen.opened += 1;
            self.seen.logins += u64::from(opening.1 > Span::ZERO);
            self.seen.legs.add_connect(opening.0);
            self.seen.legs.add_login(opening.1);
        }
    }

    /// A connection was open before it was seen: it was idle since the watch began.
    pub fn idle_before(&mut self, span: Span) {
        self.seen.idle += u128::from(span.nanos().unsigned_abs());
    }

    /// A connection is held from now on.
    pub fn hold(&mut self, id: ConnectionId, at: Timestamp) {
        self.pass(at);
        self.take(id, at);
        self.mark_full(at);
    }

    /// A connection is not held any more.
    pub fn release(&mut self, id: ConnectionId, at: Timestamp) {
        self.pass(at);
        self.give_back(id, at);
        self.mark_full(at);
    }

    #[inline]
    fn take(&mut self, id: ConnectionId, at: Timestamp) {
        self.what_if.arrive(id, at, self.demand.level());
        self.demand.rise(at);
        self.held_peak = self.held_peak.max(self.demand.level());
    }

    #[inline]
    fn give_back(&mut self, id: ConnectionId, at: Timestamp) {
        self.what_if.release(id, at);
        self.demand.fall(at);
    }

    /// Counts the time up to `at`.
    #[inline]
    pub fn pass(&mut self, at: Timestamp) {
        let spent = at.since(self.passed).nanos().unsigned_abs();
        self.history.pass(at, self.open.now);
        let idle = self.open.now.saturating_sub(self.demand.level());
        self.seen.idle += u128::from(spent) * u128::from(idle);
        self.passed = self.passed.max(at);
    }

    #[inline]
    fn mark_full(&mut self, at: Timestamp) {
        let full = self.open.now > 0 && self.demand.level() >= self.open.now;
        match (full, self.full_since) {
            (true, None) => self.full_since = Some(at),
            (false, Some(since)) => {
                self.seen.full.add(at.since(since));
                self.full_since = None;
            }
            _ => {}
        }
    }

    /// Stretches with all held, one that goes on included.
    #[must_use]
    pub fn full(&self, now: Timestamp) -> Full {
        let mut full = self.seen.full;
        if let Some(since) = self.full_since {
            full.add(now.since(since));
        }
        full
    }

    /// Its members are others from `at` on.
    pub fn watch_anew(&mut self, at: Timestamp) {
        self.pass(at);
        self.demand.watch_anew(at);
        self.what_if.turn();
        self.history = History::new(at);
    }

    /// Begins an interval.
    pub fn turn(&mut self, at: Timestamp) {
        self.pass(at);
        self.seen = Seen::default();
        self.open.turn();
        self.held_peak = self.demand.level();
        if self.full_since.is_some() {
            self.full_since = Some(at);
        }
    }

    /// The waits at smaller sizes, and at the size that the demand's peak shows to be enough.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> Vec<super::what_if::Waits> {
        let mut waits = self.what_if.waits(now);
        waits.retain(|one| one.size < self.demand.peak());
        if self.demand.peak() > 0 {
            waits.push(super::what_if::Waits::none(self.demand.peak()));
        }
        waits
    }
}

impl Full {
    fn add(&mut self, stretch: Span) {
        if stretch > Span::ZERO {
            self.total = self.total + stretch;
            self.longest = self.longest.max(stretch);
            self.times += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn idle_and_full_time_are_exact() {
        let mut pool = Pool::new(0, ServiceId(0), Key::default(), at(0));
        let (one, other) = (ConnectionId(1), ConnectionId(2));
        pool.join(one, at(1), false);
        pool.join(other, at(2), false);
        pool.hold(one, at(4));
        pool.hold(other, at(5));
        pool.release(one, at(8));
        pool.leave(one, at(9), false);
        pool.pass(at(10));
        // 1..2 one idle, 2..4 two, 4..5 one, 8..9 one.
        assert_eq!(pool.seen.idle, 7_000_000_000);
        let full = pool.full(at(10));
        assert_eq!(
            (full.times, full.total, full.longest),
            (2, Span::from_secs(4), Span::from_secs(3))
        );
        assert_eq!((pool.open.peak, pool.held_peak), (2, 2));
    }

    #[test]
    fn the_peak_itself_waits_for_nothing() {
        let mut pool = Pool::new(0, ServiceId(0), Key::default(), at(0));
        for id in 0..3 {
            pool.join(ConnectionId(id), at(0), false);
            pool.hold(ConnectionId(id), at(i64::from(id)));
        }
        (0..3).for_each(|id| pool.release(ConnectionId(id), at(10)));
        let waits = pool.waits(at(20));
        let sizes: Vec<u32> = waits.iter().map(|one| one.size).collect();
        assert_eq!(sizes, [1, 2, 3]);
        assert_eq!(waits.last().map(|one| one.max), Some(Span::ZERO));
        assert_eq!(
            waits.first().map(|one| one.max),
            Some(Span::from_secs(17)),
            "third: arrives 2, begins 19"
        );
    }
}
