//! Waiting for frames: with a source in hand, or apart from it, so that others may have it meanwhile.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{ANY, LiveError, LiveSource, explain};
use crate::capture::ring::RingError;

/// Waits for frames of a [`LiveSource`] without borrowing it. Made and kept up to date by [`LiveSource::renew`].
#[derive(Default)]
pub struct Waiter {
    sockets: Vec<OwnedFd>,
    timeout: Duration,
    /// The source's, when the sockets were its.
    changes: Option<u32>,
}

/// What ended a wait.
#[derive(Debug)]
pub struct Woken {
    waited: Duration,
    outcome: Result<Outcome, Errno>,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    Frames,
    /// A socket has an error to tell.
    Trouble,
}

impl Waiter {
    /// Waits for as long as a block may, or until there are frames.
    #[must_use]
    pub fn wait(&self) -> Woken {
        wait(self.sockets.iter().map(AsFd::as_fd), self.timeout)
    }
}

impl LiveSource {
    /// Brings `waiter` up to date with the rings there are.
    ///
    /// # Errors
    /// No file descriptor is to be had.
    pub fn renew(&self, waiter: &mut Waiter) -> Result<(), LiveError> {
        if waiter.changes == Some(self.changes) {
            return Ok(());
        }
        let copies: Result<Vec<_>, _> = self
            .watches
            .iter()
            .map(|watch| watch.ring.as_fd().try_clone_to_owned())
            .collect();
        waiter.sockets =
            copies.map_err(|error| failed(Errno::from_raw(error.raw_os_error().unwrap_or(0))))?;
        (waiter.timeout, waiter.changes) = (self.options.block_timeout, Some(self.changes));
        Ok(())
    }

    /// Takes note of what ended a wait; returns whether there may be frames.
    ///
    /// # Errors
    /// Waiting failed.
    pub fn woke(&mut self, woken: &Woken) -> Result<bool, LiveError> {
        self.waited += woken.waited;
        match &woken.outcome {
            Ok(Outcome::Nothing) => self.forget_gone(),
            Ok(Outcome::Frames) => {}
            Ok(Outcome::Trouble) => {
                for watch in &mut self.watches {
                    self.events.extend(watch.trouble(&self.names));
                }
            }
            Err(errno) => return Err(failed(*errno)),
        }
        Ok(woken.outcome != Ok(Outcome::Nothing))
    }

    pub(super) fn wait(&mut self) -> Result<bool, LiveError> {
        if self.watches.is_empty() {
            return Err(LiveError::AllGone);
        }
        let sockets = self.watches.iter().map(|watch| watch.ring.as_fd());
        let woken = wait(sockets, self.options.block_timeout);
        self.woke(&woken)
    }
}

fn wait<'a>(sockets: impl Iterator<Item = BorrowedFd<'a>>, timeout: Duration) -> Woken {
    let mut waiting: Vec<_> = sockets.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::from(100_u8));
    let begun = Instant::now();
    let polled = poll(&mut waiting, timeout);
    let waited = begun.elapsed();
    let failed = |fd: &PollFd| fd.revents().is_some_and(|it| it.contains(PollFlags::POLLERR));
    let outcome = match polled {
        Ok(0) | Err(Errno::EINTR) => Ok(Outcome::Nothing),
        Ok(_) if waiting.iter().any(failed) => Ok(Outcome::Trouble),
        Ok(_) => Ok(Outcome::Frames),
        Err(errno) => Err(errno),
    };
    Woken { waited, outcome }
}

fn failed(errno: Errno) -> LiveError {
    explain(ANY, &RingError::new("waiting for frames", errno))
}
