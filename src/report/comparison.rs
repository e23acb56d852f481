//! A [`Comparison`] for a person at a terminal.

use std::io::{self, Write};

use anstyle::Style;

use super::spark::Sparks;
use super::style::{BAD, FAINT, GOOD, PLAIN, STRONG, paint, severity};
use super::table::{Cell, Column, Table};
use super::text::{names, section};
use super::units::{counted, duration, percent, period, thousands};
use super::wrap::{cut, lines, plain};
use crate::summary::compare::{
    Comparison, ConnectionsChange, DistributionChange, Period, PoolChange, QuantileChange, ServiceChange,
    Sides, StatementChange, Verdict,
};
use crate::summary::{Finding, SourceKind};

const STATEMENTS_SHOWN: usize = 15;
const POOLS_SHOWN: usize = 20;

/// Draws `comparison` for a terminal of this many columns.
pub fn draw(comparison: &Comparison, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns.clamp(80, 180);
    for (name, period) in [("before", &comparison.before), ("after ", &comparison.after)] {
        for (index, line) in lines(&head(period), columns - 8).iter().enumerate() {
            writeln!(
                out,
                "{}  {line}",
                paint(STRONG, if index == 0 { name } else { "      " })
            )?;
        }
    }
    findings(comparison, columns, out)?;
    services(comparison, columns, out)?;
    pools(&comparison.pools, columns, out)?;
    statements(&comparison.statements, columns, out)?;
    let method = format!(
        "Faster and slower are said where the {} intervals of a percentile (order statistics) do not touch and it \
         moved by 1% or more. Requests of one burst are not independent: watch longer where it is close.",
        percent(comparison.confidence)
    );
    writeln!(out)?;
    lines(&method, columns)
        .iter()
        .try_for_each(|line| writeln!(out, "{}", paint(FAINT, line)))
}

fn head(of: &Period) -> String {
    let host = of
        .host
        .as_deref()
        .map(|host| format!(" on {}", plain(host)))
        .unwrap_or_default();
    let kind = if of.kind == SourceKind::Live {
        "watched"
    } else {
        "captured"
    };
    format!(
        "{kind}{host} for {}, {} UTC; {}, {} doubtful",
        duration(of.seconds),
        period(of.start, of.end),
        counted(of.requests, "request", "requests"),
        thousands(of.doubtful)
    )
}

fn findings(comparison: &Comparison, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let all = &comparison.findings;
    let count = format!(
        "{} gone, {} new, {} remaining",
        all.gone.len(),
        all.new.len(),
        all.remaining.len()
    );
    section("FINDINGS", &count, out)?;
    for (label, style, findings) in [
        ("gone", GOOD, &all.gone),
        ("new ", BAD, &all.new),
        ("still", FAINT, &all.remaining),
    ] {
        for finding in findings {
            finding_line(label, style, finding, columns, out)?;
        }
    }
    Ok(())
}

fn finding_line(
    label: &str,
    style: Style,
    finding: &Finding,
    columns: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = lines(&finding.title, columns - 19);
    for (index, line) in title.iter().enumerate() {
        let name = if index == 0 { finding.severity.name() } else { "" };
        let label = if index == 0 { label } else { "" };
        let severity = paint(severity(finding.severity), format!("{name:<8}"));
        writeln!(
            out,
            "  {}  {severity}  {line}",
            paint(style, format!("{label:<5}"))
        )?;
    }
    Ok(())
}

fn services(comparison: &Comparison, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if comparison.services.is_empty() {
        return Ok(());
    }
    section("SERVICES", "", out)?;
    for (index, service) in comparison.services.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(
            out,
            "  {}  {}",
            paint(STRONG, server(&service.server)),
            service.system
        )?;
        counts(service).draw(columns, out)?;
        for (name, change) in [("latency", &service.latency), ("login", &service.login)] {
            distribution(name, change, columns, out)?;
        }
    }
    Ok(())
}

fn server(sides: &Sides<Option<crate::packet::Endpoint>>) -> String {
    match (sides.before, sides.after) {
        (Some(before), Some(after)) if before == after => after.to_string(),
        (Some(before), Some(after)) => format!("{before}, now {after}"),
        (Some(before), None) => format!("{before}, not seen any more"),
        (None, Some(after)) => format!("{after}, not seen before"),
        (None, None) => String::new(),
    }
}

fn before_and_after() -> Table {
    let columns = [
        Column::left(""),
        Column::right("before"),
        Column::right("after"),
        Column::right("change"),
    ];
    Table::new(columns, 4)
}

