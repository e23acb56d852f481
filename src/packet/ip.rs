//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers: from an IP packet to the TCP segment in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Discard;

/// A TCP segment with the addresses it travels between, in their [canonical](IpAddr::to_canonical) form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub identification: u16,
    /// The segment as captured, without link padding.
    pub segment: &'a [u8],
    /// The segment's length on the wire.
    pub length: u32,
}

const TCP: u8 = 6;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const JUMBO_OPTION: u8 = 0xc2;

/// The fixed part of an IPv4 header.
#[derive(Clone, Copy)]
struct Ipv4<'a>(&'a [u8; 20]);

impl Ipv4<'_> {
    fn version(self) -> u8 {
        self.0[0] >> 4
    }

    fn header_length(self) -> u32 {
        u32::from(self.0[0] & 0x0f) * 4
    }

    /// In bytes, header included; 0 where segmentation offload left a length that 16 bits can't hold.
    fn total_length(self) -> u32 {
        u32::from(u16::from_be_bytes([self.0[2], self.0[3]]))
    }

    fn identification(self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// More fragments follow, or some went before.
    fn is_fragment(self) -> bool {
        u16::from_be_bytes([self.0[6], self.0[7]]) & 0x3fff != 0
    }

    fn protocol(self) -> u8 {
        self.0[9]
    }

    fn source(self) -> Ipv4Addr {
        Ipv4Addr::new(self.0[12], self.0[13], self.0[14], self.0[15])
    }

    fn destination(self) -> Ipv4Addr {
        Ipv4Addr::new(self.0[16], self.0[17], self.0[18], self.0[19])
    }
}

/// Reads `bytes`, an IPv4 packet and whatever follows it in a frame of which it and that take up `wire` bytes.
#[expect(clippy::inline_always, reason = "as `packet::parse`, of which it is a part")]
#[inline(always)]
pub(super) fn ipv4(bytes: &[u8], wire: u32) -> Result<Packet<'_>, Discard> {
    let header = Ipv4(bytes.first_chunk().ok_or(Discard::Malformed)?);
    let header_length = header.header_length();
    if header.version() != 4 || header_length < 20 {
        return Err(Discard::Malformed);
    }
    let total = match header.total_length() {
        0 => wire,
        length => length,
    };
    let rest = Rest {
        bytes: bytes.get(header_length as usize..).ok_or(Discard::Malformed)?,
        length: total.checked_sub(header_length).ok_or(Discard::Malformed)?,
    };
    let rest = match header.protocol() {
        TCP if !header.is_fragment() => rest,
        TCP => return Err(Discard::Fragment),
        AUTHENTICATION => skip_extensions(AUTHENTICATION, rest, false)?,
        _ => return Err(Discard::NotTcp),
    };
    Ok(Packet {
        source: IpAddr::V4(header.source()),
        destination: IpAddr::V4(header.destination()),
        identification: header.identification(),
        segment: rest.captured(),
        length: rest.length,
    })
}

/// An IPv6 header.
#[derive(Clone, Copy)]
struct Ipv6<'a>(&'a [u8; 40]);

impl Ipv6<'_> {
    fn version(self) -> u8 {
        self.0[0] >> 4
    }

    /// In bytes, extension headers included; 0 in a jumbogram (RFC 2675) and after segmentation offload.
    fn payload_length(self) -> u32 {
        u32::from(u16::from_be_bytes([self.0[4], self.0[5]]))
    }

    fn next_header(self) -> u8 {
        self.0[6]
    }

    fn source(self) -> Ipv6Addr {
        self.address(8)
    }

    fn destination(self) -> Ipv6Addr {
        self.address(24)
    }

    #[inline]
    fn address(self, at: usize) -> Ipv6Addr {
        Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|i| self.0[at + i]))
    }
}

/// The same for an IPv6 packet.
pub(super) fn ipv6(bytes: &[u8], wire: u32) -> Result<Packet<'_>, Discard> {
    let (header, bytes) = bytes.split_first_chunk().ok_or(Discard::Malformed)?;
    let header = Ipv6(header);
    if header.version() != 6 {
        return Err(Discard::Malformed);
    }
    let jumbo = header.payload_length() == 0;
    let length = if jumbo {
        wire.saturating_sub(40)
    } else {
        header.payload_length()
    };
    let rest = match header.next_header() {
        TCP => Rest { bytes, length },
        extension => skip_extensions(extension, Rest { bytes, length }, jumbo)?,
    };
    Ok(Packet {
        source: IpAddr::V6(header.source()).to_canonical(),
        destination: IpAddr::V6(header.destination()).to_canonical(),
        identification: 0,
        segment: rest.captured(),
        length: rest.length,
    })
}

/// What is left of a packet: the bytes captured, and how many the packet still has on the wire.
#[derive(Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    length: u32,
}

impl<'a> Rest<'a> {
    fn skip(self, size: usize) -> Result<Self, Discard> {
        Ok(Self {
            bytes: self.bytes.get(size..).ok_or(Discard::Malformed)?,
            length: self.length.checked_sub(size as u32).ok_or(Discard::Malformed)?,
        })
    }

    /// The bytes without what follows the packet in its frame.
    #[inline]
    fn captured(self) -> &'a [u8] {
        self.bytes.get(..self.length as usize).unwrap_or(self.bytes)
    }
}

/// Walks extension headers (RFC 8200 section 4, RFC 4302) from one of `kind` up to the TCP header. Each is at least 8 bytes,
/// so the walk ends with the packet. `jumbo`: the length is the jumbo payload option's, where there is one.
#[inline(never)]
fn skip_extensions(mut kind: u8, mut rest: Rest<'_>, jumbo: bool) -> Result<Rest<'_>, Discard> {
    while kind != TCP {
        if !matches!(
            kind,
            HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION
        ) {
            return Err(Discard::NotTcp);
        }
        let header: &[u8; 8] = rest.bytes.first_chunk().ok_or(Discard::Malformed)?;
        let size = match kind {
            FRAGMENT if is_atomic(*header) => 8,
            FRAGMENT => {
                return Err(if header[0] == TCP {
                    Discard::Fragment
                } else {
                    Discard::NotTcp
                });
            }
            AUTHENTICATION => (usize::from(header[1]) + 2) * 4,
            _ => (usize::from(header[1]) + 1) * 8,
        };
        if jumbo && kind == HOP_BY_HOP {
            rest.length = jumbo_length(rest.bytes.get(2..size).unwrap_or_default()).unwrap_or(rest.length);
        }
        rest = rest.skip(size)?;
        kind = header[0];
    }
    Ok(rest)
}

/// A fragment header on a packet that is whole (RFC 6946): offset 0, no more fragments.
fn is_atomic(header: [u8; 8]) -> bool {
    u16::from_be_bytes([header[2], header[3]]) & 0xfff9 == 0
}

/// The jumbo payload option's length (RFC 2675): all that follows the IPv6 header.
fn jumbo_length(mut options: &[u8]) -> Option<u32> {
    loop {
        match *options {
            [0, ref rest @ ..] => options = rest,
            [JUMBO_OPTION, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([a, b, c, d])),
            [_, length, ref rest @ ..] => options = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}
