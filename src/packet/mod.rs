//! Link, IP and TCP headers: from a [`Frame`](crate::capture::Frame)'s bytes to a [`Segment`].

mod ip;
mod link;
mod plain;
mod tcp;

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use link::Version;
pub use plain::Plain;

/// Reads the TCP segment in a frame of which `bytes` were kept and `wire_length` were on the wire.
///
/// Lengths come from the IP header, which leaves Ethernet padding out, and from the frame where that says nothing
/// (segmentation offload). Neither is trusted to be there: the payload is what was captured of it.
#[expect(
    clippy::inline_always,
    reason = "in its place a segment's parts stay in registers; returned, each is written and read again"
)]
#[inline(always)]
pub fn parse(link: LinkType, bytes: &[u8], wire_length: u32) -> Result<Segment<'_>, Discard> {
    match link::plain_ipv4(link, bytes) {
        Some(packet) => parse_ipv4(packet, wire(bytes, packet, wire_length)),
        None => parse_any(link, bytes, wire_length),
    }
}

/// Of any version in any link header.
#[inline(never)]
fn parse_any(link: LinkType, bytes: &[u8], wire_length: u32) -> Result<Segment<'_>, Discard> {
    let (version, packet) = link::network(link, bytes)?;
    let wire = wire(bytes, packet, wire_length);
    match version {
        Version::V4 => parse_ipv4(packet, wire),
        Version::V6 => tcp::segment(ip::ipv6(packet, wire)?),
    }
}

#[expect(clippy::inline_always, reason = "as `parse`, of which it is most")]
#[inline(always)]
fn parse_ipv4(packet: &[u8], wire: u32) -> Result<Segment<'_>, Discard> {
    tcp::segment(ip::ipv4(packet, wire)?)
}

/// How many bytes `packet` and what follows it had on the wire; it is the end of `frame`.
#[inline]
fn wire(frame: &[u8], packet: &[u8], wire_length: u32) -> u32 {
    let header = (frame.len() - packet.len()) as u32;
    wire_length.saturating_sub(header).max(packet.len() as u32)
}

/// How a frame begins, by its number in the registry of link types
/// (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// `LINKTYPE_ETHERNET` (1), with any number of VLAN tags.
    Ethernet,
    /// `LINKTYPE_RAW` (101, and 12, 14, 228, 229): an IP header.
    RawIp,
    /// `LINKTYPE_NULL` (0) and `LINKTYPE_LOOP` (108): four bytes of address family in either byte order.
    Loopback,
    /// `LINKTYPE_LINUX_SLL` (113).
    LinuxCooked,
    /// `LINKTYPE_LINUX_SLL2` (276).
    LinuxCooked2,
}

/// One end of a connection: an address and a port. Prints as `10.0.0.5:5432` or `[::1]:5432`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The host; never an IPv4-mapped IPv6 address.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// Takes the address in its [canonical](IpAddr::to_canonical) form, so that one host has one name.
    #[must_use]
    pub fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address: address.to_canonical(),
            port,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket.ip(), socket.port())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// One TCP segment as captured.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The sender's address and port.
    pub source: Endpoint,
    /// The receiver's address and port.
    pub destination: Endpoint,
    /// Sequence number of the first payload byte (of the SYN itself where that is set).
    pub sequence: u32,
    /// The next byte that the sender expects; meaningful with [`Flags::ACK`].
    pub acknowledgment: u32,
    /// SYN, FIN, RST, ACK, PSH.
    pub flags: Flags,
    /// The window as sent, before scaling.
    pub window: u16,
    /// `TSval` of the timestamp option, 0 where there is none.
    pub timestamp_value: u32,
    /// IPv4 identification, 0 for IPv6.
    pub identification: u16,
    /// The payload bytes that the capture kept.
    pub payload: &'a [u8],
    /// The payload's length on the wire: more than `payload.len()` where the capture cut the frame.
    pub payload_length: u32,
}

/// The TCP header's flag bits (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment field counts.
    pub const ACK: Self = Self(0x10);

    /// Whether any flag of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Why a frame was no TCP segment; each is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discard {
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// IP, but not TCP.
    NotTcp,
    /// A fragment other than the first, or the first of several.
    Fragment,
    /// A header runs past the end of what was captured or contradicts itself.
    Malformed,
}
