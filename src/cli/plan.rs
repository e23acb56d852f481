//! From settings to a watch.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::exit::Failure;
use super::settings::Settings;
use super::values::ListConnections;
use crate::clock::Span;
use crate::profile::{Config, Listing, Profile};
use crate::protocol::catalog;
use crate::watch::{ExchangeWriter, Plan, Recorder, Session};

/// A daemon judges pools by the demand of so long at most.
const DEMAND_WINDOW: Span = Span::from_secs(3600);

/// What a connection may take with a request in flight (1,091 bytes by `benches/memory`) and a share of statements; one at
/// rest takes about a tenth. So `--max-memory` bounds connections even where all of them are at work.
const BYTES_OF_A_CONNECTION: u64 = 1_500;

/// The share of `--max-memory` for bytes kept until more come: of segments behind a hole, of messages not all here.
const BUFFERED: u64 = 4;

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
    let buffered = settings.max_memory.bytes() / BUFFERED;
    let fit = (settings.max_memory.bytes() - buffered) / BYTES_OF_A_CONNECTION;
    let max_connections = usize::try_from(settings.max_connections.min(fit.max(1))).unwrap_or(usize::MAX);
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
        },
        max_connections,
        max_buffered: usize::try_from(buffered).unwrap_or(usize::MAX),
        max_statements,
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
