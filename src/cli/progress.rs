//! How far a long command is, on the terminal that standard error is; nothing elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Span;

/// A bar that appears where the work takes longer than a moment, and goes when dropped.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    bar: Option<ProgressBar>,
    what: What,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
enum What {
    /// Bytes read, of so many where that is known.
    Bytes(Option<u64>),
    /// Time watched.
    Time(Duration),
}

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

impl Progress {
    /// Of reading `total` bytes, where that is known.
    #[must_use]
    pub fn of_bytes(total: Option<u64>) -> Self {
        Self::new(What::Bytes(total))
    }

    /// Of watching for so long.
    #[must_use]
    pub fn of_time(total: Duration) -> Self {
        Self::new(What::Time(total))
    }

    fn new(what: What) -> Self {
        Self {
            begun: Instant::now(),
            bar: None,
            what,
        }
    }

    /// Shows how many bytes are done. It reads the clock: call it every few thousand packets.
    pub fn bytes(&mut self, done: u64) {
        if let Some(bar) = self.bar() {
            bar.set_position(done);
        }
    }

    /// Shows how much of the time has gone by.
    pub fn time(&mut self, done: Span) {
        if let Some(bar) = self.bar() {
            let done = u64::try_from(done.nanos() / 1_000_000).unwrap_or(0);
            let left = bar.length().unwrap_or(0).saturating_sub(done);
            bar.set_message(format!("{} s", left.div_ceil(1000)));
            bar.set_position(done);
        }
    }

    fn bar(&mut self) -> Option<&ProgressBar> {
        if self.bar.is_none() && self.begun.elapsed() > PATIENCE {
            self.bar = Some(bar(self.what));
        }
        self.bar.as_ref()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

const OF_KNOWN: &str = "reading [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const OF_UNKNOWN: &str = "reading {bytes}, {bytes_per_sec}";
const OF_TIME: &str = "watching [{bar:30}] {msg} left, Ctrl-C ends early";

/// It draws to standard error, at most twenty times a second, and only where that is a terminal.
fn bar(what: What) -> ProgressBar {
    let (bar, template) = match what {
        What::Bytes(Some(total)) => (ProgressBar::new(total), OF_KNOWN),
        What::Bytes(None) => (ProgressBar::no_length(), OF_UNKNOWN),
        What::Time(total) => (ProgressBar::new(millis(total)), OF_TIME),
    };
    // A test holds that the templates can be read.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("=> "))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        for template in [OF_KNOWN, OF_UNKNOWN, OF_TIME] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn short_work_shows_nothing() {
        let mut progress = Progress::of_bytes(Some(10));
        progress.bytes(5);
        assert!(progress.bar.is_none());
    }
}
