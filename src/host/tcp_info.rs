//! `struct tcp_info` (`include/uapi/linux/tcp.h`), which grows at its end with every few kernels.

use crate::clock::Span;

use super::bytes::{byte, u32_at, u64_at};
use super::socket::Traffic;

/// What an inventory reads of a `tcp_info`.
pub(super) struct TcpInfo {
    /// `tcpi_last_data_sent` and `tcpi_last_data_recv`; never `tcpi_last_ack_recv`, which keep-alive probes move.
    pub(super) since_sent: Span,
    pub(super) since_received: Span,
    pub(super) traffic: Traffic,
}

/// Reads what is there; `None` where not even the fields of Linux 2.6 are.
pub(super) fn parse(info: &[u8]) -> Option<TcpInfo> {
    let _state = byte(info, 0)?;
    let millis = |offset| u32_at(info, offset).map(|it| Span::from_millis(i64::from(it)));
    Some(TcpInfo {
        since_sent: millis(44)?,
        since_received: millis(52)?,
        traffic: traffic(info)?,
    })
}

fn traffic(info: &[u8]) -> Option<Traffic> {
    Some(Traffic {
        rtt: micros(u64::from(u32_at(info, 68)?)),
        retransmits: u32_at(info, 100)?,
        bytes_out: u64_at(info, 120),
        bytes_in: u64_at(info, 128),
        segments_out: u32_at(info, 136),
        segments_in: u32_at(info, 140),
        not_sent: u32_at(info, 144),
        // All ones until the first sample.
        min_rtt: u32_at(info, 148)
            .filter(|&rtt| rtt != u32::MAX)
            .map(|rtt| micros(u64::from(rtt))),
        data_segments_in: u32_at(info, 152),
        data_segments_out: u32_at(info, 156),
        window_limited: u64_at(info, 176).map(micros),
        send_window: u32_at(info, 228),
    })
}

fn micros(micros: u64) -> Span {
    Span::from_nanos(i64::try_from(micros.saturating_mul(1000)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `tcp_info` of `length` bytes in which each 32-bit word is its own offset.
    fn counting(length: usize) -> Vec<u8> {
        (0..length / 4)
            .flat_map(|word| (word as u32 * 4).to_ne_bytes())
            .collect()
    }

    #[test]
    fn only_data_counts() {
        let info = parse(&counting(232)).expect("all there");
        assert_eq!(info.since_sent, Span::from_millis(44));
        assert_eq!(info.since_received, Span::from_millis(52));
    }

    #[test]
    fn old_kernels_leave_fields_out() {
        let linux_2_6 = parse(&counting(104)).expect("all of 2.6 is there");
        assert_eq!(linux_2_6.traffic.retransmits, 100);
        assert_eq!(linux_2_6.traffic.segments_in, None);
        assert_eq!(linux_2_6.traffic.is_unused(), None);

        let linux_4_6 = parse(&counting(160)).expect("all of 4.6 is there").traffic;
        assert_eq!(linux_4_6.segments_in, Some(140));
        assert_eq!(linux_4_6.data_segments_out, Some(156));
        assert_eq!(linux_4_6.send_window, None);

        let linux_5_4 = parse(&counting(232)).expect("all of 5.4 is there").traffic;
        assert_eq!(linux_5_4.send_window, Some(228));
    }

    #[test]
    fn a_stump_is_nothing() {
        for length in 0..104 {
            assert!(parse(&counting(104)[..length]).is_none(), "{length} bytes");
        }
    }
}
