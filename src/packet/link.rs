//! Link headers: from a frame to the IP packet in it.

use super::{Discard, LinkType};

/// Which IP header comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;
const ETHERTYPE_OLD_QINQ: u16 = 0x9100;

/// The IPv4 packet in an Ethernet frame without tags, as most are; else [`network`] tells.
#[inline]
pub(super) fn plain_ipv4(link: LinkType, bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<14>()?;
    let is_plain = link == LinkType::Ethernet && header[12..] == ETHERTYPE_IPV4.to_be_bytes();
    is_plain.then_some(rest)
}

/// The IP packet in `bytes`, with whatever follows it (Ethernet padding, checksums).
#[inline]
pub(super) fn network(link: LinkType, bytes: &[u8]) -> Result<(Version, &[u8]), Discard> {
    match link {
        LinkType::Ethernet => {
            let (header, rest) = bytes.split_first_chunk::<14>().ok_or(Discard::Malformed)?;
            ethertype(u16::from_be_bytes([header[12], header[13]]), rest)
        }
        LinkType::LinuxCooked => {
            let (header, rest) = bytes.split_first_chunk::<16>().ok_or(Discard::Malformed)?;
            ethertype(u16::from_be_bytes([header[14], header[15]]), rest)
        }
        LinkType::LinuxCooked2 => {
            let (header, rest) = bytes.split_first_chunk::<20>().ok_or(Discard::Malformed)?;
            ethertype(u16::from_be_bytes([header[0], header[1]]), rest)
        }
        LinkType::RawIp => raw(bytes),
        LinkType::Loopback => loopback(bytes),
    }
}

#[inline]
fn ethertype(kind: u16, rest: &[u8]) -> Result<(Version, &[u8]), Discard> {
    match kind {
        ETHERTYPE_IPV4 => Ok((Version::V4, rest)),
        ETHERTYPE_IPV6 => Ok((Version::V6, rest)),
        ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN | ETHERTYPE_OLD_QINQ => tagged(rest),
        _ => Err(Discard::NotIp),
    }
}

/// Skips VLAN tags (IEEE 802.1Q, stacked as 802.1ad or the older QinQ): two bytes of tag, two of ethertype.
#[inline(never)]
fn tagged(mut rest: &[u8]) -> Result<(Version, &[u8]), Discard> {
    loop {
        let (tag, inner) = rest.split_first_chunk::<4>().ok_or(Discard::Malformed)?;
        rest = inner;
        match u16::from_be_bytes([tag[2], tag[3]]) {
            ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN | ETHERTYPE_OLD_QINQ => {}
            kind => return ethertype(kind, rest),
        }
    }
}

fn raw(bytes: &[u8]) -> Result<(Version, &[u8]), Discard> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => Ok((Version::V4, bytes)),
        Some(6) => Ok((Version::V6, bytes)),
        Some(_) => Err(Discard::NotIp),
        None => Err(Discard::Malformed),
    }
}

/// Four bytes of address family, in the byte order of the capturing host; families are small numbers, which tells the order.
fn loopback(bytes: &[u8]) -> Result<(Version, &[u8]), Discard> {
    let (family, rest) = bytes.split_first_chunk::<4>().ok_or(Discard::Malformed)?;
    let family = u32::from_be_bytes(*family);
    match family.min(family.swap_bytes()) {
        2 => Ok((Version::V4, rest)),
        // Linux; NetBSD and OpenBSD; FreeBSD; macOS.
        10 | 24 | 28 | 30 => Ok((Version::V6, rest)),
        _ => Err(Discard::NotIp),
    }
}

impl LinkType {
    /// From a number of the registry; `None` where it is not one that is read here.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Some(Self::RawIp),
            113 => Some(Self::LinuxCooked),
            276 => Some(Self::LinuxCooked2),
            _ => None,
        }
    }

    /// The number in the registry, for writing a capture file.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Loopback => 0,
            Self::Ethernet => 1,
            Self::RawIp => 101,
            Self::LinuxCooked => 113,
            Self::LinuxCooked2 => 276,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for number in 0..400 {
            if let Some(link) = LinkType::from_number(number) {
                assert_eq!(LinkType::from_number(u32::from(link.number())), Some(link));
            }
        }
        assert_eq!(LinkType::from_number(105), None, "802.11");
    }

    #[test]
    fn loopback_reads_both_byte_orders() {
        let version = |family: [u8; 4]| network(LinkType::Loopback, &family).map(|(version, _)| version);
        assert_eq!(version([2, 0, 0, 0]), Ok(Version::V4));
        assert_eq!(version([0, 0, 0, 2]), Ok(Version::V4));
        for family in [10, 24, 28, 30] {
            assert_eq!(version([family, 0, 0, 0]), Ok(Version::V6));
            assert_eq!(version([0, 0, 0, family]), Ok(Version::V6));
        }
        assert_eq!(version([7, 0, 0, 0]), Err(Discard::NotIp));
        assert_eq!(network(LinkType::Loopback, &[2, 0, 0]), Err(Discard::Malformed));
    }

    #[test]
    fn a_tag_cut_off_is_malformed_and_arp_is_not_ip() {
        let mut frame = [0; 16];
        frame[12..14].copy_from_slice(&ETHERTYPE_VLAN.to_be_bytes());
        assert_eq!(network(LinkType::Ethernet, &frame), Err(Discard::Malformed));
        frame[12..14].copy_from_slice(&0x0806_u16.to_be_bytes());
        assert_eq!(network(LinkType::Ethernet, &frame), Err(Discard::NotIp));
    }
}
