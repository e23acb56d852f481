//! Writes summaries to one destination on a thread of its own: one that stalls or fails costs lines, counted, and never stalls
//! the capture.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::Destination;
use super::flush::{Flushed, flush};
use super::journal::{Journal, Priority};
use super::lines::Lines;
use crate::metrics::operations::{Counter, Writings};
use crate::report::json;
use crate::summary::Summary;

/// So many summaries may wait to be written; more are dropped.
const WAITING: usize = 8;

/// The way to the writing thread.
#[derive(Debug)]
pub struct Output {
    work: SyncSender<Work>,
    lost: Losses,
    destination: Destination,
    /// As many were told.
    told: u64,
}

/// A summary on its way out, drawn once however many it goes to.
#[derive(Debug)]
pub struct Line {
    summary: Arc<Summary>,
    drawn: OnceLock<Result<Vec<u8>, String>>,
}

impl Line {
    /// Not yet drawn.
    #[must_use]
    pub fn of(summary: Arc<Summary>) -> Self {
        let drawn = OnceLock::new();
        Self { summary, drawn }
    }

    fn drawn(&self) -> Result<&[u8], &str> {
        let drawn = self.drawn.get_or_init(|| {
            let mut line = Vec::new();
            let written = json::line(&*self.summary, &mut line);
            written.map(|()| line).map_err(|error| error.to_string())
        });
        drawn.as_deref().map_err(String::as_str)
    }
}

/// Lines that were not written, and where that is said; every clone is the same.
#[derive(Clone, Debug)]
struct Losses {
    lost: Arc<Mutex<Lost>>,
    journal: Journal,
    counts: Writings,
}

#[derive(Clone, Debug, Default)]
struct Lost {
    lines: u64,
    reason: String,
}

impl Losses {
    fn said_to(journal: &Journal, counts: &Writings) -> Self {
        Self {
            lost: Arc::default(),
            journal: journal.clone(),
            counts: counts.clone(),
        }
    }

    /// One more, which `counter` counts too.
    fn add(&self, counter: &Counter, (sequence, destination): (u64, &Destination), reason: &str) {
        counter.count();
        let mut lost = self.known();
        lost.lines += 1;
        reason.clone_into(&mut lost.reason);
        let line = format!("summary {sequence} is lost: {destination}: {reason}");
        self.journal.say(Priority::Error, line);
    }

    fn known(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
enum Work {
    Line(Arc<Line>),
    Reopen(Destination),
    /// Everything before it is done.
    Flushed(Flushed),
}

impl Output {
    /// Starts the thread that writes to `lines`, which were opened at `destination`.
    pub fn start(
        lines: Lines,
        destination: Destination,
        journal: &Journal,
        counts: &Writings,
    ) -> io::Result<Self> {
        Self::start_with(Ok(lines), destination, journal, counts)
    }

    /// The same with a destination that the thread opens itself.
    pub fn start_closed(destination: Destination, journal: &Journal, counts: &Writings) -> io::Result<Self> {
        let unopened = Err("it is not open".to_owned());
        let mut output = Self::start_with(unopened, destination, journal, counts)?;
        output.reopen_same();
        Ok(output)
    }

    fn start_with(
        lines: Result<Lines, String>,
        destination: Destination,
        journal: &Journal,
        counts: &Writings,
    ) -> io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING);
        let lost = Losses::said_to(journal, counts);
        let writer = Writer {
            lines,
            destination: destination.clone(),
            lost: lost.clone(),
        };
        std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || writer.work(&waiting))?;
        Ok(Self {
            work,
            lost,
            destination,
            told: 0,
        })
    }

    /// Where it writes to.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Writes a line, some time.
    pub fn write(&self, line: &Arc<Line>) {
        if self.work.try_send(Work::Line(Arc::clone(line))).is_err() {
            let of = (line.summary.sequence, &self.destination);
            self.lost.add(&self.lost.counts.not_read, of, "it is not read");
        }
    }

    /// Opens `destination` instead, after all that was given before it.
    pub fn reopen(&mut self, destination: Destination) {
        self.destination.clone_from(&destination);
        if self.work.try_send(Work::Reopen(destination)).is_err() {
            let line = format!("{} was not opened anew: it is not read", self.destination);
            self.lost.journal.say(Priority::Warning, line);
        }
    }

    /// Opens it anew where it was: its file may have been renamed.
    pub fn reopen_same(&mut self) {
        self.reopen(self.destination.clone());
    }

    /// What a summary must say of lines lost since this was last asked.
    pub fn note(&mut self) -> Option<String> {
        let lost = self.lost.known().clone();
        let is_news = lost.lines > std::mem::replace(&mut self.told, lost.lines);
        let Lost { lines, reason } = lost;
        let to = &self.destination;
        is_news.then(|| {
            format!("{lines} summaries of this run were not written to {to}, the last because {reason}")
        })
    }

    /// Waits until all is written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        flush(&self.work, Work::Flushed, patience);
    }
}

