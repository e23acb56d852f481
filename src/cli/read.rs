//! `sockhound read`: one summary of capture files.

use std::path::PathBuf;

use super::exit::Failure;
use super::settings::Settings;

/// Reads `files` (`-` is standard input) and prints their summary.
pub fn run(settings: &Settings, files: &[PathBuf]) -> Result<(), Failure> {
    let _ = (settings, files);
    Err(Failure::unavailable("read"))
}
