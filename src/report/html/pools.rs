//! Each client's connections to a server: how many it has, and how many it needs.

use std::io::{self, Write};

use super::{charts, escape, row, section};
use crate::report::text::names;
use crate::report::text::pools::aside;
use crate::report::units::{Figure, figure, thousands};
use crate::summary::{Pool, Summary};

const SHOWN: usize = 100;
const COLUMNS: [&str; 9] = [
    "open", "in use", "peak use", "needed", "surplus", "hoarded", "n", "p50", "p99",
];

pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.pools.is_empty() {
        return Ok(());
    }
    let aside = "Needed is the peak use that was seen, plus headroom. The bars say for how long how many connections \
                 were held at once.";
    section("pools", "Pools", aside, out)?;
    writeln!(out, "<div class=\"scroll\"><table>\n<thead>")?;
    let names = COLUMNS.iter().map(|name| ("number", (*name).to_owned()));
    row("th", names.chain([("", "demand".to_owned())]), out)?;
    writeln!(out, "</thead>")?;
    summary
        .pools
        .iter()
        .take(SHOWN)
        .try_for_each(|pool| draw_one(pool, out))?;
    writeln!(out, "</table></div>")?;
    match summary.pools.len().saturating_sub(SHOWN) {
        0 => {}
        more => writeln!(
            out,
            "<p class=\"aside\">and {more} more; --format json lists all</p>"
        )?,
    }
    writeln!(out, "</section>")
}

fn draw_one(pool: &Pool, out: &mut dyn Write) -> io::Result<()> {
    let of = &pool.connections;
    let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), thousands);
    let warn = |count: u64| if count > 0 { "number warn" } else { "number" };
    let name = escape::text(&names::pool(pool));
    writeln!(
        out,
        "<tbody>\n<tr><th class=\"name\" colspan=\"10\">{name}</th></tr>"
    )?;
    row(
        "td",
        [
            ("number", thousands(of.open)),
            ("number", thousands(of.in_use)),
            ("number", thousands(of.peak_in_use)),
            ("number", known(of.needed)),
            (warn(of.surplus.unwrap_or(0)), known(of.surplus)),
            (warn(of.hoarded), thousands(of.hoarded)),
            ("number", thousands(pool.latency.count)),
            ("number", figure(&pool.latency, Figure::P50)),
            ("number", figure(&pool.latency, Figure::P99)),
            ("", charts::demand(pool)),
        ],
        out,
    )?;
    writeln!(
        out,
        "<tr><td class=\"aside\" colspan=\"10\">{}</td></tr>\n</tbody>",
        escape::text(&aside(pool))
    )
}
