//! The few colours there are. They are always written; what is no terminal has them stripped on the way out.

use std::fmt;

use anstyle::{AnsiColor, Style};

use crate::summary::Severity;

/// Section titles.
pub const TITLE: Style = Style::new().bold();
/// What matters in a line.
pub const STRONG: Style = Style::new().bold();
/// What is only to be found when looked for.
pub const FAINT: Style = Style::new().dimmed();
/// Harm.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Cost.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Advice.
pub const ADVICE: Style = AnsiColor::Cyan.on_default();
/// Nothing special.
pub const PLAIN: Style = Style::new();

/// The colour of a severity.
pub const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => BAD,
        Severity::Warning => WARN,
        Severity::Info => ADVICE,
    }
}

/// `text` in `style`.
pub fn paint(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
