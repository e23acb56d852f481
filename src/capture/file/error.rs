//! What can be wrong with capture files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file can't be opened, or its first bytes can't be read.
    #[error("{}: {source}", Shown(.file))]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds nothing.
    #[error("{}: the file is empty, not even a capture's header is there; was the capture stopped before it wrote?", Shown(.file))]
    Empty {
        /// Which file.
        file: PathBuf,
    },
    /// The file ends within its first header.
    #[error("{}: the file ends within the capture's header, no packet is in it", Shown(.file))]
    NoHeader {
        /// Which file.
        file: PathBuf,
    },
    /// The file is something else.
    #[error("{}: not a pcap or pcapng capture, but {found}", Shown(.file))]
    NotACapture {
        /// Which file.
        file: PathBuf,
        /// What it looks like, and what can be done.
        found: String,
    },
}

/// Something about a file that a reader of the result should know; what could be read was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which file.
    pub file: PathBuf,
    /// What about it.
    pub problem: Problem,
}

/// What a [`Note`] says. Offsets are in the decompressed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file ends in the middle of a record that begins at this offset.
    Cut {
        /// In bytes from the start.
        offset: u64,
    },
    /// What is at this offset can't be a record of a capture; nothing after it was read.
    Corrupt {
        /// In bytes from the start.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Reading failed at this offset.
    Unreadable {
        /// In bytes from the start.
        offset: u64,
        /// What the system said.
        reason: String,
    },
    /// Frames of a link type that is not read here were left out.
    UnknownLink {
        /// The number in the registry of link types.
        number: u32,
        /// How many frames.
        frames: u64,
    },
    /// Frames without a time stamp (simple packet blocks) were left out: no latency can be drawn from them.
    NoTime {
        /// How many frames.
        frames: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Shown(&self.file), self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { offset } => write!(
                f,
                "ends in the middle of a packet at byte {offset}; read up to there"
            ),
            Self::Corrupt { offset, what } => {
                write!(f, "damaged at byte {offset} ({what}); read up to there")
            }
            Self::Unreadable { offset, reason } => {
                write!(f, "reading failed at byte {offset}: {reason}; read up to there")
            }
            Self::UnknownLink { number, frames } => write!(
                f,
                "{frames} frames of link type {number}{} left out: only Ethernet, Linux cooked, raw IP and loopback are read",
                name(*number)
            ),
            Self::NoTime { frames } => write!(f, "{frames} frames without a time stamp left out"),
        }
    }
}

/// The names of the link types that are met most and not read here.
fn name(number: u32) -> &'static str {
    match number {
        6 => " (Token Ring)",
        9 => " (PPP)",
        50 => " (PPP, serial)",
        51 => " (PPP over Ethernet)",
        104 => " (Cisco HDLC)",
        105 => " (802.11)",
        107 => " (Frame Relay)",
        117 => " (pflog)",
        119 => " (802.11, Prism)",
        122 => " (IP over Fibre Channel)",
        127 => " (802.11, radiotap)",
        147..=162 => " (private use)",
        187 | 201 => " (Bluetooth)",
        189 | 220 => " (USB)",
        192 => " (per-packet information)",
        195 => " (802.15.4)",
        227 => " (CAN)",
        239 => " (netfilter log)",
        247 => " (InfiniBand)",
        253 => " (netlink)",
        _ => "",
    }
}

/// A file's name as people call it.
pub(super) struct Shown<'a>(pub(super) &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Path::new("-") {
            f.write_str("standard input")
        } else {
            self.0.display().fmt(f)
        }
    }
}
