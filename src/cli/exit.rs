//! How the process ends, and what it says when that is not well.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;

/// The exit statuses; from 64 on those of BSD's `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Done = 0,
    /// It failed while running.
    Failed = 1,
    /// The arguments can't be understood.
    Usage = 64,
    /// An input file can't be read.
    Input = 66,
    /// There is nothing to watch.
    Nothing = 69,
    /// The host does not permit it.
    NotPermitted = 77,
    /// The configuration is bad.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends early. Prints as `what, where, what to do`.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
    advice: Option<String>,
}

impl Failure {
    /// `error` says what and where.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
            advice: None,
        }
    }

    /// The same from words.
    #[must_use]
    pub fn message(exit: Exit, what: impl fmt::Display) -> Self {
        Self::new(exit, anyhow::anyhow!("{what}"))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// A command that this build lacks.
    #[must_use]
    pub fn unavailable(command: &str) -> Self {
        Self::message(
            Exit::Failed,
            format_args!("{command} is not available in this build"),
        )
    }

    /// An input file that can't be read or makes no sense.
    pub fn input(file: &Path, error: impl fmt::Display) -> Self {
        Self::message(
            Exit::Input,
            format_args!("cannot read {}: {error}", file.display()),
        )
    }

    /// An output file that can't be written.
    #[must_use]
    pub fn output(file: &Path, error: io::Error) -> Self {
        Self::new(
            Exit::Failed,
            anyhow::Error::new(error).context(format!("cannot write {}", file.display())),
        )
    }

    /// The status to end with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Says it on standard error and gives the status to end with. A reader that has gone away (`| head`) is no
    /// failure.
    #[must_use]
    pub fn report(&self) -> Exit {
        if self.is_broken_pipe() {
            return Exit::Done;
        }
        // Nothing is left to tell where standard error itself is gone.
        let _ = writeln!(anstream::stderr(), "sockhound: {self}");
        self.exit
    }

    /// The error and what caused it, each said once.
    fn causes(&self) -> String {
        let mut said = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            if said.is_empty() {
                said = cause;
            } else if !said.contains(&cause) {
                said = format!("{said}: {cause}");
            }
        }
        said
    }

    fn is_broken_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.causes())?;
        match &self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

/// Whatever is not said otherwise failed while running.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Failed, error)
    }
}

/// Prints what clap has to say (help and version included) and gives the status.
pub(super) fn usage(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has gone away does not want the rest.
            let _ = error.print();
            Exit::Done as u8
        }
        _ => {
            let _ = write!(anstream::stderr(), "{}", styled(error));
            Exit::Usage as u8
        }
    }
}

/// What clap says, under our own name.
fn styled(error: &clap::Error) -> String {
    let text = error.render().ansi().to_string();
    match text.split_once("error:") {
        Some((before, what)) if !before.contains(char::is_whitespace) => {
            format!("sockhound:{}", what.trim_start_matches("\u{1b}[0m"))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_what_to_do() {
        let failure =
            Failure::output(Path::new("/x/y"), io::ErrorKind::NotFound.into()).advice("create /x first");
        assert_eq!(
            failure.to_string(),
            "cannot write /x/y: entity not found; create /x first"
        );
        assert_eq!(failure.exit(), Exit::Failed);
    }

    #[test]
    fn a_reader_gone_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.report(), Exit::Done);
    }
}
