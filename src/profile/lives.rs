//! All connections by id.

use std::net::IpAddr;

use super::extras::Extras;
use super::life::{Brief, Extra, Life};
use super::traits::Traits;
use crate::clock::{Span, Timestamp};
use crate::exchange::ConnectionId;
use crate::host::huge::{self, HugePages};
use crate::packet::Endpoint;

/// The connections by id, and the extras of those that have any.
#[derive(Debug)]
pub struct Lives {
    slots: huge::Table<Life>,
    extras: Extras,
    open: usize,
}

impl Default for Lives {
    fn default() -> Self {
        Self {
            slots: huge::Table::new_in(HugePages),
            extras: Extras::default(),
            open: 0,
        }
    }
}

impl Lives {
    /// None yet; of so many what is rare about them is kept, besides addresses of IPv6.
    #[must_use]
    pub fn within(extras: usize) -> Self {
        Self {
            extras: Extras::within(extras),
            ..Self::default()
        }
    }

    /// Begins one; whatever was in the slot is gone.
    pub fn begin(
        &mut self,
        id: ConnectionId,
        client: Endpoint,
        opened: Timestamp,
        traits: Traits,
    ) -> &mut Life {
        let index = id.0 as usize;
        if index >= self.slots.len() {
            self.slots.resize(index + 1, Life::VACANT);
        }
        self.end(id);
        self.open += 1;
        let (address, wide) = match client.address {
            IpAddr::V4(address) => (u32::from(address), None),
            address @ IpAddr::V6(_) => (0, Some(address)),
        };
        self.slots[index] = Life {
            opened,
            mark: opened,
            address,
            port: client.port,
            traits: traits.with(Traits::PRESENT),
            ..Life::VACANT
        };
        let life = &mut self.slots[index];
        if wide.is_some() {
            let extra = Extra {
                address: wide,
                ..Extra::default()
            };
            self.extras.keep(id.0, extra);
            life.traits = life.traits.with(Traits::EXTRA);
        }
        life
    }

    /// Ends one, and tells what it was.
    pub fn end(&mut self, id: ConnectionId) -> Option<(Life, Extra)> {
        let life = *self.of(id)?;
        self.slots[id.0 as usize] = Life::VACANT;
        self.open -= 1;
        Some((life, self.extras.remove(id.0).unwrap_or_default()))
    }

    /// The open one with this id.
    #[must_use]
    pub fn of(&self, id: ConnectionId) -> Option<&Life> {
        self.slots
            .get(id.0 as usize)
            .filter(|life| life.traits.has(Traits::PRESENT))
    }

    /// The open one with this id.
    pub fn of_mut(&mut self, id: ConnectionId) -> Option<&mut Life> {
        self.slots
            .get_mut(id.0 as usize)
            .filter(|life| life.traits.has(Traits::PRESENT))
    }

    /// It will be asked for soon.
    pub fn expect(&self, id: ConnectionId) {
        if let Some(life) = self.slots.get(id.0 as usize) {
            huge::fetch(life);
        }
    }

    /// What is rare about it.
    #[must_use]
    pub fn extra(&self, id: ConnectionId) -> Option<&Extra> {
        self.of(id)
            .filter(|life| life.traits.has(Traits::EXTRA))
            .and_then(|_| self.extras.of(id.0))
    }

    /// What is rare about it, to be changed. Only for ids of open connections: others would never be forgotten.
    pub fn extra_mut(&mut self, id: ConnectionId) -> &mut Extra {
        if self.extras.of(id.0).is_none() {
            self.make_room_for_extra(id);
        }
        self.extras.of_or_begin(id.0)
    }

    fn make_room_for_extra(&mut self, id: ConnectionId) {
        let slots = &mut self.slots;
        let silent = |slot: u32| {
            let life = slots.get(slot as usize);
            life.map_or((false, Timestamp::default()), |life| (life.is_held(), life.mark))
        };
        if let Some(gone) = self.extras.make_room(silent)
            && let Some(life) = slots.get_mut(gone as usize)
        {
            life.traits = life.traits.without(Traits::EXTRA);
        }
        if let Some(life) = slots.get_mut(id.0 as usize) {
            life.traits = life.traits.with(Traits::EXTRA);
        }
    }

