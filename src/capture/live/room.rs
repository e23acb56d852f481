//! How large a ring may be: the larger it is, the longer a burst may keep this process from reading it, and the longer the kernel takes to
//! clear its pages before the watch begins (8 to 60 ms for 32 MiB).

use super::LiveSource;
use crate::host;

/// Blocks of a ring, at least and at most.
const LEAST: u32 = 16;
const MOST: u32 = 32;
/// All rings take this part of the host's memory, unless the least is more.
const PART: u64 = 64;

impl LiveSource {
    /// Blocks of the next ring.
    pub(super) fn blocks(&self) -> u32 {
        self.options.blocks.unwrap_or_else(|| {
            let affordable = host::memory() / PART / u64::from(self.options.block_size) / u64::from(self.of);
            let taken = self
                .watches
                .iter()
                .map(|watch| u64::from(watch.ring.blocks()))
                .sum();
            blocks(affordable, taken)
        })
    }
}

fn blocks(affordable: u64, taken: u64) -> u32 {
    let left = affordable.saturating_sub(taken);
    u32::try_from(left).unwrap_or(MOST).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBIBYTE: u64 = 1 << 30;

    /// In MiB, of the rings on so many interfaces.
    fn rings(memory: u64, interfaces: usize) -> Vec<u32> {
        let mut rings = Vec::new();
        for _ in 0..interfaces {
            let taken = rings.iter().map(|&blocks| u64::from(blocks)).sum();
            rings.push(blocks((memory / PART) >> 20, taken));
        }
        rings
    }

    #[test]
    fn rings_are_as_large_as_the_host_can_spare() {
        assert_eq!(rings(GIBIBYTE, 3), [16, 16, 16]);
        assert_eq!(rings(2 * GIBIBYTE, 2), [32, 16]);
        assert_eq!(rings(4 * GIBIBYTE, 3), [32, 32, 16]);
        assert_eq!(rings(64 * GIBIBYTE, 2), [32, 32]);
        let many: u32 = rings(16 * GIBIBYTE, 32).iter().sum();
        assert_eq!(many, 8 * 32 + 24 * 16);
    }
}
