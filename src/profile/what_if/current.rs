//! Which hold each connection is in.

use std::collections::HashMap;

use crate::exchange::ConnectionId;

/// A power of two.
const PLACES: usize = 64;
/// No hold has this number.
const VACANT: u64 = u64::MAX;

/// Numbers of holds by connection. Most have a place of their own, by the low bits of their id; the few that would share one with
/// another are found by hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Current {
    /// None before the first.
    places: Vec<(ConnectionId, u64)>,
    others: HashMap<ConnectionId, u64, foldhash::fast::FixedState>,
}

impl Current {
    /// The connection is in this hold from now on.
    #[inline]
    pub(super) fn insert(&mut self, id: ConnectionId, number: u64) {
        match self.places.get_mut(index(id)) {
            Some(place) if (place.1 == VACANT || place.0 == id) && self.others.is_empty() => {
                *place = (id, number);
            }
            _ => self.insert_anyhow(id, number),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_anyhow(&mut self, id: ConnectionId, number: u64) {
        self.places.resize(PLACES, (id, VACANT));
        self.remove(id);
        match self.places.get_mut(index(id)) {
            Some(place) if place.1 == VACANT => *place = (id, number),
            _ => {
                self.others.insert(id, number);
            }
        }
    }

    /// The hold that the connection is in, and is not any more.
    #[inline]
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<u64> {
        match self.places.get_mut(index(id)) {
            Some(place) if place.0 == id && place.1 != VACANT => {
                Some(std::mem::replace(&mut place.1, VACANT))
            }
            _ if self.others.is_empty() => None,
            _ => self.others.remove(&id),
        }
    }

    pub(super) fn clear(&mut self) {
        self.places.iter_mut().for_each(|place| place.1 = VACANT);
        self.others.clear();
    }

    /// Bytes that it takes beside itself.
    pub(super) fn kept(&self) -> usize {
        (self.places.capacity() + self.others.capacity()) * size_of::<(ConnectionId, u64)>()
    }
}

const fn index(id: ConnectionId) -> usize {
    id.0 as usize % PLACES
}

#[cfg(test)]
impl Current {
    pub(super) fn len(&self) -> usize {
        self.places.iter().filter(|place| place.1 != VACANT).count() + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0..400_u32, any::<bool>()), 0..600)) {
            let (mut current, mut map) = (Current::default(), HashMap::new());
            for (number, (id, begins)) in (0..).zip(steps) {
                let id = ConnectionId(id);
                if begins {
                    current.insert(id, number);
                    map.insert(id, number);
                } else {
                    prop_assert_eq!(current.remove(id), map.remove(&id));
                }
                prop_assert_eq!(current.len(), map.len());
            }
            current.clear();
            prop_assert_eq!(current.len(), 0);
        }
    }
}
