//! Keeps the watched frames (`--write`) without ever waiting for a disk.

use std::io;

use super::spool::{PIECE, Piece, Spool};
use crate::capture::write::Writer;
use crate::capture::{Frame, Loss};

/// Gathers frames for a spool, as pcapng. After a loss, and in a file that was opened anew, a new section begins, so that what is
/// there can be read.
pub struct FrameSpool {
    spool: Spool,
    writer: Writer<Vec<u8>>,
    frames: u64,
    bytes: usize,
    /// Whether nothing of the section was handed over yet.
    is_new: bool,
}

impl FrameSpool {
    /// Into `spool`.
    pub fn new(spool: Spool) -> io::Result<Self> {
        Ok(Self {
            spool,
            writer: Writer::new(Vec::new())?,
            frames: 0,
            bytes: 0,
            is_new: true,
        })
    }

    /// Keeps a frame.
    pub fn keep(&mut self, frame: &Frame<'_>) {
        // Memory takes all that is written to it.
        let _ = self.writer.write(frame);
        self.frames += 1;
        self.bytes += frame.bytes.len();
        if self.bytes >= PIECE {
            self.hand_over();
        }
    }

    /// Hands over what was gathered; does not wait.
    pub fn hand_over(&mut self) {
        if self.frames == 0 {
            return;
        }
        let bytes = self.writer.take().unwrap_or_default();
        if !self.give(bytes) {
            let _ = self.begin_section();
        }
    }

    /// Goes on in a file of its own.
    pub fn reopen(&mut self) {
        self.hand_over();
        self.spool.reopen();
        let _ = self.begin_section();
    }

    /// Ends the file with what was lost.
    pub fn finish(&mut self, loss: Loss) {
        let was_new = self.is_new;
        if let Ok(writer) = self.begin_section() {
            self.is_new = was_new;
            self.give(writer.finish(loss).unwrap_or_default());
        }
    }

    /// The thread that writes.
    #[must_use]
    pub const fn spool(&self) -> &Spool {
        &self.spool
    }

    fn give(&mut self, bytes: Vec<u8>) -> bool {
        self.bytes = 0;
        self.spool.give(Piece {
            bytes,
            items: std::mem::take(&mut self.frames),
            stands_alone: std::mem::replace(&mut self.is_new, false),
        })
    }

    /// Returns the writer of the section before.
    fn begin_section(&mut self) -> io::Result<Writer<Vec<u8>>> {
        let fresh = Writer::new(Vec::new())?;
        self.is_new = true;
        Ok(std::mem::replace(&mut self.writer, fresh))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::journal::Journal;
    use super::super::spool::Work;
    use super::super::{
        Destination,
        lines::{Ending, Lines},
    };
    use super::*;
    use crate::capture::file::FileSource;
    use crate::capture::{Polled, Source};
    use crate::clock::Timestamp;
    use crate::metrics::operations::Counter;
    use crate::packet::LinkType;

    const SOON: Duration = Duration::from_secs(9);

    fn spool(opened: &Path, path: &Path) -> Spool {
        let lines = Lines::open_as(&Destination::File(opened.to_owned()), Ending::Any).unwrap();
        let file = (Destination::File(path.to_owned()), Ending::Any);
        Spool::start(
            ("frames", Counter::default()),
            lines,
            file,
            &Journal::start().unwrap(),
        )
        .unwrap()
    }

    fn frame(number: u8, names: &[String]) -> Frame<'_> {
        const BYTES: [&[u8]; 3] = [&[0; 60], &[1; 60], &[2; 60]];
        Frame {
            bytes: BYTES[usize::from(number)],
            wire_length: 60,
            time: Timestamp::from_nanos(i64::from(number)),
            link: LinkType::Ethernet,
            interface: 0,
            interfaces: names,
        }
    }

    fn read_back(path: &Path) -> Vec<u8> {
        let mut source = FileSource::open(&[path.to_owned()]).unwrap();
        let mut numbers = Vec::new();
        while let Polled::Frame(frame) = source.poll().unwrap() {
            numbers.push(frame.bytes[0]);
        }
        assert_eq!(source.notes(), []);
        numbers
    }

    #[test]
    fn frames_can_be_read_at_any_time_and_from_each_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let spool = spool(&path, &path);
        let names = ["eth0".to_owned()];
        let mut frames = FrameSpool::new(spool.clone()).unwrap();
        frames.keep(&frame(0, &names));
        frames.hand_over();
        spool.flush(SOON);
        assert_eq!(read_back(&path), [0]);
        let older = directory.path().join("older");
        std::fs::rename(&path, &older).unwrap();
        frames.reopen();
        frames.keep(&frame(1, &names));
        frames.hand_over();
        frames.keep(&frame(2, &names));
        frames.finish(Loss { dropped: 3 });
        spool.flush(SOON);
        assert_eq!((read_back(&older), read_back(&path)), (vec![0], vec![1, 2]));
    }

    #[test]
    fn frames_after_a_loss_can_be_read() {
        let (spool, waiting) = Spool::stalled();
        let names = ["eth0".to_owned()];
        let mut frames = FrameSpool::new(spool).unwrap();
        for number in 0..3 {
            frames.keep(&frame(number, &names));
            frames.hand_over();
        }
        let mut kept = Vec::new();
        let mut take = || {
            if let Ok(Work::Piece(piece)) = waiting.try_recv() {
                kept.extend(piece.bytes);
            }
        };
        take();
        frames.keep(&frame(2, &names));
        frames.hand_over();
        take();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), kept).unwrap();
        assert_eq!(read_back(file.path()), [0, 2]);
    }

    #[test]
    fn frames_on_a_full_disk_go_on_with_a_section_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let (full, path) = (directory.path().join("full"), directory.path().join("file"));
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let spool = spool(&full, &path);
        let names = ["eth0".to_owned()];
        let mut frames = FrameSpool::new(spool.clone()).unwrap();
        for number in 0..2 {
            frames.keep(&frame(number, &names));
            frames.hand_over();
            spool.flush(SOON);
        }
        let note = spool.note().unwrap();
        assert!(
            note.starts_with("2 frames of this run were not written"),
            "{note}"
        );
        spool.reopen();
        frames.keep(&frame(2, &names));
        frames.hand_over();
        frames.keep(&frame(0, &names));
        frames.hand_over();
        spool.flush(SOON);
        assert_eq!(read_back(&path), [2, 0]);
    }
}
