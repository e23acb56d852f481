//! How `--max-memory` is divided among what a watch keeps.

use crate::flow::Limits;
use crate::profile::Bounds;

/// What a process takes whatever it is fed: its code and tables of fixed size. Of less than twice this, half is left for it.
const BASE: u64 = 16 << 20;

/// A connection in a list of a summary, and its line as it is written.
const LISTED: u64 = 800;
/// What is rare about a connection, with its places in a table and a queue.
const EXTRA: u64 = 320;
/// A pool with its demand, what-if and latencies, and its row of a summary, as a rule; hostile ones take thrice as much.
const POOL: u64 = 8 << 10;
/// A server with its distributions, and its row of a summary.
const SERVICE: u64 = 8 << 10;

/// The most bytes of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Connections, at rest or not.
    pub connections: usize,
    /// Bytes kept until more come, pipelines, prepared statements: of all connections together.
    pub buffered: usize,
    /// Statements' texts.
    pub texts: usize,
    /// What is counted of everything, and the lists of connections.
    pub counted: Bounds,
}

impl Shares {
    /// Divides so many bytes, in sixteenths of what the process does not take anyway.
    #[must_use]
    pub fn of(memory: u64) -> Self {
        let sixteenth = (memory - BASE.min(memory / 2)) / 16;
        let bytes = |sixteenths: u64| usize::try_from(sixteenths * sixteenth).unwrap_or(usize::MAX);
        let rows = |bytes: u64, of: u64| usize::try_from(bytes / of).unwrap_or(usize::MAX).max(1);
        Self {
            connections: bytes(4),
            buffered: bytes(2),
            texts: bytes(1),
            counted: Bounds {
                // Their rows of a summary take as much again.
                statement_bytes: bytes(3) / 2,
                name_bytes: bytes(1) / 2,
                // Clients, of which each may have two pools.
                pools: rows(sixteenth, 2 * POOL),
                // Hoarded ones, and those asked for.
                listed: rows(3 * sixteenth, 2 * LISTED),
                extras: rows(sixteenth, EXTRA),
                services: rows(sixteenth / 2, SERVICE),
            },
        }
    }

    /// Connections that there is room for, as if none did anything: there are fewer where they do.
    #[must_use]
    pub fn most_connections(&self) -> usize {
        (self.connections / Limits::RESTING).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_are_no_more_than_there_is() {
        for memory in [0, 1, 1 << 20, 20 << 20, 256 << 20, 1 << 40, u64::MAX] {
            let shares = Shares::of(memory);
            let counted = shares.counted;
            let rows = |rows: usize, bytes: u64| if rows > 1 { rows as u64 * bytes } else { 0 };
            let sum = shares.connections as u64
                + shares.buffered as u64
                + shares.texts as u64
                + 2 * counted.statement_bytes as u64
                + counted.name_bytes as u64
                + rows(counted.pools, 2 * POOL)
                + rows(counted.services, SERVICE)
                + rows(counted.listed, 2 * LISTED)
                + rows(counted.extras, EXTRA);
            let left = memory - BASE.min(memory / 2);
            assert!(sum <= left, "{memory}: {shares:?}");
            assert!(sum >= left / 10 * 9 || memory < 1 << 20, "{memory}: {shares:?}");
            assert!(shares.most_connections() >= 1);
        }
    }
}
