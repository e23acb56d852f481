//! Connections as they come, change and go.

use super::identity::Identity;
use super::life::{self, Extra, Life, Traits, Whole};
use super::pool::{Pool, PoolId};
use super::service::Service;
use super::{Config, Gone, Profile};
use crate::clock::{Span, Timestamp};
use crate::exchange::{Close, ConnectionId};
use crate::packet::Endpoint;
use crate::protocol::{Side, System, Transaction};

/// What a connection is held by, or only checked by.
const ACTIVE: Traits = Traits::HELD.with(Traits::VALIDATING);
const BUSY_ON: Traits = Traits::BUSY.with(Traits::USED);
const BUSY_OFF: Traits = Traits::VALIDATING
    .with(Traits::HANDSHAKE)
    .with(Traits::VALIDATED)
    .with(Traits::PROBED);
const VALIDATING_ON: Traits = Traits::VALIDATING.with(Traits::VALIDATED);
const REST_OFF: Traits = Traits::BUSY.with(Traits::VALIDATING).with(Traits::HANDSHAKE);

/// Connections.
impl Profile {
    pub(super) fn opened(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        client: Endpoint,
        (server, system): (Endpoint, System),
        from_syn: bool,
    ) {
        self.closed(id, at, Close::Replaced);
        self.watch_from(at);
        let since = if from_syn {
            at
        } else {
            self.start.unwrap_or(at).min(at)
        };
        let traits = if from_syn {
            Traits::FROM_SYN.with(Traits::HANDSHAKE)
        } else {
            Traits::NONE
        };
        let service = self.services.id(server, system);
        let base = self.pools.base_of_address(client.address, service);
        let key = self.key(Identity::default(), base);
        let place = self.pools.place(base, service, key, None, at);
        self.lives.begin(id, client, since, traits).pool = place.pool;
        if let Some(service) = self.services.of_mut(service) {
            service.open.rise();
            service.seen.opened += u64::from(from_syn);
        }
        if let Some(pool) = self.pools.of_mut(place.pool) {
            pool.join(id, at, false);
            pool.guests += u32::from(pool.key != key);
            pool.seen.opened += u64::from(from_syn);
            pool.idle_before(at.since(since.max(self.interval)));
        }
    }

    /// Something will be told of a connection soon, of which nothing was told for long.
    pub fn expect(&self, id: ConnectionId) {
        self.lives.expect(id);
    }

    pub(super) fn closed(&mut self, id: ConnectionId, at: Timestamp, how: Close) {
        if self.lives.of(id).is_none() {
            return;
        }
        self.change(id, at, Traits::NONE, ACTIVE);
        let ended = self.recents.forget(id);
        self.tell(&ended);
        let Some((ended, extra)) = self.lives.end(id) else {
            return;
        };
        self.held_up -= usize::from(extra.held_up != [Span::ZERO; 2]);
        let gone = u64::from(!how.may_live_on());
        let key = self.key_in(ended.identity, ended.pool);
        if let Some(pool) = self.pools.of_mut(ended.pool) {
            pool.leave(id, at, false);
            pool.guests = pool.guests.saturating_sub(u32::from(pool.key != key));
            pool.seen.closed += gone;
            pool.unseen -= u32::from(extra.unseen).min(pool.unseen);
            if let Some(service) = self.services.of_mut(pool.service) {
                service.open.fall();
                service.seen.closed += gone;
                service.seen.clear_text += u64::from(crosses_in_clear(&ended, Some(&extra), service.server));
            }
        }
        if gone > 0 {
            self.keep_gone(Gone {
                life: ended,
                extra,
                at,
            });
        }
    }

    /// Keeps a connection that is gone for the summary, in the place of the one gone for longest where there is no more.
    pub(super) fn keep_gone(&mut self, gone: Gone) {
        let room = self
            .config
            .max_connections
            .saturating_sub(self.lives.open() + 1)
            .min(Config::CLOSED)
            .min(self.config.bounds.listed);
        while self.gone.len() >= room.max(1) {
            self.gone.pop_front();
            self.gone_uncounted += 1;
        }
        if room > 0 {
            self.gone.push_back(gone);
        } else {
            self.gone_uncounted += 1;
        }
    }

    /// Sets and clears traits, and counts what that means for time held and demand.
    pub(super) fn change(&mut self, id: ConnectionId, at: Timestamp, set: Traits, clear: Traits) {
        let Some(life) = self.lives.of_mut(id) else { return };
        let traits = life.traits.without(clear).with(set);
        if traits.and(ACTIVE) == life.traits.and(ACTIVE) {
            life.traits = traits;
            return;
        }
        let before = life.is_held();
        let thinking = life.is_idle_in_transaction();
        let spent = if before { life.accrue(at) } else { Span::ZERO };
        life.traits = traits;
        let after = life.is_held();
        if after && !before {
            life.mark = life.mark.max(at);
        }
        let pool = life.pool;
        if before != after || thinking {
            self.change_pool(
                id,
                at,
                pool,
                (before, after),
                if thinking { spent } else { Span::ZERO },
            );
        }
    }