/// What the thread has.
struct Writer {
    /// Or why they are not open.
    lines: Result<Lines, String>,
    /// What `lines` are, or should be.
    destination: Destination,
    lost: Losses,
}

impl Writer {
    fn work(mut self, waiting: &Receiver<Work>) {
        for work in waiting {
            match work {
                Work::Line(line) => self.write(&line),
                Work::Reopen(destination) => self.reopen(destination),
                Work::Flushed(flushed) => flushed.tell(),
            }
        }
    }

    fn write(&mut self, line: &Line) {
        let written = match (line.drawn(), &mut self.lines) {
            (Ok(drawn), Ok(lines)) => lines.write(drawn),
            (Err(why), _) => Err(io::Error::other(why.to_owned())),
            (_, Err(why)) => Err(io::Error::other(why.clone())),
        };
        let counts = &self.lost.counts;
        let counter = match &written {
            Ok(()) => return counts.written.count(),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => &counts.no_space,
            Err(_) => &counts.failed,
        };
        if let Err(error) = &written {
            let of = (line.summary.sequence, &self.destination);
            self.lost.add(counter, of, &error.to_string());
        }
    }

    /// What was open serves on where the new one can't be opened.
    fn reopen(&mut self, destination: Destination) {
        match (Lines::open(&destination), &mut self.lines) {
            (Ok(lines), _) => (self.lines, self.destination) = (Ok(lines), destination),
            (Err(error), Ok(_)) => {
                let stays = format!("{} is written to as before", self.destination);
                self.refuse(&destination, &error, &stays);
            }
            (Err(error), Err(why)) => {
                *why = error.to_string();
                self.refuse(&destination, &error, "its summaries are lost");
            }
        }
    }

    fn refuse(&self, destination: &Destination, error: &io::Error, so: &str) {
        let line = format!("cannot write {destination}: {error}; {so}");
        self.lost.journal.say(Priority::Error, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn summary(sequence: u64) -> Arc<Summary> {
        Arc::new(Summary {
            sequence,
            ..Summary::default()
        })
    }

    fn line(sequence: u64) -> Arc<Line> {
        Arc::new(Line::of(summary(sequence)))
    }

    fn started(path: PathBuf) -> Output {
        let destination = Destination::File(path);
        let lines = Lines::open(&destination).unwrap();
        Output::start(
            lines,
            destination,
            &Journal::start().unwrap(),
            &Writings::default(),
        )
        .unwrap()
    }

    #[test]
    fn a_stalled_output_loses_summaries_and_says_so() {
        let (work, _stalled) = sync_channel(1);
        let mut output = Output {
            work,
            lost: Losses::said_to(&Journal::start().unwrap(), &Writings::default()),
            destination: Destination::Stdout,
            told: 0,
        };
        (0..3).for_each(|sequence| output.write(&line(sequence)));
        let note = output.note().unwrap();
        assert!(
            note.starts_with("2 summaries of this run were not written to standard output"),
            "{note}"
        );
        assert_eq!(output.note(), None, "said once");
    }

    #[test]
    fn an_output_opened_anew_splits_between_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("now");
        let mut output = started(path.clone());
        output.write(&line(0));
        output.flush(Duration::from_secs(9));
        let older = directory.path().join("older");
        std::fs::rename(&path, &older).unwrap();
        output.reopen_same();
        output.write(&line(1));
        output.flush(Duration::from_secs(9));
        for (path, sequence) in [(older, 0), (path, 1)] {
            let line = std::fs::read_to_string(path).unwrap();
            assert_eq!(
                serde_json::from_str::<Summary>(&line).unwrap(),
                *summary(sequence)
            );
        }
    }

    #[test]
    fn an_output_that_cannot_be_opened_anew_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("now");
        let mut output = started(path.clone());
        output.reopen(Destination::File(directory.path().join("no/such")));
        output.write(&line(0));
        output.flush(Duration::from_secs(9));
        assert!(std::fs::read(&path).unwrap().ends_with(b"\n"));
    }
}
