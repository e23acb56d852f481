//! Each statement in a line, the most time first.

use super::grid::{Column, Grid};
use super::panel::Panel;
use super::style::{BAD, FAINT, PLAIN, if_any};
use super::view::View;
use crate::report::units::{Figure, duration, figure, thousands};
use crate::summary::StatementRow;

pub const SORTS: &[&str] = &["total time", "count", "p99", "errors"];

/// From this width on the text is shown rather than its summary.
const ROOM_FOR_TEXT: u16 = 110;

pub fn grid(view: &View, columns: u16) -> Grid {
    let mut grid = Grid {
        title: "STATEMENTS",
        columns: vec![
            Column::new("total", 7, 0),
            Column::new("n", 7, 0),
            Column::new("errors", 6, 2),
            Column::new("p50", 7, 1),
            Column::new("p99", 7, 0),
            Column::new("max", 7, 3),
        ],
        lines: Vec::new(),
    };
    for statement in sorted(view) {
        add(statement, columns, view, &mut grid);
    }
    grid
}

fn sorted(view: &View) -> Vec<&StatementRow> {
    let mut statements: Vec<&StatementRow> = view.summary.statements.iter().collect();
    let key: fn(&StatementRow) -> f64 = match view.sort_of(Panel::Statements) {
        "count" => |it| it.count as f64,
        "p99" => |it| it.latency.figures.map_or(0.0, |figures| figures.p99_seconds),
        "errors" => |it| it.errors as f64,
        _ => return statements,
    };
    statements.sort_by(|one, other| key(other).total_cmp(&key(one)));
    statements
}

fn add(statement: &StatementRow, columns: u16, view: &View, grid: &mut Grid) {
    let (summary, text) = (statement.summary.as_deref(), statement.text.as_deref());
    let text = if columns < ROOM_FOR_TEXT {
        summary.or(text)
    } else {
        text.or(summary)
    };
    let unknown = || format!("({}, prepared before the watch)", statement.verb);
    let name = text.map_or_else(unknown, str::to_owned);
    grid.add(
        view,
        &name,
        if text.is_some() { PLAIN } else { FAINT },
        [
            (duration(statement.duration.total_seconds()), PLAIN),
            (thousands(statement.count), PLAIN),
            (thousands(statement.errors), if_any(statement.errors, BAD)),
            (figure(&statement.latency, Figure::P50), PLAIN),
            (figure(&statement.latency, Figure::P99), PLAIN),
            (figure(&statement.latency, Figure::Max), PLAIN),
        ],
    );
}
