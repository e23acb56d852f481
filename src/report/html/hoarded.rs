//! The connections that are needlessly kept.

use std::io::{self, Write};

use super::{escape, row, section};
use crate::report::text::hoarded::{known, why};
use crate::report::text::names;
use crate::report::units::thousands;
use crate::summary::{Connection, ConnectionState, Summary};

const SHOWN: usize = 200;
const COLUMNS: [(&str, &str); 8] = [
    ("number", "idle"),
    ("number", "age"),
    ("number", "requests"),
    ("number", "probes"),
    ("", "client"),
    ("", "server"),
    ("", "why"),
    ("", "held by"),
];

pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let hoarded = &summary.hoarded;
    if hoarded.is_empty() {
        return Ok(());
    }
    let aside = format!(
        "{}. The age of those opened before the watch is at least what is shown.",
        thousands(hoarded.len() as u64)
    );
    section("hoarded", "Hoarded sockets", &aside, out)?;
    writeln!(out, "<div class=\"scroll\"><table>\n<thead>")?;
    row(
        "th",
        COLUMNS.iter().map(|&(class, name)| (class, name.to_owned())),
        out,
    )?;
    writeln!(out, "</thead>\n<tbody>")?;
    hoarded
        .iter()
        .take(SHOWN)
        .try_for_each(|connection| row("td", cells(connection), out))?;
    writeln!(out, "</tbody></table></div>")?;
    match hoarded.len().saturating_sub(SHOWN) {
        0 => {}
        more => writeln!(
            out,
            "<p class=\"aside\">and {more} more; --format json lists all</p>"
        )?,
    }
    writeln!(out, "</section>")
}

fn cells(connection: &Connection) -> [(&'static str, String); 8] {
    let class = if connection.state == ConnectionState::IdleInTransaction {
        "bad"
    } else {
        ""
    };
    let older = if connection.opened.is_none() { "&gt; " } else { "" };
    [
        ("number", known(connection.idle_seconds)),
        ("number", format!("{older}{}", known(connection.age_seconds))),
        ("number", thousands(connection.exchanges)),
        ("number", thousands(connection.keepalive_probes)),
        ("", connection.client.to_string()),
        ("", connection.server.to_string()),
        (class, why(&connection.reasons)),
        ("", escape::text(&names::owner(connection))),
    ]
}
