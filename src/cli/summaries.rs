//! Summaries read back from files: one JSON object, or NDJSON with one a line.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::exit::Failure;
use crate::summary::Summary;
use crate::summary::merge::merge;

/// How many of one file are held before they are merged.
const CHUNK: usize = 128;

/// Reads the summaries in `path` (`-` is standard input); many of one file come back merged, so that a day's NDJSON
/// does not have to fit in memory. A last line cut short is left out, and said.
pub fn read(path: &Path) -> Result<Vec<Summary>, Failure> {
    let source: Box<dyn Read> = match path {
        path if path == Path::new("-") => Box::new(io::stdin().lock()),
        path => Box::new(File::open(path).map_err(|error| Failure::input(path, error))?),
    };
    stream(BufReader::new(source), path, CHUNK)
}

fn stream(source: impl Read, path: &Path, chunk: usize) -> Result<Vec<Summary>, Failure> {
    let mut done = Vec::new();
    let mut held = Vec::new();
    for summary in serde_json::Deserializer::from_reader(source).into_iter::<Summary>() {
        match summary {
            Ok(summary) => held.push(summary),
            Err(error) if error.is_eof() && !(held.is_empty() && done.is_empty()) => {
                warn(path, &error);
                break;
            }
            Err(error) if error.is_io() => return Err(Failure::input(path, error)),
            Err(error) => return Err(Failure::input(path, format_args!("it is no summary: {error}"))),
        }
        if held.len() == chunk {
            done.push(merged(std::mem::take(&mut held), path)?);
        }
    }
    done.append(&mut held);
    if done.is_empty() {
        Err(Failure::input(path, "it holds no summary"))
    } else {
        Ok(done)
    }
}

/// Merges `summaries` that came from `path`.
pub fn merged(summaries: Vec<Summary>, path: &Path) -> Result<Summary, Failure> {
    merge(summaries).map_err(|error| Failure::input(path, error))
}

fn warn(path: &Path, error: &serde_json::Error) {
    let cut = format!(
        "{} ends in the middle of line {}: its last summary is left out",
        path.display(),
        error.line()
    );
    // A warning that can't be said must not stop the work.
    let _ = writeln!(anstream::stderr(), "sockhound: {cut}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use crate::summary::sample::nothing;

    fn lines(count: u64) -> Vec<u8> {
        let mut text = Vec::new();
        for sequence in 0..count {
            crate::report::json::line(
                &Summary {
                    sequence,
                    ..nothing()
                },
                &mut text,
            )
            .unwrap();
        }
        text
    }

    fn read(text: &[u8], chunk: usize) -> Result<Vec<Summary>, Failure> {
        stream(text, Path::new("day.ndjson"), chunk)
    }

    #[test]
    fn long_files_come_merged() {
        let summaries = read(&lines(5), 2).unwrap();
        assert_eq!(summaries.len(), 3);
        assert_eq!(summaries[1].source.merged_from[0].last_sequence, 3);
        assert_eq!(summaries[2].sequence, 4);
    }

    #[test]
    fn a_line_cut_short_costs_only_itself() {
        let text = lines(2);
        assert_eq!(read(&text[..text.len() - 9], 10).unwrap().len(), 1);
        let failure = read(&text[..100], 10).unwrap_err();
        assert!(failure.to_string().contains("day.ndjson"), "{failure}");
    }

    #[test]
    fn says_what_is_no_summary() {
        for (text, says) in [
            (&b""[..], "it holds no summary"),
            (b"{}", "it is no summary: missing field `schema`"),
            (
                b"{\"schema\":\"sockhound.exchange.v1\"}",
                "unknown variant `sockhound.exchange.v1`",
            ),
            (b"PK\x03\x04", "it is no summary"),
        ] {
            let failure = read(text, 10).unwrap_err();
            assert_eq!(failure.exit(), Exit::Input);
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }
}
