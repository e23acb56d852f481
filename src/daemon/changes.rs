//! What is hoarded or wrong since the last summary, and what no longer is: each is said once when it comes and once when it goes.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::journal::{Journal, Priority};
use crate::clock::{Span, Timestamp};
use crate::packet::Endpoint;
use crate::summary::{Connection, Finding, Severity, Subject, Summary};

/// No more connections than this are named at one time.
const NAMED: usize = 100;
/// Findings of which a connection must have done nothing for long do not flap: they are gone with the first summary without them.
const SLOW_TO_COME: [&str; 2] = ["hoarded", "idle_in_transaction"];
/// The others rest on the traffic of an interval, and come and go with it: one is gone when it was in none of so many
/// summaries in a row ...
const MISSED: u32 = 3;
/// ... or in none for so long.
const FORGOTTEN: Span = Span::from_secs(60);

/// What was said to be there.
#[derive(Debug, Default)]
pub struct Changes {
    hoarded: HashSet<(Endpoint, Endpoint)>,
    findings: HashMap<(String, Subject), Known>,
}

/// A finding that was said to be there.
#[derive(Clone, Debug)]
struct Known {
    title: String,
    seen: Timestamp,
    /// Summaries since.
    missed: u32,
}

impl Changes {
    /// Says what is other in `summary` than in those before.
    pub fn say(&mut self, summary: &Summary, journal: &Journal) {
        let say = &mut |priority, line| journal.say(priority, line);
        self.hoarded(&summary.hoarded, say);
        self.come(&summary.findings, summary.end, say);
        self.gone(summary, say);
    }

    /// Says between summaries which connections are hoarded since, and which no longer.
    pub fn say_hoarded(&mut self, hoarded: &[Connection], journal: &Journal) {
        self.hoarded(hoarded, &mut |priority, line| journal.say(priority, line));
    }

    /// Says between summaries what is wrong in the interval so far.
    pub fn say_found(&mut self, summary: &Summary, journal: &Journal) {
        let say = &mut |priority, line| journal.say(priority, line);
        self.come(&summary.findings, summary.end, say);
    }

    fn hoarded(&mut self, hoarded: &[Connection], say: &mut dyn FnMut(Priority, String)) {
        let ends = |it: &Connection| (it.client, it.server);
        let now: HashSet<_> = hoarded.iter().map(ends).collect();
        let come = hoarded.iter().filter(|it| !self.hoarded.contains(&ends(it)));
        let come = come.map(|it| format!("hoarded: {}", described(it)));
        bounded(come, Priority::Warning, "hoarded", say);
        let gone = self.hoarded.iter().filter(|it| !now.contains(*it));
        let gone = gone.map(|(client, server)| format!("no longer hoarded: {client} to {server}"));
        bounded(gone, Priority::Info, "no longer hoarded", say);
        self.hoarded = now;
    }

    fn come(&mut self, found: &[Finding], seen: Timestamp, say: &mut dyn FnMut(Priority, String)) {
        for finding in found {
            let known = Known {
                title: finding.title.clone(),
                seen,
                missed: 0,
            };
            if self.findings.insert(key(finding), known).is_none() {
                let line = format!("{}: {}", finding.code, finding.title);
                say(priority(finding.severity), line);
            }
        }
    }

    fn gone(&mut self, summary: &Summary, say: &mut dyn FnMut(Priority, String)) {
        let now: HashSet<_> = summary.findings.iter().map(key).collect();
        self.findings.retain(|key, known| {
            known.missed += u32::from(!now.contains(key));
            let flaps = !SLOW_TO_COME.contains(&key.0.as_str());
            let lasts = flaps && known.missed < MISSED && summary.end.since(known.seen) < FORGOTTEN;
            let stays = known.missed == 0 || lasts;
            if !stays {
                say(Priority::Info, format!("no longer {}: {}", key.0, known.title));
            }
            stays
        });
    }
}

fn key(finding: &Finding) -> (String, Subject) {
    (finding.code.clone(), finding.subject.clone())
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
        changes.hoarded(&summary.hoarded, &mut say);
        changes.come(&summary.findings, summary.end, &mut say);
        changes.gone(summary, &mut say);
        lines
    }

    fn nothing(end: Timestamp) -> Summary {
        Summary {
            end,
            ..Summary::default()
        }
    }

    #[test]
    fn what_comes_and_what_goes_is_said_once() {
        let (mut changes, full) = (Changes::default(), sample::morning());
        let come = said(&mut changes, &full);
        assert_eq!(come.len(), full.hoarded.len() + full.findings.len());
        assert!(!come.is_empty() && come.iter().all(|it| !it.starts_with("no longer")));
        assert_eq!(said(&mut changes, &full), Vec::<String>::new());
        let gone: Vec<String> = (0..5)
            .flat_map(|_| said(&mut changes, &nothing(full.end)))
            .collect();
        assert_eq!(gone.len(), come.len());
        assert!(gone.iter().all(|it| it.starts_with("no longer")), "{gone:?}");
    }

    #[test]
    fn what_is_slow_to_come_is_gone_at_once() {
        let codes: Vec<&str> = crate::findings::codes().collect();
        assert!(SLOW_TO_COME.iter().all(|slow| codes.contains(slow)));
        let (mut changes, full) = (Changes::default(), sample::morning());
        said(&mut changes, &full);
        let gone = said(&mut changes, &nothing(full.end));
        let slow = |it: &&Finding| SLOW_TO_COME.contains(&it.code.as_str());
        let slow = full.findings.iter().filter(slow).count();
        assert!(slow > 0 && slow < full.findings.len());
        assert_eq!(gone.len(), full.hoarded.len() + slow, "{gone:?}");
    }

    #[test]
    fn a_finding_that_comes_and_goes_with_the_traffic_is_said_once() {
        let (mut changes, mut full) = (Changes::default(), sample::morning());
        full.findings
            .retain(|it| !SLOW_TO_COME.contains(&it.code.as_str()));
        let findings = |lines: Vec<String>| lines.iter().filter(|it| !it.contains("hoarded: ")).count();
        assert!(findings(said(&mut changes, &full)) > 0);
        for _ in 0..3 {
            assert_eq!(findings(said(&mut changes, &nothing(full.end))), 0);
            assert_eq!(findings(said(&mut changes, &nothing(full.end))), 0);
            assert_eq!(findings(said(&mut changes, &full)), 0);
        }
        let later = nothing(full.end + FORGOTTEN);
        assert!(
            findings(said(&mut changes, &later)) > 0,
            "a long interval is enough"
        );
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
