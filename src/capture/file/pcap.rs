//! The pcap format (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-07.html>): a header, then records of a header and a frame.

use super::buffer::Buffer;
use super::ledger::{FileId, Ledger};
use super::reader::{Head, Link, MAX_RECORD, Order, Stop};
use crate::clock::Timestamp;
use crate::packet::LinkType;

/// A file's header.
pub(super) const HEADER: usize = 24;

/// A pcap file after its header.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in one of what the records count besides seconds.
    unit: i64,
    lengths: Lengths,
    /// Of the records' headers: 16, or 24 with what a patched libpcap of 1999 added.
    header: usize,
    link: Link,
    interface: u16,
    /// The link type, where records are as most are: little-endian, with lengths in order and headers of 16 bytes.
    plain: Option<LinkType>,
}

/// How a record says how much was kept and how much was on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    /// Kept, wire.
    InOrder,
    /// Wire, kept: before version 2.3, and on DEC OSF/1 (version 543.0).
    Swapped,
    /// Version 2.3 was written in both orders; less was kept than was on the wire.
    SmallerFirst,
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const PATCHED: u32 = 0xa1b2_cd34;
const PATCHED_HEADER: usize = 24;

impl Pcap {
    /// Whether a file that begins so is one of these.
    pub(super) fn recognises(start: [u8; 4]) -> bool {
        Self::magic(start).is_some()
    }

    fn magic(start: [u8; 4]) -> Option<(Order, u32)> {
        [Order::Little, Order::Big]
            .map(|order| (order, order.u32(start)))
            .into_iter()
            .find(|(_, magic)| matches!(*magic, MICROSECONDS | NANOSECONDS | PATCHED))
    }

    /// Reads a file's header; `None` where it is not one.
    pub(super) fn open(header: &[u8; HEADER], file: FileId, ledger: &mut Ledger) -> Option<Self> {
        let word = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
        let (order, magic) = Self::magic(word(0))?;
        let (major, minor) = (
            order.u16([header[4], header[5]]),
            order.u16([header[6], header[7]]),
        );
        // The upper six bits tell of frame check sequences, which follow the IP packet and are ignored.
        let link = order.u32(word(20)) & 0x03ff_ffff;
        let lengths = Lengths::of(major, minor);
        let link = Link::new(link, file, ledger);
        let is_plain = order == Order::Little && magic != PATCHED && lengths == Lengths::InOrder;
        Some(Self {
            plain: link.known().filter(|_| is_plain),
            order,
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            lengths,
            header: if magic == PATCHED { PATCHED_HEADER } else { 16 },
            link,
            interface: ledger.interface(file, None)?,
        })
    }

    /// The next record, not taken yet, where all of it was read and it is as most are. Else [`Pcap::next`] takes it.
    #[inline]
    pub(super) fn at_hand(&self, buffer: &Buffer) -> Option<Head> {
        let link = self.plain?;
        let (start, ready) = buffer.here()?;
        let (header, rest) = ready.split_first_chunk::<16>()?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let length = word(8);
        if length as usize > rest.len() || length > MAX_RECORD {
            return None;
        }
        Some(Head {
            time: self.time(word(0), word(4)),
            start: start + header.len(),
            length,
            wire_length: word(12),
            link,
            interface: self.interface,
        })
    }

    /// The next record.
    pub(super) fn next(&mut self, buffer: &mut Buffer, ledger: &mut Ledger) -> Result<Head, Stop> {
        loop {
            let record = self.record(buffer)?;
            let frame = buffer.take(self.header + record.kept as usize);
            match self.link {
                Link::Known(link) => {
                    return Ok(Head {
                        time: record.time,
                        start: frame.start + self.header,
                        length: record.kept,
                        wire_length: record.wire,
                        link,
                        interface: self.interface,
                    });
                }
                Link::Unknown(counter) => ledger.leave_out(counter),
            }
        }
    }

    /// Both are 32 bits wide: nothing overflows.
    #[inline]
    fn time(&self, seconds: u32, fraction: u32) -> Timestamp {
        Timestamp::from_nanos(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit)
    }

    /// The record at the front of the buffer, when all of it is there.
    fn record(&self, buffer: &mut Buffer) -> Result<Record, Stop> {
        loop {
            let ready = buffer.ready();
            let wanted = match ready.first_chunk::<16>() {
                Some(header) => {
                    let record = self.parse(header);
                    if record.kept > MAX_RECORD {
                        return Err(Stop::Corrupt("a packet longer than 16 MiB"));
                    }
                    let wanted = self.header + record.kept as usize;
                    if ready.len() >= wanted {
                        return Ok(record);
                    }
                    wanted
                }
                None => self.header,
            };
            Stop::unless_filled(buffer, wanted)?;
        }
    }

    fn parse(&self, header: &[u8; 16]) -> Record {
        let word = |at: usize| {
            self.order
                .u32([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let (kept, wire) = self.lengths.sort(word(8), word(12));
        Record {
            time: self.time(word(0), word(4)),
            kept,
            wire,
        }
    }
}

/// A record's header.
struct Record {
    time: Timestamp,
    kept: u32,
    wire: u32,
}

impl Lengths {
    fn of(major: u16, minor: u16) -> Self {
        match (major, minor) {
            (543, 0) | (2, 0..3) => Self::Swapped,
            (2, 3) => Self::SmallerFirst,
            _ => Self::InOrder,
        }
    }

    #[inline]
    fn sort(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::InOrder => (first, second),
            Self::Swapped => (second, first),
            Self::SmallerFirst => (first.min(second), first.max(second)),
        }
    }
}
