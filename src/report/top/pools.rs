//! Each pool in a line: what it has open, what it uses, what it needs.

use std::cmp::Reverse;

use super::grid::{Column, Grid};
use super::panel::Panel;
use super::style::{GOOD, PLAIN, WARN, if_any};
use super::view::View;
use crate::report::text::names;
use crate::report::units::{Figure, figure, thousands};
use crate::summary::Pool;

pub const SORTS: &[&str] = &["surplus", "open", "in use", "requests"];

pub fn grid(view: &View) -> Grid {
    let mut grid = Grid {
        title: "POOLS",
        columns: vec![
            Column::new("open", 6, 0),
            Column::new("use", 5, 0),
            Column::new("idle", 6, 0),
            Column::new("peak", 5, 2),
            Column::new("needed", 6, 0),
            Column::new("hoarded", 7, 0),
            Column::new("n", 7, 3),
            Column::new("p50", 7, 1),
            Column::new("p99", 7, 0),
        ],
        lines: Vec::new(),
    };
    for pool in sorted(view) {
        add(pool, view, &mut grid);
    }
    grid
}

fn sorted(view: &View) -> Vec<&Pool> {
    let mut pools: Vec<&Pool> = view.summary.pools.iter().collect();
    let key: fn(&Pool) -> u64 = match view.sort_of(Panel::Pools) {
        "open" => |it| it.connections.open,
        "in use" => |it| it.connections.in_use,
        "requests" => |it| it.latency.count,
        _ => return pools,
    };
    pools.sort_by_key(|it| Reverse(key(it)));
    pools
}

fn add(pool: &Pool, view: &View, grid: &mut Grid) {
    let of = &pool.connections;
    let needed = of.needed.map_or_else(|| "?".to_owned(), thousands);
    grid.add(
        view,
        &names::pool(pool),
        PLAIN,
        [
            (thousands(of.open), PLAIN),
            (thousands(of.in_use), PLAIN),
            (thousands(of.idle + of.idle_in_transaction), PLAIN),
            (thousands(of.peak_in_use), PLAIN),
            (needed, GOOD),
            (thousands(of.hoarded), if_any(of.hoarded, WARN)),
            (thousands(pool.latency.count), PLAIN),
            (figure(&pool.latency, Figure::P50), PLAIN),
            (figure(&pool.latency, Figure::P99), PLAIN),
        ],
    );
}
