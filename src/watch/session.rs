//! One watch from its first frame to its summary.

use std::io;
use std::sync::Arc;

use super::Recorder;
use super::fair::Fair;
use super::kernel::{Kernel, Strangers};
use super::seat::Seat;
use super::shard::Teller;
use super::shards::{Several, Shards};
use super::share::Shares;
use super::totals::Totals;
use crate::capture::{Frame, Source};
use crate::clock::{Span, Timestamp};
use crate::exchange::statements::Statements;
use crate::exchange::tracker::Tracker;
use crate::exchange::{Observer, StatementId};
use crate::findings::{self, Thresholds};
use crate::flow::Limits;
use crate::host::{self, Inventory};
use crate::profile::{Described, Listing, Picture, Profile, Scope};
use crate::protocol::catalog::Target;
use crate::summary::{Connection, Elsewhere, SourceKind, Summary};

/// A turn of which nothing came for so long is over, as far as can be told.
const QUIET: Span = Span::from_secs(5);

/// What to watch, how to judge it, and within which bounds.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The databases.
    pub targets: Vec<Target>,
    /// The same as the user wrote them; empty where none was given.
    pub targets_written: Vec<String>,
    /// How connections are judged.
    pub profile: crate::profile::Config,
    /// The most connections followed at once.
    pub max_connections: usize,
    /// The most bytes that connections may take.
    pub max_connection_bytes: usize,
    /// The most bytes kept until more come, of all connections.
    pub max_buffered: usize,
    /// The most statements told apart.
    pub max_statements: usize,
    /// The most bytes of their texts.
    pub max_text_bytes: usize,
    /// Whether statements keep their literals.
    pub show_literals: bool,
    /// Which connections a summary lists.
    pub connections: Listing,
}

/// Where the frames came from, as a summary tells it.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// Live or from files.
    pub kind: SourceKind,
    /// The interfaces or the files.
    pub names: Vec<String>,
    /// Frames that the kernel dropped since the watch began.
    pub dropped: u64,
    /// What a reader should know of the source.
    pub notes: Vec<String>,
    /// What the wall clock was set by since the process began: frames come as if it were not, and times are told by the clock as
    /// it is.
    pub set_by: Span,
}

/// A watch under way.
pub struct Session {
    plan: Plan,
    pub(super) shards: Shards,
    packets: u64,
    bytes: u64,
    start: Option<Timestamp>,
    sequence: u64,
    told: Totals,
    pub(super) kernel: Kernel,
    pub(super) shares: Shares,
    /// Taken, and not joined yet.
    inventory: Option<Inventory>,
    profile_apart: bool,
}

impl Plan {
    /// One of so many trackers that keep to the bounds together. Each may meet all the statements.
    fn tracker<O: Observer>(&self, of: usize, observer: O) -> Tracker<O> {
        let limits = Limits {
            connections: self.max_connections.div_ceil(of),
            bytes: self.max_connection_bytes / of,
            awake: Limits::AWAKE / of,
            buffered: self.max_buffered / of,
        };
        Tracker::new(self.targets.clone(), limits, self.statements(of), observer)
    }

    /// Those of one of so many trackers, or of who takes in what all of them tell.
    fn statements(&self, of: usize) -> Statements {
        let tables = if of > 1 { of + 1 } else { 1 };
        Statements::new(self.max_statements, self.show_literals).within(self.max_text_bytes / tables)
    }
}

impl Session {
    /// A watch that follows `plan` and gives every event to `recorder`.
    #[must_use]
    pub fn new(plan: Plan, recorder: Recorder) -> Self {
        Self {
            shards: Shards::One(Box::new(plan.tracker(1, recorder))),
            plan,
            packets: 0,
            bytes: 0,
            start: None,
            sequence: 0,
            told: Totals::default(),
            kernel: Kernel::default(),
            shares: Shares::default(),
            inventory: None,
            profile_apart: false,
        }
    }

