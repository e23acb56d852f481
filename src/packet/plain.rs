//! The headers of most frames, read in their place: everything is where it always is, so that a few fixed bytes tell it.

use std::net::{IpAddr, Ipv4Addr};

use super::{Endpoint, Flags, LinkType, Segment};

/// Ethernet, IPv4 and TCP, with time stamps as the one option, laid out as by RFC 7323 appendix A.
const HEADERS: usize = 14 + IP_AND_TCP;
const IP_AND_TCP: usize = 20 + 32;

/// A TCP segment with a payload, whole, in an untagged Ethernet frame, an IPv4 packet without options, and with time stamps.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    headers: &'a [u8; HEADERS],
    payload: &'a [u8],
}

impl<'a> Plain<'a> {
    /// The segment in a frame; `None` where it is not such a one.
    #[inline]
    #[must_use]
    pub fn read(link: LinkType, frame: &'a [u8]) -> Option<Self> {
        let (headers, rest) = frame.split_first_chunk()?;
        let it = Self {
            headers,
            payload: &[],
        };
        if link != LinkType::Ethernet || !it.is_plain() {
            return None;
        }
        let length = usize::from(it.half(16)).checked_sub(IP_AND_TCP)?;
        let payload = rest.get(..length).filter(|payload| !payload.is_empty())?;
        Some(Self { headers, payload })
    }

    #[inline]
    fn is_plain(self) -> bool {
        const ETHERTYPE_AND_VERSION: u32 = 0x0800_4500;
        const TCP: u32 = 6;
        const DATA_OFFSET: u8 = 8 << 4;
        const TIMESTAMPS: u32 = 0x0101_080a;
        self.word(12) & 0xffff_ff00 == ETHERTYPE_AND_VERSION
            // Neither a fragment nor another protocol, whatever the time to live.
            && self.word(20) & 0x3fff_00ff == TCP
            && self.headers[46] & 0xf0 == DATA_OFFSET
            && self.word(54) == TIMESTAMPS
    }

    /// The same as [`parse`](super::parse) makes of its frame.
    #[expect(
        clippy::inline_always,
        reason = "in its place only what is looked at of a segment is read, and nothing of it is written"
    )]
    #[inline(always)]
    #[must_use]
    pub fn segment(self) -> Segment<'a> {
        Segment {
            source: self.end(26, 34),
            destination: self.end(30, 36),
            sequence: self.word(38),
            acknowledgment: self.word(42),
            flags: Flags(self.headers[47]),
            window: self.half(48),
            timestamp_value: self.word(58),
            identification: self.half(18),
            payload: self.payload,
            payload_length: self.payload.len() as u32,
        }
    }

    /// The sender's address before the receiver's.
    #[inline]
    #[must_use]
    pub fn hosts(self) -> u64 {
        u64::from(self.word(26)) << 32 | u64::from(self.word(30))
    }

    /// The sender's port before the receiver's.
    #[inline]
    #[must_use]
    pub fn ports(self) -> u32 {
        self.word(34)
    }

    #[inline]
    fn half(self, at: usize) -> u16 {
        u16::from_be_bytes([self.headers[at], self.headers[at + 1]])
    }

    #[inline]
    fn word(self, at: usize) -> u32 {
        let bytes = self.headers;
        u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    }

    #[inline]
    fn end(self, address: usize, port: usize) -> Endpoint {
        Endpoint {
            address: IpAddr::V4(Ipv4Addr::from_bits(self.word(address))),
            port: self.half(port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::build::{Tcp, header};
    use crate::packet::parse;

    /// Whether a frame is plain; where it is, the segment is what is read of any frame.
    fn is_plain(frame: &[u8]) -> bool {
        let Some(plain) = Plain::read(LinkType::Ethernet, frame) else {
            return false;
        };
        let any = parse(LinkType::Ethernet, frame, frame.len() as u32).unwrap();
        assert_eq!(format!("{:?}", plain.segment()), format!("{any:?}"));
        true
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        let packet = Tcp::new("10.0.0.9:41234", "10.0.0.5:5432", payload).packet();
        [header(LinkType::Ethernet, 0x0800), packet].concat()
    }

    #[test]
    fn most_frames_are_plain() {
        assert!(is_plain(&frame(b"hello")));
        let padded = [&frame(b"hello")[..], &[0; 9]].concat();
        assert!(is_plain(&padded));
        assert!(Plain::read(LinkType::RawIp, &frame(b"hello")).is_none());
        let long = frame(&vec![7; 65535 - IP_AND_TCP]);
        assert!(is_plain(&long));
    }

    #[test]
    fn what_is_cut_or_brings_nothing_is_not() {
        let whole = frame(b"hello");
        for length in 0..whole.len() {
            assert!(!is_plain(&whole[..length]), "{length}");
        }
        assert!(!is_plain(&frame(b"")));
        let padded = [&frame(b"")[..], &[0; 9]].concat();
        assert!(!is_plain(&padded));
    }

    #[test]
    fn a_length_that_offload_left_out_is_not() {
        let mut long = frame(&vec![7; 70_000]);
        for length in 0..52_u16 {
            long[16..18].copy_from_slice(&length.to_be_bytes());
            assert!(!is_plain(&long), "{length}");
        }
    }

    #[test]
    fn whatever_is_changed_it_is_read_as_any_frame() {
        let whole = frame(b"hello");
        let mut plain = 0;
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = value;
                plain += u32::from(is_plain(&changed));
            }
        }
        // All values of what is not looked at, some of what is.
        assert!(plain > 256 * 30 && plain < 256 * 60, "{plain}");
    }
}
