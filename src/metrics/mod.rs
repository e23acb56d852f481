//! What the daemon counted since its start, for scrapers and collectors.
//!
//! ```text
//! shared     Shared: totals, latest summary and health, between threads
//!   totals     Totals: each interval's Summary added up
//!     service, pool, statement, source, findings   the rows
//!     table      rows by key, bounded: the least valuable share one row
//!     histogram  a distribution that grows exactly; classic and native buckets of it
//!   health     whether the watch goes on
//!   operations what the daemon itself did
//!     pushes     requests to a collector
//!   otlp       all of it as a collector takes it
//! exposition the totals as Prometheus reads them
//! serve      /metrics, /healthz, /summary over HTTP
//! ```
//!
//! # How to read them
//!
//! Hold a [`Shared`] and look at the totals with [`Shared::read`]; every exporter draws the same [`Totals`]:
//!
//! - Counters are since [`Totals::start`], or for a row since its own [`Kept::since`], and never go down. A row that had to make room for
//!   another one is gone; if it comes again it begins at zero with a new `since`, as the start time of a cumulative sum does.
//! - Gauges are those of the latest interval; zero for rows that it did not name.
//! - [`Table::iter`] gives rows with their keys; [`Table::other`] is what was counted of things that had no row of their own, so that the
//!   sum over rates is always whole. Services, pools and statements have a table each.
//! - [`Histogram::native`] gives exponential buckets (Prometheus' native histograms; OpenTelemetry's exponential ones have the
//!   same boundaries, their index is one less), [`Histogram::classic`] cumulative counts at fixed bounds.
//!
//! Each [`Summary`](crate::summary::Summary) of a daemon is a difference from the one before, whatever ended its interval (a boundary,
//! SIGUSR1, the end): `Session::turn` begins all counts anew after it. So every summary is added exactly once;
//! [`Totals::add`] refuses one whose sequence number it had.

pub mod exposition;
mod findings;
pub mod health;
pub mod histogram;
mod labels;
pub mod operations;
pub mod otlp;
mod pool;
mod pushes;
pub mod serve;
mod service;
mod shared;
mod source;
mod statement;
pub mod table;
mod totals;

pub use findings::Findings;
pub use health::Health;
pub use histogram::{Histogram, Native};
pub use operations::Operations;
pub use pool::{PoolKey, PoolTotals};
pub use pushes::Pushes;
pub use service::{Legs, ServiceKey, ServiceTotals};
pub use shared::Shared;
pub use source::SourceTotals;
pub use statement::{StatementKey, StatementTotals};
pub use table::{Kept, Table};
pub use totals::Totals;
