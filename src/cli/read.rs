//! `sockhound read`: one summary of capture files.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::live::Keeper;
use super::progress::Progress;
use super::settings::Settings;
use super::{cores, output, plan};
use crate::capture::file::{FileError, FileSource};
use crate::capture::{Polled, Source};
use crate::summary::SourceKind;
use crate::watch::{Provenance, Session};

/// Reads `files` (`-` is standard input) and prints their summary.
pub fn run(settings: &Settings, files: &[PathBuf]) -> Result<(), Failure> {
    let mut sources = open(settings, files)?;
    let mut session = plan::session(settings)?;
    match sources.as_mut_slice() {
        [source] => {
            session = session.with_profile_apart(cores::available() > 1);
            read_alone(source, &mut session, settings)?;
        }
        sources => read_divided(sources, &mut session)?,
    }
    let provenance = provenance(&mut sources, files);
    let summary = session.summary(&provenance);
    finish(&mut session, settings)?;
    output::summary(&summary, settings)
}

/// As many times as there are to be shards.
fn open(settings: &Settings, files: &[PathBuf]) -> Result<Vec<FileSource>, Failure> {
    let bad_input = |error: FileError| Failure::new(Exit::Input, error);
    let shards = cores::for_reading(settings, files)?;
    if shards > 1
        && let Some(sources) = FileSource::open_several(files, shards).map_err(bad_input)?
    {
        return Ok(sources);
    }
    FileSource::open(files)
        .map(|source| vec![source])
        .map_err(bad_input)
}

/// Ends the watch and with it the file of its exchanges.
pub fn finish(session: &mut Session, settings: &Settings) -> Result<(), Failure> {
    let path = settings.exchanges.as_deref().unwrap_or(Path::new("-"));
    session.finish().map_err(|error| Failure::output(path, error))
}

/// Every frame is of one of the shards; all of them read all.
fn read_divided(sources: &mut [FileSource], session: &mut Session) -> Result<(), Failure> {
    let mut progress = Progress::of_bytes(sources.first().and_then(|source| source.progress().total));
    let mut look = |source: &FileSource| progress.bytes(source.progress().read);
    session
        .read(sources, &mut look)
        .map_err(|error| Failure::new(Exit::Failed, error))
}

/// Reads in this thread, and keeps the watched frames where that is wanted.
fn read_alone(source: &mut FileSource, session: &mut Session, settings: &Settings) -> Result<(), Failure> {
    let mut keeper = Keeper::open(settings)?;
    read_all(source, session, &mut keeper)?;
    keeper.map_or(Ok(()), |keeper| keeper.finish(source.loss()))
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
                    // A copy, so that the frame itself need not be in memory.
                    keeper.keep(&{ frame })?;
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

/// Of the first: all tell the same.
fn provenance(sources: &mut [FileSource], files: &[PathBuf]) -> Provenance {
    let source = sources.first_mut();
    let (dropped, notes) = source.map_or((0, Vec::new()), |source| {
        let notes = source.notes().iter().map(ToString::to_string).collect();
        (source.loss().dropped, notes)
    });
    Provenance {
        kind: SourceKind::File,
        names: files.iter().map(|file| file.display().to_string()).collect(),
        dropped,
        notes,
        ..Provenance::default()
    }
}
