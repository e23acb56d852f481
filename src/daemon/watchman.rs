//! The capture loop: frames into the session, a summary at each interval's end, signals obeyed, the watchdog fed.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::boundaries::Boundaries;
use super::changes::Changes;
use super::journal::{Journal, Priority};
use super::overload::{Change, Overload};
use super::pace::Pace;
use super::{Aggregator, Destination, Files, Inventories, Outputs, Signals};
use crate::capture::live::{InterfaceEvent, LiveError, LiveSource};
use crate::capture::{Frame, Loss, Polled, Source};
use crate::clock::{Span, Timestamp};
use crate::host::{self, Notifier};
use crate::metrics::operations::Reloads;
use crate::profile::{Config, Listing};
use crate::summary::{SourceKind, Summary};
use crate::watch::live::{CaptureThreads, Live};
use crate::watch::{Provenance, Session};

/// How often signals, the kernel's answer and the watchdog are seen to while frames come. Late frames of other
/// interfaces, up to a second, change nothing.
const BEAT: Range<i64> = -1_000_000_000..100_000_000;
/// The kernel is asked for its sockets so long before a summary.
const BEFORE_SUMMARY: Span = Span::from_millis(500);
/// How often interfaces that came or went are looked for, files are brought up to date, and newly hoarded connections are told.
const LOOK: Duration = Duration::from_secs(1);
/// How often findings are looked for within a long interval.
const JUDGE: Duration = Duration::from_secs(10);
/// The kernel is asked for its sockets at least so often.
const ASK: Duration = Duration::from_secs(15);
/// The most hoarded connections that a summary lists: a line then has about 5 MB, twice that where `connections` lists them too.
const LISTED: usize = 10_000;
/// How long frames that are already in the rings are waited for at the end.
const DRAIN: Duration = Duration::from_millis(700);
/// How long the kernel's last answer may take.
const LAST_ANSWER: Duration = Duration::from_millis(200);
/// How long the last summary, and the last of the other files, may take to be written and pushed.
const LAST_WRITE: Duration = Duration::from_millis(600);
/// The wall clock is read less exactly than this.
const STEP: Span = Span::from_millis(10);
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What a daemon works with, all of it open.
pub struct Work {
    /// What becomes of frames.
    pub session: Session,
    /// The kernel's sockets.
    pub inventories: Inventories,
    /// Where summaries go.
    pub outputs: Outputs,
    /// Where summaries are added up, where anybody wants them so.
    pub aggregator: Option<Aggregator>,
    /// What grows with the traffic.
    pub files: Files,
    /// Where the rest is said.
    pub journal: Journal,
    /// What the operator asks for.
    pub signals: Signals,
    /// What systemd is told.
    pub notifier: Notifier,
    /// What became of reloads.
    pub reloads: Reloads,
}

/// What may be other after a reload.
#[derive(Clone, Debug)]
pub struct Reload {
    /// How often a summary is written.
    pub interval: Span,
    /// How connections are judged.
    pub profile: Config,
    /// Which connections are listed.
    pub connections: Listing,
    /// Where summaries go.
    pub outputs: Vec<Destination>,
    /// What was changed in vain: it takes a restart.
    pub ignored: Vec<&'static str>,
}

/// Reads the configuration again, or says what is wrong with it.
pub type ReadAgain<'a> = &'a mut dyn FnMut() -> Result<Reload, String>;

/// A daemon at work.
pub struct Watchman<'a> {
    live: Live,
    follow: Pace,
    overload: Overload,
    desk: Desk<'a>,
}

/// All but the frames.
struct Desk<'a> {
    work: Work,
    read_again: ReadAgain<'a>,
    boundaries: Boundaries,
    /// What is to be said of the wall clock.
    clock: Vec<String>,
    changes: Changes,
    provenance: Provenance,
    /// When signals and the rest were last seen to, by the frames' clock.
    beaten: Timestamp,
    /// The latest time seen.
    latest: Timestamp,
    /// Up to when all was seen at the last beat; it stands still with any capture thread.
    seen: Timestamp,
    fed: Instant,
    look: Pace,
    judge: Pace,
    ask: Pace,
    asked: bool,
}

