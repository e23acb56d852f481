//! `sockhound demo`.

use super::args::DemoArguments;
use super::exit::Failure;

/// Does what `arguments` say.
pub fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    let _ = arguments;
    Err(Failure::unavailable("demo"))
}
