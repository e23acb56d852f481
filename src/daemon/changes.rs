//! What is hoarded or wrong since the last summary, and what no longer is: each is said once when it comes and once when it goes.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::journal::{Journal, Priority};
use crate::packet::Endpoint;
use crate::summary::{Connection, Finding, Severity, Subject, Summary};

/// No more connections than this are named at one time.
const NAMED: usize = 100;

/// What was said to be there.
#[derive(Debug, Default)]
pub struct Changes {
    hoarded: HashSet<(Endpoint, Endpoint)>,
    findings: HashMap<(String, Subject), String>,
}

impl Changes {
    /// Says what is other in `summary` than in the one before.
    pub fn say(&mut self, summary: &Summary, journal: &Journal) {
        self.hoarded(summary, &mut |priority, line| journal.say(priority, line));
        self.findings(summary, &mut |priority, line| journal.say(priority, line));
    }

    fn hoarded(&mut self, summary: &Summary, say: &mut dyn FnMut(Priority, String)) {
        let ends = |it: &Connection| (it.client, it.server);
        let now: HashSet<_> = summary.hoarded.iter().map(ends).collect();
        let come = summary
            .hoarded
            .iter()
            .filter(|it| !self.hoarded.contains(&ends(it)));
        let come = come.map(|it| format!("hoarded: {}", described(it)));
        bounded(come, Priority::Warning, "hoarded", say);
        let gone = self.hoarded.iter().filter(|it| !now.contains(*it));
        let gone = gone.map(|(client, server)| format!("no longer hoarded: {client} to {server}"));
        bounded(gone, Priority::Info, "no longer hoarded", say);
        self.hoarded = now;
    }

    fn findings(&mut self, summary: &Summary, say: &mut dyn FnMut(Priority, String)) {
        let key = |it: &Finding| (it.code.clone(), it.subject.clone());
        let told = |it: &Finding| (key(it), it.title.clone());
        let now: HashMap<_, _> = summary.findings.iter().map(told).collect();
        let come = summary.findings.iter();
        for finding in come.filter(|it| !self.findings.contains_key(&key(it))) {
            say(
                priority(finding.severity),
                format!("{}: {}", finding.code, finding.title),
            );
        }
        for ((code, _), title) in self.findings.iter().filter(|(key, _)| !now.contains_key(*key)) {
            say(Priority::Info, format!("no longer {code}: {title}"));
        }
        self.findings = now;
    }
}

fn bounded(
    mut lines: impl Iterator<Item = String>,
    priority: Priority,
    what: &str,
    say: &mut dyn FnMut(Priority, String),
) {
    lines.by_ref().take(NAMED).for_each(|line| say(priority, line));
    let more = lines.count();
    if more > 0 {
        say(priority, format!("{what}: {more} connections more"));
    }
}

const fn priority(severity: Severity) -> Priority {
    match severity {
        Severity::Info => Priority::Info,
        Severity::Warning => Priority::Warning,
        Severity::Critical => Priority::Error,
    }
}

fn described(connection: &Connection) -> String {
    let mut said = format!("{} to {}", connection.client, connection.server);
    let mut add = |what: &str, value: Option<&str>| {
        // Writing to a string does not fail.
        let _ = value.map(|value| write!(said, ", {what}{value}"));
    };
    let owner = connection.owner.as_ref();
    let reasons: Vec<&str> = connection.reasons.iter().map(|it| it.name()).collect();
    let idle = connection.idle_seconds.map(|seconds| format!("{seconds:.0} s"));
    add("", Some(&reasons.join(" ")));
    add("idle ", idle.as_deref());
    add("user ", connection.user.as_deref());
    add("database ", connection.database.as_deref());
    add("unit ", owner.and_then(|it| it.unit.as_deref()));
    add("container ", owner.and_then(|it| it.container.as_deref()));
    add("command ", owner.and_then(|it| it.command.as_deref()));
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample;

    fn said(changes: &mut Changes, summary: &Summary) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |_: Priority, line: String| lines.push(line);
        changes.hoarded(summary, &mut say);
        changes.findings(summary, &mut say);
        lines
    }

    #[test]
    fn what_comes_and_what_goes_is_said_once() {
        let (mut changes, full) = (Changes::default(), sample::morning());
        let come = said(&mut changes, &full);
        assert_eq!(come.len(), full.hoarded.len() + full.findings.len());
        assert!(!come.is_empty() && come.iter().all(|it| !it.starts_with("no longer")));
        assert_eq!(said(&mut changes, &full), Vec::<String>::new());
        let gone = said(&mut changes, &Summary::default());
        assert_eq!(gone.len(), come.len());
        assert!(gone.iter().all(|it| it.starts_with("no longer")), "{gone:?}");
    }

    #[test]
    fn a_flood_is_counted() {
        let mut lines = Vec::new();
        let many = (0..NAMED + 7).map(|it| it.to_string());
        bounded(many, Priority::Info, "hoarded", &mut |_, line| lines.push(line));
        assert_eq!(lines.len(), NAMED + 1);
        assert_eq!(
            lines.last().map(String::as_str),
            Some("hoarded: 7 connections more")
        );
    }
}
