//! The report for a person at a terminal.

use std::io::{self, Write};

use super::{Check, Diagnosis, Verdict};
use crate::report::style::{ADVICE, BAD, FAINT, GOOD, TITLE, WARN, paint};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::thousands;
use crate::report::wrap::{lines, plain};

const INDENT: usize = 9;

/// Draws the report for a terminal of this many columns.
pub fn draw(diagnosis: &Diagnosis, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns.max(80);
    let host = diagnosis.host.as_deref().unwrap_or("this host");
    let with = match diagnosis.capabilities.as_slice() {
        [] => "no capability of use".to_owned(),
        some => some.join(", "),
    };
    writeln!(
        out,
        "{}: Linux {}, user id {} with {with}",
        plain(host),
        plain(&diagnosis.kernel),
        diagnosis.uid
    )?;
    writeln!(out)?;
    diagnosis
        .checks
        .iter()
        .try_for_each(|it| check(it, columns, out))?;
    interfaces(diagnosis, columns, out)
}

fn check(check: &Check, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let (style, word) = match check.verdict {
        Verdict::Blocked => (BAD, "BLOCKED"),
        Verdict::Limited => (WARN, "limited"),
        Verdict::Ok => (GOOD, "ok"),
    };
    let indent = " ".repeat(INDENT);
    for (at, line) in lines(&check.found, columns - INDENT).iter().enumerate() {
        let lead = if at == 0 {
            paint(style, format_args!("{word:<7}")) + "  "
        } else {
            indent.clone()
        };
        writeln!(out, "{lead}{line}")?;
    }
    if let Some(missed) = &check.missed {
        for line in lines(&format!("missed: {missed}"), columns - INDENT) {
            writeln!(out, "{indent}{}", paint(FAINT, line))?;
        }
    }
    // A command is never broken: it is there to be copied.
    check
        .fix
        .iter()
        .try_for_each(|fix| writeln!(out, "{indent}{} {fix}", paint(ADVICE, "→")))
}

fn interfaces(diagnosis: &Diagnosis, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if diagnosis.interfaces.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint(TITLE, "INTERFACES"))?;
    let mut table = Table::new(
        [
            Column::left("name"),
            Column::left("state"),
            Column::left("watched"),
            Column::right("connections to databases"),
        ],
        2,
    );
    for it in &diagnosis.interfaces {
        table.row([
            Cell::from(it.name.as_str()),
            (if it.up { "up" } else { "down" }).into(),
            (if it.watched { "yes" } else { "no" }).into(),
            thousands(it.connections as u64).into(),
        ]);
    }
    table.draw(columns, out)
}
