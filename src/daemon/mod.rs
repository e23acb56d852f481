//! Watching for ever: intervals, signals, reload, watchdog.
//!
//! ```text
//! watchman   the capture loop: frames, the interval's end, the watchdog
//!   boundaries   when an interval ends
//!   signals      end, reload, a summary now
//!   changes      what is hoarded or wrong since, and no longer
//! overload     which share of the connections is watched
//! inventories  a thread that asks the kernel for its sockets
//! aggregator   a thread that adds summaries to the totals
//! push         a thread that pushes the totals to a collector
//! outputs      where summaries go
//!   output       a thread that writes them to one destination
//!   lines        whole lines or none, to a file or standard output
//! files        what grows with the traffic: exchanges, frames
//!   spool        a thread for each
//! journal      a thread that says things on standard error
//! flush        waits until such a thread is done
//! ```
//!
//! Whatever may stall has a thread of its own behind a bounded channel, so that nothing stalls the capture.

pub mod aggregator;
pub mod boundaries;
pub mod changes;
pub mod destination;
pub mod files;
mod flush;
pub mod frames;
pub mod inventories;
pub mod journal;
pub mod lines;
pub mod output;
pub mod outputs;
pub mod overload;
pub mod pace;
pub mod push;
pub mod signals;
pub mod spool;
pub mod watchman;

pub use aggregator::Aggregator;
pub use destination::Destination;
pub use files::Files;
pub use frames::FrameSpool;
pub use inventories::Inventories;
pub use journal::Journal;
pub use output::{Line, Output};
pub use outputs::Outputs;
pub use overload::Overload;
pub use push::{Collector, Pusher};
pub use signals::Signals;
pub use spool::{LineSpool, Spool};
pub use watchman::{ReadAgain, Reload, Watchman, Work};
