//! From settings to a watch.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::exit::Failure;
use super::settings::Settings;
use super::shares::Shares;
use super::values::ListConnections;
use crate::clock::Span;
use crate::profile::{Config, Listing, Profile};
use crate::protocol::catalog;
use crate::watch::{ExchangeWriter, Plan, Recorder, Session};

/// A daemon judges pools by the demand of so long at most.
const DEMAND_WINDOW: Span = Span::from_secs(3600);

/// A watch as `settings` want it; the file for its exchanges is created now.
pub fn session(settings: &Settings) -> Result<Session, Failure> {
    session_of(plan(settings), settings)
}

/// A watch that follows `plan`; the file for the exchanges of `settings` is created now.
pub fn session_of(plan: Plan, settings: &Settings) -> Result<Session, Failure> {
    let exchanges = settings.exchanges.as_deref().map(exchange_writer).transpose()?;
    Ok(session_with(plan, exchanges))
}

/// A watch that follows `plan` and gives exchanges to a writer.
#[must_use]
pub fn session_with(plan: Plan, exchanges: Option<ExchangeWriter>) -> Session {
    let recorder = Recorder::new(Profile::new(plan.profile), exchanges);
    Session::new(plan, recorder)
}

/// What `settings` say of the watch itself.
#[must_use]
pub fn plan(settings: &Settings) -> Plan {
    let shares = Shares::of(settings.max_memory.bytes());
    let max_connections = usize::try_from(settings.max_connections)
        .unwrap_or(usize::MAX)
        .min(shares.most_connections());
    let max_statements = usize::try_from(settings.max_statements).unwrap_or(usize::MAX);
    Plan {
        targets: targets(settings),
        targets_written: settings.targets.iter().map(ToString::to_string).collect(),
        profile: Config {
            idle_after: settings.idle_after,
            transaction_idle_after: settings.transaction_idle_after,
            headroom: settings.headroom.share() * 100.0,
            max_connections,
            max_statements,
            demand_window: None,
            bounds: shares.counted,
        },
        max_connections,
        max_connection_bytes: shares.connections,
        max_buffered: shares.buffered,
        max_statements,
        max_text_bytes: shares.texts,
        show_literals: settings.show_literals,
        connections: match settings.connections {
            ListConnections::All => Listing::All,
            ListConnections::Flagged => Listing::Flagged,
            ListConnections::None => Listing::None,
        },
    }
}

/// The same for a watch without end: demand of long ago no longer counts.
#[must_use]
pub fn endless(settings: &Settings) -> Plan {
    let mut plan = plan(settings);
    plan.profile.demand_window = Some(DEMAND_WINDOW);
    plan
}

/// The databases to watch: those named, else every well-known port.
#[must_use]
pub fn targets(settings: &Settings) -> Vec<catalog::Target> {
    if settings.targets.is_empty() {
        return catalog::well_known_targets();
    }
    settings
        .targets
        .iter()
        .flat_map(super::target::Target::watched)
        .collect()
}

fn exchange_writer(path: &Path) -> Result<ExchangeWriter, Failure> {
    let out: Box<dyn Write + Send> = if path == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        Box::new(File::create(path).map_err(|error| Failure::output(path, error))?)
    };
    Ok(ExchangeWriter::new(Box::new(BufWriter::with_capacity(
        1 << 16,
        out,
    ))))
}
