//! What is kept of the traffic: latencies, statements, connections' lives, pools' demand, hoarding.
//!
//! [`Profile::record`] takes in one [`Event`] after the other; [`Profile::summarise`] tells what came of them. All
//! memory is bounded by [`Config`] and by constants of the parts.

mod connections;
pub mod demand;
pub mod durations;
mod exchanges;
mod extras;
mod grouping;
pub mod history;
pub mod hoard;
pub mod identity;
pub mod life;
pub mod lives;
pub mod pool;
pub mod pools;
pub mod recent;
pub mod service;
pub mod statement;
mod summarise;
mod timing;
pub mod traits;
pub mod what_if;

#[cfg(test)]
mod scenes;
#[cfg(test)]
mod script;

use std::collections::VecDeque;

use crate::clock::{Span, Timestamp};
use crate::exchange::{ConnectionId, Event};
use crate::packet::Endpoint;
use crate::protocol::Side;

use crate::summary::Owner;

use identity::Identities;
use life::{Extra, Life, Traits};
use lives::Lives;
use pools::Pools;
use recent::Recents;
use service::Services;
use statement::StatementTable;

pub use summarise::{Described, Listing, Picture, Scope, Statements};

/// Data this long after the watch began was not moved before it, however the clocks are read.
const UNSEEN: Span = Span::from_millis(100);

/// What is judged by, and the bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// No useful work for this long makes a connection a candidate for hoarding.
    pub idle_after: Span,
    /// An open transaction silent for this long is flagged.
    pub transaction_idle_after: Span,
    /// Spare connections that a pool may keep above its peak demand, in percent; at least 1.
    pub headroom: f64,
    /// The most connections, open and closed together, that are kept for the summary. Open ones are bounded by who gives
    /// out their ids; closed ones fill what is left, at most [`Config::CLOSED`].
    pub max_connections: usize,
    /// The most statements told apart; each server's is one of its own.
    pub max_statements: usize,
    /// What demand is judged by: peaks older than this are forgotten, at the earliest after half of it. `None` for the whole
    /// watch.
    pub demand_window: Option<Span>,
    /// The most of everything else.
    pub bounds: Bounds,
}

/// Bounds on what is kept beside connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The most bytes of what is counted of statements. Beyond it those executed least are given up.
    pub statement_bytes: usize,
    /// The most bytes of users', databases' and applications' names; those that come later are unknown.
    pub name_bytes: usize,
    /// The most pools told apart, at most [`pools::Pools::MOST`]; clients beyond them are counted together.
    pub pools: usize,
    /// The most rows of a summary's list of connections; closed ones are kept up to as many.
    pub listed: usize,
    /// The most connections of which what is rare is kept: retransmissions, closed windows, long handshakes.
    pub extras: usize,
    /// The most servers told apart, at most [`service::Services::MOST`]; those beyond them are counted with the last.
    pub services: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            statement_bytes: usize::MAX,
            name_bytes: usize::MAX,
            pools: Pools::MOST,
            listed: usize::MAX,
            extras: usize::MAX,
            services: Services::MOST,
        }
    }
}

impl Config {
    /// The most closed connections kept for a summary.
    pub const CLOSED: usize = 65_536;
}

impl Default for Config {
    fn default() -> Self {
        Self {
            idle_after: Span::from_secs(60),
            transaction_idle_after: Span::from_secs(10),
            headroom: 10.0,
            max_connections: 1 << 20,
            max_statements: 4096,
            demand_window: None,
            bounds: Bounds::default(),
        }
    }
}

/// A connection that is gone, kept for the summary.
#[derive(Clone, Debug)]
struct Gone {
    life: Life,
    extra: Extra,
    at: Timestamp,
}

