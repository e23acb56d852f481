//! What every command that watches live does alike: opening the rings, keeping frames, ending on a signal.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cores;
use super::exit::{Exit, Failure};
use super::plan;
use super::settings::Settings;
use crate::capture::live::{LiveError, LiveOptions, LiveSource};
use crate::capture::write::Writer;
use crate::capture::{Frame, Loss, filter};
use crate::clock::Timestamp;
use crate::host::{self, Collector, PortFilter, Query};
use crate::summary::SourceKind;
use crate::watch::live::Live;
use crate::watch::{Provenance, Session};

/// Opens rings on every interface that `settings` name, for as many threads as there are to be; see [`Live::start`].
pub fn open(settings: &Settings) -> Result<Vec<LiveSource>, Failure> {
    let threads = cores::for_capturing(settings)?;
    open_with(settings, LiveOptions::default().block_timeout, threads)
}

/// The same for so many threads; a frame waits for `block_timeout` at most before it is seen.
pub fn open_with(
    settings: &Settings,
    block_timeout: Duration,
    threads: u32,
) -> Result<Vec<LiveSource>, Failure> {
    let targets = plan::targets(settings);
    let targets = targets.iter().map(|target| filter::Target {
        address: target.address,
        port: Some(target.port),
    });
    let options = LiveOptions {
        interfaces: settings.interfaces.clone(),
        targets: targets.collect(),
        block_timeout,
        ..LiveOptions::default()
    };
    LiveSource::open_several(&options, threads).map_err(failure)
}

/// Asks the kernel for the sockets that `settings` are about.
#[must_use]
pub fn collector(settings: &Settings) -> Collector {
    let ports = plan::targets(settings).into_iter().map(|target| target.port);
    Collector::new(Query::new(PortFilter::of(ports)))
}

/// What a failing source means for the process.
#[must_use]
pub fn failure(error: LiveError) -> Failure {
    let exit = match error {
        LiveError::NotPermitted { .. } => Exit::NotPermitted,
        LiveError::NoSuchInterface { .. } | LiveError::AllDown { .. } => Exit::Nothing,
        LiveError::AllGone | LiveError::NoList(_) | LiveError::System { .. } => Exit::Failed,
    };
    Failure::new(exit, error)
}

/// Takes the frames of before `end` for a beat, or until none comes; returns up to when all was seen, which is `end` or later
/// once all of it was. `keeper` is given those of watched connections.
pub fn follow(
    live: &mut Live,
    session: &mut Session,
    keeper: &mut Option<Keeper>,
    end: Timestamp,
) -> Result<Timestamp, Failure> {
    let mut kept = Ok(());
    let keep = |frame: &Frame<'_>| {
        if let (Some(keeper), Ok(())) = (keeper.as_mut(), &kept) {
            kept = keeper.keep(frame);
        }
    };
    let now = live.take(session, end, keep).map_err(failure)?;
    kept.map(|()| now)
}

/// Where frames come from now, as a summary tells it.
pub fn provenance(live: &mut Live) -> Provenance {
    Provenance {
        kind: SourceKind::Live,
        names: live.interfaces(),
        dropped: live.dropped(),
        notes: Vec::new(),
        set_by: host::set_by(),
    }
}

/// Whether Ctrl-C was pressed, or the process was told to end.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT and SIGTERM only say so here; a second one ends the process.
    pub fn listen() -> Result<Self, Failure> {
        let told = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&told))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&told)))
                .map_err(|error| Failure::new(Exit::Failed, error))?;
        }
        Ok(Self(told))
    }

    /// Whether it is time to end.
    #[must_use]
    pub fn told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Keeps the watched frames (`--write`).
pub struct Keeper {
    writer: Writer<File>,
    path: PathBuf,
}

impl Keeper {
    /// Creates the file that `settings` name, if any.
    pub fn open(settings: &Settings) -> Result<Option<Self>, Failure> {
        settings.write.clone().map(Self::create).transpose()
    }

    /// Creates the file.
    pub fn create(path: PathBuf) -> Result<Self, Failure> {
        let opened = File::create(&path).and_then(Writer::new);
        let writer = opened.map_err(|error| Failure::output(&path, error))?;
        Ok(Self { writer, path })
    }

    /// Adds a frame.
    pub fn keep(&mut self, frame: &Frame<'_>) -> Result<(), Failure> {
        let written = self.writer.write(frame);
        written.map_err(|error| Failure::output(&self.path, error))
    }

    /// Ends the file with what the source lost.
    pub fn finish(self, loss: Loss) -> Result<(), Failure> {
        let Self { writer, path } = self;
        writer
            .finish(loss)
            .map(drop)
            .map_err(|error| Failure::output(&path, error))
    }
}
