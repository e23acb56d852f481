//! Pushes metrics by OTLP on a thread of its own: whatever the collector does, the capture goes on.
//!
//! ```text
//! mod        the thread: pushes what is newest, now or later
//!   collector  one request, and what its answer means
//!   backoff    how long to wait before the next
//! ```
//!
//! There is no queue: totals are cumulative, so the newest ones hold all that an older request would have told. Every try draws them anew.

mod backoff;
mod collector;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use backoff::Backoff;
use collector::Answer;
pub use collector::{BadUrl, Collector};

use super::journal::{Journal, Priority};
use crate::metrics::Pushes;

/// Draws an encoded `ExportMetricsServiceRequest` of what is newest; `None` where there is nothing yet.
pub type Draw = Box<dyn FnMut() -> Option<Vec<u8>> + Send>;

/// The way to the pushing thread.
#[derive(Clone, Debug)]
pub struct Pusher {
    work: SyncSender<Work>,
}

#[derive(Debug)]
enum Work {
    /// There is something newer.
    Newer,
    /// All before it was tried.
    Flushed(SyncSender<()>),
}

impl Pusher {
    /// Starts the thread; it ends with this.
    pub fn start(collector: Collector, draw: Draw, pushes: Pushes, journal: Journal) -> io::Result<Self> {
        let (work, waiting) = sync_channel(2);
        let pushing = Pushing {
            collector,
            draw,
            pushes,
            journal,
            backoff: Backoff::default(),
            failing: false,
            words: String::new(),
        };
        std::thread::Builder::new()
            .name("otlp".to_owned())
            .spawn(move || pushing.run(&waiting))?;
        Ok(Self { work })
    }

    /// There is something newer to push. Where the last is still under way, it is pushed after that.
    pub fn newer(&self) {
        let _ = self.work.try_send(Work::Newer);
    }

    /// Waits until all is pushed, or was tried, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        let (flushed, told) = sync_channel(1);
        if self.work.try_send(Work::Flushed(flushed)).is_ok() {
            let _ = told.recv_timeout(patience);
        }
    }
}

struct Pushing {
    collector: Collector,
    draw: Draw,
    pushes: Pushes,
    journal: Journal,
    backoff: Backoff,
    failing: bool,
    /// What the collector said last about what it took.
    words: String,
}

impl Pushing {
    fn run(mut self, work: &Receiver<Work>) {
        // Set while something waits to be tried again.
        let mut again: Option<Instant> = None;
        loop {
            match next(work, again) {
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(Work::Flushed(flushed)) => {
                    let _ = flushed.send(());
                }
                // What is newer goes with what waits.
                Ok(Work::Newer) if again.is_some() => {}
                Ok(Work::Newer) => again = self.push(),
                Err(RecvTimeoutError::Timeout) => {
                    self.pushes.retried.count();
                    again = self.push();
                }
            }
        }
    }

    /// Pushes what is newest; returns when that is to be tried again, if it is.
    fn push(&mut self) -> Option<Instant> {
        let request = (self.draw)()?;
        match self.collector.post(&request) {
            Answer::Taken { rejected, words } => {
                self.taken(rejected, words);
                None
            }
            Answer::Later { why, after } => {
                self.pushes.postponed.count();
                self.failed(&why);
                Some(Instant::now() + self.backoff.next(after))
            }
            Answer::Refused(why) => {
                self.pushes.refused.count();
                self.failed(&why);
                None
            }
        }
    }

    fn taken(&mut self, rejected: u64, words: String) {
        self.pushes.taken.count();
        self.pushes.rejected.add(rejected);
        self.backoff.reset();
        if std::mem::take(&mut self.failing) {
            self.say(Priority::Info, "takes metrics again");
        }
        if words != self.words && (rejected > 0 || !words.is_empty()) {
            self.say(
                Priority::Warning,
                &format!("did not take {rejected} data points: {words}"),
            );
        }
        self.words = words;
    }

    /// Said once until it is well again.
    fn failed(&mut self, why: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            self.say(
                Priority::Warning,
                &format!("does not take metrics: {why}; they are kept, and pushed when it does"),
            );
        }
    }

    fn say(&self, priority: Priority, what: &str) {
        self.journal.say(priority, format!("{} {what}", self.collector));
    }
}

/// The next work, or a timeout when it is time to try again.
fn next(work: &Receiver<Work>, again: Option<Instant>) -> Result<Work, RecvTimeoutError> {
    match again {
        Some(again) => work.recv_timeout(again.saturating_duration_since(Instant::now())),
        None => work.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

#[cfg(test)]
mod tests;
