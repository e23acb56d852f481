//! Each database server: its connections, its requests, its times.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::section;
use crate::report::style::{FAINT, STRONG, paint};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::{Figure, counted, duration, figure, percent, thousands};
use crate::report::wrap::lines;
use crate::summary::{
    Connections, Distribution, Exchanges, InFlight, Service, Summary, Vantage, WhereTimeGoes,
};

const LABEL: usize = 13;
const CODES_SHOWN: usize = 3;

pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if summary.services.is_empty() {
        return Ok(());
    }
    section(
        "SERVICES",
        "times are those of useful exchanges; n is how many stand behind a line",
        out,
    )?;
    for (index, service) in summary.services.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        draw_one(service, columns, out)?;
    }
    Ok(())
}

fn draw_one(service: &Service, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let vantage = service
        .vantage
        .map(|it| format!("  {}", vantage(it)))
        .unwrap_or_default();
    let server = paint(STRONG, service.server);
    writeln!(out, "  {server}  {}{}", service.system, paint(FAINT, vantage))?;
    labelled("connections", &connections(&service.connections), columns, out)?;
    labelled("", &changes(&service.connections), columns, out)?;
    labelled("requests", &requests(service), columns, out)?;
    labelled("in flight", &in_flight(service), columns, out)?;
    labelled("not timed", &not_timed(service.exchanges), columns, out)?;
    if let Some(time) = &service.time {
        labelled("time went to", &exchanges_time(time), columns, out)?;
        labelled("besides", &other_time(time), columns, out)?;
    }
    table(service).draw(columns, out)
}

/// From where it was watched, in words.
pub const fn vantage(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::Client => "watched at the client's end",
        Vantage::Server => "watched at the server's end",
        Vantage::Both => "client and server on this host",
        Vantage::Middle => "watched between client and server",
    }
}

fn labelled(label: &str, text: &str, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    for (index, line) in lines(text, columns - LABEL - 4).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "    {label:<LABEL$}{line}")?;
    }
    Ok(())
}

pub fn connections(of: &Connections) -> String {
    let mut states = vec![some(of.in_use, "in use"), some(of.idle, "idle")];
    states.push(some(of.idle_in_transaction, "idle in transaction"));
    states.push(some(of.hoarded, "hoarded"));
    let states = listed(states);
    let open = format!("{} open", thousands(of.open));
    if states.is_empty() {
        open
    } else {
        format!("{open}: {states}")
    }
}

pub fn changes(of: &Connections) -> String {
    let Connections {
        peak_open,
        peak_in_use,
        opened,
        closed,
        ..
    } = *of;
    format!(
        "at most {} open and {} in use at once; {} opened, {} closed",
        thousands(peak_open),
        thousands(peak_in_use),
        thousands(opened),
        thousands(closed)
    )
}

pub fn requests(service: &Service) -> String {
    let Exchanges {
        requests,
        errors,
        unanswered,
        ..
    } = service.exchanges;
    let troubles = listed(vec![
        Some(counted(errors, "error", "errors") + &codes(&service.signs.errors)),
        some(unanswered, "unanswered"),
        any(
            service.login_failures.unwrap_or(0),
            "login refused",
            "logins refused",
        )
        .map(|refused| refused + &codes(&service.signs.refusals)),
        any(
            service.retransmits.unwrap_or(0),
            "segment sent again",
            "segments sent again",
        ),
    ]);
    format!("{}: {troubles}", thousands(requests))
}

pub fn in_flight(service: &Service) -> String {
    let InFlight {
        count,
        oldest_seconds,
    } = service.in_flight;
    let oldest = oldest_seconds.map(|oldest| format!(", the oldest for {}", duration(oldest)));
    listed(vec![
        some(count, "without a reply yet").map(|text| text + &oldest.unwrap_or_default()),
    ])
}

pub fn not_timed(of: Exchanges) -> String {
    listed(vec![
        any(of.validations, "liveness check", "liveness checks"),
        some(of.waiting, "waiting by design"),
        some(of.doubtful, "doubtful"),
    ])
}

