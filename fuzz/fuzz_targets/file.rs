//! Any bytes as a capture file, plain or compressed: read to its end, whatever it says of its lengths.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhound::capture::file::FileSource;
use sockhound::capture::{Polled, Source};
use std::path::PathBuf;
use std::sync::LazyLock;

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from("/dev/shm");
    let folder = if folder.is_dir() {
        folder
    } else {
        std::env::temp_dir()
    };
    folder.join(format!("sockhound-fuzz-{}", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*PATH, data).expect("a temporary file");
    let source = FileSource::open(std::slice::from_ref(&*PATH));
    std::fs::remove_file(&*PATH).expect("its removal");
    let Ok(mut source) = source else {
        return;
    };
    // A compressed file may hold more than is worth waiting for.
    for _ in 0..100_000 {
        match source.poll() {
            Ok(Polled::Frame(frame)) => assert!(frame.bytes.len() <= 1 << 24),
            Ok(Polled::Idle(_)) => {}
            Ok(Polled::End) | Err(_) => break,
        }
    }
    let _ = (source.notes(), source.loss());
});
