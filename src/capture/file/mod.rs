//! Capture files: pcap and pcapng, plain or compressed, several in time order.

mod buffer;
mod error;
mod feed;
mod input;
mod interface;
mod ledger;
mod pcap;
mod pcapng;
mod reader;
mod unknown;
mod zstd;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

pub use error::{FileError, Note, Problem};

use super::{Loss, Polled, Source};
use crate::clock::Timestamp;
use buffer::Buffer;
use input::Counter;
use ledger::{FileId, Ledger};
use reader::{Head, NotOpened, Reader};

/// What is read at once: fits the cache, and makes the cost of a read small.
const CHUNK: usize = 1 << 18;

/// What is read to learn a file's first time.
const GLANCE: usize = 1 << 16;

/// Frames from capture files: of one in its own order, of several in the order of their times.
///
/// Memory stays the same whatever the files' sizes: of files that follow each other in time only one is open.
pub struct FileSource {
    paths: Vec<PathBuf>,
    /// The file being read; `None` after the last.
    current: Option<Reader>,
    /// The current file is read as long as its frames are not later than this: the first of `waiting`.
    until: Timestamp,
    waiting: Vec<Waiting>,
    ledger: Ledger,
    counter: Counter,
    total: Option<u64>,
    /// How far each file is read.
    ends: Vec<u64>,
}

/// A file whose turn has not come.
struct Waiting {
    file: FileId,
    /// Of its next frame.
    time: Timestamp,
    state: State,
}

enum State {
    /// To be opened when its turn comes.
    Closed,
    /// Open, with its next frame at hand.
    Open(Box<Reader>, Head),
}

/// How much of the files has been read, in bytes as they are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Read so far.
    pub read: u64,
    /// Of so many; `None` where one of the files is a pipe.
    pub total: Option<u64>,
}

impl FileSource {
    /// Opens capture files; `-` is standard input. Formats and compressions are told from the first bytes.
    ///
    /// # Errors
    /// A file can't be read, is empty, or is no capture. What goes wrong later does not end the reading of the
    /// other files: see [`FileSource::notes`].
    pub fn open(paths: &[PathBuf]) -> Result<Self, FileError> {
        Self::open_up_to(paths, vec![u64::MAX; paths.len()])
    }

    /// Opens the same `count` times, to be read by as many threads: each gives the same frames, whatever is added to the files
    /// meanwhile. `None` where that would cost much: where a file is compressed, or none that can be read twice.
    ///
    /// # Errors
    /// As [`FileSource::open`].
    pub fn open_several(paths: &[PathBuf], count: usize) -> Result<Option<Vec<Self>>, FileError> {
        if !paths.iter().all(|path| input::is_plain(path)) {
            return Ok(None);
        }
        let length = |path: &PathBuf| input::length(path).unwrap_or(u64::MAX);
        let ends: Vec<u64> = paths.iter().map(length).collect();
        let sources = (0..count).map(|_| Self::open_up_to(paths, ends.clone()));
        sources.collect::<Result<_, _>>().map(Some)
    }

    fn open_up_to(paths: &[PathBuf], ends: Vec<u64>) -> Result<Self, FileError> {
        let mut source = Self {
            paths: paths.to_vec(),
            current: None,
            until: Timestamp::MAX,
            waiting: Vec::new(),
            ledger: Ledger::new(paths.to_vec()),
            counter: Counter::default(),
            total: paths.iter().map(|path| input::length(path)).sum(),
            ends,
        };
        if let [path] = paths {
            source.current = Some(source.reader(path, 0, CHUNK)?);
        } else {
            for file in 0..paths.len() {
                source.enlist(file)?;
            }
        }
        Ok(source)
    }

