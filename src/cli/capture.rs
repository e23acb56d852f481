//! `sockhound capture`: watches for a while, then prints one summary.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::exit::{Exit, Failure};
use super::live::{self, Interrupt, Keeper};
use super::progress::Progress;
use super::read::finish;
use super::settings::Settings;
use super::{output, plan};
use crate::capture::Loss;
use crate::clock::{Span, Timestamp};
use crate::daemon::Overload;
use crate::host::{self, Collector, Inventory};
use crate::watch::live::Live;
use crate::watch::{Provenance, Session};

/// Watches for as long as `settings` say, or until Ctrl-C.
pub fn run(settings: &Settings) -> Result<(), Failure> {
    let mut watch = Watch::open(settings)?;
    let mut collector = watch.follow()?;
    let (mut session, provenance) = watch.close()?;
    if session.join_at_end(collector.collect_whole()) {
        session.join_at_end(collector.collect_whole());
    }
    let summary = session.summary(&provenance);
    finish(&mut session, settings)?;
    output::summary(&summary, settings)
}

/// A watch under way.
struct Watch {
    live: Live,
    session: Session,
    overload: Overload,
    keeper: Option<Keeper>,
    interrupt: Interrupt,
    start: Timestamp,
    duration: Duration,
    /// At the kernel's sockets; `None` once it is over.
    first_look: Option<JoinHandle<(Inventory, Collector)>>,
}

impl Watch {
    /// Opens the rings, and sends a thread for the kernel's sockets: where they are many, the rings would overflow meanwhile.
    fn open(settings: &Settings) -> Result<Self, Failure> {
        let mut session = plan::session(settings)?;
        let keeper = Keeper::open(settings)?;
        let sources = live::open(settings)?;
        let interrupt = Interrupt::listen()?;
        let mut collector = live::collector(settings);
        let start = host::now();
        session.watch_from(start);
        let live = Live::start(sources, &mut session)?;
        let look = thread::Builder::new().spawn(move || (collector.collect_whole(), collector))?;
        Ok(Self {
            live,
            session,
            overload: Overload::default(),
            keeper,
            interrupt,
            start,
            duration: settings.duration,
            first_look: Some(look),
        })
    }

    /// Follows the source for as long as asked, by the clock of its frames; Ctrl-C makes that now. What was stamped before is
    /// still read. It does not end before the first look is over.
    fn follow(&mut self) -> Result<Collector, Failure> {
        let mut progress = Progress::of_time(self.duration);
        let mut end = self.start + Span::from(self.duration);
        let mut told = false;
        let mut collector = None;
        loop {
            let until = if self.first_look.is_none() {
                end
            } else {
                Timestamp::MAX
            };
            let now = live::follow(&mut self.live, &mut self.session, &mut self.keeper, until)?;
            self.overload.look(&mut self.live, &mut self.session);
            if let Some(collector) = collector.take_if(|_| now >= until) {
                return Ok(collector);
            }
            progress.time(now.since(self.start));
            if self.interrupt.told() && !told {
                told = true;
                end = end.min(host::now());
            }
            if let Some((inventory, back)) = self.first_look()? {
                self.session.join(inventory);
                collector = Some(back);
                end = end.max(now);
            }
        }
    }

    /// What the first look found, once.
    fn first_look(&mut self) -> Result<Option<(Inventory, Collector)>, Failure> {
        let Some(look) = self.first_look.take_if(|look| look.is_finished()) else {
            return Ok(None);
        };
        let failed = |_| Failure::message(Exit::Failed, "asking the kernel for its sockets failed");
        look.join().map(Some).map_err(failed)
    }

    /// Ends the watch and with it the file of `--write`. What the rings lose from here on is not this watch's loss.
    fn close(mut self) -> Result<(Session, Provenance), Failure> {
        let provenance = live::provenance(&mut self.live);
        self.live.end(&mut self.session);
        if let Some(keeper) = self.keeper {
            let dropped = provenance.dropped;
            keeper.finish(Loss { dropped })?;
        }
        Ok((self.session, provenance))
    }
}
