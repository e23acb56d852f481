//! Frames made to order, for tests.

use std::net::{IpAddr, SocketAddr};

use super::LinkType;

/// A TCP segment to be.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    pub window: u16,
    pub identification: u16,
    pub options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Tcp {
    pub(crate) fn new(source: &str, destination: &str, payload: &[u8]) -> Self {
        Self {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            sequence: 0x0102_0304,
            acknowledgment: 0x0506_0708,
            flags: 0x18,
            window: 502,
            identification: 0xbeef,
            options: vec![1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 9],
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn segment(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.source.port().to_be_bytes());
        bytes.extend(self.destination.port().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgment.to_be_bytes());
        bytes.push(((20 + self.options.len()) as u8 / 4) << 4);
        bytes.push(self.flags);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&self.options);
        bytes.extend(&self.payload);
        bytes
    }

    /// The IP packet, of the addresses' version.
    pub(crate) fn packet(&self) -> Vec<u8> {
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(_), IpAddr::V4(_)) => self.ipv4(&[]),
            _ => self.ipv6(6, &[]),
        }
    }

    pub(crate) fn ipv4(&self, options: &[u8]) -> Vec<u8> {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (self.source.ip(), self.destination.ip()) else {
            panic!("not IPv4");
        };
        let segment = self.segment();
        let header = 20 + options.len();
        let mut bytes = vec![0x40 | (header / 4) as u8, 0];
        bytes.extend(((header + segment.len()) as u16).to_be_bytes());
        bytes.extend(self.identification.to_be_bytes());
        bytes.extend([0x40, 0, 64, 6, 0, 0]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        bytes.extend(options);
        bytes.extend(segment);
        bytes
    }

    /// `next` is the kind of the first header in `extensions`, 6 where there are none.
    pub(crate) fn ipv6(&self, next: u8, extensions: &[u8]) -> Vec<u8> {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (self.source.ip(), self.destination.ip()) else {
            panic!("not IPv6");
        };
        let segment = self.segment();
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(((extensions.len() + segment.len()) as u16).to_be_bytes());
        bytes.extend([next, 64]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        bytes.extend(extensions);
        bytes.extend(segment);
        bytes
    }

    pub(crate) fn frame(&self, link: LinkType) -> Vec<u8> {
        let packet = self.packet();
        [header(link, ethertype(&packet)), packet].concat()
    }
}

/// The ethertype of an IP packet.
pub(crate) fn ethertype(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

/// A link header that says `ethertype` follows.
pub(crate) fn header(link: LinkType, ethertype: u16) -> Vec<u8> {
    let kind = ethertype.to_be_bytes();
    match link {
        LinkType::Ethernet => [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind].concat(),
        LinkType::LinuxCooked => [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0][..], &kind].concat(),
        LinkType::LinuxCooked2 => {
            [&kind[..], &[0, 0, 0, 0, 0, 7, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0]].concat()
        }
        LinkType::RawIp => Vec::new(),
        LinkType::Loopback => vec![if ethertype == 0x0800 { 2 } else { 10 }, 0, 0, 0],
    }
}

/// An Ethernet frame with VLAN tags of these kinds, outermost first, around an IP packet.
pub(crate) fn tagged(tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let mut bytes = header(LinkType::Ethernet, 0);
    bytes.truncate(12);
    for tag in tags {
        bytes.extend(tag.to_be_bytes());
        bytes.extend([0, 42]);
    }
    bytes.extend(ethertype(packet).to_be_bytes());
    bytes.extend(packet);
    bytes
}
