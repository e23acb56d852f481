//! Frames as they pass: rings on one or several interfaces.

mod choice;
mod error;
mod follow;
mod load;
mod names;
mod room;
mod steady;
mod waiting;

use std::collections::HashSet;
use std::time::Duration;

use super::filter::{self, Target, program};
use super::interfaces::{self, Interface, interfaces};
use super::ring::{Counted, Group, Head, Layout, Ring, is_ethernet};
use super::share::Share;
use super::{Frame, Loss, Polled, Source};
use crate::clock::{Span, Timestamp};
use crate::host;
use crate::packet::LinkType;
use choice::Choice;
pub use error::LiveError;
use error::explain;
pub use load::Load;
use names::Names;
pub use steady::Steady;
pub use waiting::{Waiter, Woken};

/// The name that stands for every interface, those to come included.
pub const ANY: &str = "any";

/// No more interfaces get rings of their own as they come.
const MAX_RINGS: usize = 32;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Names of interfaces, [`ANY`] for all in one ring; every interface that is up where there are none.
    pub interfaces: Vec<String>,
    /// What to watch there; all of TCP where there are none.
    pub targets: Vec<Target>,
    /// Bytes of a block of the ring: a multiple of the page size, larger than the largest frame (64 KiB; 512 KiB with BIG TCP).
    pub block_size: u32,
    /// Blocks of each ring; `None` for what the host's memory allows: see [`LiveSource::open`].
    pub blocks: Option<u32>,
    /// How long a frame waits at most before it is seen; a wake-up costs 25 to 45 microseconds.
    pub block_timeout: Duration,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            targets: Vec::new(),
            block_size: 1 << 20,
            blocks: None,
            block_timeout: Duration::from_millis(100),
        }
    }
}

/// What happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceEvent {
    /// It is watched from now on.
    Watched(String),
    /// It went down; it is still watched, should it come up again.
    Down(String),
    /// It is no more.
    Gone(String),
    /// It came, and can't be watched.
    Refused(String, String),
}

/// Frames of this host's interfaces, stamped by the kernel.
///
/// Order: frames of one interface come in the order in which the kernel saw them. Those of several interfaces come block by
/// block, the block with the earliest frame first, so they may be late by as much as [`LiveOptions::block_timeout`].
pub struct LiveSource {
    options: LiveOptions,
    share: Share,
    /// Among how many sources the frames are divided.
    of: u32,
    choice: Choice,
    watches: Vec<Watch>,
    /// The one whose block is being walked.
    current: usize,
    names: Names,
    events: Vec<InterfaceEvent>,
    refused: HashSet<u32>,
    /// Of rings that are closed.
    closed: Counted,
    told: load::Told,
    steady: Steady,
    /// In all, for frames to come.
    waited: Duration,
    /// How often a ring was opened or closed.
    changes: u32,
}

/// A ring with what it watches.
struct Watch {
    ring: Ring,
    /// 0 where it is all of them.
    index: u32,
    interface: u16,
    /// Its interface went down; nothing more is told of one that then goes away.
    down: bool,
    /// Its interface is no more; what is left in the ring is still to be read.
    gone: bool,
}

impl LiveSource {
    /// Begins to watch. Where the options do not say how large a ring is, it has 32 blocks while all of them take no more than a 64th of the
    /// host's memory, then what is left of that, and 16 at least.
    ///
    /// # Errors
    /// Not permitted, nothing to watch, or the kernel refuses the ring.
    pub fn open(options: &LiveOptions) -> Result<Self, LiveError> {
        let sources = Self::open_several(options, 1)?;
        sources.into_iter().next().ok_or(LiveError::AllGone)
    }

    /// Begins to watch with `count` sources, 64 at most, for as many threads: each is given the frames of its own connections, both
    /// directions, those for which [`shard_of`](crate::capture::share::shard_of) is its index.
    ///
    /// # Errors
    /// Not permitted, nothing to watch, or the kernel refuses a ring.
    pub fn open_several(options: &LiveOptions, count: u32) -> Result<Vec<Self>, LiveError> {
        let all = interfaces().map_err(LiveError::NoList)?;
        let choice = Choice::of(&options.interfaces, &all)?;
        let mut sources: Vec<_> = (0..count)
            .map(|_| Self::of_none(options, choice.clone(), count))
            .collect();
        let mut each: Vec<_> = sources.iter_mut().collect();
        for interface in choice.among(all) {
            Self::watch_together(&mut each, &interface)?;
        }
        Ok(sources)
    }

    fn of_none(options: &LiveOptions, choice: Choice, of: u32) -> Self {
        Self {
            options: options.clone(),
            share: Share::ALL,
            of,
            choice,
            watches: Vec::new(),
            current: 0,
            names: Names::default(),
            events: Vec::new(),
            refused: HashSet::new(),
            closed: Counted::default(),
            told: load::Told::now(),
            steady: Steady::default(),
            waited: Duration::ZERO,
            changes: 0,
        }
    }