fn counts(service: &ServiceChange) -> Table {
    let of = &service.connections;
    let mut table = before_and_after();
    count_row(&mut table, "connections open", of.open, true);
    count_row(&mut table, "hoarded", of.hoarded, true);
    count_row(&mut table, "idle in transaction", of.idle_in_transaction, true);
    count_row(&mut table, "most in use at once", of.peak_in_use, false);
    count_row(&mut table, "opened", of.opened, false);
    let rate = |rate: f64| format!("{rate:.1}");
    let requests = service.requests_per_second;
    table.row(
        [
            "requests a second".into(),
            rate(requests.before),
            rate(requests.after),
            String::new(),
        ]
        .map(Cell::from),
    );
    let errors = service.error_share;
    if errors.before > 0.0 || errors.after > 0.0 {
        let row = [
            "errors".to_owned(),
            percent(errors.before),
            percent(errors.after),
            String::new(),
        ];
        table.row(row.map(Cell::from));
    }
    table
}

/// A row of counts, left out where both are 0. Less is `better` for what nobody needs.
fn count_row(table: &mut Table, name: &str, count: Sides<u64>, better: bool) {
    let Sides { before, after } = count;
    if before == 0 && after == 0 {
        return;
    }
    let (change, style) = match after.cmp(&before) {
        std::cmp::Ordering::Less => (
            format!("-{}", thousands(before - after)),
            if better { GOOD } else { PLAIN },
        ),
        std::cmp::Ordering::Equal => (String::new(), PLAIN),
        std::cmp::Ordering::Greater => (
            format!("+{}", thousands(after - before)),
            if better { BAD } else { PLAIN },
        ),
    };
    table.row([
        name.into(),
        thousands(before).into(),
        thousands(after).into(),
        Cell::new(change, style),
    ]);
}

fn distribution(
    name: &str,
    change: &DistributionChange,
    columns: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (before, after) = (change.before.count, change.after.count);
    if before == 0 && after == 0 {
        return Ok(());
    }
    let counts = format!(
        "{name} of {} and {} exchanges",
        thousands(before),
        thousands(after)
    );
    let counts = if name == "login" {
        counts.replace("exchanges", "logins")
    } else {
        counts
    };
    writeln!(out, "    {counts}: {}", verdict(change.verdict))?;
    if change.quantiles.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(
        [
            Column::left(""),
            Column::right("before"),
            Column::left("95% interval").dispensable(1),
            Column::right("after"),
            Column::left("95% interval").dispensable(1),
            Column::right("change"),
            Column::left(""),
        ],
        6,
    );
    change
        .quantiles
        .iter()
        .for_each(|quantile| table.row(quantile_row(quantile)));
    table.draw(columns, out)?;
    sparks(change, columns, out)
}

fn quantile_row(of: &QuantileChange) -> [Cell; 7] {
    let interval = |it: crate::summary::compare::Interval| {
        let high = it.high_seconds.map_or_else(|| "?".to_owned(), duration);
        format!("{} to {high}", duration(it.low_seconds))
    };
    [
        quantile_name(of.quantile).into(),
        duration(of.before_seconds).into(),
        Cell::new(interval(of.before_interval), FAINT),
        duration(of.after_seconds).into(),
        Cell::new(interval(of.after_interval), FAINT),
        Cell::new(relative(of.change), color(of.verdict)),
        Cell::new(word(of.verdict), color(of.verdict)),
    ]
}

fn quantile_name(quantile: f64) -> String {
    let percent = format!("{:.1}", quantile * 100.0);
    format!("p{}", percent.trim_end_matches(".0"))
}

/// The whole distributions, one over the other on the same logarithmic scale.
fn sparks(change: &DistributionChange, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let Some(sparks) = Sparks::new([&change.before, &change.after], columns.min(100) - 16) else {
        return Ok(());
    };
    for (name, line) in [("before", sparks.line(0)), ("after", sparks.line(1))] {
        writeln!(out, "      {name:<8}{line}")?;
    }
    let (from, to) = sparks.scale();
    let shape = change.shape.map(|shape| {
        let likelihood = if shape.p_value < 0.001 {
            "below 0.1%".to_owned()
        } else {
            percent(shape.p_value)
        };
        format!("; the same by chance: {likelihood}")
    });
    let scale = format!(
        "{} to {}, logarithmic{}",
        duration(from),
        duration(to),
        shape.unwrap_or_default()
    );
    writeln!(out, "              {}", paint(FAINT, scale))
}

fn pools(pools: &[PoolChange], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if pools.is_empty() {
        return Ok(());
    }
    section("POOLS", "before → after", out)?;
    let mut table = Table::new(
        [
            Column::right("open"),
            Column::right("peak use"),
            Column::right("needed"),
            Column::right("surplus"),
            Column::right("hoarded"),
            Column::right("held on average"),
            Column::right("idle on average").dispensable(1),
        ],
        4,
    );
    for pool in pools.iter().take(POOLS_SHOWN) {
        let to = pool
            .server
            .after
            .or(pool.server.before)
            .map(|it| it.to_string())
            .unwrap_or_default();
        let user = pool
            .user
            .as_deref()
            .map(|user| format!(" as {user}"))
            .unwrap_or_default();
        let name = plain(&format!("{} to {to}{user}", names::client(&pool.client))).into_owned();
        table.line(format!("  {}", paint(STRONG, cut(&name, columns - 2))));
        table.row(pool_row(&pool.connections, pool));
    }
    table.draw(columns, out)
}

