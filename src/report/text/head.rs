//! What was watched, for how long, and what was lost on the way.

use std::io::{self, Write};

use crate::report::style::{FAINT, STRONG, WARN, paint};
use crate::report::units::{bytes, counted, duration, period};
use crate::report::wrap::lines;
use crate::summary::{Source, SourceKind, Summary};

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    for line in lines(&format!("sockhound {}", watched(summary)), columns) {
        writeln!(out, "{}", paint(STRONG, line))?;
    }
    for line in lines(&traffic(summary), columns) {
        writeln!(out, "{}", paint(FAINT, line))?;
    }
    for note in losses(summary).iter().chain(&summary.source.notes) {
        for line in lines(note, columns) {
            writeln!(out, "{}", paint(WARN, line))?;
        }
    }
    Ok(())
}

/// What was watched, where and for how long.
pub fn watched(summary: &Summary) -> String {
    let source = &summary.source;
    let watched = match source.kind {
        SourceKind::Live => format!("watched {}", listed(&source.interfaces, "every interface")),
        SourceKind::File => format!("read {}", listed(&source.files, "no file")),
    };
    let host = summary
        .host
        .as_deref()
        .map(|host| format!(" on {host}"))
        .unwrap_or_default();
    let merged = match source.merged_from.len() {
        0 => String::new(),
        runs => format!(
            ", merged from {}",
            counted(
                runs as u64,
                "unbroken run of summaries",
                "unbroken runs of summaries"
            )
        ),
    };
    format!("{watched}{host} for {}{merged}", duration(summary.seconds))
}

fn traffic(summary: &Summary) -> String {
    let Source {
        packets, bytes: size, ..
    } = summary.source;
    format!(
        "{}, {}, {} UTC",
        counted(packets, "packet", "packets"),
        bytes(size),
        period(summary.start, summary.end)
    )
}

/// What makes the numbers less than whole; nothing where they are.
pub fn losses(summary: &Summary) -> Vec<String> {
    let source = &summary.source;
    let doubtful: u64 = summary
        .services
        .iter()
        .map(|service| service.exchanges.doubtful)
        .sum();
    let mut losses = Vec::new();
    if source.dropped > 0 {
        losses.push(format!(
            "{} dropped before they were seen",
            counted(source.dropped, "packet", "packets")
        ));
    }
    if source.gaps > 0 {
        let missing = if source.gap_bytes > 0 {
            format!(" ({})", bytes(source.gap_bytes))
        } else {
            String::new()
        };
        losses.push(format!(
            "{}{missing} in the byte streams",
            counted(source.gaps, "hole", "holes")
        ));
    }
    if doubtful > 0 {
        let left = counted(doubtful, "exchange", "exchanges");
        losses.push(format!(
            "{left} left out of all timings, since loss or a late start makes them doubtful"
        ));
    }
    if source.evicted_connections > 0 || source.evicted_statements > 0 {
        let connections = counted(source.evicted_connections, "connection", "connections");
        let statements = counted(source.evicted_statements, "statement", "statements");
        losses.push(format!(
            "{connections} and {statements} forgotten at the configured bounds"
        ));
    }
    if losses.is_empty() {
        losses
    } else {
        vec![losses.join("; ")]
    }
}

fn listed(names: &[String], none: &str) -> String {
    match names {
        [] => none.to_owned(),
        [name] if name == "-" => "standard input".to_owned(),
        [name] => name.clone(),
        [first, second, third] => format!("{first}, {second} and {third}"),
        [first, second] => format!("{first} and {second}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}
