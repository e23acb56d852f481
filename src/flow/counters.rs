//! What following connections met and cost.

/// What a [`Table`](super::Table) met and what it cost, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments of watched connections.
    pub watched: u64,
    /// Segments of no watched server.
    pub unwatched: u64,
    /// Copies of segments seen just before.
    pub duplicates: u64,
    /// Holes given up.
    pub gaps: u64,
    /// Bytes in those holes.
    pub gap_bytes: u64,
    /// Times that what was kept until more came was given up for the bound.
    pub shed: u64,
    /// Connections dropped for the bound.
    pub evicted: u64,
}
