//! What was asked, the most time first.

use std::io::{self, Write};

use super::{charts, escape, row, section};
use crate::report::text::time;
use crate::report::units::{Figure, duration, figure, thousands};
use crate::summary::{StatementRow, Summary};

const SHOWN: usize = 100;
const COLUMNS: [(&str, &str); 10] = [
    ("number", "total"),
    ("number", "n"),
    ("number", "errors"),
    ("number", "doubtful"),
    ("number", "p50"),
    ("number", "p99"),
    ("number", "max"),
    ("", "latency"),
    ("", "mostly"),
    ("wide", "statement"),
];

pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let statements = &summary.statements;
    if statements.is_empty() {
        return Ok(());
    }
    let aside = "By total duration; percentiles and curves are latency, each curve on a logarithmic scale of its own.";
    section("statements", "Statements", aside, out)?;
    writeln!(out, "<div class=\"scroll\"><table>\n<thead>")?;
    row(
        "th",
        COLUMNS.iter().map(|&(class, name)| (class, name.to_owned())),
        out,
    )?;
    writeln!(out, "</thead>\n<tbody>")?;
    let several = summary.services.len() > 1;
    statements
        .iter()
        .take(SHOWN)
        .try_for_each(|statement| row("td", cells(statement, several), out))?;
    writeln!(out, "</tbody></table></div>")?;
    match statements.len().saturating_sub(SHOWN) {
        0 => {}
        more => writeln!(
            out,
            "<p class=\"aside\">and {more} more; --format json lists all</p>"
        )?,
    }
    writeln!(out, "</section>")
}

fn cells(statement: &StatementRow, several_servers: bool) -> [(&'static str, String); 10] {
    let some = |count: u64| {
        if count > 0 {
            thousands(count)
        } else {
            String::new()
        }
    };
    let server = if several_servers {
        format!("<span class=\"aside\">{}</span> ", statement.server)
    } else {
        String::new()
    };
    [
        ("number", duration(statement.duration.total_seconds())),
        ("number", thousands(statement.latency.count)),
        (
            if statement.errors > 0 {
                "number bad"
            } else {
                "number"
            },
            some(statement.errors),
        ),
        ("number", some(statement.doubtful)),
        ("number", figure(&statement.latency, Figure::P50)),
        ("number", figure(&statement.latency, Figure::P99)),
        ("number", figure(&statement.latency, Figure::Max)),
        ("", charts::spark(&statement.latency)),
        ("", time::of_statement(statement).unwrap_or_default()),
        ("wide", server + &text(statement)),
    ]
}

fn text(statement: &StatementRow) -> String {
    match statement.text.as_deref().or(statement.summary.as_deref()) {
        Some(text) => format!("<code>{}</code>", escape::text(text)),
        None => format!(
            "<span class=\"aside\">({}, prepared before the watch)</span>",
            escape::text(&statement.verb)
        ),
    }
}
