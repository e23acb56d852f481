//! Which connections are watched where not all can be: whole ones, never packets of any.

use std::cmp::Ordering;

/// A share of all connections: 1 in 1, 2, 4 ... 64, told by their ports alone, so that both directions and every watcher agree.
/// What is in a share is in each larger one as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    halvings: u8,
}

/// 2^32 over the golden ratio. The product's upper bits spread what ports have in common: those that a host gives out follow each
/// other and are all even or all odd.
const SPREAD: u32 = 0x9e37_79b9;

impl Share {
    /// Every connection.
    pub const ALL: Self = Self { halvings: 0 };
    /// 1 in 64.
    pub const LEAST: Self = Self { halvings: 6 };

    /// Half of it; itself where that is the least.
    #[must_use]
    pub fn narrowed(self) -> Self {
        let halvings = (self.halvings + 1).min(Self::LEAST.halvings);
        Self { halvings }
    }

    /// Twice as many; itself where it is all.
    #[must_use]
    pub const fn widened(self) -> Self {
        Self {
            halvings: self.halvings.saturating_sub(1),
        }
    }

    /// Of how many connections it holds one.
    #[must_use]
    pub const fn one_in(self) -> u32 {
        1 << self.halvings
    }

    /// As a fraction of 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        1.0 / f64::from(self.one_in())
    }

    /// Whether it is every connection.
    #[must_use]
    pub const fn is_all(self) -> bool {
        self.halvings == 0
    }

    /// Whether the connection between these ports, in either order, is in it.
    #[inline]
    #[must_use]
    pub fn holds(self, one: u16, other: u16) -> bool {
        self.is_all() || u32::from(one ^ other).wrapping_mul(Self::factor()) >> self.shift() == 0
    }

    /// What the ports' exclusive or is multiplied by.
    pub(super) const fn factor() -> u32 {
        SPREAD
    }

    /// By so many bits the product, of 32, is shifted down; nothing is left of those in the share.
    pub(super) const fn shift(self) -> u32 {
        32 - self.halvings as u32
    }
}

/// By so many bits the product is shifted down for the part that tells shards apart; shares go by the six uppermost, so each share
/// has connections of every shard.
pub(super) const SHARD_SHIFT: u32 = 8;
/// What is left of it then: the part is a fraction of 2^16, and that of the number of shards is the shard.
pub(super) const SHARD_MASK: u32 = 0xffff;

/// Which of `of` shards, 2^16 at most, the connection between these ports belongs to, in either order: told by the ports alone, so that the
/// kernel's program ([`shard_program`](super::filter::shard_program)) agrees, on every host and in every run.
#[inline]
#[must_use]
pub fn shard_of(one: u16, other: u16, of: u32) -> u32 {
    let product = u32::from(one ^ other).wrapping_mul(Share::factor());
    ((product >> SHARD_SHIFT & SHARD_MASK) * of) >> 16
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        other.halvings.cmp(&self.halvings)
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares() -> impl Iterator<Item = Share> {
        (0..=Share::LEAST.halvings).map(|halvings| Share { halvings })
    }

    #[test]
    fn halves_and_doubles_between_all_and_the_least() {
        let mut share = Share::ALL;
        for one_in in [2, 4, 8, 16, 32, 64, 64] {
            share = share.narrowed();
            assert_eq!(share.one_in(), one_in);
            assert!(share < Share::ALL);
        }
        assert_eq!(share, Share::LEAST);
        for one_in in [32, 16, 8, 4, 2, 1, 1] {
            share = share.widened();
            assert_eq!(share.one_in(), one_in);
        }
        assert!(share.is_all() && (share.fraction() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_share_holds_both_directions_and_is_in_each_larger_one() {
        for client in 1..=u16::MAX {
            let holds: Vec<bool> = shares().map(|share| share.holds(client, 5432)).collect();
            assert!(
                holds.is_sorted_by(|larger, smaller| larger >= smaller),
                "{client}"
            );
            assert!(shares().all(|share| share.holds(5432, client) == share.holds(client, 5432)));
        }
    }

    /// However ports are given out, every share has about as many connections of each shard.
    #[test]
    fn shards_are_even_within_each_share() {
        for server in [5432, 3306, 6379, 27017] {
            for (of, step) in [(2, 1), (3, 1), (4, 1), (7, 1), (2, 2), (3, 2), (4, 2)] {
                for share in shares() {
                    let clients = (0..28_000 / step).map(|nth| 32_768 + nth * step);
                    let held: Vec<u16> = clients.filter(|&client| share.holds(client, server)).collect();
                    let mut counts = vec![0_usize; of as usize];
                    for &client in &held {
                        counts[shard_of(client, server, of) as usize] += 1;
                        assert_eq!(shard_of(client, server, of), shard_of(server, client, of));
                    }
                    let even = held.len() / of as usize;
                    assert!(
                        counts.iter().all(|&it| it.abs_diff(even) <= 8 + even / 8),
                        "{share:?} at {server} in steps of {step}: {counts:?}"
                    );
                }
            }
        }
    }

    /// A pool opens its connections one after the other.
    #[test]
    fn a_pool_is_spread_over_shards() {
        for first in (32_768..60_000_u16).step_by(37) {
            for step in [1, 2] {
                let ports = (0..20).map(|nth| first + nth * step);
                let of_first = ports.filter(|&client| shard_of(client, 5432, 2) == 0).count();
                assert!((5..=15).contains(&of_first), "{of_first} of 20 from {first}");
            }
        }
    }

    /// However a host gives its ports out: one after the other, even or odd ones only, from any range, in steps.
    #[test]
    fn a_share_is_what_it_says_of_any_run_of_ports() {
        for server in [5432, 3306, 6379, 27017, 1, u16::MAX] {
            for (first, step) in [
                (32_768, 1),
                (32_768, 2),
                (32_769, 2),
                (1024, 4),
                (20_000, 8),
                (40_001, 16),
            ] {
                for share in shares() {
                    let clients = (0..1024_u16).map(|nth| first + nth * step);
                    let held = clients.filter(|&client| share.holds(client, server)).count();
                    let wanted = 1024.0 * share.fraction();
                    let off = (held as f64 - wanted).abs();
                    assert!(
                        off <= 4.0 + wanted / 4.0,
                        "{held} of {first}+{step}n at {server}: {share:?}"
                    );
                }
            }
        }
    }
}
