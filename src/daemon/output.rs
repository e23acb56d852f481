//! Writes summaries on a thread of its own: an output that stalls or fails costs lines, counted, and never stalls the capture.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::flush::{Flushed, flush};
use super::journal::{Journal, Priority};
use super::lines::Lines;
use crate::report::json;
use crate::summary::Summary;

/// So many summaries may wait to be written; more are dropped.
const WAITING: usize = 8;

/// The way to the writing thread.
#[derive(Debug)]
pub struct Output {
    work: SyncSender<Work>,
    lost: Arc<Mutex<Lost>>,
    journal: Journal,
    path: Option<PathBuf>,
    /// As many were told.
    told: u64,
}

/// Lines that were not written.
#[derive(Clone, Debug, Default)]
struct Lost {
    lines: u64,
    reason: String,
}

enum Work {
    Line(Arc<Summary>),
    Reopen(Option<PathBuf>),
    /// Everything before it is done.
    Flushed(Flushed),
}

impl Output {
    /// Starts the thread that writes to `lines`, which were opened at `path`.
    pub fn start(lines: Lines, path: Option<PathBuf>, journal: &Journal) -> io::Result<Self> {
        let (work, waiting) = sync_channel(WAITING);
        let output = Self {
            work,
            lost: Arc::default(),
            journal: journal.clone(),
            path,
            told: 0,
        };
        let writer = Writer {
            lines,
            lost: Arc::clone(&output.lost),
            journal: journal.clone(),
        };
        std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || writer.work(&waiting))?;
        Ok(output)
    }

    /// Writes a summary, some time.
    pub fn write(&self, summary: Arc<Summary>) {
        let sequence = summary.sequence;
        if self.work.try_send(Work::Line(summary)).is_err() {
            lose(&self.lost, &self.journal, sequence, "the output is not read");
        }
    }

    /// Opens the output anew, after all that was given before it.
    pub fn reopen(&mut self, path: Option<PathBuf>) {
        self.path.clone_from(&path);
        if self.work.try_send(Work::Reopen(path)).is_err() {
            let line = "the output was not opened anew: it is not read";
            self.journal.say(Priority::Warning, line);
        }
    }

    /// Opens the output anew where it was: its file may have been renamed.
    pub fn reopen_same(&mut self) {
        self.reopen(self.path.clone());
    }

    /// What a summary must say of lines lost since this was last asked.
    pub fn note(&mut self) -> Option<String> {
        let lost = known(&self.lost).clone();
        let is_news = lost.lines > std::mem::replace(&mut self.told, lost.lines);
        let Lost { lines, reason } = lost;
        is_news.then(|| format!("{lines} summaries of this run were not written, the last because {reason}"))
    }

    /// Waits until all is written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        flush(&self.work, Work::Flushed, patience);
    }
}

fn known(lost: &Mutex<Lost>) -> std::sync::MutexGuard<'_, Lost> {
    lost.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lose(lost: &Mutex<Lost>, journal: &Journal, sequence: u64, reason: &str) {
    let mut lost = known(lost);
    lost.lines += 1;
    reason.clone_into(&mut lost.reason);
    journal.say(Priority::Error, format!("summary {sequence} is lost: {reason}"));
}

/// What the thread has.
struct Writer {
    lines: Lines,
    lost: Arc<Mutex<Lost>>,
    journal: Journal,
}

impl Writer {
    fn work(mut self, waiting: &Receiver<Work>) {
        for work in waiting {
            match work {
                Work::Line(summary) => self.write(&summary),
                Work::Reopen(path) => self.reopen(path),
                Work::Flushed(flushed) => flushed.tell(),
            }
        }
    }

    fn write(&mut self, summary: &Summary) {
        let mut line = Vec::new();
        let written = json::line(summary, &mut line).and_then(|()| self.lines.write(&line));
        if let Err(error) = written {
            lose(&self.lost, &self.journal, summary.sequence, &error.to_string());
        }
    }

    /// The old output serves on where the new one can't be opened.
    fn reopen(&mut self, path: Option<PathBuf>) {
        match Lines::open(path.as_ref()) {
            Ok(lines) => self.lines = lines,
            Err(error) => {
                let path = path.unwrap_or_default();
                let line = format!(
                    "cannot write {}: {error}; the output stays what it was",
                    path.display()
                );
                self.journal.say(Priority::Error, line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(sequence: u64) -> Arc<Summary> {
        Arc::new(Summary {
            sequence,
            ..Summary::default()
        })
    }

    #[test]
    fn a_stalled_output_loses_summaries_and_says_so() {
        let (work, _stalled) = sync_channel(1);
        let mut output = Output {
            work,
            lost: Arc::default(),
            journal: Journal::start().unwrap(),
            path: None,
            told: 0,
        };
        (0..3).for_each(|sequence| output.write(summary(sequence)));
        let note = output.note().unwrap();
        assert!(
            note.starts_with("2 summaries of this run were not written"),
            "{note}"
        );
        assert_eq!(output.note(), None, "said once");
    }

    #[test]
    fn an_output_opened_anew_splits_between_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("now");
        let lines = Lines::open(Some(&path)).unwrap();
        let mut output = Output::start(lines, Some(path.clone()), &Journal::start().unwrap()).unwrap();
        output.write(summary(0));
        output.flush(Duration::from_secs(9));
        let older = directory.path().join("older");
        std::fs::rename(&path, &older).unwrap();
        output.reopen(Some(path.clone()));
        output.write(summary(1));
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
        let lines = Lines::open(Some(&path)).unwrap();
        let mut output = Output::start(lines, Some(path.clone()), &Journal::start().unwrap()).unwrap();
        output.reopen(Some(directory.path().join("no/such")));
        output.write(summary(0));
        output.flush(Duration::from_secs(9));
        assert!(std::fs::read(&path).unwrap().ends_with(b"\n"));
    }
}
