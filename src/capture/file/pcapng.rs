//! The pcapng format (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>): sections of blocks.

use super::buffer::Buffer;
use super::interface::{self, Interface, TOO_MANY_INTERFACES, TOO_SHORT};
use super::ledger::{FileId, Ledger, MAX_INTERFACES};
use super::reader::{Head, Link, MAX_RECORD, Order, Stop};
use crate::clock::Timestamp;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

const NO_INTERFACE: Stop = Stop::Corrupt("an interface that is not described");

/// Type, two times the length.
const FRAMING: usize = 12;

/// A pcapng file, in one of its sections.
pub(super) struct Pcapng {
    file: FileId,
    order: Order,
    /// Of the section; blocks name them by index.
    interfaces: Vec<Interface>,
}

/// A block that holds a packet.
struct Record {
    time: Timestamp,
    /// Where the frame is in its block.
    start: usize,
    kept: u32,
    wire: u32,
    link: Link,
    interface: u16,
}

impl Pcapng {
    /// Whether a file that begins so is one of these.
    pub(super) fn recognises(start: [u8; 4]) -> bool {
        u32::from_be_bytes(start) == SECTION
    }

    pub(super) fn new(file: FileId) -> Self {
        Self {
            file,
            order: Order::Little,
            interfaces: Vec::new(),
        }
    }

    /// The next packet.
    #[inline]
    pub(super) fn next(&mut self, buffer: &mut Buffer, ledger: &mut Ledger) -> Result<Head, Stop> {
        loop {
            let (kind, length) = self.framing(buffer)?;
            let record = match kind {
                ENHANCED_PACKET => self.enhanced(self.whole(buffer, length)?)?,
                OBSOLETE_PACKET => self.obsolete(self.whole(buffer, length)?)?,
                _ => {
                    self.other(kind, length, buffer, ledger)?;
                    continue;
                }
            };
            let block = buffer.take(length as usize);
            match record.link {
                Link::Known(link) => {
                    return Ok(Head {
                        time: record.time,
                        start: block.start + record.start,
                        length: record.kept,
                        wire_length: record.wire,
                        link,
                        interface: record.interface,
                    });
                }
                Link::Unknown(counter) => ledger.leave_out(counter),
            }
        }
    }

    /// Type and length of the block at the front of the buffer. A section's tells the byte order, its own length's included.
    #[inline]
    fn framing(&mut self, buffer: &mut Buffer) -> Result<(u32, u32), Stop> {
        loop {
            if let Some(start) = buffer.ready().first_chunk::<FRAMING>() {
                let [k0, k1, k2, k3, l0, l1, l2, l3, m0, m1, m2, m3] = *start;
                let kind = self.order.u32([k0, k1, k2, k3]);
                if kind == SECTION {
                    self.order = byte_order([m0, m1, m2, m3])?;
                }
                let length = self.order.u32([l0, l1, l2, l3]);
                if !length.is_multiple_of(4) || (length as usize) < FRAMING {
                    return Err(Stop::Corrupt("a block length that can't be"));
                }
                return Ok((kind, length));
            }
            Stop::unless_filled(buffer, FRAMING)?;
        }
    }

    /// The block of `length` at the front of the buffer, all of it.
    #[inline]
    fn whole<'a>(&self, buffer: &'a mut Buffer, length: u32) -> Result<&'a [u8], Stop> {
        if buffer.ready().len() < length as usize {
            if length > MAX_RECORD {
                return Err(Stop::Corrupt("a block longer than 16 MiB"));
            }
            Stop::unless_filled(buffer, length as usize)?;
        }
        let block = buffer.ready().get(..length as usize).unwrap_or_default();
        match block.last_chunk() {
            Some(trailer) if self.order.u32(*trailer) == length => Ok(block),
            _ => Err(Stop::Corrupt("a block whose two lengths differ")),
        }
    }

    /// Interface, time (two halves), kept, wire, frame, options.
    #[inline]
    fn enhanced(&self, block: &[u8]) -> Result<Record, Stop> {
        let fixed = block.first_chunk::<28>().ok_or(TOO_SHORT)?;
        let id = self.word(fixed, 8);
        self.packet(id as usize, fixed, block.len())
    }

    /// The same with two bytes of interface and two of drops.
    fn obsolete(&self, block: &[u8]) -> Result<Record, Stop> {
        let fixed = block.first_chunk::<28>().ok_or(TOO_SHORT)?;
        let id = self.order.u16([fixed[8], fixed[9]]);
        self.packet(usize::from(id), fixed, block.len())
    }

    #[inline]
    fn packet(&self, id: usize, fixed: &[u8; 28], length: usize) -> Result<Record, Stop> {
        let interface = self.interfaces.get(id).ok_or(NO_INTERFACE)?;
        let ticks = u64::from(self.word(fixed, 12)) << 32 | u64::from(self.word(fixed, 16));
        let kept = self.word(fixed, 20);
        if kept as usize > length.saturating_sub(32) {
            return Err(Stop::Corrupt("a packet longer than its block"));
        }
        Ok(Record {
            time: interface.clock.time(ticks),
            start: 28,
            kept,
            wire: self.word(fixed, 24),
            link: interface.link,
            interface: interface.name,
        })
    }

    #[inline]
    fn word(&self, fixed: &[u8; 28], at: usize) -> u32 {
        self.order
            .u32([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
    }

    /// Reads or passes over a block without a packet that can be lent.
    #[cold]
    fn other(
        &mut self,
        kind: u32,
        length: u32,
        buffer: &mut Buffer,
        ledger: &mut Ledger,
    ) -> Result<(), Stop> {
        match kind {
            SECTION => self.section(buffer, length)?,
            INTERFACE => self.interface(buffer, length, ledger)?,
            STATISTICS => self.statistics(buffer, length, ledger)?,
            SIMPLE_PACKET => ledger.leave_out_untimed(self.file),
            _ => {}
        }
        match buffer.skip(u64::from(length)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Cut),
            Err(error) => Err(Stop::Unreadable(error)),
        }
    }

    /// A new section begins: nothing of the one before counts in it.
    fn section(&mut self, buffer: &mut Buffer, length: u32) -> Result<(), Stop> {
        let block = self.whole(buffer, length)?;
        let [.., v0, v1] = *block.first_chunk::<14>().ok_or(TOO_SHORT)?;
        if self.order.u16([v0, v1]) != 1 {
            return Err(Stop::Corrupt("a major version other than 1"));
        }
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&mut self, buffer: &mut Buffer, length: u32, ledger: &mut Ledger) -> Result<(), Stop> {
        let body = body(self.whole(buffer, length)?);
        let interface = Interface::read(body, self.order, self.file, ledger)?;
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(TOO_MANY_INTERFACES);
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn statistics(&mut self, buffer: &mut Buffer, length: u32, ledger: &mut Ledger) -> Result<(), Stop> {
        let body = body(self.whole(buffer, length)?);
        let (id, dropped) = interface::dropped(body, self.order)?;
        let interface = self.interfaces.get_mut(id as usize).ok_or(NO_INTERFACE)?;
        ledger.add_dropped(dropped.saturating_sub(interface.dropped));
        interface.dropped = interface.dropped.max(dropped);
        Ok(())
    }
}

/// A block without its framing.
fn body(block: &[u8]) -> &[u8] {
    block.get(8..block.len().saturating_sub(4)).unwrap_or_default()
}

fn byte_order(magic: [u8; 4]) -> Result<Order, Stop> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
        .ok_or(Stop::Corrupt("a section without a byte order"))
}
