//! The `sockhound` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sockhound::cli::run()
}
