//! What the readers of several files write down together: interfaces, losses, oddities.

use std::path::PathBuf;

use super::error::{Note, Problem, Shown};

/// Which of the files being read.
pub(super) type FileId = usize;

/// No file describes more interfaces than this: the search for a name stays short, the memory small.
pub(super) const MAX_INTERFACES: usize = 1024;

/// Link types beyond this many are counted as the last of them.
const MAX_UNKNOWN: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    files: Vec<PathBuf>,
    /// The file that each of `names` is from.
    owners: Vec<FileId>,
    names: Vec<String>,
    problems: Vec<(FileId, Problem)>,
    unknown: Vec<Unknown>,
    untimed: Vec<(FileId, u64)>,
    dropped: u64,
}

#[derive(Debug)]
struct Unknown {
    file: FileId,
    number: u32,
    frames: u64,
}

impl Ledger {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            ..Self::default()
        }
    }

    /// The index of an interface of `file`, by its name in the file or, where it has none, the file's own; `None` where there
    /// are too many.
    pub(super) fn interface(&mut self, file: FileId, name: Option<&str>) -> Option<u16> {
        let name = name.map_or_else(|| self.file_name(file), ToOwned::to_owned);
        let same = |(owner, known): (&FileId, &String)| *owner == file && *known == name;
        if let Some(known) = self.owners.iter().zip(&self.names).position(same) {
            return u16::try_from(known).ok();
        }
        let index = u16::try_from(self.names.len()).ok()?;
        if self.owners.iter().filter(|&&owner| owner == file).count() >= MAX_INTERFACES {
            return None;
        }
        self.owners.push(file);
        self.names.push(name);
        Some(index)
    }

    fn file_name(&self, file: FileId) -> String {
        self.files
            .get(file)
            .map(|path| Shown(path).to_string())
            .unwrap_or_default()
    }

    pub(super) fn interfaces(&self) -> &[String] {
        &self.names
    }

    /// A counter for frames of a link type that is not read, for [`Ledger::leave_out`].
    pub(super) fn unknown_link(&mut self, file: FileId, number: u32) -> usize {
        let same = |it: &Unknown| it.file == file && it.number == number;
        if let Some(known) = self.unknown.iter().position(same) {
            return known;
        }
        if self.unknown.len() < MAX_UNKNOWN {
            self.unknown.push(Unknown {
                file,
                number,
                frames: 0,
            });
        }
        self.unknown.len() - 1
    }

    /// Counts a frame of an unknown link type.
    pub(super) fn leave_out(&mut self, unknown: usize) {
        if let Some(unknown) = self.unknown.get_mut(unknown) {
            unknown.frames += 1;
        }
    }

    /// Counts a frame without a time stamp.
    pub(super) fn leave_out_untimed(&mut self, file: FileId) {
        match self.untimed.last_mut() {
            Some((last, frames)) if *last == file => *frames += 1,
            _ => self.untimed.push((file, 1)),
        }
    }

    pub(super) fn add_dropped(&mut self, frames: u64) {
        self.dropped = self.dropped.saturating_add(frames);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn problem(&mut self, file: FileId, problem: Problem) {
        self.problems.push((file, problem));
    }

    /// Takes over what another ledger of the same files says of one that holds no frame.
    pub(super) fn absorb(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.untimed.extend(other.untimed);
        self.unknown.extend(other.unknown);
        self.dropped = self.dropped.saturating_add(other.dropped);
    }

    /// All that is to be said of the files, in their order.
    pub(super) fn notes(&self) -> Vec<Note> {
        let unknown = self.unknown.iter().filter(|it| it.frames > 0).map(|it| {
            let (number, frames) = (it.number, it.frames);
            (it.file, Problem::UnknownLink { number, frames })
        });
        let untimed = self
            .untimed
            .iter()
            .map(|&(file, frames)| (file, Problem::NoTime { frames }));
        let mut all: Vec<_> = self
            .problems
            .iter()
            .cloned()
            .chain(unknown)
            .chain(untimed)
            .collect();
        all.sort_by_key(|(file, _)| *file);
        all.into_iter()
            .filter_map(|(file, problem)| {
                let file = self.files.get(file)?.clone();
                Some(Note { file, problem })
            })
            .collect()
    }
}
