//! The requests in flight on one connection, in the order in which they were asked.

use std::ops::RangeInclusive;

use super::open::Open;
use crate::protocol::AskId;

/// Room given back at the front is used again once it is this much, and as much as what is in use.
const SPARE: usize = 32;

/// A queue of requests: mostly none or one, whose room stays from one to the next. Requests in a row that are alike share a
/// record until something happens to one of them.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    all: Vec<Open>,
    /// Where the queue begins in `all`; 0 where it is empty.
    front: usize,
    /// How many more requests there are than records.
    sharing: usize,
}

impl InFlight {
    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.records() + self.sharing
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn records(&self) -> usize {
        self.all.len() - self.front
    }

    /// Bytes of the room that there is beside that of one record.
    #[inline]
    pub(super) fn kept(&self) -> usize {
        self.all.capacity().saturating_sub(1) * size_of::<Open>()
    }

    /// The place of the request of this id, which has a record of its own from now on.
    #[inline]
    pub(super) fn find(&mut self, id: AskId) -> Option<usize> {
        match self.all.as_slice() {
            [only] if only.id == id && only.times == 1 => Some(0),
            _ => self.find_any(id),
        }
    }

    fn find_any(&mut self, id: AskId) -> Option<usize> {
        let index = self.position(id)?;
        if self.get(index)?.times == 1 {
            return Some(index);
        }
        self.find_alike(id, 1).map(|(index, _)| index)
    }

    /// The place of those requests from `id` on that share a record, and how many they are: no more than `most`, which share it with
    /// no others from now on.
    pub(super) fn find_alike(&mut self, id: AskId, most: u32) -> Option<(usize, u32)> {
        let index = self.position(id)?;
        let index = self.split(index, id);
        self.split(index, id.wrapping_add(most));
        Some((index, self.get(index)?.times))
    }

    /// The place of the first request with an id in this range.
    pub(super) fn find_first(&mut self, ids: RangeInclusive<AskId>) -> Option<usize> {
        let mut queue = self.all.iter().skip(self.front);
        let first = queue.find(|open| open.has(*ids.start()) || ids.contains(&open.id))?;
        let id = if first.has(*ids.start()) {
            *ids.start()
        } else {
            first.id
        };
        self.find(id)
    }

    #[inline]
    fn position(&self, id: AskId) -> Option<usize> {
        let queue = self.all.get(self.front..)?;
        let (last, others) = queue.split_last()?;
        if last.has(id) {
            return Some(others.len());
        }
        others.iter().position(|open| open.has(id))
    }

    /// Makes a record begin with `id`, where that is amidst those of the record at `index`; returns its place.
    #[inline]
    fn split(&mut self, index: usize, id: AskId) -> usize {
        let Some(open) = self.get_mut(index) else {
            return index;
        };
        let before = id.wrapping_sub(open.id);
        if before == 0 || before >= open.times {
            return index;
        }
        let after = Open {
            id,
            times: open.times - before,
            ..*open
        };
        open.times = before;
        self.all.insert(self.front + index + 1, after);
        self.sharing -= 1;
        index + 1
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

    /// Adds a record at the end; returns its place.
    #[inline]
    pub(super) fn push(&mut self, open: Open) -> usize {
        if self.all.capacity() == 0 {
            // Most connections never have more than one in flight; the usual first growth is to four.
            self.all.reserve_exact(1);
        }
        self.sharing += open.times as usize - 1;
        self.all.push(open);
        self.records() - 1
    }

    /// Takes a record out, wherever it is.
    #[inline]
    pub(super) fn remove(&mut self, index: usize) {
        let Some(open) = self.get(index) else { return };
        self.sharing -= open.times as usize - 1;
        if self.all.len() == 1 {
            return self.all.clear();
        }
        if index > 0 {
            self.all.remove(self.front + index);
            return;
        }
        self.front += 1;
        if self.front == self.all.len() {
            self.all.clear();
            self.front = 0;
        } else if self.front >= SPARE && self.front >= self.records() {
            self.all.drain(..self.front);
            self.front = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn open(id: AskId, times: u32) -> Open {
        Open {
            times,
            ..Open::new(id, Timestamp::default(), false)
        }
    }

    fn ids(queue: &InFlight) -> Vec<AskId> {
        queue.all[queue.front..].iter().map(|open| open.id).collect()
    }

    #[test]
    fn a_long_pipeline_keeps_its_order_and_its_room() {
        let mut queue = InFlight::default();
        for id in 0..1000 {
            queue.push(open(id, 1));
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
            queue.push(open(id, 1));
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

    #[test]
    fn what_shares_a_record_is_parted_where_one_is_meant() {
        let mut queue = InFlight::default();
        queue.push(open(AskId::MAX - 1, 6));
        queue.push(open(4, 1));
        assert_eq!((queue.len(), ids(&queue).len()), (7, 2));
        assert_eq!(queue.find_alike(AskId::MAX - 1, 2), Some((0, 2)));
        assert_eq!(queue.find(1), Some(2));
        assert_eq!(ids(&queue), [AskId::MAX - 1, 0, 1, 2, 4]);
        assert_eq!(queue.find_alike(2, 9), Some((3, 2)));
        assert_eq!(queue.len(), 7);
        queue.remove(3);
        assert_eq!((queue.len(), queue.find(3)), (5, None));
        assert_eq!(queue.find_first(3..=9), Some(3));
        (0..4).for_each(|_| queue.remove(0));
        assert_eq!((queue.len(), queue.is_empty()), (0, true));
    }
}
