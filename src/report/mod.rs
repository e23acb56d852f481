//! A [`Summary`] drawn for people and programs. Nothing here judges what is wrong: that is `findings`' part.

pub mod comparison;
pub mod doctor;
#[cfg(test)]
mod golden;
pub mod html;
pub mod sockets;
mod spark;
mod style;
mod table;
pub mod text;
pub mod top;
mod units;
mod wrap;

use std::io::{self, Write};

use clap::ValueEnum;

pub use crate::summary::json;

use crate::summary::Summary;

/// How a summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// For programs: the contract.
    Json,
    /// One page that stands alone.
    Html,
}

/// What the reader's side is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Columns of the terminal.
    pub columns: usize,
    /// Whether it is a person: JSON is indented.
    pub person: bool,
}

/// Draws `summary`. Colours are always written: `out` strips them where they are not wanted.
pub fn draw(summary: &Summary, format: Format, reader: Reader, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::draw(summary, reader.columns, out),
        Format::Json if reader.person => json::pretty(summary, out),
        Format::Json => json::line(summary, out),
        Format::Html => html::draw(summary, out),
    }
}
