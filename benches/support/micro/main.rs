//! What single layers cost, one at a time: `benches/micro`. Figures are times a call, and what that is a packet, a statement or a
//! byte; whole runs are judged by the other scripts in `benches/`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "benchmarks end where something is amiss, and are no interface"
)]

mod captures;
mod decoders;
mod durations;
mod fingerprints;
mod flows;
mod packets;

fn main() {
    divan::main();
}

/// Whether only the benchmarks themselves are tried: small tables.
fn is_short() -> bool {
    std::env::var_os("BENCH_SHORT").is_some()
}
