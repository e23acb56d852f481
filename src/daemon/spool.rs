//! Files that grow with the traffic (`--exchanges`, `--write`), each written on a thread of its own: a disk that stalls or is full
//! costs whole lines or frames, counted, and never stalls the capture.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Destination;
use super::flush::{Flushed, flush};
use super::journal::{Journal, Priority};
use super::lines::{Ending, Lines};
use crate::metrics::operations::Counter;

/// As many bytes are gathered before they are handed over, a little more with the last frame.
pub(super) const PIECE: usize = 1 << 16;
/// So many pieces may wait: 4 MiB, 8 where every frame is as large as they come.
const WAITING: usize = 64;

/// The way to the thread that writes one file.
#[derive(Clone, Debug)]
pub struct Spool {
    /// What is in it, for messages: `exchanges` or `frames`.
    what: &'static str,
    work: SyncSender<Work>,
    lost: Arc<Mutex<Lost>>,
}

/// What was not written.
#[derive(Clone, Debug, Default)]
struct Lost {
    items: u64,
    told: u64,
    /// The same as `items`, for everyone to see.
    total: Counter,
    reason: String,
    /// What follows on the last piece can't be read without it.
    broken: bool,
}

/// Whole lines or frames.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) items: u64,
    /// Whether it can be read without those before it.
    pub(super) stands_alone: bool,
}

pub(super) enum Work {
    Piece(Piece),
    Reopen,
    /// Everything before it is done.
    Flushed(Flushed),
}

impl Spool {
    /// Starts the thread that writes to `lines`, which were opened at that destination.
    pub fn start(
        (what, total): (&'static str, Counter),
        lines: Lines,
        (destination, ending): (Destination, Ending),
        journal: &Journal,
    ) -> io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING);
        let lost = Arc::new(Mutex::new(Lost {
            total,
            ..Lost::default()
        }));
        let writer = Writing {
            lines,
            destination,
            ending,
            lost: Arc::clone(&lost),
            journal: journal.clone(),
        };
        std::thread::Builder::new()
            .name(what.to_owned())
            .spawn(move || writer.work(&waiting))?;
        Ok(Self { what, work, lost })
    }

    /// Writes a piece, some time. Returns whether what follows may build on it.
    pub(super) fn give(&self, piece: Piece) -> bool {
        let items = piece.items;
        let given = self.work.try_send(Work::Piece(piece)).is_ok();
        let mut lost = known(&self.lost);
        if !given {
            lost.add(items, "the disk does not keep up");
        }
        given && !lost.broken
    }

    /// One whose thread takes nothing.
    #[cfg(test)]
    pub(super) fn stalled() -> (Self, Receiver<Work>) {
        let (work, waiting) = sync_channel(1);
        let (what, lost) = ("exchanges", Arc::default());
        (Self { what, work, lost }, waiting)
    }

    /// Opens the file anew after all that was given before, for it may have been renamed. Tried at each reload: where the
    /// disk stalls, the old file stays.
    pub fn reopen(&self) {
        let _ = self.work.try_send(Work::Reopen);
    }

    /// What a summary must say of losses since this was last asked.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let mut lost = known(&self.lost);
        let is_news = lost.items > lost.told;
        lost.told = lost.items;
        is_news.then(|| {
            format!(
                "{} {} of this run were not written, the last because {}",
                lost.items, self.what, lost.reason
            )
        })
    }

    /// Waits until all is written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        flush(&self.work, Work::Flushed, patience);
    }
}

fn known(lost: &Mutex<Lost>) -> std::sync::MutexGuard<'_, Lost> {
    lost.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lost {
    fn add(&mut self, items: u64, reason: &str) {
        self.items += items;
        self.total.add(items);
        reason.clone_into(&mut self.reason);
    }
}

/// What the thread has.
struct Writing {
    lines: Lines,
    destination: Destination,
    ending: Ending,
    lost: Arc<Mutex<Lost>>,
    journal: Journal,
}

impl Writing {
    fn work(mut self, waiting: &Receiver<Work>) {
        for work in waiting {
            match work {
                Work::Piece(piece) => self.write(&piece),
                Work::Reopen => self.reopen(),
                Work::Flushed(flushed) => flushed.tell(),
            }
        }
    }

