//! The command line: arguments, settings, one file a command.

pub mod args;
pub mod capture;
pub mod compare;
pub mod completions;
mod config;
mod cores;
pub mod daemon;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod live;
pub mod man;
pub mod merge;
mod options;
pub mod output;
pub mod plan;
pub mod progress;
pub mod read;
pub mod schema;
pub mod settings;
pub mod shares;
pub mod sockets;
pub mod summaries;
pub mod target;
pub mod top;
pub mod values;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use exit::{Exit, Failure};
use settings::{Mode, Settings};

/// Does what the process's arguments ask, and says on standard error what went wrong.
#[must_use]
pub fn run() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => dispatch(arguments),
        Err(usage) => return ExitCode::from(exit::usage(&usage)),
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.report().into(),
    }
}

fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    arguments.color.write_global();
    match arguments.command {
        Command::Capture(options) => capture::run(&Settings::resolve(options, Mode::Capture)?),
        Command::Read(read) => read::run(&Settings::resolve(read.options, Mode::Read)?, &read.files),
        Command::Daemon(options) => daemon::run(&options),
        Command::Sockets(sockets) => sockets::run(&sockets),
        Command::Top(options) => top::run(options),
        Command::Compare(compare) => compare::run(&compare),
        Command::Merge(merge) => merge::run(&merge),
        Command::Demo(demo) => demo::run(&demo),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Schema(schema) => schema::run(&schema),
        Command::Completions(completions) => completions::run(&completions),
        Command::Man(man) => man::run(&man),
    }
}
