//! sockhound watches the traffic between applications and their databases and says how long requests take, which
//! connections are hoarded, and what to do about it. No eBPF; neither application nor database is touched.
//!
//! Data flows one way, and imports point down this list only:
//!
//! ```text
//!  cli        arguments, settings, one file a command
//!  daemon     intervals, signals, reload, watchdog
//!  report     text, json, html                 <-  Summary
//!  metrics    totals since the start, /metrics  <-  Summary
//!  watch      a source, the layers below, a summary
//!  findings   diagnosis                        <-  Summary
//!  profile    latency, lives, demand, hoarding <-  Exchange, Event
//!  summary    the public model, merge, compare
//!  exchange   pairing, fingerprints            <-  Message
//!  protocol   decoders                         <-  in-order bytes and gaps
//!  flow       flow table, reassembly           <-  Segment
//!  capture    kernel ring, capture files       ->  Frame
//!  packet     link, IP and TCP headers
//!  host       the kernel's sockets and owners (a leaf)
//!  clock      Timestamp, Span
//! ```

pub mod capture;
pub mod cli;
pub mod clock;
pub mod daemon;
pub mod exchange;
pub mod findings;
pub mod flow;
pub mod host;
pub mod metrics;
pub mod packet;
pub mod profile;
pub mod protocol;
pub mod report;
pub mod summary;
pub mod watch;
