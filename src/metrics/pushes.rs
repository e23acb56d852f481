//! What became of requests to an OpenTelemetry collector.

use super::operations::Counter;

/// Counts since the start; every clone is the same. A request that is not taken loses nothing: totals are cumulative, and the next
/// one holds them.
#[derive(Clone, Debug, Default)]
pub struct Pushes {
    /// Requests that were taken.
    pub taken: Counter,
    /// Requests that were not, and were to be tried again before the next interval.
    pub postponed: Counter,
    /// Requests that were given up: the collector refused them, and the same again made no sense.
    pub refused: Counter,
    /// Requests that were tried again.
    pub retried: Counter,
    /// Data points that the collector dropped from requests that it took.
    pub rejected: Counter,
}
