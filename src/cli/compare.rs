//! `sockhound compare`: what changed between two summaries.

use std::path::Path;

use super::args::{CompareArguments, TextOrJson};
use super::exit::Failure;
use super::{output, summaries};
use crate::report::{comparison, json};
use crate::summary::Summary;
use crate::summary::compare::compare;

/// Compares the two files' summaries and prints the difference.
pub fn run(arguments: &CompareArguments) -> Result<(), Failure> {
    let (before, after) = (one(&arguments.before)?, one(&arguments.after)?);
    let found = compare(&before, &after).map_err(|error| Failure::input(&arguments.after, error))?;
    let path = arguments.output.as_deref();
    let reader = output::reader(path);
    output::write(path, |out| {
        match TextOrJson::or_default(arguments.format, path.is_some()) {
            TextOrJson::Text => comparison::draw(&found, reader.columns, out),
            TextOrJson::Json if reader.person => json::pretty(&found, out),
            TextOrJson::Json => json::line(&found, out),
        }
    })
}

/// The file's summary, merged of all its lines.
fn one(path: &Path) -> Result<Summary, Failure> {
    summaries::merged(summaries::read(path)?, path)
}
