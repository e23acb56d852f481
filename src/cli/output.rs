//! Where a command's output goes: standard output or a file, never half of it unsaid.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::exit::Failure;

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
