//! `sockhound capture`: watches for a while, then prints one summary.

use std::time::Duration;

use super::exit::Failure;
use super::live::{self, Interrupt, Keeper};
use super::progress::Progress;
use super::read::finish;
use super::settings::Settings;
use super::{output, plan};
use crate::capture::live::LiveSource;
use crate::clock::{Span, Timestamp};
use crate::host;
use crate::watch::Session;

/// Watches for as long as `settings` say, or until Ctrl-C.
pub fn run(settings: &Settings) -> Result<(), Failure> {
    let mut session = plan::session(settings)?;
    let mut keeper = Keeper::open(settings)?;
    let mut source = live::open(settings)?;
    let interrupt = Interrupt::listen()?;
    let mut collector = live::collector(settings);
    let inventory = collector.collect_whole();
    let start = inventory.time;
    session.watch_from(start);
    session.join(inventory);
    let end = start + Span::from(settings.duration);
    watch(
        &mut source,
        &mut session,
        &mut keeper,
        (end, settings.duration),
        &interrupt,
    )?;
    if session.join_at_end(collector.collect_whole()) {
        session.join_at_end(collector.collect_whole());
    }
    if let Some(keeper) = keeper {
        keeper.finish(&mut source)?;
    }
    let summary = session.summary(&live::provenance(&mut source));
    finish(&mut session, settings)?;
    output::summary(&summary, settings)
}

/// Follows the source until `end`, by the clock of its frames; Ctrl-C makes that now. What was stamped before is still read.
fn watch(
    source: &mut LiveSource,
    session: &mut Session,
    keeper: &mut Option<Keeper>,
    (mut end, duration): (Timestamp, Duration),
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let start = end - Span::from(duration);
    let mut progress = Progress::of_time(duration);
    let mut told = false;
    loop {
        let now = live::follow(source, session, keeper, end)?;
        if now >= end {
            return Ok(());
        }
        progress.time(now.since(start));
        if interrupt.told() && !told {
            told = true;
            end = end.min(host::now());
        }
    }
}
