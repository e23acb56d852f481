//! One capture file, of whichever format.

use std::io;

use super::buffer::Buffer;
use super::error::Problem;
use super::ledger::{FileId, Ledger};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::capture::Frame;
use crate::clock::Timestamp;
use crate::packet::LinkType;

/// No record is longer than this, whatever it says: frames end at 64 KiB, with offload at 512 KiB.
pub(super) const MAX_RECORD: u32 = 16 << 20;

/// Reads one file's records in their order.
pub(super) struct Reader {
    file: FileId,
    buffer: Buffer,
    format: Format,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Where a frame is in its reader's buffer, and what its record said of it. Counts until the reader's next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub time: Timestamp,
    pub start: usize,
    pub length: u32,
    pub wire_length: u32,
    pub link: LinkType,
    pub interface: u16,
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file ends after a record.
    End,
    /// The file ends within one.
    Cut,
    /// What is here is no record.
    Corrupt(&'static str),
    /// The system can't read on.
    Unreadable(io::Error),
}

impl Reader {
    /// Recognises the format; an error is why there is none. No record is read yet.
    pub(super) fn open(mut buffer: Buffer, file: FileId, ledger: &mut Ledger) -> Result<Self, NotOpened> {
        let filled = buffer.fill(super::pcap::HEADER)?;
        let start = *buffer.ready().first_chunk().ok_or(match buffer.ready() {
            [] => NotOpened::Empty,
            _ => NotOpened::Unknown(buffer.ready().to_vec()),
        })?;
        let format = if Pcapng::recognises(start) {
            Format::Pcapng(Pcapng::new(file))
        } else if !Pcap::recognises(start) {
            return Err(NotOpened::Unknown(buffer.ready().to_vec()));
        } else {
            let header = buffer
                .ready()
                .first_chunk()
                .filter(|_| filled)
                .ok_or(NotOpened::NoHeader)?;
            let pcap = Pcap::open(header, file, ledger).ok_or(NotOpened::NoHeader)?;
            buffer.take(super::pcap::HEADER);
            Format::Pcap(pcap)
        };
        Ok(Self { file, buffer, format })
    }

    /// The next frame, where that is simply there, without taking it.
    #[inline]
    pub(super) fn at_hand(&self) -> Option<Head> {
        match &self.format {
            Format::Pcap(pcap) => pcap.at_hand(&self.buffer),
            Format::Pcapng(_) => None,
        }
    }

    /// Takes the frame [`at_hand`](Reader::at_hand).
    #[inline]
    pub(super) fn take(&mut self, head: Head) {
        self.buffer.take_up_to(head.start + head.length as usize);
    }

    /// The next frame; `None` where there is none, the reason for which is in the ledger.
    pub(super) fn next(&mut self, ledger: &mut Ledger) -> Option<Head> {
        let next = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.buffer, ledger),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.buffer, ledger),
        };
        match next {
            Ok(head) => Some(head),
            Err(stop) => {
                self.note(stop, ledger);
                None
            }
        }
    }

    /// The frame at `head`, which must be this reader's latest.
    #[inline]
    pub(super) fn frame<'a>(&'a self, head: Head, interfaces: &'a [String]) -> Frame<'a> {
        Frame {
            bytes: self.buffer.taken(head.start..head.start + head.length as usize),
            wire_length: head.wire_length,
            time: head.time,
            link: head.link,
            interface: head.interface,
            interfaces,
        }
    }

    pub(super) fn file(&self) -> FileId {
        self.file
    }

    #[cold]
    fn note(&self, stop: Stop, ledger: &mut Ledger) {
        let offset = self.buffer.offset();
        let problem = match stop {
            Stop::End => return,
            Stop::Cut => Problem::Cut { offset },
            Stop::Corrupt(what) => Problem::Corrupt { offset, what },
            Stop::Unreadable(error) => unreadable(&error, offset),
        };
        ledger.problem(self.file, problem);
    }
}

/// A compressed file's end or damage is the capture's.
fn unreadable(error: &io::Error, offset: u64) -> Problem {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Problem::Cut { offset },
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Problem::Corrupt {
            offset,
            what: "the compressed data does not decompress",
        },
        _ => Problem::Unreadable {
            offset,
            reason: error.to_string(),
        },
    }
}

/// Why a file has no reader.
#[derive(Debug)]
pub(super) enum NotOpened {
    Empty,
    NoHeader,
    /// The file begins with these bytes.
    Unknown(Vec<u8>),
    Unreadable(io::Error),
}

impl From<io::Error> for NotOpened {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::NoHeader,
            _ => Self::Unreadable(error),
        }
    }
}

impl Stop {
    /// Fills the buffer with `wanted` bytes, or says why not.
    #[cold]
    pub(super) fn unless_filled(buffer: &mut Buffer, wanted: usize) -> Result<(), Self> {
        match buffer.fill(wanted) {
            Ok(true) => Ok(()),
            Ok(false) if buffer.ready().is_empty() => Err(Self::End),
            Ok(false) => Err(Self::Cut),
            Err(error) => Err(Self::Unreadable(error)),
        }
    }
}

/// A file's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// A link type that is read here, or the counter of one that is not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    Known(LinkType),
    Unknown(usize),
}

impl Link {
    pub(super) fn known(self) -> Option<LinkType> {
        match self {
            Self::Known(link) => Some(link),
            Self::Unknown(_) => None,
        }
    }

    pub(super) fn new(number: u32, file: FileId, ledger: &mut Ledger) -> Self {
        LinkType::from_number(number)
            .map_or_else(|| Self::Unknown(ledger.unknown_link(file, number)), Self::Known)
    }
}
