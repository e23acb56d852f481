//! `sockhound completions`: for bash, zsh, fish, elvish and PowerShell.

use clap::CommandFactory;

use super::args::{Arguments, CompletionsArguments};
use super::exit::Failure;
use super::output;

/// Prints the completions of the shell asked for.
pub fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "sockhound",
        &mut script,
    );
    output::write(None, |out| out.write_all(&script))
}
