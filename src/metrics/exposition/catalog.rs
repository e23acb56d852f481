//! Every metric there is.

use std::borrow::Cow;
use std::rc::Rc;

use super::family::{Definition, Family, Kind, Labels, Origin, drawn};
use super::process::{self, Process};
use super::{operations, own, pools, services, statements};
use crate::clock::Timestamp;
use crate::metrics::table::Row;
use crate::metrics::{Operations, Table, Totals};
use crate::protocol::System;

/// What stands in every label that names what a row is, where the row is of all those that have none of their own.
pub(super) const OTHER: &str = "other";
/// Native buckets of a server's histograms at most: enough for 0.3% of error over four powers of two; what spans more is coarser.
const OF_SERVICES: usize = 1024;
/// Native buckets of a pool's or statement's histogram at most.
const OF_OTHERS: usize = 160;

/// Every family that has samples.
pub(super) fn families<'a>(
    totals: &'a Totals,
    operations: &'a Operations,
    process: Option<&'a Process>,
) -> Vec<Family<'a>> {
    let process: Vec<_> = process
        .into_iter()
        .map(|process| (Rc::default(), process))
        .collect();
    let mut families: Vec<Family<'_>> = Vec::new();
    let start = Rc::new(Origin {
        since: totals.start(),
        ..Origin::default()
    });
    families.extend(drawn(own::METRICS, &[(Rc::clone(&start), totals)], 0));
    families.extend(drawn(operations::METRICS, &[(start, operations)], 0));
    families.extend(drawn(
        services::METRICS,
        &rows(
            totals.start(),
            &totals.services,
            services::labels,
            services::OTHER,
        ),
        OF_SERVICES,
    ));
    families.extend(drawn(
        pools::METRICS,
        &rows(totals.start(), &totals.pools, pools::labels, pools::OTHER),
        OF_OTHERS,
    ));
    families.extend(drawn(
        statements::METRICS,
        &rows(
            totals.start(),
            &totals.statements,
            statements::labels,
            statements::OTHER,
        ),
        OF_OTHERS,
    ));
    families.extend(drawn(process::METRICS, &process, 0));
    families.retain(|family| !family.samples.is_empty());
    families
}

/// The rows of a table, and the one that all others share under the labels `other`.
fn rows<'a, K, R: Row>(
    start: Option<Timestamp>,
    table: &'a Table<K, R>,
    labels: fn(&'a K, &'a R) -> Labels<'a>,
    other: &[&'static str],
) -> Vec<(Rc<Origin<'a>>, &'a R)> {
    let own = table.iter().map(|(key, kept)| {
        let (labels, since) = (labels(key, &kept.row), Some(kept.since));
        (Rc::new(Origin { labels, since }), &kept.row)
    });
    let mut rows: Vec<_> = own.collect();
    if table.has_other() {
        let labels = other.iter().map(|name| (*name, Cow::Borrowed(OTHER))).collect();
        let since = start;
        rows.push((Rc::new(Origin { labels, since }), table.other()));
    }
    rows
}

pub(super) fn system(system: Option<System>) -> Cow<'static, str> {
    Cow::Borrowed(system.unwrap_or(System::Unknown).name())
}

/// A metric as docs/metrics.md lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// The labels of its row, then its own.
    pub labels: (&'static [&'static str], &'static str),
    /// What it says.
    pub help: &'static str,
}

/// Every metric, in the order of the exposition.
pub fn described() -> impl Iterator<Item = Described> {
    of(own::METRICS, &[])
        .chain(of(operations::METRICS, &[]))
        .chain(of(services::METRICS, services::LABELS))
        .chain(of(pools::METRICS, pools::LABELS))
        .chain(of(statements::METRICS, statements::LABELS))
        .chain(of(process::METRICS, &[]))
}

fn of<R>(
    definitions: &'static [Definition<R>],
    labels: &'static [&'static str],
) -> impl Iterator<Item = Described> {
    definitions.iter().map(move |definition| Described {
        name: definition.name,
        kind: definition.kind,
        labels: (labels, definition.label),
        help: definition.help,
    })
}
