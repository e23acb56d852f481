//! Rows by key, at most so many: the least valuable share one row, so that no client, however many names it makes up, takes the
//! scraper's memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::clock::Timestamp;

/// A row's value of former intervals, in the next one.
const DECAY: f64 = 0.9;
/// A row is replaced only by one that is worth so many times more now.
const WORTH: f64 = 2.0;
/// Rows replaced in one interval at most, as a share of all: a scraper bears only so many new series.
const REPLACED: usize = 16;

/// What is counted for each key.
pub trait Row: Default {
    /// What an interval tells of it.
    type Told;

    /// Counts are added, gauges replaced. Several of one interval with one key are one: their gauges are added.
    fn add(&mut self, told: &Self::Told);

    /// A new interval: until it is told of, there is none of it.
    fn begin(&mut self);
}

/// A row of its own.
#[derive(Clone, Debug)]
pub struct Kept<R> {
    /// What was counted.
    pub row: R,
    /// Since when.
    pub since: Timestamp,
    value: f64,
}

/// One thing of an interval.
#[derive(Clone, Debug)]
pub struct Told<'a, K, T> {
    /// What tells it from others.
    pub key: K,
    /// How much it matters: of those without a row the greatest get one first.
    pub value: f64,
    /// What it did.
    pub told: &'a T,
}

/// Rows by key.
#[derive(Clone, Debug)]
pub struct Table<K, R> {
    most: usize,
    rows: BTreeMap<K, Kept<R>>,
    other: R,
    folded: u64,
    replaced: u64,
}

impl<K: Ord + Clone, R: Row> Table<K, R> {
    /// For at most so many rows.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            rows: BTreeMap::new(),
            other: R::default(),
            folded: 0,
            replaced: 0,
        }
    }

    /// Adds all that an interval, which began at `since`, tells.
    pub fn add<'a>(&mut self, since: Timestamp, all: impl Iterator<Item = Told<'a, K, R::Told>>)
    where
        R::Told: 'a,
    {
        self.begin();
        let mut strangers: Vec<_> = all.filter_map(|one| self.add_known(one)).collect();
        strangers.sort_by(|one, other| {
            let by_value = other.value.total_cmp(&one.value);
            by_value.then_with(|| one.key.cmp(&other.key))
        });
        let mut replaced = 0;
        for one in strangers {
            self.add_stranger(since, one, &mut replaced);
        }
        self.replaced += replaced;
    }

    /// Gives `key` a row before anything is told of it, so that its counts are seen to begin at zero; `None` where there is no room.
    pub fn expect(&mut self, key: K, since: Timestamp) -> Option<&mut R> {
        let has_room = self.rows.len() < self.most || self.rows.contains_key(&key);
        let begin = || Kept {
            row: R::default(),
            since,
            value: 0.0,
        };
        has_room.then(|| &mut self.rows.entry(key).or_insert_with(begin).row)
    }

    fn begin(&mut self) {
        self.other.begin();
        for kept in self.rows.values_mut() {
            kept.value *= DECAY;
            kept.row.begin();
        }
    }

    /// Gives back what has no row.
    fn add_known<'a>(&mut self, one: Told<'a, K, R::Told>) -> Option<Told<'a, K, R::Told>> {
        let Some(kept) = self.rows.get_mut(&one.key) else {
            return Some(one);
        };
        kept.value += one.value;
        kept.row.add(one.told);
        None
    }

    fn add_stranger(&mut self, since: Timestamp, one: Told<'_, K, R::Told>, replaced: &mut u64) {
        if !self.rows.contains_key(&one.key) && self.rows.len() >= self.most {
            let exhausted = *replaced >= (self.most.div_ceil(REPLACED)) as u64;
            if exhausted || !self.make_room(one.value) {
                self.folded += 1;
                self.other.add(one.told);
                return;
            }
            *replaced += 1;
        }
        let kept = match self.rows.entry(one.key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(room) => room.insert(Kept {
                row: R::default(),
                since,
                value: 0.0,
            }),
        };
        kept.value += one.value;
        kept.row.add(one.told);
    }

    /// Forgets the least valuable row where one of `value` is worth much more.
    fn make_room(&mut self, value: f64) -> bool {
        let least = self
            .rows
            .iter()
            .min_by(|(_, one), (_, other)| one.value.total_cmp(&other.value))
            .filter(|(_, least)| value > least.value * WORTH)
            .map(|(key, _)| key.clone());
        least.is_some_and(|key| self.rows.remove(&key).is_some())
    }
}

