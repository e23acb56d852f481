//! `sockhound daemon`.

use super::exit::Failure;
use super::settings::Settings;

/// Does what `settings` say.
pub fn run(settings: &Settings) -> Result<(), Failure> {
    let _ = settings;
    Err(Failure::unavailable("daemon"))
}
