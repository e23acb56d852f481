//! A watch that saw no database: what it looked for, and what it saw instead.

use std::io::{self, Write};

use super::section;
use crate::report::style::{ADVICE, paint};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::{bytes, counted, thousands};
use crate::report::wrap::lines;
use crate::summary::{Discarded, Elsewhere, Source, SourceKind, Summary};

const SHOWN: usize = 10;

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let source = &summary.source;
    section("NO TRAFFIC TO A DATABASE WAS SEEN", "", out)?;
    for line in lines(&saw(source), columns - 2) {
        writeln!(out, "  {line}")?;
    }
    if !source.elsewhere.is_empty() {
        writeln!(out, "  Seen instead, the most first:")?;
        elsewhere(&source.elsewhere).draw(columns, out)?;
    }
    for (index, line) in lines(&advice(source), columns - 4).iter().enumerate() {
        let lead = if index == 0 { "→" } else { " " };
        writeln!(out, "  {}", paint(ADVICE, format!("{lead} {line}")))?;
    }
    Ok(())
}

pub fn saw(source: &Source) -> String {
    let wanted = if source.targets.is_empty() {
        "the well-known ports of the supported databases".to_owned()
    } else {
        source.targets.join(", ")
    };
    match source.packets {
        0 => format!("Looked for {wanted}. Not one packet came by."),
        packets => {
            let rest = source.discarded.map(discarded).unwrap_or_default();
            format!(
                "Looked for {wanted}. {} came by, none of them to or from there{rest}.",
                counted(packets, "packet", "packets")
            )
        }
    }
}

fn discarded(discarded: Discarded) -> String {
    let kinds = [
        (discarded.not_ip, "not IP"),
        (discarded.not_tcp, "IP but not TCP"),
        (discarded.fragments, "IP fragments"),
        (discarded.malformed, "malformed"),
    ];
    let told: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(*count)))
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" ({})", told.join(", "))
    }
}

fn elsewhere(seen: &[Elsewhere]) -> Table {
    let mut table = Table::new(
        [
            Column::right("packets"),
            Column::right("bytes"),
            Column::left("server"),
        ],
        4,
    );
    for one in seen.iter().take(SHOWN) {
        table.row([
            Cell::from(thousands(one.packets)),
            one.bytes.map(bytes).unwrap_or_default().into(),
            one.server.clone().into(),
        ]);
    }
    table
}

pub fn advice(source: &Source) -> String {
    match (source.elsewhere.first(), source.kind) {
        (Some(first), _) => format!(
            "If one of these is the database, name it: --target {}",
            first.server
        ),
        (None, SourceKind::Live) => {
            "`sockhound doctor` says which interfaces carry traffic to databases; -i any watches them all"
                .to_owned()
        }
        (None, SourceKind::File) => "Name the database's port, if it is another: --target :6432".to_owned(),
    }
}
