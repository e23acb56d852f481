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
    /// Connections forgotten as the share of those watched became smaller.
    pub forgotten: u64,
    /// Segments of connections that are not in the share.
    pub outside: u64,
}

impl std::iter::Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            watched: sum.watched + one.watched,
            unwatched: sum.unwatched + one.unwatched,
            duplicates: sum.duplicates + one.duplicates,
            gaps: sum.gaps + one.gaps,
            gap_bytes: sum.gap_bytes + one.gap_bytes,
            shed: sum.shed + one.shed,
            evicted: sum.evicted + one.evicted,
            forgotten: sum.forgotten + one.forgotten,
            outside: sum.outside + one.outside,
        })
    }
}
