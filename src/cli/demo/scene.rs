//! One scene of the demo: the shop at work, watched.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::shop::{self, Served};
use super::{database, failed};
use crate::capture::file::FileSource;
use crate::capture::live::{LiveError, LiveOptions, LiveSource};
use crate::capture::{Loss, filter};
use crate::cli::exit::Failure;
use crate::cli::live::Keeper;
use crate::cli::settings::{Mode, Settings};
use crate::cli::{live, plan, read};
use crate::clock::Span;
use crate::host::{self, Collector, PortFilter, Query};
use crate::protocol::System;
use crate::protocol::catalog::Target;
use crate::summary::{SourceKind, Summary};
use crate::watch::live::Live;
use crate::watch::{Provenance, Recorder, Session};

/// The recordings, made by the demo itself (`--record`).
pub const BEFORE: Recording = Recording {
    name: "before",
    bytes: include_bytes!("../../../assets/demo/before.pcapng.zst"),
};
/// After the fix.
pub const AFTER: Recording = Recording {
    name: "after",
    bytes: include_bytes!("../../../assets/demo/after.pcapng.zst"),
};

/// How long a scene is watched.
const WATCHED: Duration = Duration::from_secs(8);
/// What counts as idle for long in so short a story.
const IDLE_AFTER: Span = Span::from_secs(3);
/// Where the recorded database listens.
const RECORDED_PORT: u16 = 15432;

/// A recorded scene.
#[derive(Clone, Copy)]
pub struct Recording {
    name: &'static str,
    bytes: &'static [u8],
}

/// One scene: the shop with a pool of so many connections.
pub struct Scene {
    pub connections: usize,
    pub recording: Recording,
    pub live: bool,
}

/// Whether loopback may be watched.
pub fn is_permitted() -> bool {
    let options = LiveOptions {
        interfaces: vec!["lo".to_owned()],
        blocks: Some(1),
        ..LiveOptions::default()
    };
    !matches!(LiveSource::open(&options), Err(LiveError::NotPermitted { .. }))
}

impl Scene {
    /// Watches the shop live, or reads the recording. `record` is a folder to which what is watched is written as well.
    pub fn play(&self, record: Option<&Path>) -> Result<Summary, Failure> {
        if !self.live {
            return self.read();
        }
        let (listener, address) = listen(record.is_some())?;
        let done = Arc::new(AtomicBool::new(false));
        let served = Arc::new(Served::default());
        let source = ring(address)?;
        let stage = self.perform(listener, address, &served, &done);
        let path = record.map(|folder| self.recording.path(folder));
        let watched = watch(source, address.port(), path, &served);
        done.store(true, Ordering::Relaxed);
        let performed = stage
            .join()
            .map_err(|_| failed("the shop's thread ended early"))?;
        performed.map_err(failed)?;
        watched
    }

    /// Starts database and shop on a thread of their own.
    fn perform(
        &self,
        listener: std::net::TcpListener,
        address: SocketAddr,
        served: &Arc<Served>,
        done: &Arc<AtomicBool>,
    ) -> JoinHandle<Result<(), anyhow::Error>> {
        let (served, done, connections) = (Arc::clone(served), Arc::clone(done), self.connections);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async move {
                tokio::spawn(database::serve(TcpListener::from_std(listener)?));
                let until = Instant::now() + WATCHED + Duration::from_millis(500);
                shop::open(address, connections, until, served).await?;
                while !done.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(())
            })
        })
    }

    fn read(&self) -> Result<Summary, Failure> {
        let path = std::env::temp_dir().join(format!(
            "sockhound-demo-{}-{}.pcapng.zst",
            std::process::id(),
            self.recording.name
        ));
        let written = File::create(&path).and_then(|mut file| file.write_all(self.recording.bytes));
        written.map_err(|error| Failure::output(&path, error))?;
        let opened = FileSource::open(std::slice::from_ref(&path));
        let removed = std::fs::remove_file(&path);
        let mut source = opened.map_err(failed)?;
        removed.map_err(|error| Failure::output(&path, error))?;
        let mut session = session(RECORDED_PORT)?;
        read::read_all(&mut source, &mut session, &mut None)?;
        Ok(session.summary(&Provenance {
            kind: SourceKind::File,
            names: vec![format!("the demo's recording, {}", self.recording.name)],
            ..Provenance::default()
        }))
    }
}

impl Recording {
    fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.pcapng", self.name))
    }
}

/// A free port of loopback; a fixed one for a recording.
fn listen(recording: bool) -> Result<(std::net::TcpListener, SocketAddr), Failure> {
    let port = if recording { RECORDED_PORT } else { 0 };
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The same judgement as any other watch's, but for the time that counts as idle.
fn session(port: u16) -> Result<Session, Failure> {
    let mut plan = plan::plan(&Settings::defaults(Mode::Capture)?);
    plan.targets = vec![Target {
        system: Some(System::Postgresql),
        address: None,
        port,
        presumed: false,
    }];
    plan.targets_written = vec![format!("postgresql://:{port}")];
    plan.profile.idle_after = IDLE_AFTER;
    let profile = crate::profile::Profile::new(plan.profile);
    Ok(Session::new(plan, Recorder::new(profile, None)))
}

fn ring(address: SocketAddr) -> Result<LiveSource, Failure> {
    let options = LiveOptions {
        interfaces: vec!["lo".to_owned()],
        targets: vec![filter::Target {
            address: None,
            port: Some(address.port()),
        }],
        ..LiveOptions::default()
    };
    LiveSource::open(&options).map_err(live::failure)
}

/// Watches for as long as a scene lasts, and says on the terminal how the shop fares.
fn watch(
    source: LiveSource,
    port: u16,
    record: Option<PathBuf>,
    served: &Served,
) -> Result<Summary, Failure> {
    let mut keeper = record.map(Keeper::create).transpose()?;
    let mut collector = Collector::new(Query::new(PortFilter::of([port])));
    let mut session = session(port)?;
    let mut live = Live::start(vec![source], &mut session)?;
    let progress = ProgressBar::new_spinner();
    let start = host::now();
    session.watch_from(start);
    let end = start + Span::from(WATCHED);
    loop {
        let now = live::follow(&mut live, &mut session, &mut keeper, end)?;
        if now >= end {
            break;
        }
        let (seconds, pages, mean) = (now.since(start).seconds(), served.pages(), served.mean());
        progress.set_message(format!("{seconds:.0} s: {pages} pages, {mean:.1?} each"));
        progress.tick();
    }
    progress.finish_and_clear();
    // What the ring loses from here on is not this watch's loss.
    let provenance = live::provenance(&mut live);
    if let Some(keeper) = keeper {
        let dropped = provenance.dropped;
        keeper.finish(Loss { dropped })?;
    }
    if session.join_at_end(collector.collect_whole()) {
        session.join_at_end(collector.collect_whole());
    }
    Ok(session.summary(&provenance))
}
