//! The TCP header (RFC 9293 section 3.1).

use super::ip::Packet;
use super::{Discard, Endpoint, Flags, Segment};

/// The fixed part of a TCP header.
#[derive(Clone, Copy)]
struct Header<'a>(&'a [u8; 20]);

impl Header<'_> {
    fn source_port(self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    fn destination_port(self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    fn sequence(self) -> u32 {
        u32::from_be_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    fn acknowledgment(self) -> u32 {
        u32::from_be_bytes([self.0[8], self.0[9], self.0[10], self.0[11]])
    }

    /// In bytes, options included.
    fn length(self) -> usize {
        usize::from(self.0[12] >> 4) * 4
    }

    fn flags(self) -> Flags {
        Flags(self.0[13])
    }

    fn window(self) -> u16 {
        u16::from_be_bytes([self.0[14], self.0[15]])
    }
}

/// Reads the segment in `packet`. Options that the capture cut off are as if not there.
#[expect(
    clippy::inline_always,
    reason = "an address whose version is known is four bytes to store, else seventeen to copy from place to place"
)]
#[inline(always)]
pub(super) fn segment(packet: Packet<'_>) -> Result<Segment<'_>, Discard> {
    let (header, rest) = packet.segment.split_first_chunk().ok_or(Discard::Malformed)?;
    let header = Header(header);
    let options = header.length().checked_sub(20).ok_or(Discard::Malformed)?;
    let payload_length = packet
        .length
        .checked_sub(header.length() as u32)
        .ok_or(Discard::Malformed)?;
    let (options, payload) = rest.split_at_checked(options).unwrap_or((rest, &[]));
    Ok(Segment {
        source: Endpoint {
            address: packet.source,
            port: header.source_port(),
        },
        destination: Endpoint {
            address: packet.destination,
            port: header.destination_port(),
        },
        sequence: header.sequence(),
        acknowledgment: header.acknowledgment(),
        flags: header.flags(),
        window: header.window(),
        timestamp_value: timestamp_value(options),
        identification: packet.identification,
        payload,
        payload_length,
    })
}

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const TIMESTAMPS: u8 = 8;

/// `TSval` (RFC 7323 section 3), 0 where there is none.
#[expect(clippy::inline_always, reason = "one comparison, as a rule")]
#[inline(always)]
fn timestamp_value(options: &[u8]) -> u32 {
    // RFC 7323 appendix A recommends this layout, and every system in use follows it.
    if let [NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10, a, b, c, d, ..] = *options {
        return u32::from_be_bytes([a, b, c, d]);
    }
    find_timestamp(options).unwrap_or(0)
}

#[inline(never)]
fn find_timestamp(mut options: &[u8]) -> Option<u32> {
    loop {
        match *options {
            [END, ..] => return None,
            [NO_OPERATION, ref rest @ ..] => options = rest,
            [TIMESTAMPS, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([a, b, c, d])),
            // The length counts the two bytes of kind and length.
            [_, length, ..] if length >= 2 => options = options.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_is_found_wherever_it_is() {
        let stamp = [TIMESTAMPS, 10, 1, 2, 3, 4, 0, 0, 0, 0];
        let value = 0x0102_0304;
        assert_eq!(timestamp_value(&[&[1, 1][..], &stamp].concat()), value);
        // As Linux sends it in a SYN: MSS, SACK permitted, timestamps.
        let syn = [&[2, 4, 5, 180, 4, 2][..], &stamp, &[1, 3, 3, 7]].concat();
        assert_eq!(timestamp_value(&syn), value);
    }

    #[test]
    fn hostile_options_end_the_walk() {
        assert_eq!(
            timestamp_value(&[5, 0, TIMESTAMPS, 10, 1, 2, 3, 4]),
            0,
            "length 0"
        );
        assert_eq!(
            timestamp_value(&[5, 1, TIMESTAMPS, 10, 1, 2, 3, 4]),
            0,
            "length 1"
        );
        assert_eq!(timestamp_value(&[5, 200, 1]), 0, "past the end");
        assert_eq!(
            timestamp_value(&[END, TIMESTAMPS, 10, 1, 2, 3, 4]),
            0,
            "after the end of options"
        );
        assert_eq!(timestamp_value(&[TIMESTAMPS, 10, 1, 2]), 0, "cut");
        assert_eq!(timestamp_value(&[TIMESTAMPS]), 0);
    }
}
