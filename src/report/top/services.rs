//! Each database server in a line.

use super::grid::{Column, Grid};
use super::rates::written;
use super::style::{BAD, PLAIN, WARN, if_any};
use super::view::View;
use crate::report::units::{Figure, figure, thousands};
use crate::summary::Service;

pub const SORTS: &[&str] = &["requests", "latency", "connections", "errors"];

pub fn grid(view: &View) -> Grid {
    let mut grid = Grid {
        title: "SERVICES",
        columns: vec![
            Column::new("open", 6, 0),
            Column::new("use", 5, 0),
            Column::new("hoarded", 7, 0),
            Column::new("waiting", 7, 3),
            Column::new("errors", 6, 1),
            Column::new("req/s", 7, 0),
            Column::new("p50", 7, 0),
            Column::new("p99", 7, 0),
            Column::new("max", 7, 2),
        ],
        lines: Vec::new(),
    };
    for service in sorted(view) {
        add(service, view, &mut grid);
    }
    grid
}

fn sorted(view: &View) -> Vec<&Service> {
    let mut services: Vec<&Service> = view.summary.services.iter().collect();
    let key: fn(&Service) -> f64 = match view.sort_of(super::panel::Panel::Services) {
        "latency" => |it| it.latency.figures.map_or(0.0, |figures| figures.p50_seconds),
        "connections" => |it| it.connections.open as f64,
        "errors" => |it| it.exchanges.errors as f64,
        _ => return services,
    };
    services.sort_by(|one, other| key(other).total_cmp(&key(one)));
    services
}

fn add(service: &Service, view: &View, grid: &mut Grid) {
    let of = &service.connections;
    let errors = service.exchanges.errors;
    let name = format!("{} {}", service.server, service.system);
    grid.add(
        view,
        &name,
        PLAIN,
        [
            (thousands(of.open), PLAIN),
            (thousands(of.in_use), PLAIN),
            (thousands(of.hoarded), if_any(of.hoarded, WARN)),
            (thousands(service.in_flight.count), PLAIN),
            (thousands(errors), if_any(errors, BAD)),
            (written(view.rates.of(service.server)), PLAIN),
            (figure(&service.latency, Figure::P50), PLAIN),
            (figure(&service.latency, Figure::P99), PLAIN),
            (figure(&service.latency, Figure::Max), PLAIN),
        ],
    );
}
