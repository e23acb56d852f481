//! All pools, and which of them a connection belongs to.
//!
//! A client's pools to one server form a base. What is unknown about a connection (opened before the watch) does not put it
//! in a pool of its own where just one of its client's pools may be meant; there it is a guest until more is known.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use super::identity::NameId;
use super::pool::{Key, Pool, PoolId};
use super::service::ServiceId;
use crate::clock::Timestamp;
use crate::summary::Owner;

/// Bytes for the what-if replays of each client there may be, of all clients together.
const WHAT_IF: usize = 8 << 10;
/// Bytes for the levels of demand, likewise; their rows of a summary take five times as much.
const DEMAND: usize = 2 << 10;
/// Demand takes so many bytes in any case.
const LEAST_DEMAND: usize = 64 << 10;

/// Whose connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// Known by its address alone.
    Address(IpAddr),
    /// A container of this host.
    Container(String),
    /// A systemd unit of this host.
    Unit(String),
    /// A process of this host.
    Process(u32, String),
    /// More clients than are told apart.
    Others,
}

impl Client {
    /// The client that an owner's connections are counted with: its container or service, else the process itself, since
    /// a login session or a slice holds many programs that have nothing in common. `None` where nothing is known.
    #[must_use]
    pub fn of_owner(owner: &Owner) -> Option<Self> {
        if let Some(container) = &owner.container {
            return Some(Self::Container(container.clone()));
        }
        if let Some(unit) = owner.unit.as_deref().filter(|unit| is_service(unit)) {
            return Some(Self::Unit(unit.to_owned()));
        }
        owner
            .pid
            .map(|pid| Self::Process(pid, owner.command.clone().unwrap_or_default()))
    }

    /// Whether it is a process, unit or container of this host.
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        matches!(self, Self::Container(_) | Self::Unit(_) | Self::Process(..))
    }
}

fn is_service(unit: &str) -> bool {
    unit.ends_with(".service") && !unit.starts_with("user@")
}

/// A client at one server.
#[derive(Clone, Debug)]
struct Base {
    client: Client,
    pools: Vec<PoolId>,
}

/// All pools, bounded; clients beyond them are counted together.
#[derive(Debug)]
pub struct Pools {
    most: usize,
    all: Vec<Pool>,
    bases: Vec<Base>,
    ids: HashMap<(Client, ServiceId), u16, foldhash::fast::RandomState>,
    last: Option<(IpAddr, ServiceId, u16)>,
    start: Timestamp,
    /// Connections placed since demand was looked at.
    placed: usize,
}

/// Where a connection belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The pool.
    pub pool: PoolId,
    /// A pool whose guests may be meant by either pool now and must be placed anew.
    pub unsettled: Option<PoolId>,
}

impl Pools {
    /// The most pools told apart.
    pub const MOST: usize = 8192;

    /// None yet. At most so many clients are told apart, and twice as many pools.
    #[must_use]
    pub fn within(most: usize) -> Self {
        Self {
            most: most.clamp(1, Self::MOST),
            all: Vec::new(),
            bases: Vec::new(),
            ids: HashMap::default(),
            last: None,
            start: Timestamp::default(),
            placed: 0,
        }
    }

    /// Since when demand is counted in pools that are new.
    pub fn watch_from(&mut self, start: Timestamp) {
        self.start = start;
    }

    /// The pool with this id.
    #[must_use]
    pub fn of(&self, id: PoolId) -> Option<&Pool> {
        self.all.get(usize::from(id.0))
    }

    /// The pool with this id.
    pub fn of_mut(&mut self, id: PoolId) -> Option<&mut Pool> {
        self.all.get_mut(usize::from(id.0))
    }

