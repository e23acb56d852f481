use std::path::Path;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tempfile::TempDir;

use super::*;

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_files_read_the_same() {
    let plain = sample(3000);
    let expected = frames(&plain);
    let (a, b) = plain.split_at(1000);
    let zstd = |bytes| compress_to_vec(bytes, CompressionLevel::Fastest);
    assert_eq!(frames(&gzip(&plain)), expected);
    assert_eq!(frames(&[gzip(a), gzip(b)].concat()), expected, "several members");
    assert_eq!(frames(&zstd(&plain[..])), expected);
    assert_eq!(frames(&[zstd(a), zstd(b)].concat()), expected, "several frames");
    let skipped = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
    assert_eq!(
        frames(&[&skipped[..], &zstd(a), &skipped, &zstd(b)].concat()),
        expected
    );
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn several_files_come_in_time_order() {
    let folder = TempDir::new().unwrap();
    let with = |name: &str, times: &[u32]| {
        let mut file = pcap(Order::Little, NANOSECONDS, ETHERNET);
        for &time in times {
            file.record(0, time, name.as_bytes());
        }
        written(folder.path(), name, &file.1)
    };
    let late = with("late", &[100, 101]);
    let odd = with("odd", &[1, 3, 5, 7]);
    let empty = with("empty", &[]);
    let even = with("even", &[2, 4, 5, 6, 50]);
    let mut source = FileSource::open(&[late, odd.clone(), empty, even]).unwrap();
    let seen = drain(&mut source);
    let times: Vec<_> = seen.iter().map(|it| it.nanos).collect();
    assert_eq!(times, [1, 2, 3, 4, 5, 5, 6, 7, 50, 100, 101]);
    for it in &seen {
        assert!(it.interface.ends_with(std::str::from_utf8(&it.bytes).unwrap()));
    }
    assert_eq!(source.notes(), []);
    let progress = source.progress();
    assert_eq!(Some(progress.read), progress.total);
    drop(odd);
}

#[test]
fn trouble_with_one_file_loses_nothing_of_the_others() {
    let folder = TempDir::new().unwrap();
    let sample = sample(10);
    let cut = written(folder.path(), "cut", &sample[..sample.len() - 1]);
    let nothing = written(folder.path(), "nothing", &sample[..30]);
    let whole = written(folder.path(), "whole", &sample);
    let mut source = FileSource::open(&[cut.clone(), nothing.clone(), whole]).unwrap();
    assert_eq!(drain(&mut source).len(), 19);
    let noted: Vec<_> = source.notes().into_iter().map(|note| note.file).collect();
    assert_eq!(noted, [cut, nothing]);
}

#[test]
fn no_files_are_at_their_end() {
    assert!(matches!(
        FileSource::open(&[]).unwrap().poll().unwrap(),
        Polled::End
    ));
}