    fn write(&mut self, piece: &Piece) {
        if known(&self.lost).broken && !piece.stands_alone {
            return known(&self.lost).add(piece.items, "what it follows on is lost");
        }
        let written = self.lines.write(&piece.bytes);
        let mut lost = known(&self.lost);
        lost.broken = written.is_err();
        if let Err(error) = written {
            lost.add(piece.items, &error.to_string());
        }
    }

    /// The old file serves on where the new one can't be opened.
    fn reopen(&mut self) {
        match Lines::open_as(&self.destination, self.ending) {
            Ok(lines) => self.lines = lines,
            Err(error) => {
                let line = format!(
                    "cannot write {}: {error}; the file stays what it was",
                    self.destination
                );
                self.journal.say(Priority::Error, line);
            }
        }
    }
}

/// Gathers lines for a spool; what is written to it must end with a newline at the end of a line only.
#[derive(Debug)]
pub struct LineSpool {
    spool: Spool,
    gathered: Vec<u8>,
    lines: u64,
}

impl LineSpool {
    /// Into `spool`.
    #[must_use]
    pub fn new(spool: Spool) -> Self {
        Self {
            spool,
            gathered: Vec::new(),
            lines: 0,
        }
    }
}

impl Write for LineSpool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.lines += 1;
            if self.gathered.len() >= PIECE {
                return self.flush().map(|()| bytes.len());
            }
        }
        Ok(bytes.len())
    }

    /// Hands over what was gathered; does not wait.
    fn flush(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if lines > 0 {
            self.spool.give(Piece {
                bytes: std::mem::take(&mut self.gathered),
                items: lines,
                stands_alone: true,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(9);

    fn spool(directory: &tempfile::TempDir) -> (Spool, std::path::PathBuf) {
        let path = directory.path().join("file");
        let destination = Destination::File(path.clone());
        let lines = Lines::open(&destination).unwrap();
        let journal = Journal::start().unwrap();
        let file = (destination, Ending::Line);
        (
            Spool::start(("exchanges", Counter::default()), lines, file, &journal).unwrap(),
            path,
        )
    }

    fn line(text: &str) -> Piece {
        Piece {
            bytes: text.into(),
            items: 1,
            stands_alone: true,
        }
    }

    #[test]
    fn lines_are_handed_over_whole() {
        let directory = tempfile::tempdir().unwrap();
        let (spool, path) = spool(&directory);
        let mut lines = LineSpool::new(spool.clone());
        let line = [vec![b'x'; PIECE / 2], b"\n".to_vec()].concat();
        for _ in 0..3 {
            lines.write_all(&line[..100]).unwrap();
            lines.write_all(&line[100..]).unwrap();
        }
        spool.flush(SOON);
        assert_eq!(std::fs::read(&path).unwrap(), line.repeat(2));
        lines.flush().unwrap();
        spool.flush(SOON);
        assert_eq!(std::fs::read(&path).unwrap(), line.repeat(3));
        assert_eq!(spool.note(), None);
    }

    #[test]
    fn what_a_stalled_disk_costs_is_counted_and_said_once() {
        let (spool, _waiting) = Spool::stalled();
        let mut lines = LineSpool::new(spool.clone());
        for _ in 0..5 {
            lines.write_all(b"a\n").unwrap();
            lines.write_all(b"b\n").unwrap();
            lines.flush().unwrap();
        }
        let note = spool.note().unwrap();
        assert_eq!(
            note,
            "8 exchanges of this run were not written, the last because the disk does not keep up"
        );
        assert_eq!(spool.note(), None);
    }

    #[test]
    fn a_renamed_file_is_left_behind_between_lines() {
        let directory = tempfile::tempdir().unwrap();
        let (spool, path) = spool(&directory);
        let older = directory.path().join("older");
        spool.give(line("1\n"));
        spool.flush(SOON);
        std::fs::rename(&path, &older).unwrap();
        spool.reopen();
        spool.give(line("2\n"));
        spool.flush(SOON);
        assert_eq!(std::fs::read(older).unwrap(), b"1\n");
        assert_eq!(std::fs::read(path).unwrap(), b"2\n");
    }
}
