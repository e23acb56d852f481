use super::*;

#[test]
fn pcapng_of_both_orders() {
    for order in [Order::Little, Order::Big] {
        let mut file = pcapng(order);
        file.interface(1, "eth0", 9, 0).interface(113, "any", 6, 0);
        file.enhanced(0, 1_700_000_000_123_456_789, b"first", 1500);
        file.enhanced(1, 1_700_000_000_123_457, b"second", 6);
        let (seen, problems) = read(&file.1);
        assert_eq!(problems, []);
        assert_eq!(seen[0].nanos, 1_700_000_000_123_456_789);
        assert_eq!(seen[0].bytes, b"first");
        assert_eq!((seen[0].wire, seen[0].link), (1500, LinkType::Ethernet));
        assert_eq!(seen[0].interface, "eth0");
        assert_eq!(seen[1].nanos, 1_700_000_000_123_457_000);
        assert_eq!((seen[1].wire, seen[1].link), (6, LinkType::LinuxCooked));
        assert_eq!(seen[1].interface, "any");
    }
}

#[test]
fn pcapng_time_offsets_count() {
    let mut file = pcapng(Order::Big);
    file.interface(1, "", 3, 1_700_000_000).interface(1, "", 0x8a, -1);
    file.enhanced(0, 1500, b"x", 1).enhanced(1, 2048, b"x", 1);
    let times: Vec<_> = frames(&file.1).iter().map(|it| it.0).collect();
    assert_eq!(times, [1_700_000_001_500_000_000, 1_000_000_000]);
}

#[test]
fn sections_have_orders_and_interfaces_of_their_own() {
    let mut file = pcapng(Order::Little);
    file.interface(1, "eth0", 9, 0).enhanced(0, 1, b"a", 1);
    let mut second = pcapng(Order::Big);
    second.interface(101, "tun0", 9, 0).enhanced(0, 2, b"b", 1);
    let mut third = pcapng(Order::Little);
    third.interface(1, "eth0", 9, 0).enhanced(0, 3, b"c", 1);
    let file = saved(&[file.1, second.1, third.1].concat());
    let mut source = FileSource::open(&[file.path().to_owned()]).unwrap();
    let names: Vec<_> = drain(&mut source).into_iter().map(|it| it.interface).collect();
    assert_eq!(names, ["eth0", "tun0", "eth0"]);
    assert_eq!(source.interfaces(), ["eth0", "tun0"]);
    assert_eq!(source.notes(), []);
}

#[test]
fn obsolete_packet_blocks_are_read() {
    let mut file = pcapng(Order::Little);
    file.interface(1, "eth0", 9, 0).block(2, |b| {
        b.u16(0).u16(9).u32(0).u32(77).u32(3).u32(60).bytes(b"abc");
    });
    assert_eq!(frames(&file.1), [(77, b"abc".to_vec(), 60)]);
}

#[test]
fn simple_packet_blocks_have_no_time_and_are_left_out_and_counted() {
    let mut file = pcapng(Order::Little);
    file.interface(1, "eth0", 9, 0);
    for _ in 0..3 {
        file.block(3, |b| {
            b.u32(4).bytes(b"abcd");
        });
    }
    file.enhanced(0, 5, b"x", 1);
    let (seen, problems) = read(&file.1);
    assert_eq!(seen.len(), 1);
    assert_eq!(problems, [Problem::NoTime { frames: 3 }]);
}

#[test]
fn other_blocks_are_passed_over_however_long() {
    let mut file = pcapng(Order::Little);
    file.block(4, |b| {
        b.bytes(&vec![1; 3 * CHUNK]);
    });
    file.interface(1, "eth0", 9, 0)
        .block(0x0bad, |_| {})
        .enhanced(0, 5, b"x", 1);
    assert_eq!(frames(&file.1), [(5, b"x".to_vec(), 1)]);
}

#[test]
fn drops_are_those_of_the_latest_statistics() {
    let mut file = pcapng(Order::Big);
    file.interface(1, "eth0", 9, 0).interface(1, "eth1", 9, 0);
    for (interface, by_interface, by_system) in [(0_u32, 5_u64, 1_u64), (1, 10, 0), (0, 7, 1)] {
        file.block(5, |b| {
            let mut counts = [Bytes(b.0, vec![]), Bytes(b.0, vec![])];
            counts[0].u64(by_interface);
            counts[1].u64(by_system);
            b.u32(interface)
                .u64(0)
                .option(5, &counts[0].1)
                .option(7, &counts[1].1)
                .u32(0);
        });
    }
    let file = saved(&file.1);
    let mut source = FileSource::open(&[file.path().to_owned()]).unwrap();
    assert_eq!(drain(&mut source), []);
    assert_eq!(source.loss(), Loss { dropped: 18 });
}
