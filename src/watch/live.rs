//! Live: the rings, read by who watches, or by several capture threads that divide the connections among them.
//!
//! ```text
//! ring 0 -> thread 0: Tracker -.
//! ring 1 -> thread 1: Tracker -+-> Merger (by time, up to where all of them are) -> Recorder -> Profile -> Summary
//! ring 2 -> thread 2: Tracker -'
//! ```
//!
//! No thread waits for another: each empties its rings as they fill, and what it tells waits in memory, for as long as a block of the
//! most silent one may, until all have come as far. So every number is as one thread would have told it, but for counts of
//! packets, which are of a fraction of a second later.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Session;
use super::fair::Fair;
use super::seat::Seat;
use crate::capture::live::{InterfaceEvent, LiveError, LiveSource, Load, Waiter};
use crate::capture::share::Share;
use crate::capture::{Frame, Polled, Source};
use crate::clock::{Span, Timestamp};
use crate::host;

/// Frames that a thread takes before others may have its tracker.
const AT_ONCE: usize = 4096;
/// How often what the threads tell is taken in.
const BEAT: Duration = Duration::from_millis(50);
/// How long a thread waits whose tracker has told too much that was not taken in yet.
const BEHIND: Duration = Duration::from_millis(1);

/// Where frames come from.
pub enum Live {
    /// Who watches reads them.
    One(Box<LiveSource>),
    /// Threads do.
    Several(CaptureThreads),
}

impl Live {
    /// `sources` divide the frames among them; `session`, which saw none yet, divides the connections alike.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(mut sources: Vec<LiveSource>, session: &mut Session) -> io::Result<Self> {
        match sources.pop() {
            Some(only) if sources.is_empty() => Ok(Self::One(Box::new(only))),
            last => {
                sources.extend(last);
                CaptureThreads::start(sources, session).map(Self::Several)
            }
        }
    }

    /// Watches interfaces that have come since, and lets go of those that are no more; to be called now and then.
    pub fn follow(&mut self) {
        self.each(LiveSource::follow_together);
    }

    /// What happened to the interfaces since last asked.
    pub fn take_events(&mut self) -> Vec<InterfaceEvent> {
        self.each(|sources| {
            let first = sources.first_mut();
            first.map(|first| first.take_events()).unwrap_or_default()
        })
    }

    /// Takes frames for a beat, those of before `end`, or until none comes; returns up to when all was seen, which is `end` or later
    /// once all of it was. `keep` is given those of watched connections; several threads have none to give.
    ///
    /// # Errors
    /// A source fails.
    pub fn take(
        &mut self,
        session: &mut Session,
        end: Timestamp,
        keep: impl FnMut(&Frame<'_>),
    ) -> Result<Timestamp, LiveError> {
        match self {
            Self::One(source) => take(source, session, end, keep),
            Self::Several(threads) => threads.follow_to(session, end),
        }
    }

    /// The names of the interfaces known so far.
    pub fn interfaces(&mut self) -> Vec<String> {
        self.each(|sources| {
            let mut all: Vec<String> = Vec::new();
            for name in sources.iter().flat_map(|source| source.interfaces()) {
                if !all.contains(name) {
                    all.push(name.clone());
                }
            }
            all
        })
    }

    /// Frames that the kernel dropped since the watch began. Costs a system call for each ring.
    pub fn dropped(&mut self) -> u64 {
        self.each(|sources| sources.iter_mut().map(|source| source.loss().dropped).sum())
    }

    /// The load since last asked. Costs a system call for each ring.
    pub fn load(&mut self) -> Load {
        self.each(|sources| sources.iter_mut().map(|source| source.load()).sum())
    }

    /// Lets only the connections in `share` into the rings from now on; see [`LiveSource::keep`].
    ///
    /// # Errors
    /// The kernel refuses a filter: that ring goes on with the one it had.
    pub fn keep(&mut self, share: Share) -> Result<(), LiveError> {
        self.each(|sources| {
            let kept: Vec<_> = sources.iter_mut().map(|source| source.keep(share)).collect();
            kept.into_iter().collect()
        })
    }

    /// No frame is read any more; `session` takes in all that were.
    pub fn end(&mut self, session: &mut Session) {
        if let Self::Several(threads) = self {
            threads.end();
            if let Some(several) = session.shards().several() {
                several.stand();
            }
        }
    }

    fn each<R>(&mut self, work: impl FnOnce(&mut [&mut LiveSource]) -> R) -> R {
        match self {
            Self::One(source) => work(&mut [source]),
            Self::Several(threads) => {
                let mut sources: Vec<_> = threads.posts.iter().map(|post| post.source.lock()).collect();
                let mut sources: Vec<&mut LiveSource> = sources.iter_mut().map(|it| &mut **it).collect();
                work(&mut sources)
            }
        }
    }
}

