//! The totals as Prometheus wants them: text (0.0.4), OpenMetrics (1.0.0), or protobuf with native histograms.
//!
//! ```text
//! family      Family: a metric, its samples borrowed from the totals
//! catalog     every metric there is, in one list for all formats and for docs/metrics.md
//!   own, operations, services, pools, statements
//! text        text and OpenMetrics
//! protobuf    io.prometheus.client.MetricFamily, delimited
//! ```
//!
//! `prometheus-client` draws metrics that count for themselves, knows no text 0.0.4, and its protobuf has no sums to fill in; these writers
//! are small, and the messages are `prost`'s.

mod catalog;
mod family;
mod operations;
mod own;
mod pools;
mod process;
mod protobuf;
mod services;
mod statements;
#[cfg(test)]
mod tests;
mod text;

pub use catalog::{Described, described};
pub use family::Kind;

use super::{Operations, Totals};

/// A format that a scraper can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Text,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
    /// `application/vnd.google.protobuf` with delimited messages: native histograms beside classic buckets.
    Protobuf,
}

impl Format {
    /// Every one; of those that a scraper likes equally, the first is sent.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// Draws every metric.
#[must_use]
pub fn draw(totals: &Totals, operations: &Operations, format: Format) -> Vec<u8> {
    let process = process::now();
    let families = catalog::families(totals, operations, process.as_ref());
    match format {
        Format::Text => text::draw(&families, text::Dialect::Prometheus).into_bytes(),
        Format::OpenMetrics => text::draw(&families, text::Dialect::OpenMetrics).into_bytes(),
        Format::Protobuf => protobuf::draw(&families),
    }
}
