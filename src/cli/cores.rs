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
    use super::*;

    #[test]
    fn one_core_is_left_for_the_profile() {
        assert_eq!([1, 2, 3, 4, 64].map(among), [1, 1, 2, 2, 2]);
    }
}