impl<'a> Watchman<'a> {
    /// Goes on with a watch that began at `start`, a summary every `interval`.
    #[must_use]
    pub fn new(
        live: Live,
        work: Work,
        (start, interval): (Timestamp, Span),
        read_again: ReadAgain<'a>,
    ) -> Self {
        work.inventories.ask();
        let desk = Desk {
            work,
            read_again,
            boundaries: Boundaries::new(interval, start),
            clock: Vec::new(),
            changes: Changes::default(),
            provenance: Provenance {
                kind: SourceKind::Live,
                ..Provenance::default()
            },
            beaten: start,
            latest: start,
            seen: start,
            fed: Instant::now(),
            look: Pace::every(LOOK),
            judge: Pace::every(JUDGE),
            ask: Pace::every(ASK),
            asked: false,
        };
        Self {
            live,
            follow: Pace::every(LOOK),
            overload: Overload::default(),
            desk,
        }
    }

    /// Watches until told to end; then writes the last summary, within two seconds whatever stalls.
    pub fn watch(mut self) -> Result<(), LiveError> {
        self.learn_of_source();
        let watching = format!("watching {}", self.desk.provenance.names.join(" "));
        self.desk.say(Priority::Info, watching);
        self.desk.work.notifier.ready();
        while !self.desk.work.signals.end() {
            self.step()?;
        }
        self.desk.work.notifier.stopping();
        self.drain(host::now())?;
        self.learn_of_source();
        self.live.end(&mut self.desk.work.session);
        self.desk.finish();
        Ok(())
    }

    /// Takes what is in the rings already.
    fn drain(&mut self, end: Timestamp) -> Result<(), LiveError> {
        let begun = Instant::now();
        while self.step()? < end && begun.elapsed() < DRAIN {}
        Ok(())
    }

    /// Frames, or none for a while, up to the next time to look up; returns up to when all is seen.
    fn step(&mut self) -> Result<Timestamp, LiveError> {
        let now = match &mut self.live {
            Live::One(source) => self.desk.take_from(source)?,
            Live::Several(threads) => self.desk.follow(threads)?,
        };
        self.beat(now);
        Ok(now)
    }

    #[cold]
    fn beat(&mut self, now: Timestamp) {
        if self.desk.look.is_due() {
            self.desk.look(Instant::now());
        }
        let events = self.follow();
        let session = &mut self.desk.work.session;
        if let Some(change) = self.overload.look(&mut self.live, session) {
            self.desk.say_of_load(&change);
        }
        for event in events {
            self.desk.say_of_interface(&event);
        }
        self.learn_of_source();
        self.desk.follow_clock(host::set_by());
        self.desk.beat(now);
    }

    /// What became of the interfaces. To look at them costs time with many; to open a ring does too, which is no reason to look less often.
    fn follow(&mut self) -> Vec<InterfaceEvent> {
        if !self.follow.is_due() {
            return self.live.take_events();
        }
        let begun = Instant::now();
        self.live.follow();
        let events = self.live.take_events();
        let looked = if events.is_empty() { begun } else { Instant::now() };
        self.follow.done(looked);
        events
    }

    /// Costs a system call for each ring.
    fn learn_of_source(&mut self) {
        let known = &mut self.desk.provenance;
        known.dropped = self.live.dropped();
        known.names = self.live.interfaces();
    }
}