fn take(
    source: &mut LiveSource,
    session: &mut Session,
    end: Timestamp,
    mut keep: impl FnMut(&Frame<'_>),
) -> Result<Timestamp, LiveError> {
    let mut begun = None;
    let now = loop {
        match source.poll()? {
            Polled::Frame(frame) if frame.time < end => {
                if session.frame(&frame) {
                    keep(&frame);
                }
                if frame.time.since(*begun.get_or_insert(frame.time)) >= Span::from(BEAT) {
                    return Ok(frame.time);
                }
            }
            Polled::Frame(frame) => break frame.time,
            Polled::Idle(now) => break now,
            Polled::End => break end,
        }
    };
    session.advance(now.min(end));
    Ok(now)
}

/// Threads that each read rings of their own.
pub struct CaptureThreads {
    posts: Vec<Arc<Post>>,
    threads: Vec<JoinHandle<Result<(), LiveError>>>,
    orders: Arc<Orders>,
}

/// What a thread works with.
struct Post {
    source: Fair<LiveSource>,
    seat: Arc<Fair<Seat>>,
}

/// What all threads obey.
struct Orders {
    end: AtomicBool,
    /// Frames of this time and later are left out, in nanoseconds.
    until: AtomicI64,
}

/// How far a thread came with what was at hand.
enum Came {
    ToTheEnd,
    /// There may be more.
    Halfway,
    /// What it told must be taken in first.
    Behind,
    /// Nothing more is wanted.
    Over,
}

impl CaptureThreads {
    fn start(sources: Vec<LiveSource>, session: &mut Session) -> io::Result<Self> {
        let seats = session.go_live(sources.len());
        let orders = Arc::new(Orders {
            end: AtomicBool::new(false),
            until: AtomicI64::new(i64::MAX),
        });
        let mut this = Self {
            posts: Vec::new(),
            threads: Vec::new(),
            orders,
        };
        for (index, (source, seat)) in sources.into_iter().zip(seats).enumerate() {
            let source = Fair::new(source);
            this.posts.push(Arc::new(Post { source, seat }));
            this.spawn(index)?;
        }
        Ok(this)
    }

    fn spawn(&mut self, index: usize) -> io::Result<()> {
        let (post, orders) = (Arc::clone(&self.posts[index]), Arc::clone(&self.orders));
        let named = thread::Builder::new().name(format!("capture {index}"));
        self.threads.push(named.spawn(move || post.work(&orders))?);
        Ok(())
    }

    /// Lets the threads work for a beat; then `session` takes in what they told, or that of before `end`. Returns up to when that is.
    ///
    /// # Errors
    /// A thread's source failed.
    pub fn follow(&mut self, session: &mut Session, end: Timestamp) -> Result<Timestamp, LiveError> {
        thread::sleep(BEAT);
        if let Some(error) = self.failed() {
            return Err(error);
        }
        Ok(session
            .shards()
            .several()
            .map_or(end, |several| several.take_in(end)))
    }

    /// The same; frames of `end` and later are left out, if that is not too late to say.
    ///
    /// # Errors
    /// A thread's source failed.
    pub fn follow_to(&mut self, session: &mut Session, end: Timestamp) -> Result<Timestamp, LiveError> {
        let latest = session.shards().several().map(|several| several.latest());
        let end = end.max(latest.unwrap_or_default());
        self.orders.until.store(end.nanos(), Ordering::Relaxed);
        let now = self.follow(session, end)?;
        session.advance(now);
        Ok(now)
    }

    fn failed(&mut self) -> Option<LiveError> {
        let ended = self.threads.iter().position(JoinHandle::is_finished)?;
        let ended = self.threads.swap_remove(ended).join();
        ended
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .err()
    }

    fn end(&mut self) {
        self.orders.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // What failed now is of no consequence any more.
            let _ = thread.join();
        }
    }
}

impl Drop for CaptureThreads {
    fn drop(&mut self) {
        self.end();
    }
}

impl Post {
    fn work(&self, orders: &Orders) -> Result<(), LiveError> {
        let mut waiter = Waiter::default();
        while !orders.end.load(Ordering::Relaxed) {
            match self.take(&mut waiter, orders)? {
                Came::Halfway => {}
                Came::Behind => thread::sleep(BEHIND),
                Came::Over => return Ok(()),
                Came::ToTheEnd => {
                    let woken = waiter.wait();
                    self.source.lock().woke(&woken)?;
                }
            }
        }
        Ok(())
    }

    /// Takes frames that are at hand.
    fn take(&self, waiter: &mut Waiter, orders: &Orders) -> Result<Came, LiveError> {
        let mut source = self.source.lock();
        let mut seat = self.seat.lock();
        source.renew(waiter)?;
        if seat.is_full() {
            return Ok(Came::Behind);
        }
        let until = Timestamp::from_nanos(orders.until.load(Ordering::Relaxed));
        for _ in 0..AT_ONCE {
            match source.poll_now() {
                Ok(Polled::Frame(frame)) if frame.time < until => seat.take(&frame),
                Ok(Polled::Frame(_)) => {
                    seat.reach(until);
                    return Ok(Came::Over);
                }
                Ok(Polled::Idle(now)) => {
                    seat.reach(now);
                    return Ok(Came::ToTheEnd);
                }
                Ok(Polled::End) | Err(LiveError::AllGone) => {
                    seat.reach(host::now());
                    return Ok(Came::ToTheEnd);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Came::Halfway)
    }
}

#[cfg(test)]
mod tests;
