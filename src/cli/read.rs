//! `sockhound read`: one summary of capture files.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::live::Keeper;
use super::progress::Progress;
use super::settings::Settings;
use super::{output, plan};
use crate::capture::file::FileSource;
use crate::capture::{Polled, Source};
use crate::summary::SourceKind;
use crate::watch::{Provenance, Session};

/// Reads `files` (`-` is standard input) and prints their summary.
pub fn run(settings: &Settings, files: &[PathBuf]) -> Result<(), Failure> {
    let mut source = FileSource::open(files).map_err(|error| Failure::new(Exit::Input, error))?;
    let several_cores = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    let mut session = plan::session(settings)?.with_profile_apart(several_cores);
    let mut keeper = Keeper::open(settings)?;
    read_all(&mut source, &mut session, &mut keeper)?;
    if let Some(keeper) = keeper {
        keeper.finish(&mut source)?;
    }
    let provenance = provenance(&mut source, files);
    let summary = session.summary(&provenance);
    finish(&mut session, settings)?;
    output::summary(&summary, settings)
}

/// Ends the watch and with it the file of its exchanges.
pub fn finish(session: &mut Session, settings: &Settings) -> Result<(), Failure> {
    let path = settings.exchanges.as_deref().unwrap_or(Path::new("-"));
    session.finish().map_err(|error| Failure::output(path, error))
}

/// Frames between two looks at how far the reading is, less one: a mask.
const LOOK_EVERY: u64 = 0x3fff;

/// Takes every frame of `source`, showing how far it is.
pub fn read_all(
    source: &mut FileSource,
    session: &mut Session,
    keeper: &mut Option<Keeper>,
) -> Result<(), Failure> {
    let mut progress = Progress::of_bytes(source.progress().total);
    let mut frames = 0_u64;
    loop {
        match source.poll().map_err(|error| Failure::new(Exit::Input, error))? {
            Polled::Frame(frame) => {
                let watched = session.frame(&frame);
                if let Some(keeper) = keeper.as_mut().filter(|_| watched) {
                    keeper.keep(&frame)?;
                }
            }
            Polled::Idle(now) => session.advance(now),
            Polled::End => return Ok(()),
        }
        frames += 1;
        if frames & LOOK_EVERY == 0 {
            progress.bytes(source.progress().read);
        }
    }
}

fn provenance(source: &mut FileSource, files: &[PathBuf]) -> Provenance {
    Provenance {
        kind: SourceKind::File,
        names: files.iter().map(|file| file.display().to_string()).collect(),
        dropped: source.loss().dropped,
        notes: source.notes().iter().map(ToString::to_string).collect(),
    }
}