    /// What happened to the interfaces since last asked.
    pub fn take_events(&mut self) -> Vec<InterfaceEvent> {
        std::mem::take(&mut self.events)
    }

    /// The next frame, if the kernel has handed it over.
    #[inline]
    fn next(&mut self) -> Option<Head> {
        loop {
            if let Some(watch) = self.watches.get_mut(self.current)
                && let Some(head) = watch.ring.next()
            {
                if head.is_loopbacks_copy() {
                    continue;
                }
                return Some(head);
            }
            if !self.change_blocks() {
                return None;
            }
        }
    }

    /// Turns to the block with the earliest frame; false where there is none.
    #[cold]
    fn change_blocks(&mut self) -> bool {
        let ready = |(at, watch): (usize, &Watch)| Some((watch.ring.ready()?, at));
        let Some((_, earliest)) = self.watches.iter().enumerate().filter_map(ready).min() else {
            return false;
        };
        self.current = earliest;
        if let Some(watch) = self.watches.get_mut(earliest) {
            watch.ring.begin();
        }
        true
    }

    /// The next frame, if the kernel has handed it over; without waiting, else like [`Source::poll`].
    #[inline]
    pub fn poll_now(&mut self) -> Result<Polled<'_>, LiveError> {
        match self.next() {
            Some(head) => self.lend(head),
            None if self.watches.is_empty() => Err(LiveError::AllGone),
            None => Ok(Polled::Idle(self.seen_up_to())),
        }
    }

    /// Up to when nothing more will come, where nothing is at hand: now, less the time that a frame may still wait in its block (and an
    /// eighth, for a late timer).
    fn seen_up_to(&self) -> Timestamp {
        host::now() - Span::from(self.options.block_timeout * 9 / 8)
    }

    #[inline]
    fn lend(&mut self, head: Head) -> Result<Polled<'_>, LiveError> {
        let time = self.steady.of(head.time);
        let Some(watch) = self.watches.get(self.current) else {
            return Err(LiveError::AllGone);
        };
        let interface = match watch.index {
            0 => self.names.of(head.interface),
            _ => watch.interface,
        };
        let (frame, packet) = watch.ring.bytes(head);
        let (bytes, link) = if is_ethernet(head.hardware_type) {
            (frame, LinkType::Ethernet)
        } else {
            (packet, LinkType::RawIp)
        };
        Ok(Polled::Frame(Frame {
            bytes,
            wire_length: head
                .wire_length
                .saturating_sub((frame.len() - bytes.len()) as u32),
            time,
            link,
            interface,
            interfaces: self.names.as_slice(),
        }))
    }

    /// Closes the rings of interfaces that were no more when last looked, all they held having been read.
    fn forget_gone(&mut self) {
        for at in (0..self.watches.len()).rev() {
            if self.watches.get(at).is_some_and(Watch::is_spent) {
                let mut watch = self.watches.remove(at);
                self.closed.add(watch.ring.counted());
                self.changes += 1;
                self.current -= usize::from(at < self.current);
            }
        }
        for watch in &mut self.watches {
            self.events.extend(watch.find_gone(&self.names));
        }
    }
}

impl Watch {
    /// Whether nothing is left of it to be read.
    fn is_spent(&self) -> bool {
        self.gone && self.ring.ready().is_none()
    }

    /// What an error on the socket means.
    fn trouble(&mut self, names: &Names) -> Option<InterfaceEvent> {
        self.ring.take_error()?;
        self.down = true;
        self.find_gone(names)
            .or_else(|| Some(InterfaceEvent::Down(names.name(self.interface))))
    }

    /// Whether the interface, which is down, is now known to be no more.
    fn find_gone(&mut self, names: &Names) -> Option<InterfaceEvent> {
        if self.gone || !self.down || self.index == 0 || interfaces::name(self.index).is_some() {
            return None;
        }
        self.gone = true;
        Some(InterfaceEvent::Gone(names.name(self.interface)))
    }
}

impl Source for LiveSource {
    type Error = LiveError;

    /// Lends the next frame. After waiting in vain for [`LiveOptions::block_timeout`] (or when a signal comes) says up to when nothing
    /// more will come.
    #[inline]
    fn poll(&mut self) -> Result<Polled<'_>, LiveError> {
        let head = loop {
            if let Some(head) = self.next() {
                break head;
            }
            if !self.wait()? {
                return Ok(Polled::Idle(self.seen_up_to()));
            }
        };
        self.lend(head)
    }

    /// Costs a system call for each ring.
    fn loss(&mut self) -> Loss {
        Loss {
            dropped: self.counted().dropped,
        }
    }

    fn interfaces(&self) -> &[String] {
        self.names.as_slice()
    }
}
