//! How many connections of a pool or server are in each state.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::{Span, Timestamp};
use crate::profile::identity::OwnerId;
use crate::profile::life::{Extra, Life, Traits};
use crate::profile::service::Gauge;
use crate::summary::{ConnectionState, Connections, InFlight, Reason};

/// A half-closed connection that stays so for this long is told.
const LASTS: Span = Span::from_secs(5);
/// How many connections are in each state, and what is in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct States {
    pub(super) in_use: u64,
    pub(super) idle_in_transaction: u64,
    pub(super) hoarded: u64,
    pub(super) pinned: u64,
    pub(super) in_flight: u64,
    pub(super) oldest: Span,
    pub(super) reasons: BTreeMap<Reason, u64>,
    pub(super) longest_idle: Option<Span>,
    pub(super) close_wait: u64,
    pub(super) longest_close_wait: Option<Span>,
    pub(super) half_open: u64,
    pub(super) clear_text: u64,
    pub(super) held_up: Span,
    pub(super) owners: BTreeSet<OwnerId>,
}

impl States {
    pub(super) fn add(&mut self, life: &Life, hoarded: Option<&Vec<Reason>>, now: Timestamp) {
        match life.state() {
            ConnectionState::InUse => self.in_use += 1,
            ConnectionState::IdleInTransaction => self.idle_in_transaction += 1,
            _ => {}
        }
        self.hoarded += u64::from(hoarded.is_some());
        for reason in hoarded.into_iter().flatten() {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        if !life.is_held() {
            self.longest_idle = self.longest_idle.max(Some(life.idle(now)));
        }
        self.pinned += u64::from(life.is_pinned());
        if life.is_in_flight() {
            self.in_flight += 1;
            self.oldest = self.oldest.max(now.since(life.mark));
        }
    }

    /// A close takes a while to be answered: only what lasts is told.
    pub(super) fn add_half_open(&mut self, life: &Life, extra: Option<&Extra>, now: Timestamp) {
        let closed = extra
            .and_then(|extra| extra.half_closed)
            .map(|since| now.since(since));
        let lasts = closed.is_some_and(|lasted| lasted >= LASTS);
        if life.traits.has(Traits::SERVER_CLOSED) && lasts {
            self.close_wait += 1;
            self.longest_close_wait = self.longest_close_wait.max(closed);
        }
        let left = life.traits.has(Traits::DEAD_PEER) || (life.traits.has(Traits::CLIENT_CLOSED) && lasts);
        self.half_open += u64::from(left);
    }

    /// A window that is closed, or was, holds up what is still in flight.
    pub(super) fn add_held_up(
        &mut self,
        life: &Life,
        extra: Option<&Extra>,
        interval: Timestamp,
        now: Timestamp,
    ) {
        let Some(extra) = extra.filter(|_| life.is_in_flight()) else {
            return;
        };
        let ongoing = extra.window_closed.iter().flatten();
        let held_up = ongoing.map(|&since| now.since(since.max(life.mark).max(interval)));
        let all = held_up.chain(extra.held_up);
        self.held_up = all.fold(self.held_up, |sum, one| sum + one);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.in_use += other.in_use;
        self.idle_in_transaction += other.idle_in_transaction;
        self.hoarded += other.hoarded;
        self.pinned += other.pinned;
        self.in_flight += other.in_flight;
        self.oldest = self.oldest.max(other.oldest);
        self.clear_text += other.clear_text;
        self.held_up = self.held_up + other.held_up;
    }

    /// Whatever is neither in use nor in a transaction is idle, connections that still log in too.
    pub(super) fn connections(&self, open: Gauge) -> Connections {
        let open_now = u64::from(open.now);
        Connections {
            open: open_now,
            in_use: self.in_use,
            idle: open_now.saturating_sub(self.in_use + self.idle_in_transaction),
            idle_in_transaction: self.idle_in_transaction,
            hoarded: self.hoarded,
            peak_open: u64::from(open.peak),
            ..Connections::default()
        }
    }

    pub(super) fn in_flight(&self) -> InFlight {
        InFlight {
            count: self.in_flight,
            oldest_seconds: (self.in_flight > 0).then(|| self.oldest.seconds()),
        }
    }
}