impl Desk<'_> {
    /// Takes frames until there is something else to see to; returns up to when all is seen.
    fn take_from(&mut self, source: &mut LiveSource) -> Result<Timestamp, LiveError> {
        loop {
            return Ok(match source.poll() {
                Ok(Polled::Frame(frame)) if !self.is_pending(frame.time) => {
                    self.take(&frame);
                    continue;
                }
                Ok(Polled::Frame(frame)) => {
                    self.reach(frame.time);
                    self.take(&frame);
                    frame.time
                }
                Ok(Polled::Idle(now)) => self.idle(now),
                Ok(Polled::End) => self.idle(host::now()),
                Err(LiveError::AllGone) => self.wait_for_interfaces(),
                Err(error) => return Err(error),
            });
        }
    }

    /// Nothing is watched for now; whatever comes will be.
    fn wait_for_interfaces(&mut self) -> Timestamp {
        std::thread::sleep(Duration::from_millis(100));
        self.idle(host::now())
    }

    /// Takes in what capture threads told, up to the interval's end at most.
    fn follow(&mut self, threads: &mut CaptureThreads) -> Result<Timestamp, LiveError> {
        let now = threads.follow(&mut self.work.session, self.boundaries.next())?;
        Ok(self.idle(now))
    }

    #[inline]
    fn take(&mut self, frame: &Frame<'_>) {
        if self.work.session.frame(frame) {
            self.work.files.keep(frame);
        }
    }

    /// What readers of files and the journal should not have to wait for until the interval ends.
    fn look(&mut self, begun: Instant) {
        if let Err(error) = self.work.session.flush() {
            self.say(Priority::Error, format!("cannot write exchanges: {error}"));
        }
        self.work.files.hand_over();
        let hoarded = self.work.session.hoarded();
        self.changes.say_hoarded(&hoarded, &self.work.journal);
        self.look.done(begun);
        let left = self.boundaries.next().since(self.beaten);
        if self.judge.is_due() && left > Span::from(LOOK) {
            let begun = Instant::now();
            let summary = self.work.session.glimpse(&self.provenance);
            self.changes.say_found(&summary, &self.work.journal);
            self.judge.done(begun);
        }
    }

    /// Whether anything is to be done before a frame of `time` is counted.
    #[inline]
    fn is_pending(&self, time: Timestamp) -> bool {
        let since = time.nanos().saturating_sub(self.beaten.nanos());
        time >= self.boundaries.next() || !BEAT.contains(&since)
    }

    fn idle(&mut self, now: Timestamp) -> Timestamp {
        self.reach(now);
        self.work.session.advance(now);
        now
    }

    /// Ends the interval where `now` is beyond it.
    fn reach(&mut self, now: Timestamp) {
        self.beaten = now;
        if let Some(end) = self.boundaries.due(now) {
            self.turn(end);
        }
        self.latest = self.latest.max(now);
    }

    /// A summary up to `end`, or up to the latest frame where that is later, and on with the next one from there.
    fn turn(&mut self, end: Timestamp) {
        self.work.session.advance(end);
        let end = self.summary();
        self.work.session.turn(end, &self.provenance);
        self.asked = false;
    }

    /// Writes a summary; returns its end.
    fn summary(&mut self) -> Timestamp {
        self.provenance.notes = self.notes();
        let mut summary = self.work.session.summary(&self.provenance);
        self.changes.say(&summary, &self.work.journal);
        self.work.session.list_at_most(LISTED, &mut summary);
        let summary = Arc::new(summary);
        self.judge.done(Instant::now());
        self.work
            .notifier
            .status(&status(&summary, &self.provenance.names));
        let end = summary.end - self.provenance.set_by;
        if let Some(aggregator) = &self.work.aggregator {
            aggregator.add(&summary);
        }
        self.work.outputs.write(summary);
        end
    }

    fn notes(&mut self) -> Vec<String> {
        let set = std::mem::take(&mut self.clock);
        let lost = self.work.files.notes();
        for note in &lost {
            self.say(Priority::Error, note.as_str());
        }
        let unwritten = self.work.outputs.notes();
        unwritten.into_iter().chain(lost).chain(set).collect()
    }

    /// The wall clock may have been set: nothing is judged by that, and times are told by it from now on.
    fn follow_clock(&mut self, set_by: Span) {
        let step = set_by.nanos() - self.provenance.set_by.nanos();
        if Span::from_nanos(step.abs()) < STEP {
            return;
        }
        self.provenance.set_by = set_by;
        self.boundaries.follow(set_by, self.beaten);
        self.work.session.tell_by(set_by);
        let way = if step > 0 { "forward" } else { "back" };
        let words = format!(
            "the clock was set {way} by {:.3} s: times are told by it from now on, lengths of time and counts do not change",
            Span::from_nanos(step.abs()).seconds()
        );
        self.say(Priority::Warning, words.as_str());
        self.clock.push(words);
    }

    /// What is due now and then, whether frames come or not.
    fn beat(&mut self, now: Timestamp) {
        let is_due = !self.asked && now + BEFORE_SUMMARY >= self.boundaries.next();
        if is_due || self.ask.is_due() {
            self.asked |= is_due;
            self.ask.done(Instant::now());
            self.work.inventories.ask();
        }
        if let Some(inventory) = self.work.inventories.taken() {
            self.work.session.join(inventory);
        }
        if self.work.signals.summary_now() {
            self.turn(now);
        }
        if self.work.signals.reload() {
            self.reload();
        }
        if now > self.seen {
            self.seen = now;
            self.report_well();
        }
    }

    /// The watch goes on: all that captures has come further.
    fn report_well(&mut self) {
        if let Some(aggregator) = &self.work.aggregator {
            aggregator.beat(self.provenance.names.len());
        }
        self.feed_watchdog();
    }

    fn feed_watchdog(&mut self) {
        let due = self.work.notifier.watchdog();
        if due.is_some_and(|due| self.fed.elapsed() >= due / 2) {
            self.fed = Instant::now();
            self.work.notifier.alive();
        }
    }

    /// Everything that may change does, or nothing.
    fn reload(&mut self) {
        self.work.notifier.reloading();
        match (self.read_again)() {
            Ok(settings) => {
                self.work.reloads.done.count();
                self.apply(settings);
            }
            Err(why) => {
                self.work.reloads.refused.count();
                self.work.outputs.reopen_same();
                self.work.files.reopen();
                self.say(
                    Priority::Error,
                    format!("{why}; the settings stay what they were"),
                );
            }
        }
        self.work.notifier.ready();
    }

    fn apply(&mut self, settings: Reload) {
        self.boundaries = Boundaries::new(settings.interval, self.beaten);
        self.boundaries.follow(self.provenance.set_by, self.beaten);
        self.work
            .session
            .configure(settings.profile, settings.connections);
        self.work.outputs.reopen(&settings.outputs);
        self.work.files.reopen();
        self.say(Priority::Info, "configuration and output opened anew");
        for option in settings.ignored {
            self.say(Priority::Warning, format!("{option} changes with a restart only"));
        }
    }

    fn say_of_interface(&self, event: &InterfaceEvent) {
        match event {
            InterfaceEvent::Watched(name) => self.say(Priority::Info, format!("watching {name}")),
            InterfaceEvent::Down(name) => self.say(Priority::Warning, format!("{name} went down")),
            InterfaceEvent::Gone(name) => self.say(Priority::Warning, format!("{name} is gone")),
            InterfaceEvent::Refused(name, why) => {
                self.say(Priority::Warning, format!("cannot watch {name}: {why}"));
            }
        }
    }

    /// What the kernel knows of those watched again, and of those no more, is to be known soon.
    fn say_of_load(&self, change: &Change) {
        self.work.inventories.ask();
        let priority = if change.narrowed {
            Priority::Warning
        } else {
            Priority::Info
        };
        self.say(priority, change.words.as_str());
        if let Some(why) = &change.refused {
            self.say(Priority::Warning, format!("the filter stays what it was: {why}"));
        }
    }

    fn say(&self, priority: Priority, line: impl Into<String>) {
        self.work.journal.say(priority, line);
    }

    fn finish(&mut self) {
        self.work.session.advance(self.latest);
        if let Some(inventory) = self.work.inventories.last(LAST_ANSWER) {
            self.work.session.join_at_end(inventory);
        }
        self.summary();
        if let Err(error) = self.work.session.finish() {
            self.say(Priority::Error, format!("cannot write exchanges: {error}"));
        }
        let loss = Loss {
            dropped: self.provenance.dropped,
        };
        let begun = Instant::now();
        self.work.files.finish(loss);
        // Each has its thread: while one is waited for, the others write.
        let left = || LAST_WRITE.saturating_sub(begun.elapsed());
        self.work.outputs.flush(left());
        self.work.files.flush(left());
        if let Some(aggregator) = &self.work.aggregator {
            aggregator.flush(left());
        }
        self.work.journal.flush(LAST_WORDS);
    }
}

/// One line for `systemctl status`.
fn status(summary: &Summary, interfaces: &[String]) -> String {
    let open: u64 = summary.services.iter().map(|it| it.connections.open).sum();
    let hoarded = summary.hoarded.len();
    format!(
        "watching {}: {open} connections, {hoarded} hoarded, {} findings",
        interfaces.join(" "),
        summary.findings.len()
    )
}
