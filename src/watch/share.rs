//! What a watch says of the share of connections that it follows, where the host can't keep up with all.

use super::Session;
use crate::capture::share::Share;
use crate::clock::Timestamp;
use crate::summary::Overload;

/// The share, and what became of it in this interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shares {
    pub(super) now: Share,
    least: Share,
    narrowed: u64,
}

impl Shares {
    /// Begins the next interval.
    pub(super) const fn turn(&mut self) {
        self.least = self.now;
        self.narrowed = 0;
    }

    fn change(&mut self, share: Share) {
        self.narrowed += u64::from(share < self.now);
        self.now = share;
        self.least = self.least.min(share);
    }

    /// `forgotten` in this interval; `unwatched` as the kernel says. `None` where every connection was watched all the time.
    pub(super) fn overload(&self, forgotten: u64, unwatched: Option<u64>) -> Option<Overload> {
        (!self.least.is_all()).then(|| Overload {
            least_share: self.least.fraction(),
            share: self.now.fraction(),
            narrowed: self.narrowed,
            forgotten_connections: forgotten,
            unwatched_connections: unwatched.filter(|_| !self.now.is_all()),
        })
    }

    /// What a reader must know of such an interval.
    pub(super) fn note(&self, overload: &Overload) -> String {
        let forgotten = overload.forgotten_connections;
        let least = self.least.one_in();
        let until = if self.now == self.least {
            ""
        } else {
            ", at the least"
        };
        let unwatched = overload.unwatched_connections;
        let unwatched = unwatched.map_or(String::new(), |count| {
            format!(
                "; by the kernel's count {count} open ones are not among them, and nothing is told of these"
            )
        });
        format!(
            "overload: 1 connection in {least} was watched{until} ({forgotten} were forgotten){unwatched}: counts, rates and peaks are of \
             what was watched, and not scaled"
        )
    }
}

impl Session {
    /// Follows only the connections in `share` from `at` on. Others are forgotten at once, neither closed nor idle, and what was in
    /// flight on them is doubtful. Those that are followed again were not watched before `at`.
    pub fn keep(&mut self, share: Share, at: Timestamp) {
        self.settle_quiet();
        let now = self.shards.now();
        self.shards.keep(share, now);
        // All that is still to come of a smaller share was watched before as well.
        let since = if share > self.shares.now { at.max(now) } else { now };
        self.profile().watch_anew(since);
        self.kernel.forget_lacking();
        self.shares.change(share);
    }

    /// The share of connections that is followed.
    #[must_use]
    pub const fn share(&self) -> Share {
        self.shares.now
    }
}
