//! The requests in flight on one connection, in the order in which they were asked.

use std::ops::RangeInclusive;

use super::open::Open;
use crate::protocol::AskId;

/// Room given back at the front is used again once it is this much, and as much as what is in use.
const SPARE: usize = 32;

/// A queue of requests: mostly none or one, whose room stays from one to the next.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    all: Vec<Open>,
    /// Where the queue begins in `all`; 0 where it is empty.
    front: usize,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.front
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The place of the request of this id.
    #[inline]
    pub(super) fn find(&self, id: AskId) -> Option<usize> {
        let queue = self.all.get(self.front..)?;
        let (last, others) = queue.split_last()?;
        if last.id == id {
            return Some(others.len());
        }
        others.iter().position(|open| open.id == id)
    }

    /// The place of the first request with an id in this range.
    pub(super) fn find_first(&self, ids: RangeInclusive<AskId>) -> Option<usize> {
        self.all
            .iter()
            .skip(self.front)
            .position(|open| ids.contains(&open.id))
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&Open> {
        self.all.get(self.front + index)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Open> {
        self.all.get_mut(self.front + index)
    }

    pub(super) fn front(&self) -> Option<&Open> {
        self.all.get(self.front)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.all.iter_mut().skip(self.front)
    }

    /// Adds one at the end; returns its place.
    #[inline]
    pub(super) fn push(&mut self, open: Open) -> usize {
        if self.all.capacity() == 0 {
            // Most connections never have more than one in flight; the usual first growth is to four.
            self.all.reserve_exact(1);
        }
        self.all.push(open);
        self.len() - 1
    }

    /// Takes one out, wherever it is.
    #[inline]
    pub(super) fn remove(&mut self, index: usize) {
        if index > 0 {
            if index < self.len() {
                self.all.remove(self.front + index);
            }
            return;
        }
        self.front = (self.front + 1).min(self.all.len());
        if self.front == self.all.len() {
            self.all.clear();
            self.front = 0;
        } else if self.front >= SPARE && self.front >= self.len() {
            self.all.drain(..self.front);
            self.front = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn ids(queue: &InFlight) -> Vec<AskId> {
        queue.all[queue.front..].iter().map(|open| open.id).collect()
    }

    #[test]
    fn a_long_pipeline_keeps_its_order_and_its_room() {
        let mut queue = InFlight::default();
        for id in 0..1000 {
            queue.push(Open::new(id, Timestamp::default(), false));
            if id >= 100 {
                assert_eq!(queue.find(id - 100), Some(0));
                assert_eq!(queue.find(id), Some(100));
                queue.remove(0);
            }
        }
        assert_eq!(ids(&queue), (900..1000).collect::<Vec<_>>());
        assert!(queue.all.capacity() <= 512, "{}", queue.all.capacity());
    }

    #[test]
    fn any_place_can_be_taken_out() {
        let mut queue = InFlight::default();
        for id in 0..5 {
            queue.push(Open::new(id, Timestamp::default(), false));
        }
        for index in [2, 0, 2, 7] {
            queue.remove(index);
        }
        assert_eq!(ids(&queue), [1, 3]);
        assert_eq!((queue.find(3), queue.find(4)), (Some(1), None));
        queue.remove(0);
        queue.remove(0);
        queue.remove(0);
        assert!(queue.is_empty() && queue.front().is_none() && queue.find(3).is_none());
    }
}