fn pool_row(of: &ConnectionsChange, pool: &PoolChange) -> [Cell; 7] {
    let arrow = |sides: Sides<u64>| format!("{} → {}", thousands(sides.before), thousands(sides.after));
    let mean = |sides: Sides<f64>| format!("{:.1} → {:.1}", sides.before, sides.after);
    let known = |sides: Option<Sides<u64>>| sides.map_or_else(|| "?".to_owned(), arrow);
    let less = |sides: Option<Sides<u64>>| match sides {
        Some(sides) if sides.after < sides.before => GOOD,
        Some(sides) if sides.after > sides.before => BAD,
        _ => PLAIN,
    };
    [
        arrow(of.open).into(),
        arrow(of.peak_in_use).into(),
        known(of.needed).into(),
        Cell::new(known(of.surplus), less(of.surplus)),
        Cell::new(arrow(of.hoarded), less(Some(of.hoarded))),
        mean(pool.mean_demand).into(),
        mean(pool.mean_idle).into(),
    ]
}

fn statements(statements: &[StatementChange], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if statements.is_empty() {
        return Ok(());
    }
    section(
        "STATEMENTS",
        "by total duration; the percentiles are latency, before → after",
        out,
    )?;
    let mut table = Table::new(
        [
            Column::right("n"),
            Column::right("p50"),
            Column::right("p99").dispensable(1),
            Column::left(""),
            Column::rest("statement"),
        ],
        2,
    );
    statements
        .iter()
        .take(STATEMENTS_SHOWN)
        .for_each(|it| table.row(statement_row(it)));
    table.draw(columns, out)?;
    match statements.len().saturating_sub(STATEMENTS_SHOWN) {
        0 => Ok(()),
        more => writeln!(
            out,
            "  {}",
            paint(FAINT, format!("and {more} more; --format json lists all"))
        ),
    }
}

fn statement_row(statement: &StatementChange) -> [Cell; 5] {
    let latency = &statement.latency;
    let at = |wanted: f64| {
        let found = latency
            .quantiles
            .iter()
            .find(|it| it.quantile.to_bits() == wanted.to_bits());
        found.map_or_else(
            || "-".to_owned(),
            |it| format!("{} → {}", duration(it.before_seconds), duration(it.after_seconds)),
        )
    };
    let (outcome, style) = match (statement.server.before, statement.server.after) {
        (None, _) => ("new", FAINT),
        (_, None) => ("gone", FAINT),
        _ => (word(latency.verdict), color(latency.verdict)),
    };
    let called = statement.summary.as_deref().or(statement.text.as_deref());
    [
        format!(
            "{} → {}",
            thousands(latency.before.count),
            thousands(latency.after.count)
        )
        .into(),
        at(0.5).into(),
        at(0.99).into(),
        Cell::new(outcome, style),
        plain(called.unwrap_or("(prepared before the watch)"))
            .into_owned()
            .into(),
    ]
}

fn relative(change: f64) -> String {
    match change * 100.0 {
        // Ten times slower reads better than +900%.
        p if p >= 900.0 => format!("x{:.0}", change + 1.0),
        p if p.abs() < 9.95 => format!("{p:+.1}%"),
        p => format!("{p:+.0}%"),
    }
}

fn verdict(verdict: Verdict) -> String {
    paint(color(verdict), word(verdict))
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Mixed => "faster and slower",
        Verdict::WithinNoise => "within noise",
        Verdict::TooFew => "too few to say",
    }
}

const fn color(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Faster => GOOD,
        Verdict::Slower | Verdict::Mixed => BAD,
        Verdict::WithinNoise | Verdict::TooFew => FAINT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::golden;
    use crate::report::wrap::width;
    use crate::summary::compare::{compare, tests::fixed};
    use crate::summary::sample::{morning, nothing};

    fn drawn(comparison: &Comparison, columns: usize) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        draw(comparison, columns, &mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn looks_as_it_did() {
        let fix = compare(&morning(), &fixed()).unwrap();
        golden::check("comparison.80.txt", &drawn(&fix, 80));
        golden::check("comparison.140.txt", &drawn(&fix, 140));
    }

    #[test]
    fn fits_the_terminal() {
        for (before, after) in [
            (morning(), fixed()),
            (morning(), nothing()),
            (nothing(), nothing()),
        ] {
            let comparison = compare(&before, &after).unwrap();
            for columns in [80, 140] {
                for line in drawn(&comparison, columns).lines() {
                    assert!(width(line) <= columns, "{columns}: {line}");
                }
            }
        }
    }
}
