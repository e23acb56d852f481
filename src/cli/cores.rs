//! On how many cores a command works.

use std::num::NonZero;
use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::settings::Settings;

/// Overrides the number of shards: of the threads among which connections are divided.
const VARIABLE: &str = "SOCKHOUND_SHARDS";

/// More gain little: each reads the whole file, and one thread takes in what all of them tell (docs/performance.md).
const MOST: usize = 2;
/// As many as may be asked for.
const MOST_ASKED_FOR: usize = 64;
/// Less to read is over before threads pay.
const WORTH_IT: u64 = 16 << 20;

/// The least `--max-memory` with which several threads capture, in bytes: what it is where nobody says.
const ROOMY: u64 = 256 << 20;

/// The cores that this process may use.
#[must_use]
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Among how many threads the connections of `files` are divided while they are read; another takes in what these tell. One reads
/// alone where the frames are kept too, which is done in their order.
pub fn for_reading(settings: &Settings, files: &[PathBuf]) -> Result<usize, Failure> {
    if settings.write.is_some() {
        return Ok(1);
    }
    if let Some(asked) = asked_for()? {
        return Ok(asked);
    }
    let length = |file: &PathBuf| std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let total: u64 = files.iter().map(length).sum();
    Ok(if total < WORTH_IT { 1 } else { among(available()) })
}

/// By how many threads frames are captured, where there may be several: see decision 0042. One keeps frames in their order, and a bound on memory
/// below the usual one has no room for what several tell.
pub fn for_capturing(settings: &Settings) -> Result<u32, Failure> {
    if settings.write.is_some() {
        return Ok(1);
    }
    if let Some(asked) = asked_for()? {
        return Ok(asked as u32);
    }
    let is_roomy = settings.max_memory.bytes() >= ROOMY;
    Ok(if is_roomy { capturing(available()) } else { 1 })
}

/// The database's cores stay its own.
fn capturing(cores: usize) -> u32 {
    match cores {
        0..4 => 1,
        4..16 => 2,
        _ => 4,
    }
}

/// One core is left to the thread that takes in what the others tell.
fn among(cores: usize) -> usize {
    cores.saturating_sub(1).clamp(1, MOST)
}

fn asked_for() -> Result<Option<usize>, Failure> {
    let Some(value) = std::env::var_os(VARIABLE) else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|value| value.parse().ok());
    let asked = number.filter(|number| (1..=MOST_ASKED_FOR).contains(number));
    asked.map(Some).ok_or_else(|| {
        Failure::message(
            Exit::Config,
            format_args!("environment variable {VARIABLE}: not a number from 1 to {MOST_ASKED_FOR}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::Mode;
    use super::*;

    #[test]
    fn one_core_is_left_for_the_profile() {
        assert_eq!([1, 2, 3, 4, 64].map(among), [1, 1, 2, 2, 2]);
    }

    #[test]
    fn few_cores_capture_and_one_keeps_frames() {
        assert_eq!([1, 2, 3, 4, 15, 16, 128].map(capturing), [1, 1, 1, 2, 2, 4, 4]);
        let mut settings = Settings::defaults(Mode::Daemon).unwrap();
        settings.write = Some("frames".into());
        assert_eq!(for_capturing(&settings).unwrap(), 1);
    }
}
