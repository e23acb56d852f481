//! `sockhound merge`: many summaries into one.

use std::path::Path;

use super::args::MergeArguments;
use super::exit::Failure;
use super::{output, settings, summaries};

/// Merges the summaries of all files and prints the result.
pub fn run(arguments: &MergeArguments) -> Result<(), Failure> {
    let mut all = Vec::new();
    for file in &arguments.summaries {
        all.append(&mut summaries::read(file)?);
    }
    let first = arguments.summaries.first().map_or(Path::new("-"), |file| file);
    let merged = summaries::merged(all, first)?;
    let output = arguments.output.as_deref();
    let format = arguments
        .format
        .unwrap_or_else(|| settings::default_format(output.is_some()));
    output::summary_as(&merged, format, output)
}