impl<K, R> Table<K, R> {
    /// Every row, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Kept<R>)> {
        self.rows.iter()
    }

    /// What was counted of all that had no row of its own.
    #[must_use]
    pub const fn other(&self) -> &R {
        &self.other
    }

    /// Whether [`Table::other`] ever counted anything.
    #[must_use]
    pub const fn has_other(&self) -> bool {
        self.folded > 0
    }

    /// How many things of intervals went to [`Table::other`].
    #[must_use]
    pub const fn folded(&self) -> u64 {
        self.folded
    }

    /// How many rows went to make room for others.
    #[must_use]
    pub const fn replaced(&self) -> u64 {
        self.replaced
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows there can be.
    #[must_use]
    pub const fn most(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Count {
        total: u64,
        now: u64,
    }

    impl Row for Count {
        type Told = u64;

        fn add(&mut self, told: &u64) {
            self.total += told;
            self.now += told;
        }

        fn begin(&mut self) {
            self.now = 0;
        }
    }

    fn interval(table: &mut Table<u32, Count>, all: &[(u32, u64)]) {
        let told = all.iter().map(|(key, count)| Told {
            key: *key,
            value: *count as f64,
            told: count,
        });
        table.add(Timestamp::from_parts(table.folded().cast_signed(), 0), told);
    }

    fn total(table: &Table<u32, Count>, key: u32) -> Option<u64> {
        table.rows.get(&key).map(|kept| kept.row.total)
    }

    #[test]
    fn the_most_valuable_have_rows_and_nothing_is_lost() {
        let mut table = Table::new(2);
        interval(&mut table, &[(1, 5), (2, 7), (3, 6), (4, 1)]);
        assert_eq!(
            [1, 2, 3, 4].map(|key| total(&table, key)),
            [None, Some(7), Some(6), None]
        );
        assert_eq!((table.other().total, table.folded(), table.replaced()), (6, 2, 0));
        interval(&mut table, &[(1, 5), (2, 1)]);
        assert_eq!((total(&table, 2), table.other().now), (Some(8), 5));
        assert_eq!(table.rows[&3].row.now, 0, "it is not there any more");
        assert_eq!(total(&table, 3), Some(6), "but counts stay");
    }

    #[test]
    fn a_row_makes_room_for_one_that_is_worth_much_more() {
        let mut table = Table::new(2);
        interval(&mut table, &[(1, 10), (2, 100)]);
        interval(&mut table, &[(2, 100), (3, 15)]);
        assert_eq!(table.replaced(), 0, "no more than twice as much");
        interval(&mut table, &[(2, 100), (3, 30), (4, 29)]);
        assert_eq!((total(&table, 1), total(&table, 3)), (None, Some(30)));
        assert_eq!(table.rows[&3].since, Timestamp::from_parts(1, 0));
        assert_eq!(
            (table.replaced(), table.other().total),
            (1, 15 + 29),
            "one at a time"
        );
        interval(&mut table, &[(1, 10_000)]);
        assert_eq!(total(&table, 1), Some(10_000), "begins anew");
    }

    #[test]
    fn an_expected_row_begins_at_zero_and_makes_room_first() {
        let mut table = Table::<u32, Count>::new(2);
        let since = Timestamp::from_parts(7, 0);
        assert!(
            [1, 2, 1]
                .into_iter()
                .all(|key| table.expect(key, since).is_some())
        );
        assert!(table.expect(3, since).is_none(), "no room");
        assert_eq!((table.len(), total(&table, 1)), (2, Some(0)));
        interval(&mut table, &[(1, 5), (3, 6)]);
        assert_eq!([1, 2, 3].map(|key| total(&table, key)), [Some(5), None, Some(6)]);
        assert_eq!(table.rows[&1].since, since);
    }

    #[test]
    fn one_key_twice_is_one_row() {
        let mut table = Table::new(2);
        interval(&mut table, &[(1, 5), (1, 6)]);
        interval(&mut table, &[(1, 5), (1, 6)]);
        assert_eq!((total(&table, 1), table.rows[&1].row.now), (Some(22), 11));
    }

    #[test]
    fn names_without_end_take_no_more_memory() {
        let mut table = Table::new(8);
        for key in 0..10_000 {
            interval(&mut table, &[(key, 1), (key + 1, 1), (1_000_000, 3)]);
        }
        assert_eq!(table.len(), 8);
        assert_eq!(total(&table, 1_000_000), Some(30_000));
    }
}
