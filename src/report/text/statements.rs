//! What was asked, the most time first.

use std::io::{self, Write};

use super::{section, time};
use crate::report::style::{BAD, FAINT, PLAIN};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::{Figure, duration, figure, thousands};
use crate::report::wrap::plain;
use crate::summary::{StatementRow, Summary};

const SHOWN: usize = 15;
const ROOM_FOR_TEXT: usize = 110;

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let statements = &summary.statements;
    if statements.is_empty() {
        return Ok(());
    }
    let shown = statements.len().min(SHOWN);
    let aside = match statements.len() {
        all if all > shown => format!("{shown} of {}, by total duration", thousands(all as u64)),
        _ => "by total duration".to_owned(),
    };
    section("STATEMENTS", &format!("{aside}; percentiles are latency"), out)?;
    let several = summary.services.len() > 1;
    let mut table = Table::new(
        [
            Column::right("total"),
            Column::right("n"),
            Column::right("errors"),
            Column::right("doubtful").dispensable(1),
            Column::right("rows").dispensable(5),
            Column::right("p50"),
            Column::right("p90").dispensable(6),
            Column::right("p99"),
            Column::right("max").dispensable(2),
            Column::left("mostly").dispensable(4),
            Column::left("server").dispensable(3),
            Column::rest("statement"),
        ],
        2,
    );
    statements
        .iter()
        .take(SHOWN)
        .for_each(|statement| table.row(row(statement, several, columns)));
    table.draw(columns, out)
}

fn row(statement: &StatementRow, several_servers: bool, columns: usize) -> [Cell; 12] {
    let some = |count: u64| {
        if count > 0 {
            thousands(count)
        } else {
            String::new()
        }
    };
    let total = statement.duration.total_seconds();
    [
        duration(total).into(),
        thousands(statement.latency.count).into(),
        Cell::new(
            some(statement.errors),
            if statement.errors > 0 { BAD } else { PLAIN },
        ),
        some(statement.doubtful).into(),
        statement.rows.map(thousands).unwrap_or_default().into(),
        figure(&statement.latency, Figure::P50).into(),
        figure(&statement.latency, Figure::P90).into(),
        figure(&statement.latency, Figure::P99).into(),
        figure(&statement.latency, Figure::Max).into(),
        time::of_statement(statement).unwrap_or_default().into(),
        if several_servers {
            statement.server.to_string()
        } else {
            String::new()
        }
        .into(),
        text(statement, columns),
    ]
}

/// The summary where there is little room, else the text.
fn text(statement: &StatementRow, columns: usize) -> Cell {
    let (summary, text) = (statement.summary.as_deref(), statement.text.as_deref());
    match if columns < ROOM_FOR_TEXT {
        summary.or(text)
    } else {
        text.or(summary)
    } {
        Some(text) => plain(text).into_owned().into(),
        None => Cell::new(format!("({}, prepared before the watch)", statement.verb), FAINT),
    }
}
