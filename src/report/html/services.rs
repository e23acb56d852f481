//! Each database server: its connections, its requests, its times.

use std::io::{self, Write};

use super::{charts, escape, row, section};
use crate::report::text::services::{
    changes, connections, exchanges_time, in_flight, not_timed, other_time, requests, times, vantage,
};
use crate::report::units::{Figure, figure, thousands};
use crate::summary::{Distribution, Service, Summary};

const FIGURES: [(Figure, &str); 7] = [
    (Figure::Min, "min"),
    (Figure::P50, "p50"),
    (Figure::P90, "p90"),
    (Figure::P95, "p95"),
    (Figure::P99, "p99"),
    (Figure::P999, "p99.9"),
    (Figure::Max, "max"),
];

pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.services.is_empty() {
        return Ok(());
    }
    let aside = "Times are those of useful exchanges; n is how many stand behind a line. A percentile is left out where \
                 too few exchanges stand behind it.";
    section("services", "Services", aside, out)?;
    summary
        .services
        .iter()
        .try_for_each(|service| draw_one(service, out))?;
    writeln!(out, "</section>")
}

fn draw_one(service: &Service, out: &mut dyn Write) -> io::Result<()> {
    let vantage = service.vantage.map(vantage).unwrap_or_default();
    let host = service
        .host
        .as_deref()
        .map(|host| format!(" of {}", escape::text(host)))
        .unwrap_or_default();
    writeln!(
        out,
        "<article>\n<h3>{}{host} <span class=\"aside\">{} {vantage}</span></h3>",
        service.server, service.system
    )?;
    facts(service, out)?;
    distributions(service, out)?;
    charts::latencies(&service.latency, &service.network_rtt, out)?;
    writeln!(out, "</article>")
}

fn facts(service: &Service, out: &mut dyn Write) -> io::Result<()> {
    let time = service.time.unwrap_or_default();
    let facts = [
        ("connections", connections(&service.connections)),
        ("", changes(&service.connections)),
        ("requests", requests(service)),
        ("in flight", in_flight(service)),
        ("not timed", not_timed(service.exchanges)),
        ("time went to", exchanges_time(&time)),
        ("besides", other_time(&time)),
    ];
    writeln!(out, "<dl class=\"facts\">")?;
    for (name, told) in facts.iter().filter(|(_, told)| !told.is_empty()) {
        writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escape::text(told))?;
    }
    writeln!(out, "</dl>")?;
    charts::legs(&time, out)
}

fn distributions(service: &Service, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<div class=\"scroll\"><table>\n<thead>")?;
    let names = FIGURES.iter().map(|(_, name)| ("number", (*name).to_owned()));
    row(
        "th",
        [("", String::new()), ("number", "n".to_owned())]
            .into_iter()
            .chain(names),
        out,
    )?;
    writeln!(out, "</thead>\n<tbody>")?;
    for (name, distribution) in times(service) {
        row("td", cells(name, distribution), out)?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn cells(name: &str, of: &Distribution) -> Vec<(&'static str, String)> {
    let mut cells = vec![("", name.to_owned()), ("number", thousands(of.count))];
    cells.extend(FIGURES.iter().map(|&(which, _)| ("number", figure(of, which))));
    cells
}
