//! What is wrong: a line each among the other panels, the whole of it alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::line;
use super::panel::Panel;
use super::style::{ADVICE, CHOSEN, GOOD, PLAIN, TITLE, severity};
use super::view::View;
use crate::report::units::duration;
use crate::report::wrap::{cut, lines, plain};
use crate::summary::Finding;

/// Rows it takes to show a line of each, the title among them.
pub fn rows(view: &View) -> usize {
    shown(view).count().max(1) + 1
}

pub fn draw(view: &View, area: Rect, buffer: &mut Buffer) {
    let chosen = view.chosen == Panel::Findings;
    let title = format!("WHAT IS WRONG {}", shown(view).count());
    line(
        buffer,
        area,
        0,
        &Line::styled(title, if chosen { CHOSEN } else { TITLE }),
    );
    let written = written(view, usize::from(area.width));
    let below = usize::from(area.height.saturating_sub(1));
    let skipped = view
        .scroll_of(Panel::Findings)
        .min(written.len().saturating_sub(below));
    for (row, told) in written.iter().skip(skipped).take(below).enumerate() {
        line(buffer, area, row as u16 + 1, told);
    }
}

fn shown(view: &View) -> impl Iterator<Item = &Finding> {
    let findings = view.summary.findings.iter();
    findings.filter(|it| view.lets_through(&it.title) || view.lets_through(&it.detail))
}

fn written(view: &View, columns: usize) -> Vec<Line<'static>> {
    let told: Vec<Line<'static>> = if view.alone {
        shown(view).flat_map(|it| whole(it, columns)).collect()
    } else {
        shown(view).map(|it| in_a_line(it, columns)).collect()
    };
    if !told.is_empty() {
        return told;
    }
    vec![Line::styled(nothing(view), GOOD)]
}

fn nothing(view: &View) -> String {
    let seconds = duration(view.summary.seconds);
    match (&view.summary.services[..], view.filter.is_empty()) {
        (_, false) => "  Nothing that the filter lets through.".to_owned(),
        ([], true) => format!("  No database traffic seen in {seconds}."),
        _ => format!("  Nothing that sockhound knows of, in the {seconds} watched."),
    }
}

fn in_a_line(finding: &Finding, columns: usize) -> Line<'static> {
    let label = format!("  {:<9}", finding.severity.name().to_uppercase());
    let title = cut(&plain(&finding.title), columns.saturating_sub(label.len())).into_owned();
    Line::from(vec![
        Span::styled(label, severity(finding.severity)),
        Span::styled(title, PLAIN),
    ])
}

fn whole(finding: &Finding, columns: usize) -> Vec<Line<'static>> {
    let indent = |text: String| format!("    {text}");
    let room = columns.saturating_sub(5).max(10);
    let mut told = vec![in_a_line(finding, columns)];
    let detail = lines(&format!("{} [{}]", finding.detail, plain(&finding.code)), room);
    told.extend(detail.into_iter().map(|it| Line::raw(indent(it))));
    let advice = lines(&finding.advice, room);
    told.extend(advice.into_iter().map(|it| Line::styled(indent(it), ADVICE)));
    told.push(Line::raw(""));
    told
}
