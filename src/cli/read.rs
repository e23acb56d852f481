//! `sockhound read`: one summary of capture files.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::settings::Settings;
use crate::capture::file::FileSource;
use crate::capture::{Polled, Source};
use crate::exchange::statements::Statements;
use crate::exchange::tracker::Tracker;
use crate::flow::Limits;
use crate::protocol::catalog::{self, Target};
use crate::watch::{ExchangeWriter, Recorder};

/// Reads `files` (`-` is standard input) and prints their summary.
pub fn run(settings: &Settings, files: &[PathBuf]) -> Result<(), Failure> {
    let mut source = FileSource::open(files).map_err(|error| Failure::new(Exit::Input, error))?;
    let exchanges = settings
        .exchanges
        .as_deref()
        .map(|path| {
            let file = File::create(path).map_err(|error| Failure::output(path, error))?;
            Ok::<_, Failure>(ExchangeWriter::new(Box::new(BufWriter::new(file))))
        })
        .transpose()?;
    let mut targets: Vec<Target> = Vec::new();
    for target in &settings.targets {
        targets.push(Target {
            system: target.system,
            address: target.addresses.first().copied(),
            port: target.port.unwrap_or(0),
            presumed: false,
        });
    }
    if targets.is_empty() {
        targets = catalog::well_known_targets();
    }
    let mut tracker = Tracker::new(
        targets,
        Limits {
            connections: 1_000_000,
        },
        Statements::new(10_000, settings.show_literals),
        Recorder::new(exchanges),
    );
    while let Ok(Polled::Frame(frame)) = source.poll() {
        tracker.frame(&frame);
    }
    tracker.finish();
    if let Some(exchanges) = tracker.observer().exchanges() {
        exchanges
            .flush()
            .map_err(|error| Failure::output(Path::new("exchanges"), error))?;
    }
    Ok(())
}
