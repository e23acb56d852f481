use super::*;

#[test]
fn pcap_of_both_orders_and_resolutions() {
    for order in [Order::Little, Order::Big] {
        for (magic, nanos) in [
            (MICROSECONDS, 7_000_000_005_000),
            (NANOSECONDS, 7_000_000_000_005),
        ] {
            let mut file = pcap(order, magic, ETHERNET);
            file.record(7000, 5, b"one")
                .record(7000, 5, b"")
                .record(7000, 5, b"three");
            let expected = [
                (nanos, b"one".to_vec(), 3),
                (nanos, vec![], 0),
                (nanos, b"three".to_vec(), 5),
            ];
            assert_eq!(frames(&file.1), expected);
        }
    }
}

#[test]
fn pcap_link_types_with_check_sequence_bits() {
    for (number, link) in [
        (0, LinkType::Loopback),
        (12, LinkType::RawIp),
        (101, LinkType::RawIp),
        (113, LinkType::LinuxCooked),
        (276, LinkType::LinuxCooked2),
        (0x2400_0001, LinkType::Ethernet),
    ] {
        let mut file = pcap(Order::Little, MICROSECONDS, number);
        file.record(1, 0, b"x");
        assert_eq!(read(&file.1).0[0].link, link);
    }
}

#[test]
fn old_pcap_versions_have_their_lengths_swapped() {
    for (version, lengths) in [
        ((2, 2), (9, 3)),
        ((2, 3), (9, 3)),
        ((2, 3), (3, 9)),
        ((543, 0), (9, 3)),
    ] {
        let mut file = pcap_of_version(Order::Big, MICROSECONDS, version, ETHERNET);
        file.u32(1).u32(0).u32(lengths.0).u32(lengths.1).bytes(b"abc");
        assert_eq!(frames(&file.1), [(1_000_000_000, b"abc".to_vec(), 9)]);
    }
}

#[test]
fn patched_pcap_has_longer_records() {
    let mut file = pcap(Order::Little, 0xa1b2_cd34, ETHERNET);
    for _ in 0..2 {
        file.u32(1).u32(0).u32(3).u32(3).u32(7).u32(0x0800).bytes(b"abc");
    }
    let one = (1_000_000_000, b"abc".to_vec(), 3);
    assert_eq!(frames(&file.1), [one.clone(), one]);
}

#[test]
fn a_frame_longer_than_the_chunk_and_than_the_snap_length_is_lent_whole() {
    let long = vec![7; CHUNK + CHUNK / 2];
    let mut file = pcap(Order::Little, NANOSECONDS, ETHERNET);
    file.record(1, 0, b"before")
        .record(1, 1, &long)
        .record(1, 2, b"after");
    let lengths: Vec<_> = frames(&file.1).iter().map(|(_, bytes, _)| bytes.len()).collect();
    assert_eq!(lengths, [6, long.len(), 5]);
}

#[test]
fn many_frames_cross_chunks() {
    let mut file = pcap(Order::Little, NANOSECONDS, ETHERNET);
    for i in 0..30_000_u32 {
        file.record(1, i, &i.to_le_bytes().repeat(1 + (i % 40) as usize));
    }
    assert!(file.1.len() > 2 * CHUNK);
    let seen = frames(&file.1);
    assert_eq!(seen.len(), 30_000);
    for (i, (nanos, bytes, _)) in (0_u32..).zip(&seen) {
        assert_eq!(*nanos, 1_000_000_000 + i64::from(i));
        assert_eq!(*bytes, i.to_le_bytes().repeat(1 + (i % 40) as usize));
    }
}