/// All that is kept.
#[derive(Debug)]
pub struct Profile {
    config: Config,
    /// When the watch began; the first event's time where nobody said.
    start: Option<Timestamp>,
    /// When the interval began.
    interval: Timestamp,
    /// When demand's window was last moved.
    turned: Timestamp,
    /// The latest time seen.
    now: Timestamp,
    lives: Lives,
    gone: VecDeque<Gone>,
    gone_uncounted: u64,
    identities: Identities,
    services: Services,
    pools: Pools,
    statements: StatementTable,
    recents: Recents,
    /// Connections of which what is in flight was held up by a closed window.
    held_up: usize,
}

impl Profile {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            start: None,
            interval: Timestamp::default(),
            turned: Timestamp::default(),
            now: Timestamp::default(),
            lives: Lives::within(config.bounds.extras),
            gone: VecDeque::new(),
            gone_uncounted: 0,
            identities: Identities::within(config.bounds.name_bytes),
            services: Services::within(config.bounds.services),
            pools: Pools::within(config.bounds.pools),
            statements: StatementTable::new(config.max_statements).within(config.bounds.statement_bytes),
            recents: Recents::default(),
            held_up: 0,
        }
    }

    /// The watch begins: connections that were open before were silent since then at least, and no demand was missed since. Only
    /// the first call counts; without one, the first event begins it.
    pub fn watch_from(&mut self, start: Timestamp) {
        if self.start.is_none() {
            self.start = Some(start);
            (self.interval, self.turned, self.now) = (start, start, start);
            self.pools.watch_from(start);
        }
    }

    /// Other connections are watched from now on than before. Those that were open already were silent since now at least; what was
    /// seen of a pool up to now says nothing of how long or how often, but its demand was as high as it was seen to be.
    pub fn watch_anew(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        (self.start, self.turned) = (Some(at), at);
        self.pools.watch_from(at);
        self.pools.iter_mut().for_each(|pool| pool.watch_anew(at));
    }

    /// Judges by other settings from now on; the bound on statements holds from the next interval.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
        self.statements.bound(config.max_statements);
    }

    /// Takes in what happened to a connection. Events of ids that were not opened are ignored.
    #[inline]
    pub fn record(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>) {
        self.now = self.now.max(at);
        match event {
            Event::Exchanged {
                exchange,
                times,
                rest,
            } => self.exchanged(id, at, exchange, times, rest),
            Event::Busy { validation } => self.busy(id, at, validation),
            event => self.record_rare(id, at, event),
        }
    }

    #[inline(never)]
    fn record_rare(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>) {
        match event {
            Event::Rest { transaction } => self.rest(id, at, transaction),
            Event::KeepAlive(_) => self.probed(id),
            Event::Opened {
                client,
                server,
                system,
                from_syn,
            } => self.opened(id, at, client, (server, system), from_syn),
            Event::Closed(how) => self.closed(id, at, how),
            Event::System(system) => self.count(id, |service, _| service.learn(system)),
            Event::Tls => self.change(id, at, Traits::TLS, Traits::HANDSHAKE),
            Event::Connected { total, server_part } => self.connected(id, at, total, server_part),
            Event::LoggedIn(took) => self.logged_in(id, at, took),
            Event::LoginFailed(code) => self.login_failed(id, code),
            Event::Identified(session) => self.identified(id, at, &session),
            Event::Pinned(true) => self.change(id, at, Traits::PINNED, Traits::NONE),
            Event::Pinned(false) => self.change(id, at, Traits::NONE, Traits::PINNED),
            Event::Retransmitted(side) => self.retransmitted(id, side),
            Event::ZeroWindow(side, closed) => self.window(id, at, side, closed),
            Event::HalfClosed(side) => self.half_closed(id, at, side),
            Event::Exchanged { .. } | Event::Busy { .. } => {}
        }
    }

    /// The kernel names who holds the client's socket.
    pub fn attribute(&mut self, id: ConnectionId, owner: &Owner) {
        let at = self.now;
        if *owner != Owner::default() {
            self.regroup(id, at, |identities, known| identities.own(known, owner));
        }
    }

    /// The kernel says when data last moved on the connection's socket. Where no useful work was seen, it was idle since
    /// then, if that was before it was first seen here, or if it was later than anything seen (frames that went by unseen).
    pub fn known_idle(&mut self, id: ConnectionId, last_data: Timestamp) {
        let Some(life) = self.lives.of_mut(id).filter(|life| !life.is_held()) else {
            return;
        };
        let untouched =
            !life.traits.has(Traits::USED.with(Traits::VALIDATED)) && !life.traits.has(Traits::FROM_SYN);
        if untouched && last_data != life.mark {
            life.mark = last_data;
        }
        if untouched && self.start.is_some_and(|start| last_data > start + UNSEEN) {
            self.moved_unseen(id);
        }
    }

    /// Data moved on a connection, yet no request was seen: its frames do not pass here. What it was needed for can't be
    /// known, so its pool is taken to need it.
    fn moved_unseen(&mut self, id: ConnectionId) {
        let extra = self.lives.extra_mut(id);
        if !std::mem::replace(&mut extra.unseen, true) {
            self.count(id, |_, pool| pool.unseen += 1);
        }
    }

    /// Open connections on which data moved that the watch did not see.
    #[must_use]
    pub fn unseen(&self) -> u64 {
        self.pools.iter().map(|(_, pool)| u64::from(pool.unseen)).sum()
    }

    /// The kernel says that `side` has closed and the other has not: maybe long before it was seen here.
    pub fn closed_by(&mut self, id: ConnectionId, side: Side) {
        let at = self.now;
        self.half_closed(id, at, side);
    }

    /// The kernel says that the other side does not answer any more, or that it does.
    pub fn peer_gone(&mut self, id: ConnectionId, gone: bool) {
        let at = self.now;
        if gone {
            self.change(id, at, Traits::DEAD_PEER, Traits::NONE);
        } else {
            self.change(id, at, Traits::NONE, Traits::DEAD_PEER);
        }
    }

    /// Statements that found no room since the watch began.
    #[must_use]
    pub const fn evicted_statements(&self) -> u64 {
        self.statements.evictions()
    }

    /// How many connections are open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.lives.open()
    }

    /// Client and server of an open connection.
    #[must_use]
    pub fn ends(&self, id: ConnectionId) -> Option<(Endpoint, Endpoint)> {
        let whole = life::Whole {
            life: self.lives.of(id)?,
            extra: self.lives.extra(id),
        };
        let pool = self.pools.of(whole.life.pool)?;
        Some((whole.client(), self.services.of(pool.service)?.server))
    }

    /// The hoarded connections as of `now`, with their reasons.
    #[must_use]
    pub fn hoarded(&self, now: Timestamp) -> hoard::Hoarded {
        hoard::judge(&self.lives, &self.pools, &self.config, now)
    }

    /// Ends an interval: what was counted begins anew; connections, and demand over its window, carry over.
    pub fn turn(&mut self, at: Timestamp) {
        self.watch_from(at);
        self.now = self.now.max(at);
        self.interval = at;
        self.gone.clear();
        self.gone_uncounted = 0;
        self.services.turn();
        self.statements.turn();
        self.recents.turn();
        if std::mem::take(&mut self.held_up) > 0 {
            self.lives.forget_held_up();
        }
        self.turn_demand(at);
    }

    fn turn_demand(&mut self, at: Timestamp) {
        let half = self
            .config
            .demand_window
            .map(|window| Span::from_nanos(window.nanos() / 2));
        let forget = half.is_some_and(|half| at.since(self.turned) >= half);
        for pool in self.pools.iter_mut() {
            pool.turn(at);
            if forget {
                pool.demand.pass(at);
                pool.demand.turn();
                pool.what_if.turn();
            }
        }
        if forget {
            self.pools.watch_from(std::mem::replace(&mut self.turned, at));
        }
    }
}
