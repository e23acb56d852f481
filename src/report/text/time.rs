//! Where the time goes: in one line for all that was watched, for a pool, and the greatest part for a statement.

use std::io::{self, Write};

use super::section;
use crate::report::units::{duration, percent};
use crate::report::wrap::lines;
use crate::summary::{Distribution, Pool, StatementRow, Summary, WhereTimeGoes};

/// Named legs with their seconds.
type Legs = Vec<(&'static str, f64)>;

/// The line that answers whether it is the database that is slow.
pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let legs = of_all(summary);
    if legs.is_empty() {
        return Ok(());
    }
    let total = duration(sum(&legs));
    section(
        "WHERE THE TIME GOES",
        &format!("{total} in requests, transactions and logins"),
        out,
    )?;
    lines(&shares(&legs), columns - 2)
        .iter()
        .try_for_each(|line| writeln!(out, "  {line}"))
}

/// The same in one sentence; nothing where nothing took time.
pub fn sentence(summary: &Summary) -> Option<String> {
    told(&of_all(summary))
}

fn of_all(summary: &Summary) -> Legs {
    let timed = summary.services.iter();
    let all = timed.filter_map(|one| Some(legs(&one.time?, &one.latency)));
    sorted(all.flatten().collect())
}

/// The same for a pool; nothing where it did nothing.
pub fn of_pool(pool: &Pool) -> Option<String> {
    told(&sorted(legs(&pool.time?, &pool.latency)))
}

fn told(legs: &Legs) -> Option<String> {
    (!legs.is_empty()).then(|| format!("{} at work: {}", duration(sum(legs)), shares(legs)))
}

/// What most of a statement's time goes to.
pub fn of_statement(statement: &StatementRow) -> Option<String> {
    let legs = sorted(legs(&statement.time?, &statement.latency));
    let (name, seconds) = legs.first()?;
    Some(format!("{name} {}", percent(seconds / sum(&legs))))
}

/// All legs but idle connections. Where the network's part is not known, it is told with the server's.
fn legs(time: &WhereTimeGoes, latency: &Distribution) -> Legs {
    let together = time.server_seconds.is_none().then(|| latency.total_seconds());
    let opening = time.connect_seconds.unwrap_or(0.0) + time.login_seconds.unwrap_or(0.0);
    let legs = [
        ("server", time.server_seconds),
        ("server and network", together),
        ("network", time.network_seconds),
        ("receiving", time.reply_seconds),
        ("sending", time.request_seconds),
        ("closed window", time.window_closed_seconds),
        ("client's pauses in transactions", time.thinking_seconds),
        ("connecting and logging in", Some(opening)),
    ];
    let known = legs
        .into_iter()
        .filter_map(|(name, seconds)| Some((name, seconds?)));
    known.filter(|(_, seconds)| *seconds > 0.0).collect()
}

/// Legs of one name added up, the longest first.
fn sorted(legs: Legs) -> Legs {
    let mut sums = Legs::new();
    for (name, seconds) in legs {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += seconds,
            None => sums.push((name, seconds)),
        }
    }
    sums.sort_by(|one, other| other.1.total_cmp(&one.1));
    sums
}

fn sum(legs: &Legs) -> f64 {
    legs.iter().map(|(_, seconds)| seconds).sum()
}

fn shares(legs: &Legs) -> String {
    let total = sum(legs);
    let shares: Vec<String> = legs
        .iter()
        .map(|(name, seconds)| format!("{name} {}", percent(seconds / total)))
        .collect();
    shares.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample;

    #[test]
    fn the_longest_leg_comes_first_and_all_are_there() {
        let mut out = Vec::new();
        draw(&sample::morning(), 200, &mut out).unwrap();
        let told = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        let place = |leg: &str| told.find(leg).unwrap();
        assert!(
            place("pauses") < place("server ") && place("server ") < place("sending"),
            "{told}"
        );
    }

    #[test]
    fn an_unknown_round_trip_is_told_with_the_server() {
        let mut summary = sample::morning();
        let statement = &mut summary.statements[0];
        statement.time = Some(WhereTimeGoes {
            reply_seconds: Some(1e-9),
            ..WhereTimeGoes::default()
        });
        assert_eq!(of_statement(statement).unwrap(), "server and network 99%");
    }
}
