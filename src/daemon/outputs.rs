//! Where summaries go: each destination has a thread of its own, so that one that stalls or is full holds up no other.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::journal::{Journal, Priority};
use super::lines::Lines;
use super::{Destination, Line, Output};
use crate::metrics::operations::Writings;
use crate::summary::Summary;

/// All of them.
#[derive(Debug)]
pub struct Outputs {
    all: Vec<Output>,
    journal: Journal,
    counts: Writings,
}

impl Outputs {
    /// Starts a thread for each of those that are open.
    pub fn start(open: Vec<(Lines, Destination)>, journal: &Journal, counts: &Writings) -> io::Result<Self> {
        let start = |(lines, destination)| Output::start(lines, destination, journal, counts);
        Ok(Self {
            all: open.into_iter().map(start).collect::<io::Result<_>>()?,
            journal: journal.clone(),
            counts: counts.clone(),
        })
    }

    /// Writes a summary to each, some time.
    pub fn write(&self, summary: Arc<Summary>) {
        let line = Arc::new(Line::of(summary));
        self.all.iter().for_each(|output| output.write(&line));
    }

    /// Writes to `wanted` from here on, each opened anew after all that was given before it. One that is wanted no longer
    /// becomes one that is new: it serves on where that can't be opened.
    pub fn reopen(&mut self, wanted: &[Destination]) {
        let (stay, mut gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.all)
            .into_iter()
            .partition(|output| wanted.contains(output.destination()));
        let is_new = |it: &&Destination| !stay.iter().any(|output| output.destination() == *it);
        let new: Vec<_> = wanted.iter().filter(is_new).cloned().collect();
        self.all = stay;
        self.reopen_same();
        for destination in new {
            let became = match gone.pop() {
                Some(mut output) => {
                    output.reopen(destination);
                    Ok(output)
                }
                None => Output::start_closed(destination, &self.journal, &self.counts),
            };
            self.keep(became);
        }
    }

    fn keep(&mut self, output: io::Result<Output>) {
        match output {
            Ok(output) => self.all.push(output),
            Err(error) => {
                let line = format!("an output has no thread: {error}");
                self.journal.say(Priority::Error, line);
            }
        }
    }

    /// Opens each anew where it was: its file may have been renamed.
    pub fn reopen_same(&mut self) {
        self.all.iter_mut().for_each(Output::reopen_same);
    }

    /// What a summary must say of those lost since this was last asked.
    pub fn notes(&mut self) -> Vec<String> {
        self.all.iter_mut().filter_map(Output::note).collect()
    }

    /// Waits until all is written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        let end = Instant::now() + patience;
        for output in &self.all {
            output.flush(end.saturating_duration_since(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SOON: Duration = Duration::from_secs(9);

    fn opened(path: &Path) -> (Lines, Destination) {
        let destination = Destination::File(path.to_owned());
        (Lines::open(&destination).unwrap(), destination)
    }

    fn started(paths: &[&Path]) -> Outputs {
        let open = paths.iter().map(|path| opened(path)).collect();
        Outputs::start(open, &Journal::start().unwrap(), &Writings::default()).unwrap()
    }

    fn write(outputs: &Outputs, sequence: u64) {
        outputs.write(Arc::new(Summary {
            sequence,
            ..Summary::default()
        }));
        outputs.flush(SOON);
    }

    fn sequences(path: &Path) -> Vec<u64> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let parse = |line| serde_json::from_str::<Summary>(line).unwrap().sequence;
        text.lines().map(parse).collect()
    }

    #[test]
    fn a_full_one_costs_the_others_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut outputs = started(&[Path::new("/dev/full"), &path]);
        (0..3).for_each(|sequence| write(&outputs, sequence));
        assert_eq!(sequences(&path), [0, 1, 2]);
        assert_eq!(
            [outputs.counts.written.total(), outputs.counts.no_space.total()],
            [3, 3]
        );
        let [note] = &outputs.notes()[..] else {
            panic!("one of them lost some")
        };
        assert!(
            note.starts_with("3 summaries of this run were not written to /dev/full, the last because"),
            "{note}"
        );
    }

    /// Nobody reads the FIFO, which takes a few lines and then stalls its thread.
    #[test]
    fn a_stalled_one_holds_up_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let (stalled, path) = (directory.path().join("fifo"), directory.path().join("file"));
        nix::unistd::mkfifo(&stalled, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut outputs = started(&[&stalled, &path]);
        let all: Vec<u64> = (0..200).collect();
        for &sequence in &all {
            outputs.write(Arc::new(Summary {
                sequence,
                ..Summary::default()
            }));
            outputs.all[1].flush(SOON);
        }
        assert_eq!(sequences(&path), all);
        assert_eq!(outputs.notes().len(), 1);
    }

    #[test]
    fn those_that_are_new_are_opened_and_those_that_are_gone_are_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let [a, b, c] = ["a", "b", "c"].map(path);
        let file = |path: &Path| Destination::File(path.to_owned());
        let mut outputs = started(&[&a]);
        write(&outputs, 0);
        for (sequence, wanted) in [(1, vec![&a, &b]), (2, vec![&b, &c]), (3, vec![&c])] {
            let wanted: Vec<_> = wanted.into_iter().map(|it| file(it)).collect();
            outputs.reopen(&wanted);
            write(&outputs, sequence);
        }
        assert_eq!(
            [a, b, c].map(|it| sequences(&it)),
            [vec![0, 1], vec![1, 2], vec![2, 3]]
        );
    }

    #[test]
    fn one_that_cannot_be_opened_yet_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let (path, later) = (directory.path().join("a"), directory.path().join("no/such"));
        let mut outputs = started(&[&path]);
        let wanted = [&path, &later].map(|it| Destination::File(it.clone()));
        outputs.reopen(&wanted);
        write(&outputs, 0);
        assert!(outputs.notes()[0].contains("No such file"));
        std::fs::create_dir(directory.path().join("no")).unwrap();
        outputs.reopen(&wanted);
        write(&outputs, 1);
        assert_eq!([path, later].map(|it| sequences(&it)), [vec![0, 1], vec![1]]);
    }
}
