//! Whole lines or none, to standard output or to the end of a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::Destination;

/// How a line of ours begins; a torn one at a file's end is cut off when the file is opened.
const OURS: &[u8] = br#"{"schema":"sockhound."#;
/// No torn line is looked for further from the end than this.
const LONGEST: u64 = 64 << 20;

/// What a file that is opened to go on with may end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A whole line: a torn one is mended.
    Line,
    /// Anything.
    Any,
}

/// Where lines go.
#[derive(Debug)]
pub enum Lines {
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(File),
}

impl Lines {
    /// Opens `destination`, making its file where it is not there.
    pub fn open(destination: &Destination) -> io::Result<Self> {
        Self::open_as(destination, Ending::Line)
    }

    /// The same for files that need not end with a line.
    pub fn open_as(destination: &Destination, ending: Ending) -> io::Result<Self> {
        match destination {
            Destination::Stdout => Ok(Self::Stdout),
            Destination::File(path) => Ok(Self::File(open(path, ending)?)),
        }
    }

    /// Writes `line`, which ends with a newline. In a file it is there wholly or not at all, however little room there is.
    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(line)?;
                out.flush()
            }
            Self::File(file) => append(file, line),
        }
    }
}

fn open(path: &Path, ending: Ending) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .or_else(|_| OpenOptions::new().append(true).create(true).open(path))?;
    // A pipe or a device has no end to mend.
    if ending == Ending::Line && file.metadata()?.is_file() {
        mend(&mut file)?;
    }
    Ok(file)
}

/// A process killed while it wrote may leave a part of a line: cut off where it is ours, else ended.
fn mend(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(LONGEST);
    if length == 0 || ends_well(file)? {
        return Ok(());
    }
    file.seek(SeekFrom::Start(begin))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let torn_at = tail
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let torn = tail.get(torn_at..).unwrap_or_default();
    let is_ours = torn.starts_with(OURS) || OURS.starts_with(torn);
    if is_ours && (torn_at > 0 || begin == 0) {
        return file.set_len(begin + torn_at as u64);
    }
    file.write_all(b"\n")
}

fn ends_well(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// One write; what a full disk took of it is given back.
fn append(file: &mut File, line: &[u8]) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return file.write_all(line);
    }
    let written = write_once(file, line);
    if matches!(written, Ok(length) if length == line.len()) {
        return Ok(());
    }
    file.set_len(metadata.len())?;
    written.and(Err(io::Error::from(io::ErrorKind::StorageFull)))
}

fn write_once(file: &mut File, line: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(line) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopened(before: &[u8]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), before).unwrap();
        let mut lines = Lines::open(&Destination::File(file.path().to_owned())).unwrap();
        lines.write(b"{}\n").unwrap();
        std::fs::read(file.path()).unwrap()
    }

    #[test]
    fn lines_are_added_at_the_end() {
        assert_eq!(reopened(b""), b"{}\n");
        assert_eq!(reopened(b"{\"a\":1}\n"), b"{\"a\":1}\n{}\n");
    }

    #[test]
    fn a_torn_line_of_ours_is_cut_off() {
        let torn = br#"{"schema":"sockhound.summary.v1","seq"#;
        assert_eq!(reopened(torn), b"{}\n");
        assert_eq!(reopened(&[b"{}\n".as_slice(), torn].concat()), b"{}\n{}\n");
        assert_eq!(reopened(b"{}\n{\"sch"), b"{}\n{}\n");
    }

    #[test]
    fn what_others_wrote_is_kept() {
        assert_eq!(reopened(b"a note"), b"a note\n{}\n");
    }

    /// A file system of one page: the line that does not fit leaves nothing behind.
    #[test]
    fn a_full_disk_keeps_whole_lines_only() {
        let directory = tempfile::tempdir().unwrap();
        let mounted = nix::mount::mount(
            Some("none"),
            directory.path(),
            Some("tmpfs"),
            nix::mount::MsFlags::empty(),
            Some("size=8192"),
        );
        if let Err(errno) = mounted {
            eprintln!("skipped: no file system can be mounted: {errno}");
            return;
        }
        let path = directory.path().join("summaries");
        let mut lines = Lines::open(&Destination::File(path.clone())).unwrap();
        let line = [vec![b'x'; 4999], b"\n".to_vec()].concat();
        lines.write(&line).unwrap();
        assert!(lines.write(&line).is_err());
        let kept = std::fs::read(&path).unwrap();
        std::fs::write(&path, b"").unwrap();
        let again = lines.write(&line);
        drop(lines);
        nix::mount::umount(directory.path()).unwrap();
        assert_eq!(kept, line);
        assert!(again.is_ok(), "there is room again");
    }
}
