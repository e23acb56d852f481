//! The page's head and foot: what was watched, and what the page cannot know.

use std::io::{self, Write};

use super::escape;
use crate::report::text::{losses, nothing, time, watched};
use crate::report::units::{bytes, counted, duration, period, thousands};
use crate::summary::{Severity, Summary};

/// What the page is called.
pub fn title(summary: &Summary) -> String {
    let host = summary
        .host
        .as_deref()
        .map(|host| format!(" on {host}"))
        .unwrap_or_default();
    format!("sockhound{host}, {}", period(summary.start, summary.end))
}

/// What was watched, and the few numbers that matter most.
pub fn draw(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<header>\n<h1>sockhound {}</h1>",
        escape::text(&watched(summary))
    )?;
    writeln!(
        out,
        "<p class=\"aside\">{} UTC · {} · {}</p>",
        period(summary.start, summary.end),
        counted(summary.source.packets, "packet", "packets"),
        bytes(summary.source.bytes)
    )?;
    for note in losses(summary).iter().chain(&summary.source.notes) {
        writeln!(out, "<p class=\"loss\">{}</p>", escape::text(note))?;
    }
    if summary.services.is_empty() {
        draw_nothing(summary, out)?;
    } else {
        tiles(summary, out)?;
        if let Some(told) = time::sentence(summary) {
            writeln!(out, "<p><b>Where the time goes:</b> {}</p>", escape::text(&told))?;
        }
    }
    writeln!(out, "</header>")
}

fn tiles(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let count = |severity| {
        summary
            .findings
            .iter()
            .filter(|it| it.severity == severity)
            .count() as u64
    };
    let harm = count(Severity::Critical) + count(Severity::Warning);
    let sum = |pick: fn(&crate::summary::Service) -> u64| summary.services.iter().map(pick).sum::<u64>();
    let hoarded = sum(|it| it.connections.hoarded);
    let tiles = [
        (harm, "critical or warning", if harm > 0 { "bad" } else { "good" }),
        (sum(|it| it.connections.open), "connections open", ""),
        (sum(|it| it.connections.in_use), "in use", ""),
        (hoarded, "hoarded", if hoarded > 0 { "bad" } else { "good" }),
        (sum(|it| it.exchanges.requests), "requests", ""),
        (sum(|it| it.exchanges.errors), "errors", ""),
    ];
    writeln!(out, "<dl class=\"tiles\">")?;
    for (number, name, class) in tiles {
        writeln!(
            out,
            "<div class=\"{class}\"><dt>{name}</dt><dd>{}</dd></div>",
            thousands(number)
        )?;
    }
    writeln!(out, "</dl>")
}

fn draw_nothing(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let source = &summary.source;
    writeln!(
        out,
        "<h2>No traffic to a database was seen</h2>\n<p>{}</p>",
        escape::text(&nothing::saw(source))
    )?;
    if !source.elsewhere.is_empty() {
        writeln!(out, "<p>Seen instead, the most first:</p>\n<ul>")?;
        for seen in source.elsewhere.iter().take(10) {
            let packets = counted(seen.packets, "packet", "packets");
            writeln!(
                out,
                "<li><code>{}</code> {packets}</li>",
                escape::text(&seen.server)
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(
        out,
        "<p class=\"advice\">{}</p>",
        escape::text(&nothing::advice(source))
    )
}

/// How the numbers are to be read.
pub fn foot(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<footer><p>Latency is from the last byte of a request to the first byte of its reply, duration from the first \
         byte of a request to the last byte of its reply, both by the stamps of the captured packets. Liveness checks, \
         commands that wait by design and doubtful exchanges are counted, not timed. A connection that is borrowed but \
         silent looks idle from the wire, and demand is only what was seen in {}.</p><p>sockhound {}</p></footer>",
        duration(summary.seconds),
        escape::text(&summary.version)
    )
}