    /// All of them, by rising id.
    pub fn iter(&self) -> impl Iterator<Item = (PoolId, &Pool)> {
        (0..).map(PoolId).zip(&self.all)
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pool> {
        self.all.iter_mut()
    }

    /// Whose pool it is.
    #[must_use]
    pub fn client(&self, pool: &Pool) -> &Client {
        self.bases
            .get(usize::from(pool.base))
            .map_or(&Client::Others, |base| &base.client)
    }

    /// The base of the client at this address: where all of one address turned out to be one process, that process's.
    pub fn base_of_address(&mut self, address: IpAddr, service: ServiceId) -> u16 {
        if let Some((_, _, base)) = self.last.filter(|last| (last.0, last.1) == (address, service)) {
            return base;
        }
        let base = self.base(Client::Address(address), service);
        self.last = Some((address, service, base));
        base
    }

    /// The base of this client, new or known.
    pub fn base(&mut self, client: Client, service: ServiceId) -> u16 {
        let wanted = (client, service);
        if let Some(&base) = self.ids.get(&wanted) {
            return base;
        }
        if self.bases.len() >= self.most && wanted.0 != Client::Others {
            return self.base(Client::Others, service);
        }
        let base = self.bases.len() as u16;
        self.bases.push(Base {
            client: wanted.0.clone(),
            pools: Vec::new(),
        });
        self.ids.insert(wanted, base);
        base
    }

    /// The base of an owner, whose connection is now in `pool`. Where that is the only pool of an address, and the owner
    /// is new, the address turns out to be the owner: its history goes on under the owner's name.
    pub fn base_of_owner(&mut self, owner: Client, pool: PoolId, service: ServiceId) -> u16 {
        if let Some(&base) = self.ids.get(&(owner.clone(), service)) {
            self.part_from(pool, base, service);
            return base;
        }
        let Some((number, base)) = self.base_of_pool(pool) else {
            return self.base(owner, service);
        };
        if base.pools.len() > 1 || !matches!(base.client, Client::Address(_)) {
            self.part_from(pool, u16::MAX, service);
            return self.base(owner, service);
        }
        base.client = owner.clone();
        self.ids.insert((owner, service), number);
        self.rename(pool, |key| Key {
            application: NameId::NONE,
            ..key
        });
        number
    }

    /// Forgets that an address was one process, now that it is several.
    fn part_from(&mut self, pool: PoolId, owner: u16, service: ServiceId) {
        let Some((number, _)) = self
            .base_of_pool(pool)
            .filter(|(number, base)| *number != owner && base.client.is_owner())
        else {
            return;
        };
        let alias = |(client, at): &(Client, ServiceId), base: &u16| {
            *base == number && *at == service && matches!(client, Client::Address(_))
        };
        self.ids.retain(|key, base| !alias(key, base));
        self.last = None;
    }

    fn base_of_pool(&mut self, pool: PoolId) -> Option<(u16, &mut Base)> {
        let number = self.of(pool)?.base;
        self.bases.get_mut(usize::from(number)).map(|base| (number, base))
    }

    /// Whether an address stands in for a process: then application names tell nothing apart.
    #[must_use]
    pub fn is_owned(&self, base: u16) -> bool {
        self.bases
            .get(usize::from(base))
            .is_some_and(|base| base.client.is_owner())
    }

    fn rename(&mut self, pool: PoolId, change: impl FnOnce(Key) -> Key) {
        if let Some(pool) = self.of_mut(pool) {
            pool.key = change(pool.key);
        }
    }

    /// The pool that a connection of which this `key` is known belongs to. It is in `current` now, uncounted among its
    /// guests; where nobody else ever was in there, that is renamed rather than left behind.
    pub fn place(
        &mut self,
        base: u16,
        service: ServiceId,
        key: Key,
        current: Option<PoolId>,
        at: Timestamp,
    ) -> Place {
        self.bound_demand();
        let siblings = self
            .bases
            .get(usize::from(base))
            .map_or(Vec::new(), |base| base.pools.clone());
        let keyed = |id: PoolId| self.of(id).map(|pool| pool.key);
        if let Some(&pool) = siblings.iter().find(|&&id| keyed(id) == Some(key)) {
            return Place::settled(pool);
        }
        let mut meant = siblings
            .iter()
            .copied()
            .filter(|&id| keyed(id).is_some_and(|known| known.may_be(key)));
        if let (Some(pool), None) = (meant.next(), meant.next())
            && self.teach(pool, key, siblings.len(), current)
        {
            return Place::settled(pool);
        }
        let alone =
            |pool: &PoolId| siblings.contains(pool) && self.of(*pool).is_some_and(|pool| pool.joined == 1);
        if let Some(pool) = current.filter(alone) {
            self.rename(pool, |_| key);
            return Place::settled(pool);
        }
        self.create(base, service, key, &siblings, at)
    }

    /// Whether a connection joins the only pool that may be meant: as a guest where less is known of it than of the pool. Where
    /// more is, the pool learns it, unless it holds what other pools may be meant by too.
    fn teach(&mut self, id: PoolId, key: Key, siblings: usize, current: Option<PoolId>) -> bool {
        let Some(pool) = self.of_mut(id) else { return false };
        let both = pool.key.or(key);
        if both == pool.key {
            return true;
        }
        if siblings > 1 {
            return false;
        }
        // Of all its other members less is known than this.
        pool.guests = pool.open.now - u32::from(current == Some(id)).min(pool.open.now);
        pool.key = both;
        true
    }

    fn create(
        &mut self,
        base: u16,
        service: ServiceId,
        key: Key,
        siblings: &[PoolId],
        at: Timestamp,
    ) -> Place {
        if let Some(last) = self.overflow(service) {
            return Place::settled(last);
        }
        let id = PoolId(self.all.len() as u16);
        let like = siblings
            .iter()
            .filter_map(|&id| self.of(id))
            .find(|pool| pool.guests > 0 && pool.key.may_be(key));
        let pool = match like {
            Some(like) => Pool::split_off(like, key, at),
            None => Pool::new(base, service, key, self.start),
        };
        self.all.push(pool);
        self.bound_what_if();
        if let Some(base) = self.bases.get_mut(usize::from(base)) {
            base.pools.push(id);
        }
        let with_guests = |id: &&PoolId| self.of(**id).is_some_and(|pool| pool.guests > 0);
        Place {
            pool: id,
            unsettled: siblings.iter().find(with_guests).copied(),
        }
    }

    /// What-if replays together take as much as half of what the pools may. Beyond it they are given up: of pools without
    /// connections first, then the largest. Looked at with each new pool, or each 64th where there are many.
    fn bound_what_if(&mut self) {
        if !self.all.len().is_multiple_of(self.all.len() / 64 + 1) {
            return;
        }
        let mut kept: usize = self.all.iter().map(|pool| pool.what_if.kept()).sum();
        let most = self.most * WHAT_IF;
        if kept <= most {
            return;
        }
        for pool in self.heaviest(|pool| pool.what_if.kept()) {
            if kept <= most / 2 {
                return;
            }
            kept -= pool.what_if.kept();
            pool.what_if.give_up();
        }
    }

    /// The levels of demand likewise: beyond their bound they are taken together, of pools without connections first, then of those with
    /// the most. Between two looks they can only grow by as many as there are connections.
    fn bound_demand(&mut self) {
        self.placed += 1;
        if self.placed < self.all.len().max(512) {
            return;
        }
        self.placed = 0;
        let mut kept: usize = self.all.iter().map(|pool| pool.demand.kept()).sum();
        let most = (self.most * DEMAND).max(LEAST_DEMAND);
        while kept > most {
            let before = kept;
            for pool in self.heaviest(|pool| pool.demand.kept()) {
                if kept <= most / 4 * 3 {
                    return;
                }
                kept -= pool.demand.kept();
                pool.demand.halve();
                kept += pool.demand.kept();
            }
            if kept >= before {
                return;
            }
        }
    }

    /// Those without connections first, then those of which the most is kept.
    fn heaviest(&mut self, kept: impl Fn(&Pool) -> usize) -> Vec<&mut Pool> {
        let mut pools: Vec<&mut Pool> = self.all.iter_mut().collect();
        pools.sort_by_key(|pool| (pool.open.now > 0, Reverse(kept(pool))));
        pools
    }

    /// Where no more pools are told apart: the last one made for this server.
    fn overflow(&self, service: ServiceId) -> Option<PoolId> {
        if self.all.len() < self.most * 2 {
            return None;
        }
        let last = self.all.iter().rposition(|pool| pool.service == service)?;
        Some(PoolId(last as u16))
    }
}

impl Place {
    const fn settled(pool: PoolId) -> Self {
        Self {
            pool,
            unsettled: None,
        }
    }
}
