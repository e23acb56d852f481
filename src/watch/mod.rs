//! A whole watch: frames from a source, through the layers below, to a summary.
//!
//! ```text
//! Source -> Tracker -> Recorder -> Profile -> Summary
//!                        `-> exchanges as NDJSON
//! ```

mod exchanges;
mod recorder;

pub use exchanges::ExchangeWriter;
pub use recorder::Recorder;
