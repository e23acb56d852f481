//! Where a command's output goes: standard output or a file, never half of it unsaid.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use super::exit::Failure;
use super::settings::{Settings, default_format};
use crate::daemon::Destination;
use crate::report::{self, Format, Reader};
use crate::summary::Summary;

/// Lets `draw` write to `path`, or to standard output where there is none. Colours are left out of files and pipes.
pub fn write(
    path: Option<&Path>,
    draw: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match path {
        Some(path) if path != Path::new("-") => {
            to_file(path, draw).map_err(|error| Failure::output(path, error))
        }
        _ => Ok(to_stdout(draw)?),
    }
}

/// Writes `summary` where and how `settings` say: to each, whatever becomes of the others; fails where one did.
pub fn summary(summary: &Summary, settings: &Settings) -> Result<(), Failure> {
    let write = |destination: &Destination| {
        let path = destination.path();
        let default = || default_format(path.is_some());
        summary_as(summary, settings.format.unwrap_or_else(default), path)
    };
    let written: Vec<_> = settings.outputs.iter().map(write).collect();
    written.into_iter().collect()
}

/// Writes `summary` in `format` to `path`, or to standard output.
pub fn summary_as(summary: &Summary, format: Format, path: Option<&Path>) -> Result<(), Failure> {
    write(path, |out| report::draw(summary, format, reader(path), out))
}

/// Who reads what goes to `path`, or to standard output.
#[must_use]
pub fn reader(path: Option<&Path>) -> Reader {
    let person = path.is_none() && io::stdout().is_terminal();
    Reader {
        columns: columns(person),
        person,
    }
}

/// `COLUMNS`, else what the terminal has, else what fits everywhere.
fn columns(terminal: bool) -> usize {
    let wanted = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let has = || terminal.then(terminal_columns).flatten();
    wanted.or_else(has).unwrap_or(80)
}

/// What the kernel says, and no one else: `crossterm::terminal::size` would ask tput(1) where that fails.
fn terminal_columns() -> Option<usize> {
    let size = crossterm::terminal::window_size().ok()?;
    (size.columns > 0).then_some(usize::from(size.columns))
}

fn to_stdout(draw: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::new(anstream::stdout().lock());
    draw(&mut buffered)?;
    buffered.flush()
}

fn to_file(path: &Path, draw: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::new(anstream::StripStream::new(File::create(path)?));
    draw(&mut buffered)?;
    buffered.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_no_colours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(Some(file.path()), |out| out.write_all(b"\x1b[31mred\x1b[0m\n")).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"red\n");
    }

    #[test]
    fn says_which_file() {
        let failure = write(Some(Path::new("/no/such/place")), |_| Ok(())).unwrap_err();
        assert!(
            failure.to_string().starts_with("cannot write /no/such/place: "),
            "{failure}"
        );
    }
}
