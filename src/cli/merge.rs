//! `sockhound merge`.

use super::args::MergeArguments;
use super::exit::Failure;

/// Does what `arguments` say.
pub fn run(arguments: &MergeArguments) -> Result<(), Failure> {
    let _ = arguments;
    Err(Failure::unavailable("merge"))
}
