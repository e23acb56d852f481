//! The live view: a [`View`] is given summaries and keys, and draws the latest on as much terminal as there is.

mod findings;
mod grid;
mod head;
mod help;
mod hoarded;
mod panel;
mod pools;
mod rates;
mod services;
mod statements;
mod style;
mod view;

pub use view::{Key, View, Wish};

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use self::panel::Panel;

/// Less than this can't be drawn on.
const LEAST_COLUMNS: u16 = 20;
const LEAST_ROWS: u16 = 6;

/// Draws `view` on all of `frame`.
pub fn draw(view: &View, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < LEAST_COLUMNS || area.height < LEAST_ROWS {
        line(buffer, area, 0, &Line::raw("too small"));
        return;
    }
    let head = head::draw(view, area, buffer);
    let body = Rect {
        y: area.y + head,
        height: area.height - head - 1,
        ..area
    };
    if view.help {
        help::draw(body, buffer);
    } else {
        panels(view, body, buffer);
    }
    line(buffer, area, area.height - 1, &help::keys(view, area.width));
}

/// The panel looked at alone, or all that hold something, each with its share of the rows.
fn panels(view: &View, body: Rect, buffer: &mut Buffer) {
    if view.alone {
        return view.chosen.draw(view, body, buffer);
    }
    let wanted = Panel::ALL.map(|panel| panel.rows(view, body.width));
    let mut y = body.y;
    for (panel, height) in Panel::ALL.into_iter().zip(shares(wanted, body.height)) {
        if height > 0 {
            panel.draw(view, Rect { y, height, ..body }, buffer);
        }
        y += height;
    }
}

/// How many of `rows` each panel gets: all it wants where that fits, else row by row in turn.
fn shares<const N: usize>(wanted: [usize; N], rows: u16) -> [u16; N] {
    let mut given = [0; N];
    let mut left = rows;
    while left > 0 {
        let before = left;
        for (given, wanted) in given.iter_mut().zip(wanted) {
            if left > 0 && usize::from(*given) < wanted {
                *given += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    given
}

fn line(buffer: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

#[cfg(test)]
mod tests;
