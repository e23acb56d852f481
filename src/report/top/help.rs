//! Which keys there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::line;
use super::style::{CHOSEN, FAINT, TITLE};
use super::view::View;

const KEYS: [(&str, &str); 10] = [
    ("q, Esc, Ctrl-C", "end"),
    ("Tab, Shift-Tab", "choose a panel"),
    ("Enter", "the chosen panel alone, or all"),
    (
        "1 to 5",
        "findings, services, pools, hoarded sockets, statements alone",
    ),
    ("s", "sort the chosen panel otherwise"),
    ("/", "show only lines with a word; Esc takes it back"),
    ("Arrows, PgUp, PgDn, j, k", "scroll the chosen panel"),
    ("Space, p", "stand still, or go on; the watch goes on"),
    ("r", "count anew; connections and demand carry over"),
    ("?, h", "this help"),
];

/// All keys.
pub fn draw(area: Rect, buffer: &mut Buffer) {
    for (row, (key, what)) in KEYS.iter().enumerate() {
        let spans = [Span::styled(format!("  {key:<26}"), TITLE), Span::raw(*what)];
        line(buffer, area, row as u16 + 1, &Line::from(spans.to_vec()));
    }
    let words = [
        "needed    the peak use that was seen, plus headroom",
        "hoarded   idle for long and not needed, or a transaction left open",
        "p50, p99  last byte of a request to first byte of its reply, since counts began",
    ];
    for (row, words) in words.iter().enumerate() {
        let row = (KEYS.len() + row) as u16 + 2;
        line(buffer, area, row, &Line::styled(format!("  {words}"), FAINT));
    }
}

/// The last line: what is typed, or the keys in short.
pub fn keys(view: &View, columns: u16) -> Line<'static> {
    if view.typing {
        return Line::from(vec![
            Span::styled("filter: ", TITLE),
            Span::raw(format!("{}_", view.filter)),
            Span::styled("   Enter keeps it, Esc takes it back", FAINT),
        ]);
    }
    let filter = if view.filter.is_empty() {
        "/ filter".to_owned()
    } else {
        format!("/ filter: {}", view.filter)
    };
    let keys = format!(
        " q end  Tab panel  Enter alone  s sort  {filter}  Space {}  r anew  ? help",
        if view.paused { "go on" } else { "pause" }
    );
    let columns = usize::from(columns);
    Line::styled(
        format!("{keys:<columns$}"),
        if view.alone { CHOSEN } else { FAINT },
    )
}
