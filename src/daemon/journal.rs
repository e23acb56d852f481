//! What is said on standard error: plain lines, with journald's priority in front where no person reads them (sd-daemon(3)).

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::flush::{Flushed, flush};
use crate::metrics::operations::Counter;

/// So many lines may wait; more are counted only.
const WAITING: usize = 1024;

/// How much a line matters: syslog(3)'s levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Harms now.
    Error,
    /// Costs something, or will.
    Warning,
    /// Good to know.
    Info,
}

impl Priority {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Error => "<3>",
            Self::Warning => "<4>",
            Self::Info => "<6>",
        }
    }
}

/// A way to say things without ever waiting for who reads them.
#[derive(Clone, Debug)]
pub struct Journal {
    lines: SyncSender<Entry>,
    lost: Counter,
}

enum Entry {
    Line(Priority, String),
    /// Everything before it has been said.
    Flushed(Flushed),
}

impl Journal {
    /// Starts the thread that speaks.
    pub fn start() -> std::io::Result<Self> {
        Self::start_counting(Counter::default())
    }

    /// The same; `lost` counts lines that nobody took.
    pub fn start_counting(lost: Counter) -> std::io::Result<Self> {
        let (lines, entries) = sync_channel(WAITING);
        let unsaid = lost.clone();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || speak(&entries, &unsaid))?;
        Ok(Self { lines, lost })
    }

    /// Says `line`; where nobody reads what was said before, it is only counted.
    pub fn say(&self, priority: Priority, line: impl Into<String>) {
        let entry = Entry::Line(priority, line.into());
        if self.lines.try_send(entry).is_err() {
            self.lost.count();
        }
    }

    /// Waits until all is said, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        flush(&self.lines, Entry::Flushed, patience);
    }
}

fn speak(entries: &Receiver<Entry>, lost: &Counter) {
    let mut told = 0;
    let plain = std::io::stderr().is_terminal();
    for entry in entries {
        match entry {
            Entry::Line(priority, line) => utter(&written(priority, &line, plain)),
            Entry::Flushed(flushed) => flushed.tell(),
        }
        let all = lost.total();
        let unsaid = all - std::mem::replace(&mut told, all);
        if unsaid > 0 {
            let line = format!("{unsaid} messages were lost: standard error was not read");
            utter(&written(Priority::Warning, &line, plain));
        }
    }
}

/// Where standard error is gone, nobody is left to tell.
fn utter(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// One line, whatever `line` holds: names come from the wire.
fn written(priority: Priority, line: &str, plain: bool) -> String {
    let prefix = if plain { "" } else { priority.prefix() };
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let line: String = line.chars().map(clean).collect();
    format!("{prefix}sockhound: {line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_goes_before_lines_for_journald_only() {
        assert_eq!(written(Priority::Warning, "a", false), "<4>sockhound: a\n");
        assert_eq!(written(Priority::Info, "a", true), "sockhound: a\n");
    }

    #[test]
    fn names_from_the_wire_stay_on_their_line() {
        let line = written(Priority::Info, "a\n<0>b\u{1b}[31m", false);
        assert_eq!(line, "<6>sockhound: a <0>b [31m\n");
    }

    #[test]
    fn a_full_journal_never_waits() {
        let (lines, _kept) = sync_channel(1);
        let journal = Journal {
            lines,
            lost: Counter::default(),
        };
        (0..5).for_each(|_| journal.say(Priority::Info, "x"));
        assert_eq!(journal.lost.total(), 4);
        journal.flush(Duration::from_secs(9));
    }
}