    /// What a reader of the results should know of the files: cut, damaged, of unknown link types. Complete at the end.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.ledger.notes()
    }

    /// How far the reading is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            read: self.counter.load(Ordering::Relaxed),
            total: self.total,
        }
    }

    /// Learns the time of a file's first frame, and makes it wait. What can be opened again is closed.
    fn enlist(&mut self, file: FileId) -> Result<(), FileError> {
        let Some(path) = self.paths.get(file) else {
            return Ok(());
        };
        if input::length(path).is_none() {
            let path = path.clone();
            let mut reader = self.reader(&path, file, CHUNK)?;
            if let Some(head) = reader.next(&mut self.ledger) {
                self.waiting.push(Waiting::open(reader, head));
            }
            return Ok(());
        }
        let mut scratch = Ledger::new(self.paths.clone());
        let counter = Counter::default();
        let end = self.end(file);
        let mut reader = open((path, end), file, GLANCE, &counter, &mut scratch)?;
        if let Some(Head { time, .. }) = reader.next(&mut scratch) {
            let state = State::Closed;
            self.waiting.push(Waiting { file, time, state });
        } else {
            // No frame is in it: what is to be said of it is said now.
            self.ledger.absorb(scratch);
            let read = counter.load(Ordering::Relaxed);
            self.counter.fetch_add(read, Ordering::Relaxed);
        }
        Ok(())
    }

    fn reader(&mut self, path: &Path, file: FileId, chunk: usize) -> Result<Reader, FileError> {
        let end = self.end(file);
        open((path, end), file, chunk, &self.counter, &mut self.ledger)
    }

    fn end(&self, file: FileId) -> u64 {
        self.ends.get(file).copied().unwrap_or(u64::MAX)
    }

    /// Takes what is at hand in the current file.
    #[inline]
    fn take(&mut self, head: Head) {
        if let Some(reader) = &mut self.current {
            reader.take(head);
        }
    }

    /// The frame of the current file that was taken last.
    #[inline]
    fn lend(&self, head: Head) -> Polled<'_> {
        match &self.current {
            Some(reader) => Polled::Frame(reader.frame(head, self.ledger.interfaces())),
            None => Polled::End,
        }
    }

    /// The next frame of all the files.
    #[inline(never)]
    fn advance(&mut self) -> Option<Head> {
        match self
            .current
            .as_mut()
            .and_then(|reader| reader.next(&mut self.ledger))
        {
            Some(head) if head.time <= self.until => Some(head),
            next => self.change_files(next),
        }
    }

    /// Turns to the file whose next frame is the earliest. `next` is the current file's, where it has one.
    #[cold]
    fn change_files(&mut self, next: Option<Head>) -> Option<Head> {
        if let (Some(reader), Some(head)) = (self.current.take(), next) {
            self.waiting.push(Waiting::open(reader, head));
        }
        while let Some(first) = self.take_first() {
            let opened = match first.state {
                State::Open(reader, head) => Some((*reader, head)),
                State::Closed => self.reopen(first.file),
            };
            if let Some((reader, head)) = opened {
                self.until = self
                    .waiting
                    .iter()
                    .map(|it| it.time)
                    .min()
                    .unwrap_or(Timestamp::MAX);
                self.current = Some(reader);
                return Some(head);
            }
        }
        None
    }

    fn take_first(&mut self) -> Option<Waiting> {
        let (index, _) = self
            .waiting
            .iter()
            .enumerate()
            .min_by_key(|(_, it)| (it.time, it.file))?;
        Some(self.waiting.swap_remove(index))
    }

    fn reopen(&mut self, file: FileId) -> Option<(Reader, Head)> {
        let path = self.paths.get(file)?.clone();
        match self.reader(&path, file, CHUNK) {
            Ok(mut reader) => reader.next(&mut self.ledger).map(|head| (reader, head)),
            Err(error) => {
                let reason = error.to_string();
                self.ledger
                    .problem(file, Problem::Unreadable { offset: 0, reason });
                None
            }
        }
    }
}

impl Waiting {
    fn open(reader: Reader, head: Head) -> Self {
        Self {
            file: reader.file(),
            time: head.time,
            state: State::Open(Box::new(reader), head),
        }
    }
}

impl Source for FileSource {
    /// Trouble with a file never ends the reading of the others: it is noted.
    type Error = Infallible;

    #[expect(
        clippy::inline_always,
        reason = "in its place a frame's parts stay in registers; returned, each is written and read again"
    )]
    #[inline(always)]
    fn poll(&mut self) -> Result<Polled<'_>, Infallible> {
        let at_hand = self.current.as_ref().and_then(Reader::at_hand);
        if let Some(head) = at_hand.filter(|head| head.time <= self.until) {
            self.take(head);
            return Ok(self.lend(head));
        }
        Ok(match self.advance() {
            Some(head) => self.lend(head),
            None => Polled::End,
        })
    }

    fn loss(&mut self) -> Loss {
        Loss {
            dropped: self.ledger.dropped(),
        }
    }

    fn interfaces(&self) -> &[String] {
        self.ledger.interfaces()
    }
}

/// Opens one file, up to an end, for reading in chunks of `chunk` bytes.
fn open(
    (path, end): (&Path, u64),
    file: FileId,
    chunk: usize,
    counter: &Counter,
    ledger: &mut Ledger,
) -> Result<Reader, FileError> {
    let input = input::open(path, end, counter).map_err(NotOpened::Unreadable);
    input
        .and_then(|input| Reader::open(Buffer::new(input, chunk), file, ledger))
        .map_err(|error| explain(path.to_path_buf(), error))
}

fn explain(file: PathBuf, error: NotOpened) -> FileError {
    match error {
        NotOpened::Empty => FileError::Empty { file },
        NotOpened::NoHeader => FileError::NoHeader { file },
        NotOpened::Unreadable(source) => FileError::Unreadable { file, source },
        NotOpened::Unknown(start) => FileError::NotACapture {
            file,
            found: unknown::describe(&start),
        },
    }
}
