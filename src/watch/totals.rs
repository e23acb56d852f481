//! Counters of a watch, and what of them belongs to the interval at hand.

use crate::exchange::tracker::Discards;
use crate::flow::Counters;
use crate::summary::{Discarded, Source};

/// What was counted since the watch began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) dropped: u64,
    pub(super) evicted_statements: u64,
    pub(super) discards: Discards,
    pub(super) flow: Counters,
}

impl Totals {
    /// What was counted since `earlier`, as a summary tells it.
    pub(super) fn since(&self, earlier: &Self) -> Source {
        let (now, then) = (&self.flow, &earlier.flow);
        let discarded = self.discarded(earlier);
        Source {
            packets: self.packets - earlier.packets,
            bytes: self.bytes - earlier.bytes,
            dropped: self.dropped.saturating_sub(earlier.dropped),
            undecoded: discarded.not_ip + discarded.not_tcp + discarded.fragments + discarded.malformed,
            duplicates: now.duplicates - then.duplicates,
            gaps: now.gaps - then.gaps,
            gap_bytes: now.gap_bytes - then.gap_bytes,
            evicted_connections: now.evicted - then.evicted,
            evicted_statements: self.evicted_statements.saturating_sub(earlier.evicted_statements),
            watched_packets: Some(now.watched - then.watched),
            discarded: Some(discarded),
            ..Source::default()
        }
    }

    fn discarded(&self, earlier: &Self) -> Discarded {
        let (now, then) = (&self.discards, &earlier.discards);
        Discarded {
            not_ip: now.not_ip - then.not_ip,
            not_tcp: now.not_tcp - then.not_tcp,
            fragments: now.fragments - then.fragments,
            malformed: now.malformed - then.malformed,
        }
    }
}
