//! A whole watch: frames from a source, through the layers below, to a summary.
//!
//! ```text
//! Source -> Session: Tracker -> Recorder -> Profile -> Summary
//!                                  `-> exchanges as NDJSON
//! ```
//!
//! A large file is read several times at once, by shards: each follows the connections that are its own. Live, [`live`] divides the
//! rings as well.
//!
//! ```text
//! Source -> shard 0: Tracker -.
//! Source -> shard 1: Tracker -+-> Merger (by number of frame) -> Recorder -> Profile -> Summary
//! Source -> shard 2: Tracker -'                                       `-> exchanges as NDJSON
//! ```

mod exchanges;
mod fair;
mod hold;
pub mod kernel;
pub mod live;
mod merge;
mod owned;
mod profile_thread;
mod recorder;
mod seat;
mod session;
mod shard;
mod shards;
mod share;
mod totals;

pub use exchanges::ExchangeWriter;
pub use recorder::Recorder;
pub use session::{Plan, Provenance, Session};
