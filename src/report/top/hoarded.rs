//! Each hoarded socket in a line: whose it is, and why it is here.

use super::grid::{Column, Grid};
use super::panel::Panel;
use super::style::{BAD, PLAIN};
use super::view::View;
use crate::report::text::{hoarded, names};
use crate::report::units::thousands;
use crate::summary::{Connection, ConnectionState};

pub const SORTS: &[&str] = &["idle", "age", "requests"];

pub fn grid(view: &View) -> Grid {
    let mut grid = Grid {
        title: "HOARDED SOCKETS",
        columns: vec![
            Column::new("idle", 7, 0),
            Column::new("age", 8, 1),
            Column::new("requests", 8, 2),
            Column::new("why", 19, 0),
        ],
        lines: Vec::new(),
    };
    for connection in sorted(view) {
        add(connection, view, &mut grid);
    }
    grid
}

fn sorted(view: &View) -> Vec<&Connection> {
    let mut hoarded: Vec<&Connection> = view.summary.hoarded.iter().collect();
    let key: fn(&Connection) -> f64 = match view.sort_of(Panel::Hoarded) {
        "age" => |it| it.age_seconds.unwrap_or(0.0),
        "requests" => |it| it.exchanges as f64,
        _ => return hoarded,
    };
    hoarded.sort_by(|one, other| key(other).total_cmp(&key(one)));
    hoarded
}

fn add(connection: &Connection, view: &View, grid: &mut Grid) {
    let older = if connection.opened.is_none() { ">" } else { "" };
    let bad = connection.state == ConnectionState::IdleInTransaction;
    let style = if bad { BAD } else { PLAIN };
    let owner = names::owner(connection);
    let name = format!("{} to {} {owner}", connection.client, connection.server);
    grid.add(
        view,
        name.trim_end(),
        PLAIN,
        [
            (hoarded::known(connection.idle_seconds), style),
            (
                format!("{older}{}", hoarded::known(connection.age_seconds)),
                PLAIN,
            ),
            (thousands(connection.exchanges), PLAIN),
            (hoarded::why(&connection.reasons), style),
        ],
    );
}
