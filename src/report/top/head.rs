//! The first lines: what is watched, how busy it is, what is lost, and the state of the whole.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::line;
use super::rates::written;
use super::style::{BAD, FAINT, GOOD, TITLE, WARN};
use super::view::View;
use crate::report::text::losses;
use crate::report::units::{counted, duration, thousands};
use crate::report::wrap::{cut, lines};
use crate::summary::{Service, Summary};

/// Draws it at the top of `area`; returns how many rows it took.
pub fn draw(view: &View, area: Rect, buffer: &mut Buffer) -> u16 {
    let columns = usize::from(area.width);
    line(buffer, area, 0, &title(view, columns));
    line(buffer, area, 1, &connections(&view.summary));
    match loss(view) {
        Some(loss) => {
            let loss = Span::styled(cut(&loss, columns).into_owned(), WARN);
            line(buffer, area, 2, &Line::from(loss));
            3
        }
        None => 2,
    }
}

fn title(view: &View, columns: usize) -> Line<'static> {
    let Summary { source, seconds, .. } = &view.summary;
    let watched = match source.interfaces.as_slice() {
        [] => "every interface".to_owned(),
        names => names.join(" "),
    };
    let name = "sockhound top";
    let state = if view.paused { "  PAUSED" } else { "" };
    let busy = format!(
        "  {} packets/s  {} requests/s  for {}",
        written(view.rates.packets),
        written(view.rates.requests),
        duration(*seconds)
    );
    let room = columns.saturating_sub(name.len() + state.len() + busy.chars().count() + 1);
    Line::from(vec![
        Span::styled(name, TITLE),
        Span::raw(format!(" {}", cut(&watched, room))),
        Span::styled(busy, FAINT),
        Span::styled(state, WARN),
    ])
}

fn connections(summary: &Summary) -> Line<'static> {
    let sum = |of: fn(&Service) -> u64| thousands(summary.services.iter().map(of).sum());
    let open = counted(
        summary.services.iter().map(|it| it.connections.open).sum(),
        "connection open",
        "connections open",
    );
    let states = format!(
        "{open}: {} in use, {} idle, {} idle in transaction",
        sum(|it| it.connections.in_use),
        sum(|it| it.connections.idle),
        sum(|it| it.connections.idle_in_transaction),
    );
    let hoarded = summary.hoarded.len() as u64;
    Line::from(vec![
        Span::raw(states),
        Span::raw(", "),
        Span::styled(
            format!("{} hoarded", thousands(hoarded)),
            if hoarded > 0 { BAD } else { GOOD },
        ),
    ])
}

/// What makes the numbers less than whole.
fn loss(view: &View) -> Option<String> {
    let mut said = losses(&view.summary);
    if view.rates.dropped > 0 {
        said.insert(0, format!("{} dropped just now", thousands(view.rates.dropped)));
    }
    said.extend(view.summary.source.notes.iter().cloned());
    // Shown on one line; how long it is does not matter.
    let said: Vec<String> = said.iter().flat_map(|it| lines(it, usize::MAX / 2)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}
