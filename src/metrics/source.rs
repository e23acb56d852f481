//! What was watched since the start, and what was lost on the way.

use crate::summary::{Discarded, Source};

/// Sums over all intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

impl SourceTotals {
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
        let (sum, told) = (&mut self.discarded, told.discarded.unwrap_or_default());
        sum.not_ip += told.not_ip;
        sum.not_tcp += told.not_tcp;
        sum.fragments += told.fragments;
        sum.malformed += told.malformed;
    }
}
