//! What was watched since the start, and what was lost on the way.

use crate::summary::{Discarded, Overload, Source};

const ALL_WATCHED: Overload = Overload {
    least_share: 1.0,
    share: 1.0,
    narrowed: 0,
    forgotten_connections: 0,
    unwatched_connections: None,
};

/// Sums over all intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SourceTotals {
    /// Frames seen.
    pub packets: u64,
    /// Bytes of them on the wire.
    pub bytes: u64,
    /// TCP segments of watched connections among them.
    pub watched_packets: u64,
    /// Frames that the kernel dropped.
    pub dropped: u64,
    /// Frames that were no readable TCP segment, by reason.
    pub discarded: Discarded,
    /// Copies of frames.
    pub duplicates: u64,
    /// Holes in byte streams.
    pub gaps: u64,
    /// Bytes in holes of known length.
    pub gap_bytes: u64,
    /// Connections forgotten because of the bounds.
    pub evicted_connections: u64,
    /// Statements forgotten because of the bounds.
    pub evicted_statements: u64,
    /// Interfaces watched now.
    pub interfaces: u64,
    /// How often the share of connections that are watched was halved for overload.
    pub narrowed: u64,
    /// Connections forgotten for it.
    pub forgotten_connections: u64,
    /// The share of connections that is not watched now.
    unwatched_share: f64,
}

impl SourceTotals {
    /// The share of all connections that is watched now.
    #[must_use]
    pub fn share(&self) -> f64 {
        1.0 - self.unwatched_share
    }

    pub(super) fn add(&mut self, told: &Source) {
        self.packets += told.packets;
        self.bytes += told.bytes;
        self.watched_packets += told.watched_packets.unwrap_or(0);
        self.dropped += told.dropped;
        self.duplicates += told.duplicates;
        self.gaps += told.gaps;
        self.gap_bytes += told.gap_bytes;
        self.evicted_connections += told.evicted_connections;
        self.evicted_statements += told.evicted_statements;
        self.interfaces = told.interfaces.len() as u64;
        let overload = told.overload.unwrap_or(ALL_WATCHED);
        self.narrowed += overload.narrowed;
        self.forgotten_connections += overload.forgotten_connections;
        self.unwatched_share = 1.0 - overload.share;
        let (sum, told) = (&mut self.discarded, told.discarded.unwrap_or_default());
        sum.not_ip += told.not_ip;
        sum.not_tcp += told.not_tcp;
        sum.fragments += told.fragments;
        sum.malformed += told.malformed;
    }
}
