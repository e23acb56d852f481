//! The few colours of the live view, the same as the text report's.

use ratatui::style::{Color, Modifier, Style};

use crate::summary::Severity;

pub const PLAIN: Style = Style::new();
pub const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
/// The title of the panel that keys act on.
pub const CHOSEN: Style = TITLE.add_modifier(Modifier::REVERSED);
pub const FAINT: Style = Style::new().add_modifier(Modifier::DIM);
pub const BAD: Style = TITLE.fg(Color::Red);
pub const WARN: Style = TITLE.fg(Color::Yellow);
pub const GOOD: Style = Style::new().fg(Color::Green);
pub const ADVICE: Style = Style::new().fg(Color::Cyan);

pub const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => BAD,
        Severity::Warning => WARN,
        Severity::Info => ADVICE,
    }
}

/// `bad` where there is any.
pub const fn if_any(count: u64, bad: Style) -> Style {
    if count > 0 { bad } else { PLAIN }
}