    /// How often what was rare about a connection was given up for another's.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.extras.given_up()
    }

    /// What is in flight is not held up any more, as far as is told.
    pub fn forget_held_up(&mut self) {
        self.extras
            .values_mut()
            .for_each(|extra| extra.held_up = [Span::ZERO; 2]);
    }

    /// All that are open, by rising id.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Life)> {
        let slots = (0..).zip(&self.slots);
        slots
            .filter(|(_, life)| life.traits.has(Traits::PRESENT))
            .map(|(id, life)| (ConnectionId(id), life))
    }

    /// How many are open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }

    /// Counts so many exchanges.
    #[inline]
    pub fn count_exchanges(&mut self, id: ConnectionId, times: u32) {
        let Some(life) = self.of_mut(id) else { return };
        let (low, over) = life.exchanges.overflowing_add(times);
        life.exchanges = low;
        if over {
            self.extra_mut(id).exchanges_high += 1;
        }
    }

    /// Notes how long connecting took.
    pub fn connected(&mut self, id: ConnectionId, took: Span) {
        let brief = Brief::new(took);
        if let Some(life) = self.of_mut(id) {
            life.connect = brief;
            if brief == Brief::LONG {
                self.extra_mut(id).connect = Some(took);
            }
        }
    }

    /// Notes how long logging in took.
    pub fn logged_in(&mut self, id: ConnectionId, took: Span) {
        let brief = Brief::new(took);
        if let Some(life) = self.of_mut(id) {
            life.login = brief;
            if brief == Brief::LONG {
                self.extra_mut(id).login = Some(took);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::life::Whole;

    fn lives() -> Lives {
        let mut lives = Lives::default();
        let client = Endpoint::new("10.0.0.9".parse().unwrap(), 41_234);
        lives.begin(
            ConnectionId(3),
            client,
            Timestamp::from_nanos(5),
            Traits::FROM_SYN,
        );
        lives
    }

    fn whole(lives: &Lives) -> Whole<'_> {
        Whole {
            life: lives.of(ConnectionId(3)).unwrap(),
            extra: lives.extra(ConnectionId(3)),
        }
    }

    #[test]
    fn a_record_is_small() {
        assert_eq!(size_of::<Life>(), 56);
    }

    #[test]
    fn slots_without_a_connection_are_nothing() {
        let mut lives = lives();
        assert!(lives.of(ConnectionId(0)).is_none() && lives.of(ConnectionId(9)).is_none());
        assert_eq!((lives.open(), lives.iter().count()), (1, 1));
        assert!(lives.end(ConnectionId(3)).is_some() && lives.end(ConnectionId(3)).is_none());
        assert_eq!(lives.open(), 0);
    }

    #[test]
    fn both_kinds_of_addresses_are_kept() {
        let mut lives = lives();
        assert_eq!(whole(&lives).client().to_string(), "10.0.0.9:41234");
        assert!(lives.extra(ConnectionId(3)).is_none(), "IPv4 costs no extra");
        let client = Endpoint::new("2001:db8::1".parse().unwrap(), 1);
        lives.begin(ConnectionId(3), client, Timestamp::from_nanos(5), Traits::NONE);
        assert_eq!(whole(&lives).client(), client);
    }

    #[test]
    fn long_spans_and_many_exchanges_overflow_into_the_extra() {
        let mut lives = lives();
        lives.connected(ConnectionId(3), Span::from_nanos(150_001));
        lives.logged_in(ConnectionId(3), Span::from_secs(7));
        lives.of_mut(ConnectionId(3)).unwrap().exchanges = u32::MAX;
        lives.count_exchanges(ConnectionId(3), 1);
        let whole = whole(&lives);
        assert_eq!(whole.connect(), Some(Span::from_nanos(150_001)));
        assert_eq!(whole.login(), Some(Span::from_secs(7)));
        assert_eq!(whole.exchanges(), 1 << 32);
    }
}