    #[inline]
    pub(super) fn change_pool(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        pool: PoolId,
        (before, after): (bool, bool),
        thinking: Span,
    ) {
        let Some(pool) = self.pools.of_mut(pool) else {
            return;
        };
        let Some(service) = self.services.of_mut(pool.service) else {
            return;
        };
        pool.seen.legs.add_thinking(thinking);
        service.seen.legs.add_thinking(thinking);
        match (before, after) {
            (false, true) => {
                pool.hold(id, at);
                service.held.rise();
            }
            (true, false) => {
                pool.release(id, at);
                service.held.fall();
            }
            _ => {}
        }
    }

    pub(super) fn busy(&mut self, id: ConnectionId, at: Timestamp, validation: bool) {
        if validation {
            self.change(id, at, VALIDATING_ON, Traits::HANDSHAKE);
        } else {
            self.change(id, at, BUSY_ON, BUSY_OFF);
        }
    }

    pub(super) fn rest(&mut self, id: ConnectionId, at: Timestamp, transaction: Transaction) {
        let Some(life) = self.lives.of(id) else { return };
        let was_open = life.traits.has(Traits::TRANSACTION);
        if transaction.is_open() {
            self.change(id, at, Traits::TRANSACTION, REST_OFF);
        } else {
            self.change(id, at, Traits::NONE, REST_OFF.with(Traits::TRANSACTION));
        }
        if was_open != transaction.is_open() {
            let ended = self.recents.transaction(id, !was_open, at);
            self.tell(&ended);
        }
    }

    pub(super) fn probed(&mut self, id: ConnectionId) {
        if let Some(life) = self.lives.of_mut(id) {
            life.probes = life.probes.saturating_add(1);
            life.traits = life.traits.with(Traits::PROBED);
        }
    }

    pub(super) fn retransmitted(&mut self, id: ConnectionId, side: Side) {
        let Some(life) = self.lives.of(id) else { return };
        let syn = life.traits.has(Traits::FROM_SYN) && !life.is_connected();
        let more = &mut self.lives.extra_mut(id).retransmits;
        *more = more.saturating_add(1);
        self.count(id, |service, _| {
            service.seen.retransmitted(side);
            service.seen.syn_retries += u64::from(syn && side == Side::Client);
        });
    }

    pub(super) fn half_closed(&mut self, id: ConnectionId, at: Timestamp, side: Side) {
        if self.lives.of(id).is_none() {
            return;
        }
        self.lives.extra_mut(id).half_closed.get_or_insert(at);
        let closed = match side {
            Side::Client => Traits::CLIENT_CLOSED,
            Side::Server => Traits::SERVER_CLOSED,
        };
        self.change(id, at, closed, Traits::NONE);
    }

    pub(super) fn window(&mut self, id: ConnectionId, at: Timestamp, side: Side, closed: bool) {
        if self.lives.of(id).is_none() {
            return;
        }
        let since = &mut self.lives.extra_mut(id).window_closed[life::index(side)];
        match (closed, *since) {
            (true, None) => {
                *since = Some(at);
                self.count(id, |service, _| service.seen.zero_windows += 1);
            }
            (false, Some(begun)) => {
                *since = None;
                self.hold_up(id, side, (begun, at));
            }
            _ => {}
        }
    }

    /// A window was closed meanwhile: what is in flight on the connection was held up since then, or since it began.
    fn hold_up(&mut self, id: ConnectionId, side: Side, (begun, at): (Timestamp, Timestamp)) {
        let Some(life) = self.lives.of(id).filter(|life| life.is_in_flight()) else {
            return;
        };
        let span = at.since(begun.max(life.mark).max(self.interval));
        let held_up = &mut self.lives.extra_mut(id).held_up;
        self.held_up += usize::from(*held_up == [Span::ZERO; 2] && span > Span::ZERO);
        let of_side = &mut held_up[life::index(side)];
        *of_side = *of_side + span;
    }

    /// Lets count for the connection's server and pool.
    pub(super) fn count(&mut self, id: ConnectionId, count: impl FnOnce(&mut Service, &mut Pool)) {
        let pool = self.lives.of(id).and_then(|life| self.pools.of_mut(life.pool));
        if let Some(pool) = pool
            && let Some(service) = self.services.of_mut(pool.service)
        {
            count(service, pool);
        }
    }
}

/// Whether requests could be read by others between two hosts.
pub(super) fn crosses_in_clear(life: &Life, extra: Option<&Extra>, server: Endpoint) -> bool {
    let whole = Whole { life, extra };
    life.is_clear_text(server.address) && whole.client().address != server.address
}
