//! The connections of the segments seen lately, by their ends as a segment names them: most segments are of one of these.

use std::net::IpAddr;

use super::Side;
use crate::packet::{Endpoint, Plain, Segment};

/// One direction of so many connections is remembered; 16 KiB.
const ENTRIES: usize = 1024;

/// Remembers the latest directions, one in each place. Of IPv4 only: IPv6 hosts have to be numbered first.
#[derive(Debug)]
pub(super) struct Directions {
    entries: Box<[Entry; ENTRIES]>,
}

/// The sender first, then the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    hosts: u64,
    ports: u32,
}

/// The slot of a connection and, in the lowest bit, whether the server is the sender.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hosts: u64,
    ports: u32,
    place: u32,
}

/// No connection has this slot.
const NONE: Entry = Entry {
    hosts: 0,
    ports: 0,
    place: u32::MAX,
};

impl Directions {
    pub(super) fn new() -> Self {
        Self {
            entries: Box::new([NONE; ENTRIES]),
        }
    }

    /// The slot of a segment's connection, and the side that sent it.
    #[inline]
    pub(super) fn find(&self, segment: &Segment<'_>) -> Option<(u32, Side)> {
        Ends::of(segment.source, segment.destination).and_then(|ends| self.find_ends(ends))
    }

    /// The same of a plain segment.
    #[inline]
    pub(super) fn find_plain(&self, segment: Plain<'_>) -> Option<(u32, Side)> {
        self.find_ends(Ends {
            hosts: segment.hosts(),
            ports: segment.ports(),
        })
    }

    #[inline]
    fn find_ends(&self, ends: Ends) -> Option<(u32, Side)> {
        let entry = &self.entries[ends.place()];
        let side = if entry.place & 1 == 0 {
            Side::Client
        } else {
            Side::Server
        };
        (entry.is_of(ends) && entry.place != NONE.place).then_some((entry.place >> 1, side))
    }

    /// A segment of `side` was of the connection in this slot.
    pub(super) fn remember(&mut self, segment: &Segment<'_>, slot: u32, side: Side) {
        if let Some(ends) = Ends::of(segment.source, segment.destination)
            && slot < u32::MAX >> 1
        {
            let Ends { hosts, ports } = ends;
            let place = slot << 1 | u32::from(side == Side::Server);
            self.entries[ends.place()] = Entry { hosts, ports, place };
        }
    }

    /// The connection between two ends is gone.
    pub(super) fn forget(&mut self, one: Endpoint, other: Endpoint) {
        for (source, destination) in [(one, other), (other, one)] {
            if let Some(ends) = Ends::of(source, destination)
                && let entry = &mut self.entries[ends.place()]
                && entry.is_of(ends)
            {
                *entry = NONE;
            }
        }
    }
}

impl Entry {
    #[inline]
    fn is_of(&self, ends: Ends) -> bool {
        (self.hosts, self.ports) == (ends.hosts, ends.ports)
    }
}

impl Ends {
    #[inline]
    fn of(source: Endpoint, destination: Endpoint) -> Option<Self> {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (source.address, destination.address) else {
            return None;
        };
        Some(Self {
            hosts: u64::from(from.to_bits()) << 32 | u64::from(to.to_bits()),
            ports: u32::from(source.port) << 16 | u32::from(destination.port),
        })
    }

    /// Where it is remembered: the upper bits of a product, on which all of the lower ones have a say.
    #[inline]
    const fn place(self) -> usize {
        let mixed = (self.hosts ^ (self.ports as u64).rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 54) as usize % ENTRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Flags;

    fn segment(source: &str, destination: &str) -> Segment<'static> {
        let end = |text: &str| text.parse::<std::net::SocketAddr>().unwrap().into();
        Segment {
            source: end(source),
            destination: end(destination),
            sequence: 0,
            acknowledgment: 0,
            flags: Flags(0),
            window: 0,
            timestamp_value: 0,
            identification: 0,
            payload: &[],
            payload_length: 0,
        }
    }

    #[test]
    fn each_direction_is_found_until_its_connection_is_forgotten() {
        let mut directions = Directions::new();
        let there = segment("10.0.0.9:41234", "10.0.0.5:5432");
        let back = segment("10.0.0.5:5432", "10.0.0.9:41234");
        assert_eq!(directions.find(&there), None);
        directions.remember(&there, 3, Side::Client);
        assert_eq!(
            (directions.find(&there), directions.find(&back)),
            (Some((3, Side::Client)), None)
        );
        directions.remember(&back, 3, Side::Server);
        assert_eq!(directions.find(&back), Some((3, Side::Server)));
        directions.forget(there.destination, there.source);
        assert_eq!((directions.find(&there), directions.find(&back)), (None, None));
    }

    #[test]
    fn what_was_never_remembered_is_not_found() {
        let mut directions = Directions::new();
        assert_eq!(directions.find(&segment("0.0.0.0:0", "0.0.0.0:0")), None);
        let six = segment("[fd00::9]:41234", "[fd00::5]:5432");
        directions.remember(&six, 1, Side::Client);
        assert_eq!(directions.find(&six), None);
        for port in 1..u16::MAX {
            directions.remember(
                &segment(&format!("10.0.0.9:{port}"), "10.0.0.5:5432"),
                u32::from(port),
                Side::Client,
            );
        }
        for port in 1..u16::MAX {
            let found = directions.find(&segment(&format!("10.0.0.9:{port}"), "10.0.0.5:5432"));
            assert!(found.is_none_or(|(slot, _)| slot == u32::from(port)));
        }
    }
}
