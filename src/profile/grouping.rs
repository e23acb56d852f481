//! Which pool a connection belongs to, as more is learnt of it.

use super::Profile;
use super::identity::{Identities, Identity, IdentityId, NameId};
use super::life::{self, Life, Traits};
use super::pool::{Key, PoolId};
use super::pools::Client;
use crate::clock::Timestamp;
use crate::exchange::ConnectionId;

impl Profile {
    /// Learns something of a connection, and moves it to the pool where it then belongs.
    pub(super) fn regroup(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        learn: impl FnOnce(&mut Identities, IdentityId) -> IdentityId,
    ) {
        let Some(life) = self.lives.of(id).copied() else {
            return;
        };
        let identity = learn(&mut self.identities, life.identity);
        let Some(pool) = self.pools.of(life.pool).filter(|_| identity != life.identity) else {
            return;
        };
        let (service, mut base) = (pool.service, pool.base);
        self.count_guest(&life, false);
        let known = self.identities.of(identity);
        if known.owner != self.identities.of(life.identity).owner
            && let Some(client) = self.identities.owner(known.owner).and_then(Client::of_owner)
        {
            base = self.pools.base_of_owner(client, life.pool, service);
        }
        if let Some(life) = self.lives.of_mut(id) {
            life.identity = identity;
        }
        let key = self.key(known, base);
        let place = self.pools.place(base, service, key, Some(life.pool), at);
        self.settle_in(id, at, place.pool);
        if let Some(unsettled) = place.unsettled {
            self.place_guests(unsettled, at);
        }
    }

    /// Places a connection that is uncounted among its pool's guests.
    pub(super) fn settle_in(&mut self, id: ConnectionId, at: Timestamp, pool: PoolId) {
        let Some(life) = self.lives.of(id).copied() else {
            return;
        };
        if pool != life.pool {
            self.move_over(id, at, &life, pool);
        }
        if let Some(life) = self.lives.of(id).copied() {
            self.count_guest(&life, true);
        }
    }

    pub(super) fn move_over(&mut self, id: ConnectionId, at: Timestamp, life: &Life, pool: PoolId) {
        let (held, fresh) = (
            life.is_held(),
            life.traits.has(Traits::FROM_SYN) && life.opened >= self.interval,
        );
        let opening = life::Whole {
            life,
            extra: self.lives.extra(id),
        }
        .opening();
        let unseen = u32::from(self.lives.extra(id).is_some_and(|extra| extra.unseen));
        let mut needed_there = 0;
        if let Some(from) = self.pools.of_mut(life.pool) {
            needed_there = from.demand.peak();
            from.move_out(id, at, held, fresh.then_some(opening));
            from.unseen -= unseen.min(from.unseen);
        }
        if let Some(to) = self.pools.of_mut(pool) {
            to.move_in(id, at, held, fresh.then_some(opening));
            to.unseen += unseen;
            if life.traits.has(Traits::USED) {
                to.demand.may_have_reached(needed_there);
            }
        }
        if let Some(life) = self.lives.of_mut(id) {
            life.pool = pool;
        }
    }

    pub(super) fn count_guest(&mut self, life: &Life, more: bool) {
        let key = self.key_in(life.identity, life.pool);
        if let Some(pool) = self.pools.of_mut(life.pool).filter(|pool| pool.key != key) {
            pool.guests = if more {
                pool.guests + 1
            } else {
                pool.guests.saturating_sub(1)
            };
        }
    }

    /// Places anew those of whom less is known than of their pool, now that they may be meant by another too.
    #[cold]
    pub(super) fn place_guests(&mut self, id: PoolId, at: Timestamp) {
        let Some((base, service, key)) = self.pools.of(id).map(|pool| (pool.base, pool.service, pool.key))
        else {
            return;
        };
        let members = self.lives.iter().filter(|(_, life)| life.pool == id);
        let keyed = members.map(|(member, life)| (member, self.key(self.identities.of(life.identity), base)));
        let mut guests: Vec<(ConnectionId, Key)> = keyed.filter(|(_, known)| *known != key).collect();
        guests.sort_by_cached_key(|(guest, _)| self.ends(*guest));
        for &(guest, known) in &guests {
            let place = self.pools.place(base, service, known, Some(id), at);
            if place.pool != id {
                self.settle_in(guest, at, place.pool);
            }
        }
        let left = guests
            .iter()
            .filter(|(guest, _)| self.lives.of(*guest).is_some_and(|life| life.pool == id))
            .count();
        if let Some(pool) = self.pools.of_mut(id) {
            pool.guests = left as u32;
        }
    }

    pub(super) fn key_in(&self, identity: IdentityId, pool: PoolId) -> Key {
        let base = self.pools.of(pool).map_or(0, |pool| pool.base);
        self.key(self.identities.of(identity), base)
    }

    pub(super) fn key(&self, identity: Identity, base: u16) -> Key {
        let owned = self.pools.is_owned(base);
        Key {
            application: if owned { NameId::NONE } else { identity.application },
            user: identity.user,
            database: identity.database,
        }
    }
}
