//! What the kernel says of a block and of a frame (`linux/if_packet.h`), read from bytes.

use std::mem::{offset_of, size_of};

use nix::libc;

use crate::clock::Timestamp;

/// A frame in the ring. Counts until the ring's next one.
#[derive(Clone, Copy, Debug)]
pub(in crate::capture) struct Head {
    pub time: Timestamp,
    pub wire_length: u32,
    pub interface: u32,
    /// `ARPHRD_*` of the interface.
    pub hardware_type: u16,
    /// `PACKET_*`: whither it was going.
    pub packet_type: u8,
    /// Where the frame is in its block.
    pub start: usize,
    pub length: usize,
    /// From `start` to the network header.
    pub network: usize,
}

/// Whether frames of interfaces of this hardware type begin with an Ethernet header.
pub(in crate::capture) fn is_ethernet(hardware_type: u16) -> bool {
    matches!(hardware_type, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK)
}

impl Head {
    /// Whether loopback sent this frame, which is seen again as it is received.
    #[inline]
    pub(in crate::capture) fn is_loopbacks_copy(self) -> bool {
        self.hardware_type == libc::ARPHRD_LOOPBACK && self.packet_type == libc::PACKET_OUTGOING
    }
}

/// The kernel's header of a frame, and as much of the address after it as is read.
const HEADER: usize = ADDRESS + 12;
const ADDRESS: usize = size_of::<libc::tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
pub(super) const BLOCK_HEADER: usize = offset_of!(libc::tpacket_block_desc, hdr);

/// `struct tpacket3_hdr` and the beginning of the `struct sockaddr_ll` after it.
#[derive(Clone, Copy)]
pub(super) struct FrameHeader<'a>(&'a [u8; HEADER]);

impl<'a> FrameHeader<'a> {
    /// The header at this place of a block.
    #[inline]
    pub(super) fn of(block: &'a [u8], at: usize) -> Option<Self> {
        Some(Self(block.get(at..)?.first_chunk()?))
    }

    #[inline]
    fn u32(self, at: usize) -> u32 {
        u32::from_ne_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    #[inline]
    fn u16(self, at: usize) -> u16 {
        u16::from_ne_bytes([self.0[at], self.0[at + 1]])
    }

    #[inline]
    pub(super) fn to_next(self) -> usize {
        self.u32(offset_of!(libc::tpacket3_hdr, tp_next_offset)) as usize
    }

    /// What the header, which is at `at` in its block, says of its frame.
    #[inline]
    pub(super) fn head(self, at: usize) -> Head {
        let seconds = self.u32(offset_of!(libc::tpacket3_hdr, tp_sec));
        let nanos = self.u32(offset_of!(libc::tpacket3_hdr, tp_nsec));
        let link = usize::from(self.u16(offset_of!(libc::tpacket3_hdr, tp_mac)));
        let network = usize::from(self.u16(offset_of!(libc::tpacket3_hdr, tp_net)));
        Head {
            time: Timestamp::from_parts(i64::from(seconds), i64::from(nanos)),
            wire_length: self.u32(offset_of!(libc::tpacket3_hdr, tp_len)),
            interface: self.u32(ADDRESS + offset_of!(libc::sockaddr_ll, sll_ifindex)),
            hardware_type: self.u16(ADDRESS + offset_of!(libc::sockaddr_ll, sll_hatype)),
            packet_type: self.0[ADDRESS + offset_of!(libc::sockaddr_ll, sll_pkttype)],
            start: at + link,
            length: self.u32(offset_of!(libc::tpacket3_hdr, tp_snaplen)) as usize,
            network: network.saturating_sub(link),
        }
    }
}

/// `struct tpacket_hdr_v1`.
pub(super) struct BlockHeader<'a>(&'a [u8; size_of::<libc::tpacket_hdr_v1>()]);

impl<'a> BlockHeader<'a> {
    pub(super) fn of(block: &'a [u8]) -> Option<Self> {
        Some(Self(block.get(BLOCK_HEADER..)?.first_chunk()?))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    pub(super) fn frames(&self) -> u32 {
        self.u32(offset_of!(libc::tpacket_hdr_v1, num_pkts))
    }

    pub(super) fn first_frame(&self) -> usize {
        self.u32(offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_headers_are_where_they_are_read() {
        assert_eq!((ADDRESS, BLOCK_HEADER), (48, 8));
        let mut block = vec![0; 64];
        block[12..16].copy_from_slice(&3_u32.to_ne_bytes());
        block[16..20].copy_from_slice(&48_u32.to_ne_bytes());
        let header = BlockHeader::of(&block).unwrap();
        assert_eq!((header.frames(), header.first_frame()), (3, 48));
        assert!(BlockHeader::of(&block[..40]).is_none());
    }

    #[test]
    fn a_frames_header_says_where_it_is() {
        let mut block = vec![0; 16];
        for word in [200_u32, 1_700_000_000, 5, 66, 1500, 0] {
            block.extend(word.to_ne_bytes());
        }
        block.extend([82_u16, 96].map(u16::to_ne_bytes).concat());
        block.resize(16 + ADDRESS, 0);
        block.extend([17_u16, 0x0008].map(u16::to_ne_bytes).concat());
        block.extend(7_u32.to_ne_bytes());
        block.extend(772_u16.to_ne_bytes());
        block.extend([4, 6]);
        let header = FrameHeader::of(&block, 16).unwrap();
        let head = header.head(16);
        assert_eq!(header.to_next(), 200);
        assert_eq!(head.time, Timestamp::from_nanos(1_700_000_000_000_000_005));
        assert_eq!((head.start, head.length, head.network), (16 + 82, 66, 14));
        assert_eq!((head.wire_length, head.interface), (1500, 7));
        assert!(head.is_loopbacks_copy());
        assert!(FrameHeader::of(&block[..block.len() - 1], 16).is_none());
    }
}
