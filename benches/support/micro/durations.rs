//! The histogram that every distribution is kept in.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use sockhound::clock::Span;
use sockhound::profile::durations::{Durations, Value};

const VALUES: usize = 1000;

/// Durations as of a database: most around a fifth of a millisecond, a few up to two seconds.
fn spans() -> Vec<Span> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let spans = (0..VALUES).map(|_| {
        let octaves = [0, 0, 0, 0, 0, 1, 1, 2, 3, 13][(random() % 10) as usize];
        Span::from_nanos(((150_000 + random() % 100_000) << octaves).cast_signed())
    });
    spans.collect()
}

fn filled() -> Durations {
    let mut durations = Durations::default();
    for span in spans() {
        durations.record(span);
    }
    durations
}

#[divan::bench]
fn record(bencher: Bencher) {
    let (spans, mut durations) = (spans(), filled());
    bencher.counter(ItemsCount::new(VALUES)).bench_local(|| {
        for &span in black_box(&spans) {
            durations.record(span);
        }
    });
}

/// As an exchange is: its bucket found once, counted for service, pool and statement.
#[divan::bench]
fn record_in_three(bencher: Bencher) {
    let (spans, mut durations) = (spans(), [filled(), filled(), filled()]);
    bencher.counter(ItemsCount::new(VALUES)).bench_local(|| {
        for &span in black_box(&spans) {
            let value = Value::of(span);
            for one in &mut durations {
                one.record_value(value);
            }
        }
    });
}

#[divan::bench]
fn first_thirty(bencher: Bencher) {
    let spans = spans();
    bencher.counter(ItemsCount::new(30_usize)).bench(|| {
        let mut durations = Durations::default();
        for &span in spans.iter().take(30) {
            durations.record(span);
        }
        durations
    });
}

#[divan::bench(args = [0.5, 0.99])]
fn quantile(bencher: Bencher, share: f64) {
    let durations = filled();
    bencher.bench(|| black_box(&durations).quantile(black_box(share)));
}

#[divan::bench]
fn add(bencher: Bencher) {
    let (mut sum, other) = (filled(), filled());
    bencher.bench_local(|| sum.add(black_box(&other)));
}

#[divan::bench]
fn summarise(bencher: Bencher) {
    let durations = filled();
    bencher.bench(|| black_box(&durations).summarise());
}
