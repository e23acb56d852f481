//! `sockhound demo`: the whole story on this machine, with no database and no configuration.
//!
//! A shop asks a database over loopback, first with a pool that needlessly keeps connections alive, then without; both are
//! watched as any host would be. Where raw sockets are not allowed, a recording of the same story is read.

mod client;
mod database;
mod scene;
mod shop;

use std::io::{self, Write};
use std::path::Path;

use super::args::{DemoArguments, TextOrJson};
use super::exit::{Exit, Failure};
use super::output;
use crate::report::{comparison, json, text};
use crate::summary::Summary;
use crate::summary::compare::compare;
use scene::Scene;

/// The setting before the fix, and after: how many connections the shop's pool opens.
const BEFORE: usize = 240;
const AFTER: usize = 7;

/// Plays both scenes and shows what sockhound says of them.
pub fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    let say = |line: &str| drop(writeln!(anstream::stderr(), "{line}"));
    let live = !arguments.recorded && scene::is_permitted();
    if !live {
        say(&not_live(arguments.recorded));
    }
    let scene = |connections, recording| Scene {
        connections,
        recording,
        live,
    };
    say(&format!(
        "Before: a shop whose pool keeps {BEFORE} connections alive."
    ));
    let before = scene(BEFORE, scene::BEFORE).play(arguments.record.as_deref())?;
    say(&format!("The fix, one setting: the pool keeps {AFTER}. After:"));
    let after = scene(AFTER, scene::AFTER).play(arguments.record.as_deref())?;
    output::write(None, |out| tell(&before, &after, arguments, out))
}

fn not_live(asked: bool) -> String {
    if asked {
        return "A recording of the demo is read, as asked.".to_owned();
    }
    let program = std::env::current_exe().unwrap_or_else(|_| Path::new("sockhound").into());
    let program = program.display();
    format!(
        "Raw sockets are not allowed here, so a recording of the demo is read.\n\
         To watch it live: run as root, or once: sudo setcap cap_net_raw+ep {program}"
    )
}

fn tell(before: &Summary, after: &Summary, arguments: &DemoArguments, out: &mut dyn Write) -> io::Result<()> {
    let found = compare(before, after).map_err(io::Error::other)?;
    let reader = output::reader(None);
    match TextOrJson::or_default(arguments.format, false) {
        TextOrJson::Json if reader.person => json::pretty(&found, out),
        TextOrJson::Json => json::line(&found, out),
        TextOrJson::Text => {
            writeln!(out, "\n===== BEFORE =====\n")?;
            text::draw(&shortened(before), reader.columns, out)?;
            writeln!(
                out,
                "\n===== AFTER: the pool keeps {AFTER} connections instead of {BEFORE} =====\n"
            )?;
            text::draw(after, reader.columns, out)?;
            writeln!(out, "\n===== WHAT THE FIX CHANGED =====\n")?;
            comparison::draw(&found, reader.columns, out)?;
            writeln!(out, "\nOn a real host: sudo sockhound capture -d 60s")
        }
    }
}

/// The longest idle sockets stand for the others.
fn shortened(summary: &Summary) -> Summary {
    let mut short = summary.clone();
    short.hoarded.truncate(10);
    short.connections = None;
    short
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::message(Exit::Failed, format_args!("demo: {error}"))
}
