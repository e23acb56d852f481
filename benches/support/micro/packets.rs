//! Link, IP and TCP headers.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sockhound::packet;

use crate::captures;

#[divan::bench(args = ["postgresql-simple", "mariadb-sysbench", "redis-pipeline"])]
fn parse(bencher: Bencher, name: &str) {
    let frames = captures::frames(name);
    let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
    bencher
        .counter(ItemsCount::new(frames.len()))
        .counter(BytesCount::new(bytes))
        .bench(|| {
            for frame in black_box(&frames) {
                let segment = packet::parse(frame.link, &frame.bytes, frame.wire_length);
                black_box(segment.map_or(0, |segment| segment.payload_length));
            }
        });
}
