//! Which rows of two summaries are the same thing.

use std::collections::HashMap;
use std::hash::Hash;

/// One thing on either side, or on one side only.
#[derive(Debug)]
pub struct Pair<'a, T> {
    /// As it was.
    pub before: Option<&'a T>,
    /// As it is.
    pub after: Option<&'a T>,
}

impl<T> Clone for Pair<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Pair<'_, T> {}

/// Pairs rows with the same key; `key` is told whether the row is of the side before. In the order of `after`, then
/// what is gone.
pub fn by_key<'a, T, K: Hash + Eq>(
    before: &'a [T],
    after: &'a [T],
    key: impl Fn(&T, bool) -> K,
) -> Vec<Pair<'a, T>> {
    let mut known: HashMap<K, &T> = before.iter().rev().map(|row| (key(row, true), row)).collect();
    let mut pairs: Vec<Pair<'a, T>> = after
        .iter()
        .map(|row| Pair {
            before: known.remove(&key(row, false)),
            after: Some(row),
        })
        .collect();
    let gone = before.iter().filter(|row| {
        known
            .get(&key(row, true))
            .is_some_and(|left| std::ptr::eq(*left, *row))
    });
    pairs.extend(gone.map(|row| Pair {
        before: Some(row),
        after: None,
    }));
    pairs
}

/// The same; then rows left over are paired where just one on each side has the same looser `name`.
pub fn by_key_then_alone<'a, T, K: Hash + Eq, N: Hash + Eq>(
    before: &'a [T],
    after: &'a [T],
    key: impl Fn(&T, bool) -> K,
    name: impl Fn(&T, bool) -> N,
) -> Vec<Pair<'a, T>> {
    let mut pairs = by_key(before, after, key);
    let alone = |pairs: &[Pair<'a, T>], wanted: &N, is_before: bool| -> Option<usize> {
        let mut found = pairs
            .iter()
            .enumerate()
            .filter(|(_, pair)| match (pair.before, pair.after) {
                (Some(row), None) => is_before && name(row, true) == *wanted,
                (None, Some(row)) => !is_before && name(row, false) == *wanted,
                _ => false,
            });
        found
            .next()
            .map(|(index, _)| index)
            .filter(|_| found.next().is_none())
    };
    let names: Vec<N> = pairs
        .iter()
        .filter_map(|pair| pair.after.filter(|_| pair.before.is_none()))
        .map(|row| name(row, false))
        .collect();
    for wanted in names {
        if let (Some(gone), Some(new)) = (alone(&pairs, &wanted, true), alone(&pairs, &wanted, false)) {
            let before = pairs.get(gone).and_then(|pair| pair.before);
            if let Some(pair) = pairs.get_mut(new) {
                pair.before = before;
            }
            pairs.remove(gone);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(before: &[(&'static str, u8)], after: &[(&'static str, u8)]) -> Vec<String> {
        by_key_then_alone(before, after, |row, _| row.0, |row, _| row.1)
            .iter()
            .map(|pair| {
                let name = |side: Option<&(&'static str, u8)>| side.map_or("-", |row| row.0);
                format!("{}={}", name(pair.before), name(pair.after))
            })
            .collect()
    }

    #[test]
    fn pairs_by_key_then_by_name_where_that_is_plain() {
        assert_eq!(
            pairs(&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1)]),
            ["b=b", "a=a"]
        );
        assert_eq!(
            pairs(&[("a", 1), ("b", 2)], &[("c", 2), ("a", 1)]),
            ["b=c", "a=a"]
        );
        assert_eq!(
            pairs(&[("a", 1), ("b", 1)], &[("c", 1)]),
            ["-=c", "a=-", "b=-"],
            "which of the two?"
        );
        assert_eq!(pairs(&[("a", 1)], &[("b", 2)]), ["-=b", "a=-"]);
        assert_eq!(
            pairs(&[("a", 1), ("a", 1)], &[("a", 1)]),
            ["a=a"],
            "a double is no row of its own"
        );
    }
}
