//! `sockhound sockets`.

use super::args::SocketsArguments;
use super::exit::Failure;

/// Does what `arguments` say.
pub fn run(arguments: &SocketsArguments) -> Result<(), Failure> {
    let _ = arguments;
    Err(Failure::unavailable("sockets"))
}
