//! What is rare about connections. There is room for so many; where one more comes, the one silent for longest of those that have it
//! for longest goes.

use std::collections::{HashMap, VecDeque};

use super::life::Extra;
use crate::clock::Timestamp;

/// So many are looked at to find who goes.
const SAMPLE: usize = 8;
/// Entries of the queue that may be of connections long gone, at least.
const STALE: usize = 1024;

/// The extras by connection.
#[derive(Debug)]
pub(super) struct Extras {
    all: HashMap<u32, Numbered, foldhash::fast::FixedState>,
    /// Those that may go, the one begun first first; some are gone already.
    order: VecDeque<(u32, u64)>,
    begun: u64,
    /// How many there are that may go.
    passing: usize,
    most: usize,
    given_up: u64,
}

/// In a box: a table in which most places are empty takes little.
#[derive(Debug)]
struct Numbered {
    /// Absent where it stays as long as its connection.
    number: Option<u64>,
    extra: Box<Extra>,
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            all: HashMap::default(),
            order: VecDeque::new(),
            begun: 0,
            passing: 0,
            most: usize::MAX,
            given_up: 0,
        }
    }
}

impl Extras {
    /// None yet, and so many at most.
    pub(super) fn within(most: usize) -> Self {
        Self {
            most: most.max(1),
            ..Self::default()
        }
    }

    pub(super) fn of(&self, id: u32) -> Option<&Extra> {
        self.all.get(&id).map(|it| &*it.extra)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Extra> {
        self.all.values_mut().map(|it| &mut *it.extra)
    }

    /// Begins one that stays as long as its connection: what it is for can't be missed.
    pub(super) fn keep(&mut self, id: u32, extra: Extra) {
        self.remove(id);
        let extra = Box::new(extra);
        self.all.insert(id, Numbered { number: None, extra });
    }

    /// The one of this connection. Where there is none one begins, that goes where there is no more room.
    pub(super) fn of_or_begin(&mut self, id: u32) -> &mut Extra {
        let (begun, passing, order) = (&mut self.begun, &mut self.passing, &mut self.order);
        let numbered = self.all.entry(id).or_insert_with(|| {
            *begun += 1;
            *passing += 1;
            order.push_back((id, *begun));
            Numbered {
                number: Some(*begun),
                extra: Box::default(),
            }
        });
        &mut numbered.extra
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Extra> {
        let removed = self.all.remove(&id)?;
        self.passing -= usize::from(removed.number.is_some());
        self.tidy();
        Some(*removed.extra)
    }

    /// Where there is no room for one more: gives one up, of a connection that is not held if there is such a one in the sample, and
    /// returns whose it was. `silent` tells since when a connection is, and whether it is held.
    pub(super) fn make_room(&mut self, silent: impl Fn(u32) -> (bool, Timestamp)) -> Option<u32> {
        if self.passing < self.most {
            return None;
        }
        let mut sample: Vec<(u32, u64)> = Vec::with_capacity(SAMPLE);
        while sample.len() < SAMPLE
            && let Some(first) = self.order.pop_front()
        {
            if self.is_passing(first) {
                sample.push(first);
            }
        }
        let least = (0..sample.len()).min_by_key(|&place| silent(sample[place].0))?;
        let (id, _) = sample.remove(least);
        sample
            .into_iter()
            .rev()
            .for_each(|one| self.order.push_front(one));
        self.remove(id);
        self.given_up += 1;
        Some(id)
    }

    /// Whether it may go. What says something of its connection that would be wrong without it stays.
    fn is_passing(&mut self, (id, number): (u32, u64)) -> bool {
        let Some(it) = self.all.get_mut(&id).filter(|it| it.number == Some(number)) else {
            return false;
        };
        let stays = it.extra.unseen || it.extra.exchanges_high > 0;
        if stays {
            it.number = None;
            self.passing -= 1;
        }
        !stays
    }

    /// Forgets the places of those gone, once they are more than the others.
    fn tidy(&mut self) {
        if self.order.len() > 2 * self.passing + STALE {
            let all = &self.all;
            let is_there =
                |(id, number): &(u32, u64)| all.get(id).is_some_and(|it| it.number == Some(*number));
            self.order.retain(is_there);
        }
    }

    /// How many were given up.
    pub(super) const fn given_up(&self) -> u64 {
        self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> (bool, Timestamp) {
        (false, Timestamp::from_parts(i64::from(seconds), 0))
    }

    #[test]
    fn beyond_the_bound_who_is_held_stays_and_who_is_silent_for_longest_goes() {
        let mut extras = Extras::within(4);
        for id in 0..4 {
            assert_eq!(extras.make_room(at), None);
            extras.of_or_begin(id).retransmits = id + 1;
        }
        let held = |id| (id == 0, at(10 - id).1);
        assert_eq!(extras.make_room(held), Some(3));
        extras.of_or_begin(9);
        assert_eq!(extras.make_room(held), Some(9), "silent for longest, as it says");
        assert!(extras.of(3).is_none() && extras.of(9).is_none());
        assert_eq!(extras.of(0).map(|extra| extra.retransmits), Some(1));
        assert_eq!((extras.make_room(held), extras.given_up()), (None, 2));
    }

    #[test]
    fn what_can_not_be_missed_stays() {
        let mut extras = Extras::within(2);
        extras.keep(0, Extra::default());
        extras.of_or_begin(1).unseen = true;
        extras.of_or_begin(2).exchanges_high = 1;
        assert_eq!(extras.make_room(at), None, "neither of the two may go");
        for id in 3..20 {
            extras.make_room(at);
            extras.of_or_begin(id);
        }
        assert!((0..3).all(|id| extras.of(id).is_some()));
        assert_eq!((extras.all.len(), extras.passing), (5, 2));
    }

    #[test]
    fn the_queue_does_not_grow_with_those_that_come_and_go() {
        let mut extras = Extras::within(100);
        for round in 0..100_000 {
            extras.of_or_begin(round % 7);
            extras.remove(round % 7);
        }
        assert!(extras.order.len() <= STALE + 2, "{}", extras.order.len());
        assert_eq!((extras.passing, extras.given_up()), (0, 0));
    }
}
