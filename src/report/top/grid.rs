//! A panel of lines with a name each, and numbers at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::line;
use super::panel::Panel;
use super::style::{CHOSEN, FAINT, PLAIN, TITLE};
use super::view::View;
use crate::report::wrap::{cut, plain, width};

/// The name keeps at least so many columns; numbers go first.
const LEAST_NAME: usize = 24;

/// A column of numbers.
pub struct Column {
    pub name: &'static str,
    pub width: usize,
    /// Which goes first where there is little room; 0 never does.
    pub dispensable: u8,
}

/// A cell in its style.
pub type Cell = (String, Style);

/// Lines with their columns.
pub struct Grid {
    pub title: &'static str,
    pub columns: Vec<Column>,
    pub lines: Vec<(Cell, Vec<Cell>)>,
}

impl Column {
    pub const fn new(name: &'static str, width: usize, dispensable: u8) -> Self {
        Self {
            name,
            width,
            dispensable,
        }
    }
}

impl Grid {
    /// Adds a line where the view's filter lets it through.
    pub fn add(&mut self, view: &View, name: &str, style: Style, cells: impl Into<Vec<Cell>>) {
        let name = plain(name).into_owned();
        let cells = cells.into();
        if view.lets_through(&name) || cells.iter().any(|(text, _)| view.filters_for(text)) {
            self.lines.push(((name, style), cells));
        }
    }

    /// Rows it takes to show all, the title among them.
    pub fn rows(&self) -> usize {
        match self.lines.len() {
            0 => 0,
            lines => lines + 1,
        }
    }

    pub fn draw(&self, view: &View, panel: Panel, area: Rect, buffer: &mut Buffer) {
        let shown = self.shown(usize::from(area.width));
        let room: usize = usize::from(area.width) - self.taken(&shown);
        line(buffer, area, 0, &self.title(view, panel, &shown, room));
        let below = usize::from(area.height.saturating_sub(1));
        let skipped = view.scroll_of(panel).min(self.lines.len().saturating_sub(below));
        let lines = self.lines.iter().skip(skipped).take(below);
        for (row, ((name, style), cells)) in lines.enumerate() {
            let mut spans = vec![Span::styled(padded(name, room), *style)];
            for &index in &shown {
                let (text, style) = cells
                    .get(index)
                    .map_or(("", PLAIN), |(text, style)| (text, *style));
                spans.push(Span::styled(self.right(index, text), style));
            }
            line(buffer, area, row as u16 + 1, &Line::from(spans));
        }
    }

    fn title(&self, view: &View, panel: Panel, shown: &[usize], room: usize) -> Line<'static> {
        let sort = view.sort_of(panel);
        let name = format!("{} {}", self.title, self.lines.len());
        let aside = format!(" by {sort}");
        let style = if view.chosen == panel { CHOSEN } else { TITLE };
        let left = room.saturating_sub(width(&name));
        let mut spans = vec![
            Span::styled(name, style),
            Span::styled(padded(&aside, left), FAINT),
        ];
        let columns = shown.iter().filter_map(|&index| {
            let column = self.columns.get(index)?;
            Some(Span::styled(self.right(index, column.name), FAINT))
        });
        spans.extend(columns);
        Line::from(spans)
    }

    /// The columns that there is room for.
    fn shown(&self, room: usize) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        while self.taken(&shown) + LEAST_NAME > room {
            let rank = |index: &usize| self.columns.get(*index).map_or(0, |it| it.dispensable);
            let Some(first) = shown.iter().copied().max_by_key(rank).filter(|it| rank(it) > 0) else {
                break;
            };
            shown.retain(|&index| index != first);
        }
        while self.taken(&shown) > room {
            shown.pop();
        }
        shown
    }

    fn taken(&self, shown: &[usize]) -> usize {
        let columns = shown.iter().filter_map(|&index| self.columns.get(index));
        columns.map(|column| column.width + 1).sum()
    }

    /// `text` at the right end of its column.
    fn right(&self, index: usize, text: &str) -> String {
        let room = self.columns.get(index).map_or(0, |column| column.width);
        let text = cut(text, room);
        format!("{}{text}", " ".repeat(room + 1 - width(&text).min(room)))
    }
}

/// `text` in exactly so many columns.
fn padded(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(&text))))
}
