//! Columns that line up, and that give way where the terminal is narrow.

use std::io::{self, Write};

use anstyle::Style;

use super::style::{FAINT, PLAIN, paint};
use super::wrap::{cut, width};

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Where its cells stand.
    pub align: Align,
    /// Columns of the highest number go first, all together, where there is no room; those of 0 stay.
    pub dispensable: u8,
}

/// Where cells stand in their column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
    /// Text that takes what room is left, and is cut there; the last column only.
    Rest,
}

impl Column {
    /// A column of numbers that stays.
    pub const fn right(name: &'static str) -> Self {
        Self {
            name,
            align: Align::Right,
            dispensable: 0,
        }
    }

    /// A column of text that stays.
    pub const fn left(name: &'static str) -> Self {
        Self {
            name,
            align: Align::Left,
            dispensable: 0,
        }
    }

    /// The last column, which takes the room left.
    pub const fn rest(name: &'static str) -> Self {
        Self {
            name,
            align: Align::Rest,
            dispensable: 0,
        }
    }

    /// The same column, dropped where there is no room.
    pub const fn dispensable(mut self, rank: u8) -> Self {
        self.dispensable = rank;
        self
    }
}

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// `text` in `style`.
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, PLAIN)
    }
}

/// One row, or a line between rows.
#[derive(Debug)]
enum Row {
    Cells(Vec<Cell>),
    Line(String),
}

impl Row {
    fn cell(&self, index: usize) -> Option<&Cell> {
        match self {
            Self::Cells(cells) => cells.get(index),
            Self::Line(_) => None,
        }
    }
}

/// Rows under columns.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
    indent: usize,
}

const GAP: usize = 2;
/// The least that the rest of a line is good for.
const LEAST_REST: usize = 24;

impl Table {
    /// An empty table, `indent` columns in.
    pub fn new(columns: impl Into<Vec<Column>>, indent: usize) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
            indent,
        }
    }

    /// Adds a row with a cell for each column.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(Row::Cells(cells.into()));
    }

    /// Adds a line of its own, as it is.
    pub fn line(&mut self, line: impl Into<String>) {
        self.rows.push(Row::Line(line.into()));
    }

    /// Draws it into at most `room` columns. Columns with nothing but empty cells and `-` are left out.
    pub fn draw(&self, room: usize, out: &mut dyn Write) -> io::Result<()> {
        let shown = self.shown(room);
        let headings: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell::new(column.name, FAINT))
            .collect();
        self.cells(&headings, &shown, room, out)?;
        self.rows.iter().try_for_each(|row| match row {
            Row::Cells(cells) => self.cells(cells, &shown, room, out),
            Row::Line(line) => writeln!(out, "{line}"),
        })
    }

    /// The columns that fit: their indices and widths.
    fn shown(&self, room: usize) -> Vec<(usize, usize)> {
        let mut shown: Vec<(usize, usize)> = (0..self.columns.len())
            .filter(|&index| {
                self.rows.iter().any(|row| {
                    row.cell(index)
                        .is_some_and(|cell| !matches!(cell.text.as_str(), "" | "-"))
                })
            })
            .map(|index| (index, self.wanted(index)))
            .collect();
        let rank = |index: usize| self.columns.get(index).map_or(0, |column| column.dispensable);
        while self.total(&shown) > room {
            match shown.iter().map(|&(index, _)| rank(index)).max() {
                Some(highest @ 1..) => shown.retain(|&(index, _)| rank(index) != highest),
                _ => break,
            }
        }
        shown
    }

    fn wanted(&self, index: usize) -> usize {
        let name = self.columns.get(index).map_or(0, |column| width(column.name));
        let cells = self
            .rows
            .iter()
            .filter_map(|row| row.cell(index))
            .map(|cell| width(&cell.text));
        let widest = cells.max().unwrap_or(0).max(name);
        match self.columns.get(index).map(|column| column.align) {
            Some(Align::Rest) => widest.min(LEAST_REST),
            _ => widest,
        }
    }

    fn total(&self, shown: &[(usize, usize)]) -> usize {
        let widths: usize = shown.iter().map(|(_, width)| width + GAP).sum();
        (self.indent + widths).saturating_sub(GAP)
    }

    fn cells(
        &self,
        row: &[Cell],
        shown: &[(usize, usize)],
        room: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut line = " ".repeat(self.indent);
        let mut taken = self.indent;
        for &(index, wanted) in shown {
            let (Some(column), Some(cell)) = (self.columns.get(index), row.get(index)) else {
                continue;
            };
            let last = shown.last().is_some_and(|&(last, _)| last == index);
            let space = if column.align == Align::Rest {
                room.saturating_sub(taken)
            } else {
                wanted
            };
            line.push_str(&placed(cell, column.align, space, last));
            taken += space + GAP;
            if !last {
                line.push_str(&" ".repeat(GAP));
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

fn placed(cell: &Cell, align: Align, space: usize, last: bool) -> String {
    let text = cut(&cell.text, space);
    let padding = " ".repeat(space.saturating_sub(width(&text)));
    let painted = if cell.style == PLAIN || text.is_empty() {
        text.into_owned()
    } else {
        paint(cell.style, text)
    };
    match align {
        Align::Right => padding + &painted,
        Align::Left | Align::Rest if last => painted,
        Align::Left | Align::Rest => painted + &padding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(table: &Table, room: usize) -> Vec<String> {
        let mut out = anstream::StripStream::new(Vec::new());
        table.draw(room, &mut out).unwrap();
        String::from_utf8(out.into_inner())
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn table() -> Table {
        let mut table = Table::new(
            [
                Column::left("name"),
                Column::right("count"),
                Column::right("spare").dispensable(1),
                Column::right("empty"),
                Column::rest("text"),
            ],
            2,
        );
        let row = |cells: [&str; 5]| cells.map(Cell::from);
        table.row(row(["a", "1", "9", "", "SELECT something long that will be cut"]));
        table.row(row(["bcdef", "1,000", "8", "", "x"]));
        table
    }

    #[test]
    fn lines_up() {
        assert_eq!(
            drawn(&table(), 48),
            [
                "  name   count  spare  text",
                "  a          1      9  SELECT something long th…",
                "  bcdef  1,000      8  x",
            ]
        );
    }

    #[test]
    fn gives_way_where_it_is_narrow() {
        let lines = drawn(&table(), 44);
        assert_eq!(lines[0], "  name   count  text");
        assert!(lines.iter().all(|line| width(line) <= 44), "{lines:?}");
    }

    #[test]
    fn colours_do_not_count() {
        let mut table = Table::new([Column::right("n"), Column::left("m")], 0);
        table.row([Cell::new("12", super::super::style::BAD), Cell::from("x")]);
        assert_eq!(drawn(&table, 80), [" n  m", "12  x"]);
    }
}
