//! The summary for a person at a terminal: what is wrong first, then services, pools, hoarded sockets, statements.

mod findings;
mod head;
pub(super) mod hoarded;
pub(super) mod names;
pub(super) mod nothing;
pub(super) mod pools;
pub(super) mod services;
mod statements;
pub(super) mod time;

use std::io::{self, Write};

pub(super) use head::{losses, watched};

use super::style::{TITLE, paint};
use crate::summary::Summary;

/// The narrowest terminal that is drawn for; narrower ones wrap.
const LEAST_COLUMNS: usize = 80;
/// The widest: longer lines are hard to follow.
const MOST_COLUMNS: usize = 180;

/// Draws `summary` for a terminal of this many columns.
pub fn draw(summary: &Summary, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns.clamp(LEAST_COLUMNS, MOST_COLUMNS);
    head::draw(summary, columns, out)?;
    if summary.services.is_empty() {
        nothing::draw(summary, columns, out)?;
    }
    time::draw(summary, columns, out)?;
    findings::draw(summary, columns, out)?;
    services::draw(summary, columns, out)?;
    pools::draw(summary, columns, out)?;
    hoarded::draw(summary, columns, out)?;
    statements::draw(summary, columns, out)
}

pub(super) fn section(title: &str, aside: &str, out: &mut dyn Write) -> io::Result<()> {
    let aside = if aside.is_empty() {
        String::new()
    } else {
        format!("  {aside}")
    };
    writeln!(
        out,
        "\n{}{}",
        paint(TITLE, title),
        paint(super::style::FAINT, aside)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::golden;
    use crate::report::wrap::width;
    use crate::summary::sample;

    fn drawn(summary: &Summary, columns: usize) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        draw(summary, columns, &mut out).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn looks_as_it_did() {
        golden::check("summary.80.txt", &drawn(&sample::morning(), 80));
        golden::check("summary.140.txt", &drawn(&sample::morning(), 140));
        golden::check("nothing.80.txt", &drawn(&sample::nothing(), 80));
    }

    #[test]
    fn fits_the_terminal() {
        for columns in [80, 100, 140, 180] {
            for summary in [sample::morning(), sample::nothing()] {
                for line in drawn(&summary, columns).lines() {
                    assert!(width(line) <= columns, "{columns}: {line}");
                }
            }
        }
    }

    #[test]
    fn nothing_on_the_wire_steers_the_terminal() {
        let mut summary = sample::morning();
        let nasty = "x\u{1b}[2J\u{1b}]0;owned\u{7}\ny".to_owned();
        summary.statements[0].text = Some(nasty.clone());
        summary.pools[0].user = Some(nasty.clone());
        summary.pools[0].client.application = Some(nasty.clone());
        summary.pools[1].client.application = Some(nasty.clone());
        summary.findings[0].title.clone_from(&nasty);
        summary.findings[0].detail.clone_from(&nasty);
        summary.hoarded[0].owner = None;
        summary.hoarded[0].application = Some(nasty.clone());
        summary.host = Some(nasty);
        let mut out = Vec::new();
        draw(&summary, 80, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("[2J") || !text.contains("\u{1b}[2J"));
        assert!(!text.contains('\u{7}') && !text.contains("\u{1b}]0"));
    }
}
