//! Words that several rules use.

use super::Thresholds;
use crate::packet::Endpoint;
use crate::summary::{Pool, PoolClient, StatementRow, Summary};

/// `850 µs`, `12.3 ms`, `4.5 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.000_999_5 => format!("{:.0} µs", s * 1e6),
        s if s < 0.099_95 => format!("{:.1} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.0} ms", s * 1e3),
        s if s < 59.95 => format!("{s:.1} s"),
        s => long(s.round()),
    }
}

fn long(seconds: f64) -> String {
    let (minutes, hours, days) = (
        (seconds / 60.0).floor(),
        (seconds / 3600.0).floor(),
        (seconds / 86_400.0).floor(),
    );
    if minutes < 60.0 {
        format!("{minutes} min {} s", seconds - minutes * 60.0)
    } else if hours < 24.0 {
        format!("{hours} h {} min", minutes - hours * 60.0)
    } else {
        format!("{days} d {} h", hours - days * 24.0)
    }
}

/// `1 connection`, `5 connections`.
pub fn connections(count: u64) -> String {
    counted(count, "connection")
}

/// `1 thing`, `5 things`.
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// `12%`, and below ten `3.4%`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
}

/// `shop.service`, `gunicorn (pid 4711)`, `10.0.0.9 (web)`.
pub fn client(client: &PoolClient) -> String {
    let container = client
        .container
        .as_deref()
        .map(|id| format!("container {}", id.get(..12).unwrap_or(id)));
    let pid = match client.pids.as_slice() {
        [pid] => format!("pid {pid}"),
        pids => counted(pids.len() as u64, "process").replace("processs", "processes"),
    };
    let (name, note) = match (client.unit.clone().or(container), &client.process, client.address) {
        (Some(name), _, _) => (name, (!client.pids.is_empty()).then_some(pid)),
        (None, Some(process), _) => (process.clone(), Some(pid)),
        (None, None, _) if !client.pids.is_empty() => (pid, None),
        (None, None, Some(address)) => (address.to_string(), client.application.clone()),
        (None, None, None) => ("Other clients".to_owned(), None),
    };
    note.map_or(name.clone(), |note| format!("{name} ({note})"))
}

/// `shop.service to 10.0.0.5:5432`, with user and database where known.
pub fn pool(pool: &Pool) -> String {
    let who = match (&pool.user, &pool.database) {
        (Some(user), Some(database)) => format!(" as {user} on {database}"),
        (Some(user), None) => format!(" as {user}"),
        (None, Some(database)) => format!(" on {database}"),
        (None, None) => String::new(),
    };
    format!("{} to {}{who}", client(&pool.client), pool.server)
}

/// For how long demand was watched, and what that means for a verdict.
pub fn watched(pool: &Pool, thresholds: &Thresholds) -> String {
    let observed = duration(pool.observed_seconds);
    if pool.observed_seconds < thresholds.idle_after {
        format!("Watched for {observed} only, less than idle-after: a longer watch may lower this.")
    } else {
        format!("Watched for {observed}.")
    }
}

/// A statement as its summary says, or the begin of its text where the summary is no more than a verb.
pub fn statement(row: &StatementRow) -> String {
    let summary = row.summary.as_deref().filter(|summary| summary.contains(' '));
    let text = summary
        .or(row.text.as_deref())
        .or(row.summary.as_deref())
        .unwrap_or("a statement that was prepared before the watch");
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// The time that all executions of a statement took.
pub fn time_of(row: &StatementRow) -> f64 {
    row.duration
        .figures
        .map_or(0.0, |figures| figures.mean_seconds * row.duration.count as f64)
}

/// The time that all statements of a server took.
pub fn time_at(summary: &Summary, server: Endpoint) -> f64 {
    let there = summary.statements.iter().filter(|row| row.server == server);
    there.map(time_of).sum()
}

/// The statement with this id at this server.
pub fn statement_of<'a>(summary: &'a Summary, id: &str) -> Option<&'a StatementRow> {
    summary.statements.iter().find(|row| row.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::pool as sample;

    #[test]
    fn durations_read_well() {
        let told = [0.000_85, 0.012_34, 0.45, 4.5, 200.0, 7500.0, 273_600.0].map(duration);
        assert_eq!(
            told,
            [
                "850 µs",
                "12.3 ms",
                "450 ms",
                "4.5 s",
                "3 min 20 s",
                "2 h 5 min",
                "3 d 4 h"
            ]
        );
    }

    #[test]
    fn pools_are_named_by_what_is_known() {
        assert_eq!(
            pool(&sample()),
            "shop.service (pid 4711) to 10.0.0.5:5432 as shop on orders"
        );
        let address = PoolClient {
            address: "10.0.0.9".parse().ok(),
            application: Some("web".to_owned()),
            ..PoolClient::default()
        };
        assert_eq!(client(&address), "10.0.0.9 (web)");
        let workers = PoolClient {
            unit: Some("web.service".to_owned()),
            pids: vec![1, 2],
            ..PoolClient::default()
        };
        assert_eq!(client(&workers), "web.service (2 processes)");
        let container = PoolClient {
            container: Some("0123456789abcdef".to_owned()),
            ..PoolClient::default()
        };
        assert_eq!(client(&container), "container 0123456789ab");
    }

    #[test]
    fn a_short_watch_says_so() {
        let short = Pool {
            observed_seconds: 10.0,
            ..sample()
        };
        assert!(watched(&short, &Thresholds::default()).ends_with("a longer watch may lower this."));
        assert_eq!(
            watched(&sample(), &Thresholds::default()),
            "Watched for 10 min 0 s."
        );
    }
}
