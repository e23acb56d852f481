//! Many summaries into one: of hosts, of intervals, of both. Counts are added, histograms are merged exactly.
//!
//! Summaries of one host follow each other: what is a state (connections open, hoarded, in flight) is that of the
//! last one. Summaries of several hosts stand beside each other: their states are added, and their peaks are added
//! where their times overlap, which is the most that there can have been at once.

mod fold;
mod pools;
mod rows;
mod runs;
mod source;
mod sum;

use std::collections::BTreeMap;

pub use fold::MergeError;

use super::Summary;
use fold::{Fold, How};

/// Merges `summaries`, in whatever order they come; one given twice counts once.
pub fn merge(summaries: Vec<Summary>) -> Result<Summary, MergeError> {
    let (summaries, doubles) = without_doubles(summaries);
    let (runs, missing) = runs::of(&summaries);
    let mut hosts: BTreeMap<Option<String>, Vec<Summary>> = BTreeMap::new();
    for summary in summaries {
        hosts.entry(summary.host.clone()).or_default().push(summary);
    }
    let each: Result<Vec<Summary>, MergeError> = hosts.into_values().map(one_after_another).collect();
    let mut merged = beside_each_other(each?)?;
    merged.source.merged_from = runs;
    merged.source.missing = missing;
    if doubles > 0 {
        merged.source.notes.push(format!(
            "{doubles} of the summaries were given more than once: counted once"
        ));
    }
    Ok(merged)
}

fn without_doubles(mut summaries: Vec<Summary>) -> (Vec<Summary>, usize) {
    let given = summaries.len();
    summaries.sort_by(|one, other| {
        one.start
            .cmp(&other.start)
            .then(one.sequence.cmp(&other.sequence))
    });
    summaries.dedup();
    let doubles = given - summaries.len();
    (summaries, doubles)
}

fn one_after_another(summaries: Vec<Summary>) -> Result<Summary, MergeError> {
    fold(summaries, |_, _| How::Later)
}

fn beside_each_other(hosts: Vec<Summary>) -> Result<Summary, MergeError> {
    fold(hosts, |so_far, next| How::Beside {
        overlapping: next.start < so_far.end && so_far.start < next.end,
    })
}

fn fold(summaries: Vec<Summary>, how: impl Fn(&Summary, &Summary) -> How) -> Result<Summary, MergeError> {
    let several_hosts = summaries
        .windows(2)
        .any(|pair| pair.first().map(|it| &it.host) != pair.last().map(|it| &it.host));
    let mut summaries = summaries.into_iter();
    let first = summaries.next().ok_or(MergeError::Nothing)?;
    let mut fold = Fold::new(first, several_hosts)?;
    for next in summaries {
        let how = how(fold.head(), &next);
        fold.add(next, how)?;
    }
    Ok(fold.finish())
}

#[cfg(test)]
mod tests;
