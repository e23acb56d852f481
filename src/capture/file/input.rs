//! Where a file's bytes come from: the file, standard input, what gzip or zstd packed.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Take};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::zstd::{self, Zstd};

/// How many bytes of all files have been read, as they are on disk.
pub(super) type Counter = Arc<AtomicU64>;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens `path` (`-`: standard input) up to `end`, decompressed where it is compressed.
pub(super) fn open(path: &Path, end: u64, counter: &Counter) -> io::Result<Box<dyn Read + Send>> {
    let mut input = Counted {
        file: file(path)?.take(end),
        counter: Arc::clone(counter),
    };
    let start = start(&mut input)?;
    let whole = |input| Cursor::new(start.clone()).chain(input);
    Ok(if start.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            1 << 16,
            whole(input),
        )))
    } else if zstd::recognises(&start) {
        Box::new(Zstd::new(BufReader::with_capacity(1 << 16, whole(input))))
    } else {
        Box::new(whole(input))
    })
}

/// How long `path` is; `None` for what is no regular file.
pub(super) fn length(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// Whether `path` is a regular file that nothing packed: reading it again costs little.
pub(super) fn is_plain(path: &Path) -> bool {
    let start = || start(&mut File::open(path).ok()?).ok();
    let packed = |start: &[u8]| start.starts_with(&GZIP) || zstd::recognises(start);
    length(path).is_some() && start().is_some_and(|start| !packed(&start))
}

fn file(path: &Path) -> io::Result<File> {
    if path == Path::new("-") {
        return Ok(io::stdin().as_fd().try_clone_to_owned()?.into());
    }
    File::open(path)
}

/// The first four bytes, or all that there are.
fn start(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input.take(4).read_to_end(&mut start)?;
    Ok(start)
}

struct Counted {
    file: Take<File>,
    counter: Counter,
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.counter.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
