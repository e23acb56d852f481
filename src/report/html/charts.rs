//! Small drawings in SVG: distributions, where time goes, demand. Colours come from the style sheet.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::report::spark::Sparks;
use crate::report::text::services::legs_of_exchanges;
use crate::report::units::{duration, percent};
use crate::summary::{Distribution, Pool, WhereTimeGoes};

const BINS: usize = 120;

/// Latency, and the network's round trips behind it, on one logarithmic scale.
pub fn latencies(latency: &Distribution, network: &Distribution, out: &mut dyn Write) -> io::Result<()> {
    let Some(sparks) = Sparks::new([latency, network], BINS) else {
        return Ok(());
    };
    let (from, to) = sparks.scale();
    let network = if network.count > 0 {
        ", network round trips behind it"
    } else {
        ""
    };
    writeln!(
        out,
        "<figure><svg viewBox=\"0 0 720 100\" role=\"img\" aria-label=\"distribution of latency\">{}{}{}</svg>\
         <figcaption>latency{network}, {} to {}, logarithmic</figcaption></figure>",
        bars(sparks.shares(1), "behind"),
        bars(sparks.shares(0), "front"),
        marks(latency, from, to),
        duration(from),
        duration(to)
    )
}

fn bars(shares: &[f64], class: &str) -> String {
    let fullest = shares.iter().copied().fold(0.0, f64::max);
    let width = 720.0 / shares.len().max(1) as f64;
    let mut path = String::new();
    for (index, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        let height = (share / fullest * 88.0).max(1.0);
        // Writing to a String cannot fail.
        let _ = write!(
            path,
            "M{:.1} 100v-{height:.1}h{:.1}v{height:.1}z",
            index as f64 * width,
            (width - 0.6).max(0.4)
        );
    }
    if path.is_empty() {
        String::new()
    } else {
        format!("<path class=\"{class}\" d=\"{path}\"/>")
    }
}

fn marks(latency: &Distribution, from: f64, to: f64) -> String {
    let Some(figures) = latency.figures else {
        return String::new();
    };
    let mark = |name: &str, seconds: f64| {
        let x = ((seconds / from).ln() / (to / from).ln()).clamp(0.0, 1.0) * 720.0;
        let (anchor, text_x) = if x > 600.0 {
            ("end", x - 3.0)
        } else {
            ("start", x + 3.0)
        };
        format!(
            "<path class=\"mark\" d=\"M{x:.1} 0v100\"/><text x=\"{text_x:.1}\" y=\"10\" text-anchor=\"{anchor}\">{name} {}</text>",
            duration(seconds)
        )
    };
    let p99 = if latency.count >= 100 {
        mark("p99", figures.p99_seconds)
    } else {
        String::new()
    };
    mark("p50", figures.p50_seconds) + &p99
}

/// The legs of exchanges as one bar.
pub fn legs(time: &WhereTimeGoes, out: &mut dyn Write) -> io::Result<()> {
    let legs = legs_of_exchanges(time);
    let total: f64 = legs.iter().map(|(_, seconds)| seconds).sum();
    if legs.len() < 2 {
        return Ok(());
    }
    write!(
        out,
        "<figure><svg viewBox=\"0 0 720 26\" role=\"img\" aria-label=\"where the time of exchanges went\">"
    )?;
    let mut x = 0.0;
    for (index, (name, seconds)) in legs.iter().enumerate() {
        let width = seconds / total * 720.0;
        write!(
            out,
            "<rect class=\"leg{index}\" x=\"{x:.1}\" y=\"0\" width=\"{width:.1}\" height=\"26\"><title>{name} {}</title></rect>",
            percent(seconds / total)
        )?;
        if width > 90.0 {
            write!(
                out,
                "<text class=\"on\" x=\"{:.1}\" y=\"17\">{name} {}</text>",
                x + 6.0,
                percent(seconds / total)
            )?;
        }
        x += width;
    }
    writeln!(
        out,
        "</svg><figcaption>where the time of exchanges went</figcaption></figure>"
    )
}

/// For how long how many connections were held, up to how many are open.
pub fn demand(pool: &Pool) -> String {
    let longest = pool
        .demand
        .iter()
        .map(|(_, seconds)| *seconds)
        .fold(0.0, f64::max);
    let highest = pool.demand.iter().map(|(level, _)| *level).max().unwrap_or(0);
    let scale = highest.max(pool.connections.needed.unwrap_or(0)) + 1;
    if longest <= 0.0 {
        return String::new();
    }
    let width = 160.0 / scale as f64;
    let mut path = String::new();
    for (level, seconds) in pool.demand.iter().filter(|(_, seconds)| *seconds > 0.0) {
        let height = (seconds / longest * 28.0).max(1.0);
        // Writing to a String cannot fail.
        let _ = write!(
            path,
            "M{:.1} 30v-{height:.1}h{:.1}v{height:.1}z",
            *level as f64 * width,
            (width * 0.9).max(0.5)
        );
    }
    let needed = pool.connections.needed.map_or_else(String::new, |needed| {
        format!("<path class=\"mark\" d=\"M{:.1} 0v30\"/>", needed as f64 * width)
    });
    format!(
        "<svg class=\"demand\" viewBox=\"0 0 160 30\" role=\"img\" aria-label=\"demand\"><title>0 to {} held at once; the \
         line is what is needed</title><path class=\"front\" d=\"{path}\"/>{needed}</svg>",
        scale - 1
    )
}

/// A distribution as a curve.
pub fn spark(distribution: &Distribution) -> String {
    let Some(sparks) = Sparks::new([distribution], 48) else {
        return String::new();
    };
    let (from, to) = sparks.scale();
    let fullest = sparks.shares(0).iter().copied().fold(0.0, f64::max);
    let mut path = String::from("M0 24");
    for (index, share) in sparks.shares(0).iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(
            path,
            "L{:.1} {:.1}",
            index as f64 * 2.0 + 1.0,
            24.0 - share / fullest * 22.0
        );
    }
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 96 24\" role=\"img\" aria-label=\"distribution\"><title>{} to \
         {}</title><path class=\"front\" d=\"{path}L96 24z\"/></svg>",
        duration(from),
        duration(to)
    )
}
