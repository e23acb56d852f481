//! Each client's connections to a server: how many it has, and how many it needs.

use std::io::{self, Write};

use super::{names, section, time};
use crate::report::style::{FAINT, GOOD, PLAIN, STRONG, WARN, paint};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::{Figure, counted, duration, figure, percent, thousands};
use crate::report::wrap::{cut, lines};
use crate::summary::{Pool, Summary, WhatIf};

const SHOWN: usize = 20;
const SIZES_SHOWN: usize = 4;

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if summary.pools.is_empty() {
        return Ok(());
    }
    section(
        "POOLS",
        "needed is the peak use that was seen, plus headroom",
        out,
    )?;
    let mut table = table();
    summary
        .pools
        .iter()
        .take(SHOWN)
        .for_each(|pool| add(pool, columns, &mut table));
    if let more @ 1.. = summary.pools.len().saturating_sub(SHOWN) {
        table.line(format!(
            "  {}",
            paint(FAINT, format!("and {more} more; --format json lists all"))
        ));
    }
    table.draw(columns, out)
}

fn table() -> Table {
    Table::new(
        [
            Column::right("open"),
            Column::right("in use"),
            Column::right("peak use"),
            Column::right("needed"),
            Column::right("surplus"),
            Column::right("hoarded"),
            Column::right("n"),
            Column::right("p50").dispensable(1),
            Column::right("p99"),
            Column::right("max").dispensable(2),
        ],
        4,
    )
}

fn add(pool: &Pool, columns: usize, table: &mut Table) {
    table.line(format!(
        "  {}",
        paint(STRONG, cut(&names::pool(pool), columns - 2))
    ));
    table.row(numbers(pool));
    for line in lines(&aside(pool), columns - 4) {
        table.line(format!("    {}", paint(FAINT, line)));
    }
}

fn numbers(pool: &Pool) -> [Cell; 10] {
    let of = &pool.connections;
    let known = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), thousands);
    [
        thousands(of.open).into(),
        thousands(of.in_use).into(),
        thousands(of.peak_in_use).into(),
        Cell::new(known(of.needed), GOOD),
        Cell::new(known(of.surplus), warn(of.surplus.unwrap_or(0))),
        Cell::new(thousands(of.hoarded), warn(of.hoarded)),
        thousands(pool.latency.count).into(),
        figure(&pool.latency, Figure::P50).into(),
        figure(&pool.latency, Figure::P99).into(),
        figure(&pool.latency, Figure::Max).into(),
    ]
}

const fn warn(count: u64) -> anstyle::Style {
    if count > 0 { WARN } else { PLAIN }
}

/// What the numbers do not say.
pub fn aside(pool: &Pool) -> String {
    let mut parts = vec![format!("demand seen for {}", duration(pool.observed_seconds))];
    if pool.idle_connection_seconds > 0.0 {
        parts.push(format!(
            "{} of connections idle",
            duration(pool.idle_connection_seconds)
        ));
    }
    if let Some(logins) = pool.logins.filter(|logins| logins.count > 0) {
        let often = logins
            .per_request
            .map(|ratio| format!(" ({ratio:.2} a request)"))
            .unwrap_or_default();
        let count = counted(logins.count, "login", "logins");
        parts.push(format!("{count}{often} took {}", duration(logins.seconds)));
    }
    if let Some(pinned) = pool.pinned.filter(|&pinned| pinned > 0) {
        parts.push(format!(
            "{} at work though silent",
            counted(pinned, "connection", "connections")
        ));
    }
    if let Some(doubtful) = pool
        .exchanges
        .map(|it| it.doubtful)
        .filter(|&doubtful| doubtful > 0)
    {
        parts.push(format!(
            "{} left out as doubtful",
            counted(doubtful, "exchange", "exchanges")
        ));
    }
    parts.extend(time::of_pool(pool));
    parts.extend(what_if(&pool.what_if));
    parts.join("; ")
}

fn what_if(sizes: &[WhatIf]) -> Option<String> {
    let told: Vec<String> = sizes.iter().take(SIZES_SHOWN).map(one_size).collect();
    (!told.is_empty()).then(|| format!("at size {}", told.join(", at size ")))
}

fn one_size(what_if: &WhatIf) -> String {
    let WhatIf {
        size,
        wait_p99_seconds,
        waited_share,
        wait_max_seconds,
    } = *what_if;
    if waited_share <= 0.0 {
        return format!("{size} none would have waited");
    }
    let longest = wait_max_seconds.map(|longest| format!(", {} at most", duration(longest)));
    let how_long = match wait_p99_seconds {
        p99 if p99 > 0.0 => format!(" (p99 {}{})", duration(p99), longest.unwrap_or_default()),
        _ => longest
            .map(|longest| format!(" ({})", longest.trim_start_matches(", ")))
            .unwrap_or_default(),
    };
    format!(
        "{size} {} of the requests would have waited{how_long}",
        percent(waited_share)
    )
}
