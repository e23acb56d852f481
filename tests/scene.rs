//! Scenes on real servers: who hoards, where the time goes, and how long smaller pools would have made requests wait.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

#[path = "scene/hoarding.rs"]
mod hoarding;
#[path = "scene/time.rs"]
mod time;
#[path = "scene/what_if.rs"]
mod what_if;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The scenes' hosts bear the same addresses, and timing wants the machine for itself: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
