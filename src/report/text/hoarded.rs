//! The connections that are needlessly kept.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{names, section};
use crate::report::style::{BAD, FAINT, PLAIN, STRONG, paint};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::{duration, thousands};
use crate::report::wrap::{cut, lines};
use crate::summary::{Connection, ConnectionState, Reason, Summary};

const SHOWN: usize = 12;
const OWNERS_SHOWN: usize = 5;

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let hoarded = &summary.hoarded;
    let Some(first) = hoarded.first() else {
        return Ok(());
    };
    let count = thousands(hoarded.len() as u64);
    section(
        "HOARDED SOCKETS",
        &format!("{count}; > is an age at least: opened before the watch"),
        out,
    )?;
    let one_server = hoarded.iter().all(|it| it.server == first.server);
    let one_owner = hoarded.iter().all(|it| names::owner(it) == names::owner(first));
    let mut table = table();
    table.line(common(first, one_server, one_owner, columns));
    hoarded
        .iter()
        .take(SHOWN)
        .for_each(|it| table.row(row(it, one_server, one_owner)));
    table.draw(columns, out)?;
    rest(hoarded, columns, out)
}

fn table() -> Table {
    Table::new(
        [
            Column::right("idle"),
            Column::right("age").dispensable(2),
            Column::right("requests").dispensable(3),
            Column::right("probes").dispensable(4),
            Column::left("client"),
            Column::left("server"),
            Column::left("why"),
            Column::rest("held by").dispensable(1),
        ],
        4,
    )
}

/// What all of them share.
fn common(first: &Connection, one_server: bool, one_owner: bool, columns: usize) -> String {
    let owner = if one_owner {
        names::owner(first)
    } else {
        "several clients".to_owned()
    };
    let server = if one_server {
        first.server.to_string()
    } else {
        "several servers".to_owned()
    };
    format!(
        "  {}",
        paint(STRONG, cut(&format!("{owner} to {server}"), columns - 2))
    )
}

fn row(connection: &Connection, one_server: bool, one_owner: bool) -> [Cell; 8] {
    let older = if connection.opened.is_none() { "> " } else { "" };
    let style = if connection.state == ConnectionState::IdleInTransaction {
        BAD
    } else {
        PLAIN
    };
    let unless = |shared: bool, text: String| Cell::from(if shared { String::new() } else { text });
    [
        Cell::new(known(connection.idle_seconds), style),
        format!("{older}{}", known(connection.age_seconds)).into(),
        thousands(connection.exchanges).into(),
        thousands(connection.keepalive_probes).into(),
        connection.client.to_string().into(),
        unless(one_server, connection.server.to_string()),
        Cell::new(why(&connection.reasons), style),
        unless(one_owner, names::owner(connection)),
    ]
}

/// A duration, where it is known.
pub fn known(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "?".to_owned(), duration)
}

/// The reasons in words.
pub fn why(reasons: &[Reason]) -> String {
    reasons
        .iter()
        .copied()
        .map(names::reason)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Who has those that are not shown, and why: `and 376 more of java[4711]: 97 never used ...`.
fn rest(hoarded: &[Connection], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut owners: BTreeMap<String, BTreeMap<Option<Reason>, u64>> = BTreeMap::new();
    for connection in hoarded.iter().skip(SHOWN) {
        let reasons = owners.entry(names::owner(connection)).or_default();
        *reasons.entry(connection.reasons.first().copied()).or_default() += 1;
    }
    let hidden = owners.len().saturating_sub(OWNERS_SHOWN);
    for (owner, reasons) in owners.iter().take(OWNERS_SHOWN) {
        aside(&of_owner(owner, reasons), columns, out)?;
    }
    match hidden {
        0 => Ok(()),
        more => aside(&format!("and those of {more} more clients"), columns, out),
    }
}

fn of_owner(owner: &str, reasons: &BTreeMap<Option<Reason>, u64>) -> String {
    let count: u64 = reasons.values().sum();
    let of = if owner.is_empty() {
        String::new()
    } else {
        format!(" of {owner}")
    };
    let told: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| {
            format!(
                "{} {}",
                thousands(*count),
                reason.map_or("flagged", names::reason)
            )
        })
        .collect();
    format!(
        "and {} more{of}: {} (--format json lists all)",
        thousands(count),
        told.join(", ")
    )
}

fn aside(text: &str, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    lines(text, columns - 4)
        .iter()
        .try_for_each(|line| writeln!(out, "    {}", paint(FAINT, line)))
}