/// The commonest codes: ` (12× 40001, 2× 23505)`.
fn codes(counts: &BTreeMap<String, u64>) -> String {
    let mut commonest: Vec<(&String, &u64)> = counts.iter().collect();
    commonest.sort_by_key(|(code, count)| (Reverse(**count), *code));
    let told: Vec<String> = commonest
        .iter()
        .take(CODES_SHOWN)
        .map(|(code, count)| format!("{}× {code}", thousands(**count)))
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" ({})", told.join(", "))
    }
}

fn some(count: u64, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{} {what}", thousands(count)))
}

fn any(count: u64, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| counted(count, one, many))
}

fn listed(parts: Vec<Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Shares of the time from the first byte of requests to the last byte of replies.
pub fn exchanges_time(time: &WhereTimeGoes) -> String {
    let legs = legs_of_exchanges(time);
    let total: f64 = legs.iter().map(|(_, seconds)| seconds).sum();
    let shares: Vec<String> = legs
        .iter()
        .map(|(name, seconds)| format!("{name} {}", percent(seconds / total)))
        .collect();
    if shares.is_empty() {
        String::new()
    } else {
        format!("{}, of {}", shares.join(", "), duration(total))
    }
}

/// What the time of exchanges is made of.
pub fn legs_of_exchanges(time: &WhereTimeGoes) -> Vec<(&'static str, f64)> {
    known([
        ("server", time.server_seconds),
        ("network", time.network_seconds),
        ("receiving", time.reply_seconds),
        ("sending", time.request_seconds),
        ("closed window", time.window_closed_seconds),
    ])
}

/// Time outside of exchanges.
pub fn other_time(time: &WhereTimeGoes) -> String {
    let legs = known([
        ("client's pauses in transactions", time.thinking_seconds),
        ("connecting", time.connect_seconds),
        ("logging in", time.login_seconds),
        ("idle connections", time.idle_seconds),
    ]);
    legs.iter()
        .map(|(name, seconds)| format!("{name} {}", duration(*seconds)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn known<const N: usize>(legs: [(&'static str, Option<f64>); N]) -> Vec<(&'static str, f64)> {
    legs.into_iter()
        .filter_map(|(name, seconds)| Some((name, seconds.filter(|&s| s > 0.0)?)))
        .collect()
}

fn table(service: &Service) -> Table {
    let mut table = Table::new(
        [
            Column::left(""),
            Column::right("n"),
            Column::right("min").dispensable(1),
            Column::right("p50"),
            Column::right("p90").dispensable(3),
            Column::right("p95").dispensable(4),
            Column::right("p99"),
            Column::right("p99.9").dispensable(2),
            Column::right("max"),
        ],
        4,
    );
    for (name, distribution) in times(service) {
        let mut row = vec![Cell::from(format!("{name:<width$}", width = LABEL - 2))];
        row.extend(figures(distribution));
        table.row(row);
    }
    table
}

/// The distributions that hold something; latency always.
pub fn times(service: &Service) -> Vec<(&'static str, &Distribution)> {
    let mut times = vec![("latency", &service.latency)];
    let others = [
        ("duration", Some(&service.duration)),
        ("network rtt", Some(&service.network_rtt)),
        ("connect", service.connect.as_ref()),
        ("login", Some(&service.login)),
    ];
    let known = others
        .into_iter()
        .filter_map(|(name, of)| Some((name, of.filter(|of| of.count > 0)?)));
    times.extend(known);
    times
}

fn figures(of: &Distribution) -> [Cell; 8] {
    let cell = |which| Cell::from(figure(of, which));
    [
        thousands(of.count).into(),
        cell(Figure::Min),
        cell(Figure::P50),
        cell(Figure::P90),
        cell(Figure::P95),
        cell(Figure::P99),
        cell(Figure::P999),
        cell(Figure::Max),
    ]
}