    /// Records on a second thread what this one decodes: for files, which are read as fast as it goes. Numbers are the same; the
    /// profile comes back with the first look at it.
    #[must_use]
    pub fn with_profile_apart(mut self, apart: bool) -> Self {
        self.profile_apart = apart;
        self
    }

    /// Reads a file to its end with several threads, as many as `sources`, which are the same file opened so many times: each reads all
    /// frames and follows the connections of its own. All that comes of it is as of [`Session::frame`] for each frame, and this must
    /// come before any. `look` is called now and then with the first of `sources`.
    ///
    /// # Errors
    /// There is no thread to be had, or the source fails.
    pub fn read<S: Source + Send>(
        &mut self,
        sources: &mut [S],
        look: &mut (dyn FnMut(&S) + Send),
    ) -> io::Result<()> {
        let mut several = self.several(sources.len());
        let (start, frames) = several.read(sources, look)?;
        self.shards = Shards::Several(Box::new(several));
        self.start = self.start.or(start);
        self.packets += frames.count;
        self.bytes += frames.bytes;
        Ok(())
    }

    /// Divides the connections among so many trackers, before the first frame, and returns those for their threads.
    pub(super) fn go_live(&mut self, of: usize) -> Vec<Arc<Fair<Seat>>> {
        let mut several = self.several(of);
        let seats = several.go_live();
        self.shards = Shards::Several(Box::new(several));
        seats
    }

    fn several(&mut self, of: usize) -> Several {
        let recorder = std::mem::replace(
            self.shards.recorder(),
            Recorder::new(Profile::new(self.plan.profile), None),
        );
        let tracker = |teller: Teller| self.plan.tracker(of, teller);
        Several::new(of as u32, tracker, recorder, self.plan.statements(of))
    }

    /// The watch begins at `start`; without this, with its first frame.
    pub fn watch_from(&mut self, start: Timestamp) {
        if self.start.is_none() {
            self.start = Some(start);
            self.profile().watch_from(start);
            self.shards.advance(start);
        }
    }

    /// Judges and lists connections by other settings from now on.
    pub fn configure(&mut self, profile: crate::profile::Config, connections: Listing) {
        self.plan.profile = profile;
        self.plan.connections = connections;
        self.profile().configure(profile);
    }

