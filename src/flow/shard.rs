//! Which of several tables a connection belongs to.

use crate::capture::share;
use crate::packet::Endpoint;

/// One of several tables that divide the connections among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, below `of`.
    pub index: u32,
    /// How many there are; 1 or more.
    pub of: u32,
}

impl Shard {
    /// Whether the connection between two ends, in either order, belongs here. It belongs to just one of the tables.
    #[inline]
    #[must_use]
    pub fn holds(self, one: Endpoint, other: Endpoint) -> bool {
        Self::index_of(one, other, self.of) == self.index
    }

    /// The table, out of `of` (64 at most), that the connection between two ends belongs to; the same on every host and in every run,
    /// and to the kernel.
    #[inline]
    #[must_use]
    pub fn index_of(one: Endpoint, other: Endpoint, of: u32) -> u32 {
        share::shard_of(one.port, other.port, of)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn both_directions_are_of_one_shard_and_connections_are_spread_evenly() {
        let ends = |port: u16| {
            let client: IpAddr = if port.is_multiple_of(2) {
                [10, 0, (port >> 8) as u8, 7].into()
            } else {
                format!("2001:db8::{port:x}").parse().unwrap()
            };
            let server = Endpoint::new([10, 0, 0, 5].into(), 5432);
            (Endpoint::new(client, 30_000 + port), server)
        };
        for of in 1..9 {
            let mut counts = vec![0; of as usize];
            for (one, other) in (0..8000).map(ends) {
                let index = Shard::index_of(one, other, of);
                assert_eq!(index, Shard::index_of(other, one, of));
                let holding = (0..of).filter(|&index| Shard { index, of }.holds(one, other));
                assert_eq!(holding.collect::<Vec<_>>(), [index]);
                counts[index as usize] += 1;
            }
            let even = 8000 / of;
            assert!(
                counts
                    .iter()
                    .all(|count| even * 8 / 10 < *count && *count < even * 12 / 10),
                "{counts:?}"
            );
        }
    }
}
