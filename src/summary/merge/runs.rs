//! Which summaries went in, as unbroken runs, and which are missing between them.

use crate::summary::{MergedFrom, SequenceGap, Summary};

/// The runs that `summaries` make up, and the gaps between runs of one host.
pub fn of(summaries: &[Summary]) -> (Vec<MergedFrom>, Vec<SequenceGap>) {
    let mut parts: Vec<MergedFrom> = summaries.iter().flat_map(parts).collect();
    parts.sort_by(|one, other| one.host.cmp(&other.host).then(one.start.cmp(&other.start)));
    let mut missing: Vec<SequenceGap> = summaries
        .iter()
        .flat_map(|it| it.source.missing.clone())
        .collect();
    let mut runs: Vec<MergedFrom> = Vec::new();
    for part in parts {
        match runs.last_mut() {
            Some(run) if continues(run, &part) => {
                run.last_sequence = part.last_sequence;
                run.end = run.end.max(part.end);
            }
            Some(run) if run.host == part.host && part.first_sequence > run.last_sequence + 1 => {
                let gap = gap(run, &part);
                if !missing.contains(&gap) {
                    missing.push(gap);
                }
                runs.push(part);
            }
            _ => runs.push(part),
        }
    }
    (runs, missing)
}

/// What a summary was itself merged from, or that summary alone.
fn parts(summary: &Summary) -> Vec<MergedFrom> {
    if !summary.source.merged_from.is_empty() {
        return summary.source.merged_from.clone();
    }
    vec![MergedFrom {
        host: summary.host.clone(),
        first_sequence: summary.sequence,
        last_sequence: summary.sequence,
        start: summary.start,
        end: summary.end,
    }]
}

fn continues(run: &MergedFrom, part: &MergedFrom) -> bool {
    run.host == part.host && part.first_sequence == run.last_sequence + 1
}

fn gap(run: &MergedFrom, part: &MergedFrom) -> SequenceGap {
    SequenceGap {
        host: run.host.clone(),
        after_sequence: run.last_sequence,
        before_sequence: part.first_sequence,
        seconds: part.start.since(run.end).seconds(),
    }
}
