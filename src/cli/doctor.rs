//! `sockhound doctor`.

use super::args::DoctorArguments;
use super::exit::Failure;

/// Does what `arguments` say.
pub fn run(arguments: &DoctorArguments) -> Result<(), Failure> {
    let _ = arguments;
    Err(Failure::unavailable("doctor"))
}
