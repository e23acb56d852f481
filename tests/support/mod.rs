//! What the tests of whole behaviour share.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on fails"
)]

pub mod lab;
mod postgresql;
pub mod replay;
pub mod service;
pub mod watcher;
mod wire;
