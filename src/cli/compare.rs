//! `sockhound compare`.

use super::args::CompareArguments;
use super::exit::Failure;

/// Does what `arguments` say.
pub fn run(arguments: &CompareArguments) -> Result<(), Failure> {
    let _ = arguments;
    Err(Failure::unavailable("compare"))
}
