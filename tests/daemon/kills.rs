//! Killed while it writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::*;

const KILLS: usize = 50;
/// A daemon writes an interval this long after its end: what waits in the ring, and a machine that is busy.
const SLACK: i64 = 2_000_000_000;

const OPENING: i64 = 500_000_000;

/// When a request was under way.
type Window = (i64, i64);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap()
}

/// One request after the other, until told to end.
fn ask(port: u16, ended: &AtomicBool) -> Vec<Window> {
    let mut client = Client::connect(port);
    let mut asked = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        let begun = now();
        client.increment(1);
        asked.push((begun, now()));
        pause(1);
    }
    asked
}

/// Ends what waits for it, also where a test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The summaries of each run, which begins anew at sequence 0.
fn runs(summaries: Vec<Summary>) -> Vec<Vec<Summary>> {
    let mut runs: Vec<Vec<Summary>> = Vec::new();
    for summary in summaries {
        match runs.last_mut().filter(|_| summary.sequence > 0) {
            Some(run) => run.push(summary),
            None => runs.push(vec![summary]),
        }
    }
    runs
}

fn whole_lines(path: &Path) -> Vec<Summary> {
    let text = std::fs::read(path).unwrap_or_default();
    let end = text.iter().rposition(|&it| it == b'\n').map_or(0, |at| at + 1);
    let parse = |line: &[u8]| serde_json::from_slice(line).expect("a complete line is a whole summary");
    text[..end]
        .split(|&it| it == b'\n')
        .filter(|line| !line.is_empty())
        .map(parse)
        .collect()
}

/// Every request within the run's lines is counted, but for those at the very edges; what passed between the ring's opening and the
/// first line's start may be counted as well.
fn assert_counted(run: &[Summary], asked: &[Window]) {
    let (start, end) = (run[0].start.nanos(), run[run.len() - 1].end.nanos());
    let inside = asked.iter().filter(|it| start <= it.0 && it.1 <= end).count() as u64;
    let touched = asked
        .iter()
        .filter(|it| start - OPENING <= it.1 && it.0 <= end)
        .count() as u64;
    let counted = requests(run);
    assert!(
        (inside..=touched).contains(&counted),
        "{inside} <= {counted} <= {touched}"
    );
}

#[test]
fn fifty_kills_cost_the_unfinished_intervals_only() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    let ended = AtomicBool::new(false);
    let mut random = u64::from(std::process::id()) | 1;
    eprintln!("random begins with {random}");
    let mut killed = Vec::new();
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(port, &ended));
        let ending = Ending(&ended);
        for _ in 0..KILLS {
            let mut daemon = Running(command(port, &output, &["--interval", "50ms"]).spawn().unwrap());
            // Knuth's MMIX generator.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            pause(150 + (random >> 33) % 300);
            daemon.tell(Signal::SIGKILL);
            daemon.ended();
            killed.push((now(), whole_lines(&output).len()));
        }
        drop(ending);
        asking.join().unwrap()
    });
    let summaries = whole_lines(&output);
    assert_eq!(summaries.len(), killed.last().unwrap().1);
    let (mut seen, mut wrote) = (0, 0);
    for &(at, lines) in &killed {
        if lines > seen {
            wrote += 1;
            let lost = at - summaries[lines - 1].end.nanos();
            assert!(lost < SLACK, "{lost} ns are lost");
        }
        seen = lines;
    }
    assert!(wrote > 0, "none wrote anything");
    let runs = runs(summaries);
    assert_eq!(runs.len(), wrote);
    for run in runs {
        assert_eq!(run[0].sequence, 0);
        assert_unbroken(&run);
        assert_counted(&run, &asked);
    }
}
