//! The panels: which there are, in which order, what each wants and how it is drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::view::View;
use super::{findings, hoarded, pools, services, statements};

/// A part of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    Findings,
    Services,
    Pools,
    Hoarded,
    Statements,
}

impl Panel {
    /// From top to bottom.
    pub const ALL: [Self; 5] = [
        Self::Findings,
        Self::Services,
        Self::Pools,
        Self::Hoarded,
        Self::Statements,
    ];

    /// The one below, the first below the last.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The one above.
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// What its lines can be sorted by; the first is how they come.
    pub const fn sorts(self) -> &'static [&'static str] {
        match self {
            Self::Findings => &["severity"],
            Self::Services => services::SORTS,
            Self::Pools => pools::SORTS,
            Self::Hoarded => hoarded::SORTS,
            Self::Statements => statements::SORTS,
        }
    }

    /// How many rows it takes to show all, its title among them; 0 where it has nothing.
    pub fn rows(self, view: &View, columns: u16) -> usize {
        match self {
            Self::Findings => findings::rows(view),
            Self::Services => services::grid(view).rows(),
            Self::Pools => pools::grid(view).rows(),
            Self::Hoarded => hoarded::grid(view).rows(),
            Self::Statements => statements::grid(view, columns).rows(),
        }
    }

    pub fn draw(self, view: &View, area: Rect, buffer: &mut Buffer) {
        match self {
            Self::Findings => findings::draw(view, area, buffer),
            Self::Services => services::grid(view).draw(view, self, area, buffer),
            Self::Pools => pools::grid(view).draw(view, self, area, buffer),
            Self::Hoarded => hoarded::grid(view).draw(view, self, area, buffer),
            Self::Statements => statements::grid(view, area.width).draw(view, self, area, buffer),
        }
    }
}