    /// Takes the next frame. Returns whether it is of a watched connection.
    #[expect(
        clippy::inline_always,
        reason = "in its place a frame's parts stay in registers; handed over, each is written and read again"
    )]
    #[inline(always)]
    pub fn frame(&mut self, frame: &Frame<'_>) -> bool {
        if self.packets == 0 {
            self.begin(frame.time);
        }
        if self.inventory.is_some() {
            self.join_if_due();
        }
        self.packets += 1;
        self.bytes += u64::from(frame.wire_length);
        self.shards.frame(frame)
    }

    #[cold]
    fn begin(&mut self, start: Timestamp) {
        self.watch_from(start);
        if self.profile_apart {
            self.shards.recorder().keep_apart();
        }
    }

    /// No frame came up to `now`.
    pub fn advance(&mut self, now: Timestamp) {
        self.shards.advance(now);
        self.join_if_due();
    }

    /// The profile, for what the kernel knows of connections.
    pub fn profile(&mut self) -> &mut Profile {
        self.shards.recorder().profile()
    }

    /// Who follows the connections, for those that the kernel no longer knows.
    pub(super) fn shards(&mut self) -> &mut Shards {
        &mut self.shards
    }

    /// Joins what the kernel knew at some time with what the wire showed up to then: at once where the watch has come that
    /// far, else when it has. So a connection is never taken for older than its own SYN.
    pub fn join(&mut self, inventory: Inventory) {
        self.inventory = Some(inventory);
        self.join_if_due();
    }

    fn join_if_due(&mut self) {
        let now = self.shards.now();
        if let Some(inventory) = self.inventory.take_if(|inventory| inventory.time <= now) {
            self.apply(inventory, Strangers::Open);
        }
    }

    /// Joins, at the end of a watch, what the kernel knows of connections seen before; others may have been opened
    /// since the end. Returns whether another inventory, to be taken at once, would tell more.
    pub fn join_at_end(&mut self, inventory: Inventory) -> bool {
        self.apply(inventory, Strangers::Ignore);
        self.kernel.is_in_doubt()
    }

    fn apply(&mut self, inventory: Inventory, strangers: Strangers) {
        let mut kernel = Kernel::new(inventory, &self.plan.targets);
        let before = std::mem::take(&mut self.kernel);
        kernel.join(self, strangers, &before);
        self.kernel = kernel;
    }

    /// What was seen since the last [`Session::turn`], or since the start.
    pub fn summary(&mut self, provenance: &Provenance) -> Summary {
        self.shards.settle_turns(Timestamp::MAX);
        self.draw(provenance)
    }

    /// The same while the interval goes on: turns of protocols that can't be read are told only once nothing came of them for a while.
    pub fn glimpse(&mut self, provenance: &Provenance) -> Summary {
        self.settle_quiet();
        self.draw(provenance)
    }

    pub(super) fn settle_quiet(&mut self) {
        let quiet_since = self.shards.now() - QUIET;
        self.shards.settle_turns(quiet_since);
    }

    fn draw(&mut self, provenance: &Provenance) -> Summary {
        let now = self.shards.now();
        let start = self.start.unwrap_or(now);
        let picture = self.picture(now);
        let totals = self.totals(provenance.dropped);
        let mut source = totals.since(&self.told);
        source.kind = provenance.kind;
        match provenance.kind {
            SourceKind::Live => source.interfaces.clone_from(&provenance.names),
            SourceKind::File => source.files.clone_from(&provenance.names),
        }
        source.notes.clone_from(&provenance.notes);
        source.notes.extend_from_slice(self.kernel.missing());
        source
            .notes
            .extend(shed_note(totals.flow.shed - self.told.flow.shed));
        source.notes.extend(unlisted_note(picture.unlisted));
        source.notes.extend(coarse_note(picture.coarse));
        source.notes.extend(extras_note(picture.extras_given_up));
        source.notes.extend(self.unseen());
        let forgotten = totals.flow.forgotten - self.told.flow.forgotten;
        source.overload = self
            .shares
            .overload(forgotten, self.kernel.outside(self.shares.now));
        source
            .notes
            .extend(source.overload.iter().map(|overload| self.shares.note(overload)));
        source.targets.clone_from(&self.plan.targets_written);
        source.elsewhere = self.elsewhere();
        let mut summary = Summary {
            sequence: self.sequence,
            host: host::name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            start,
            end: now,
            seconds: now.since(start).seconds(),
            source,
            services: picture.services,
            pools: picture.pools,
            statements: picture.statements,
            hoarded: picture.hoarded,
            connections: picture.connections,
            ..Summary::default()
        };
        summary.findings = findings::find(&summary, &self.thresholds());
        summary.shift(provenance.set_by);
        summary
    }

    /// What the kernel moved and the watch did not see.
    fn unseen(&mut self) -> Option<String> {
        let unseen = self.profile().unseen();
        (unseen > 0).then(|| {
            format!(
                "data moved on {unseen} connections that are not watched here (another interface or namespace): each counts as needed"
            )
        })
    }

    /// The hoarded connections as of now: what a summary lists, for a small part of its cost. Kernel's view and statements are left out.
    pub fn hoarded(&mut self) -> Vec<Connection> {
        self.settle_quiet();
        let now = self.shards.now();
        self.profile().list_hoarded(now)
    }

    /// Leaves out of `summary` all hoarded connections but the `most` that are idle for longest, and says how many those are.
    pub fn list_at_most(&self, most: usize, summary: &mut Summary) {
        let more = summary.hoarded.len().saturating_sub(most);
        if more == 0 {
            return;
        }
        summary.hoarded.truncate(most);
        if let (Listing::Flagged, Some(flagged)) = (self.plan.connections, &mut summary.connections) {
            flagged.truncate(most);
        }
        summary.source.notes.push(format!(
            "{more} hoarded connections more are counted and not listed: the {most} that are idle for longest are"
        ));
    }

    fn thresholds(&self) -> Thresholds {
        Thresholds {
            idle_after: self.plan.profile.idle_after.seconds(),
            transaction_idle_after: self.plan.profile.transaction_idle_after.seconds(),
        }
    }

    /// Begins the next interval at `at`: counts begin anew, connections and demand carry over.
    pub fn turn(&mut self, at: Timestamp, provenance: &Provenance) {
        self.shards.advance(at);
        self.told = self.totals(provenance.dropped);
        self.profile().turn(at);
        self.start = Some(at);
        self.shares.turn();
        self.sequence += 1;
    }

    /// The watch is over: what is in flight is told as unanswered, and everything written is flushed.
    pub fn finish(&mut self) -> io::Result<()> {
        self.shards.finish();
        self.flush()
    }

    /// Exchanges are told by a clock that is ahead by `by` from now on; see [`Provenance::set_by`].
    pub fn tell_by(&mut self, by: Span) {
        if let Some(exchanges) = self.shards.recorder().exchanges() {
            exchanges.shift(by);
        }
    }

    /// Writes out the exchanges that were gathered.
    pub fn flush(&mut self) -> io::Result<()> {
        match self.shards.recorder().exchanges() {
            Some(exchanges) => exchanges.flush(),
            None => Ok(()),
        }
    }

    fn picture(&mut self, now: Timestamp) -> Picture {
        let listing = self.plan.connections;
        let (statements, recorder) = self.shards.parts();
        let describe = |id: StatementId| {
            let statement = statements.statement(id);
            Some(Described {
                id: statement.id(),
                summary: Some(statement.summary.to_string()),
                text: Some(statement.text.to_string()),
            })
        };
        let kernel = &self.kernel;
        let vantage = |server| kernel.vantage(server);
        let round_trip = |server| kernel.round_trip(server);
        let scope = Scope {
            statements: &describe,
            vantage: &vantage,
            round_trip: &round_trip,
            connections: listing,
        };
        let mut picture = recorder.profile().summarise(now, &scope);
        let listed = picture
            .hoarded
            .iter_mut()
            .chain(picture.connections.iter_mut().flatten());
        listed.for_each(|connection| kernel.describe(connection));
        picture
    }

    fn totals(&mut self, dropped: u64) -> Totals {
        let evicted_statements = self.shards.evicted_statements() + self.profile().evicted_statements();
        let live = self.shards.frames();
        Totals {
            packets: self.packets + live.count,
            bytes: self.bytes + live.bytes,
            dropped,
            evicted_statements,
            discards: self.shards.discards(),
            flow: self.shards.counters(),
        }
    }

    fn elsewhere(&self) -> Vec<Elsewhere> {
        let busiest = self.shards.elsewhere().into_iter();
        busiest
            .map(|(port, packets)| Elsewhere {
                server: format!(":{port}"),
                packets,
                bytes: None,
            })
            .collect()
    }
}

/// What is to be said where connections found no room in a list.
fn unlisted_note(connections: u64) -> Option<String> {
    (connections > 0).then(|| {
        format!("{connections} connections are counted but not listed: --max-connections or --max-memory leaves no more room")
    })
}

/// What is to be said where details of connections were given up.
fn extras_note(times: u64) -> Option<String> {
    (times > 0).then(|| {
        format!(
            "{times} times, what was rare about a connection (retransmissions, closed windows, a long handshake or login) was given up for \
             --max-memory: it is counted of servers and pools, and not told of these"
        )
    })
}

/// What is to be said where levels of demand were taken together.
fn coarse_note(pools: usize) -> Option<String> {
    (pools > 0).then(|| {
        format!("demand of {pools} pools is told at fewer levels, none lower than it was: --max-memory leaves no more room")
    })
}

/// What is to be said where bytes were given up for the bound on memory.
fn shed_note(times: u64) -> Option<String> {
    (times > 0).then(|| {
        format!("{times} times, bytes kept until more come were given up for --max-memory: their exchanges are doubtful")
    })
}

#[cfg(test)]
mod tests;
