use pnet_packet::Packet as _;
use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::ipv6::Ipv6Packet;
use pnet_packet::tcp::TcpPacket;
use proptest::prelude::*;

use super::build::{Tcp, header, tagged};
use super::*;

const LINKS: [LinkType; 5] = [
    LinkType::Ethernet,
    LinkType::RawIp,
    LinkType::Loopback,
    LinkType::LinuxCooked,
    LinkType::LinuxCooked2,
];

fn v4(payload: &[u8]) -> Tcp {
    Tcp::new("10.0.0.9:41234", "10.0.0.5:5432", payload)
}

fn v6(payload: &[u8]) -> Tcp {
    Tcp::new("[fd00::9]:41234", "[fd00::5]:5432", payload)
}

fn whole(link: LinkType, frame: &[u8]) -> Result<Segment<'_>, Discard> {
    parse(link, frame, frame.len() as u32)
}

#[track_caller]
fn assert_is(segment: Result<Segment<'_>, Discard>, tcp: &Tcp) {
    let segment = segment.unwrap();
    assert_eq!(segment.source, tcp.source.into());
    assert_eq!(segment.destination, tcp.destination.into());
    assert_eq!(segment.sequence, tcp.sequence);
    assert_eq!(segment.acknowledgment, tcp.acknowledgment);
    assert_eq!(segment.flags, Flags(tcp.flags));
    assert_eq!(segment.window, tcp.window);
    assert_eq!(segment.timestamp_value, 0x100);
    assert_eq!(segment.payload, tcp.payload);
    assert_eq!(segment.payload_length as usize, tcp.payload.len());
    let identification = if tcp.source.is_ipv4() {
        tcp.identification
    } else {
        0
    };
    assert_eq!(segment.identification, identification);
}

#[test]
fn every_link_type_carries_both_versions() {
    for link in LINKS {
        for tcp in [v4(b"select"), v6(b"select"), v4(b""), v6(b"")] {
            assert_is(whole(link, &tcp.frame(link)), &tcp);
        }
    }
}

#[test]
fn vlan_tags_stack_to_any_depth() {
    for tags in [
        &[0x8100][..],
        &[0x88a8, 0x8100],
        &[0x9100, 0x8100],
        &[0x8100, 0x8100, 0x8100],
    ] {
        for tcp in [v4(b"select"), v6(b"select")] {
            assert_is(whole(LinkType::Ethernet, &tagged(tags, &tcp.packet())), &tcp);
        }
    }
}

#[test]
fn cooked_headers_hold_tags_too() {
    let tcp = v4(b"select");
    for link in [LinkType::LinuxCooked, LinkType::LinuxCooked2] {
        let frame = [header(link, 0x8100), vec![0, 42, 0x08, 0x00], tcp.packet()].concat();
        assert_is(whole(link, &frame), &tcp);
    }
}

#[test]
fn ethernet_padding_is_no_payload() {
    for mut tcp in [v4(b""), v4(b"x"), v6(b"")] {
        tcp.options.truncate(0);
        let mut frame = tcp.frame(LinkType::Ethernet);
        frame.resize(frame.len() + 6, 0);
        let segment = whole(LinkType::Ethernet, &frame).unwrap();
        assert_eq!(segment.payload, tcp.payload);
        assert_eq!(segment.payload_length as usize, tcp.payload.len());
    }
}

#[test]
fn a_cut_frame_keeps_its_length() {
    let tcp = v4(&[b'x'; 1000]);
    let frame = tcp.frame(LinkType::Ethernet);
    let segment = parse(LinkType::Ethernet, &frame[..96], frame.len() as u32).unwrap();
    assert_eq!(segment.payload, [b'x'; 96 - 14 - 20 - 32]);
    assert_eq!(segment.payload_length, 1000);
}

#[test]
fn options_cut_off_leave_the_rest_readable() {
    let tcp = v4(&[b'x'; 1000]);
    let frame = tcp.frame(LinkType::Ethernet);
    let segment = parse(LinkType::Ethernet, &frame[..54], frame.len() as u32).unwrap();
    assert_eq!(segment.sequence, tcp.sequence);
    assert_eq!(segment.timestamp_value, 0);
    assert_eq!((segment.payload.len(), segment.payload_length), (0, 1000));
    assert_eq!(
        parse(LinkType::Ethernet, &frame[..53], frame.len() as u32).unwrap_err(),
        Discard::Malformed
    );
}

#[test]
fn a_capture_that_lost_the_wire_length_still_tells_the_hole() {
    let frame = v4(&[b'x'; 1000]).frame(LinkType::Ethernet);
    let segment = parse(LinkType::Ethernet, &frame[..96], 96).unwrap();
    assert_eq!(segment.payload_length, 1000);
}

#[test]
fn ipv4_options_are_skipped() {
    let tcp = v4(b"select");
    let options = [7, 7, 4, 0, 0, 0, 0, 0];
    assert_is(whole(LinkType::RawIp, &tcp.ipv4(&options)), &tcp);
}

#[test]
fn big_tcp_takes_the_length_from_the_frame() {
    let tcp = v4(&vec![b'x'; 150_000]);
    let mut packet = tcp.packet();
    packet[2..4].fill(0);
    assert_is(whole(LinkType::RawIp, &packet), &tcp);
    let tcp = v6(&vec![b'x'; 150_000]);
    let mut packet = tcp.packet();
    packet[4..6].fill(0);
    assert_is(whole(LinkType::RawIp, &packet), &tcp);
}

#[test]
fn jumbograms_take_the_length_from_their_option() {
    let tcp = v6(&vec![b'x'; 150_000]);
    let length = 8 + tcp.segment().len() as u32;
    let extension = [&[6, 0, 0xc2, 4][..], &length.to_be_bytes()].concat();
    let mut packet = tcp.ipv6(0, &extension);
    packet[4..6].fill(0);
    packet.extend([0xff; 4]); // a frame check sequence, which the option leaves out
    assert_is(whole(LinkType::RawIp, &packet), &tcp);
}

#[test]
fn ipv6_extension_headers_are_walked() {
    let tcp = v6(b"select");
    let padded = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let long = |next: u8| [&[next, 1, 1, 12][..], &[0; 12]].concat();
    let authentication = |next: u8| [&[next, 4][..], &[0; 22]].concat();
    let atomic = |next: u8| [next, 0, 0, 0, 1, 2, 3, 4];
    for (first, extensions) in [
        (0, padded(6).to_vec()),
        (43, long(6)),
        (60, padded(6).to_vec()),
        (51, authentication(6)),
        (44, atomic(6).to_vec()),
        (
            0,
            [
                &padded(43)[..],
                &long(60),
                &padded(51),
                &authentication(44),
                &atomic(6),
            ]
            .concat(),
        ),
    ] {
        // The chain above names destination options after the routing header, then authentication, then a fragment.
        assert_is(whole(LinkType::RawIp, &tcp.ipv6(first, &extensions)), &tcp);
    }
}

#[test]
fn ipv4_authentication_header_is_skipped() {
    let tcp = v4(b"select");
    let mut packet = tcp.ipv4(&[]);
    let segment = packet.split_off(20);
    packet[9] = 51;
    packet[3] += 24;
    let packet = [packet, [&[6, 4][..], &[0; 22]].concat(), segment].concat();
    assert_is(whole(LinkType::RawIp, &packet), &tcp);
}

#[test]
fn fragments_are_told_apart_from_the_rest() {
    for fragment in [[0x20, 0], [0x20, 1], [0, 185]] {
        let mut packet = v4(b"select").packet();
        packet[6..8].copy_from_slice(&fragment);
        assert_eq!(whole(LinkType::RawIp, &packet).unwrap_err(), Discard::Fragment);
        packet[9] = 17;
        assert_eq!(whole(LinkType::RawIp, &packet).unwrap_err(), Discard::NotTcp);
    }
    for offset in [[0, 1], [0, 8], [5, 0xa8]] {
        let packet = v6(b"select").ipv6(44, &[6, 0, offset[0], offset[1], 0, 0, 0, 1]);
        assert_eq!(whole(LinkType::RawIp, &packet).unwrap_err(), Discard::Fragment);
    }
}

#[test]
fn what_is_not_tcp_says_so() {
    let mut packet = v4(b"").packet();
    packet[9] = 17;
    assert_eq!(whole(LinkType::RawIp, &packet).unwrap_err(), Discard::NotTcp);
    let packet = v6(b"").ipv6(58, &[]);
    assert_eq!(whole(LinkType::RawIp, &packet).unwrap_err(), Discard::NotTcp);
    assert_eq!(whole(LinkType::RawIp, &[0x50; 60]).unwrap_err(), Discard::NotIp);
    assert_eq!(whole(LinkType::RawIp, &[]).unwrap_err(), Discard::Malformed);
}

#[test]
fn headers_that_contradict_themselves_are_malformed() {
    let malformed = |change: fn(&mut [u8])| {
        let mut packet = v4(b"select").packet();
        change(&mut packet);
        assert_eq!(whole(LinkType::RawIp, &packet).unwrap_err(), Discard::Malformed);
    };
    malformed(|packet| packet[0] = 0x44);
    malformed(|packet| packet[2..4].copy_from_slice(&19_u16.to_be_bytes()));
    malformed(|packet| packet[2..4].copy_from_slice(&51_u16.to_be_bytes()));
    malformed(|packet| packet[32] = 0x40);
    let mut frame = v4(b"select").frame(LinkType::Ethernet);
    frame[14] = 0x65;
    assert_eq!(whole(LinkType::Ethernet, &frame).unwrap_err(), Discard::Malformed);
}

#[test]
fn mapped_addresses_are_the_ipv4_host() {
    let tcp = Tcp::new("[::ffff:10.0.0.9]:41234", "[::ffff:10.0.0.5]:5432", b"");
    let packet = tcp.packet();
    let segment = whole(LinkType::RawIp, &packet).unwrap();
    assert_eq!(segment.destination.to_string(), "10.0.0.5:5432");
}

/// The TCP segment in an Ethernet frame without tags, extension headers and fragments, as pnet's header views read it.
fn by_pnet(frame: &[u8]) -> (IpAddr, IpAddr, Vec<u8>) {
    let ethernet = EthernetPacket::new(frame).unwrap();
    if ethernet.get_ethertype().0 == 0x0800 {
        let ip = Ipv4Packet::new(ethernet.payload()).unwrap();
        (
            ip.get_source().into(),
            ip.get_destination().into(),
            ip.payload().to_vec(),
        )
    } else {
        let ip = Ipv6Packet::new(ethernet.payload()).unwrap();
        (
            ip.get_source().into(),
            ip.get_destination().into(),
            ip.payload().to_vec(),
        )
    }
}

fn any_tcp() -> impl Strategy<Value = Tcp> {
    let address = prop_oneof![
        any::<([u8; 4], [u8; 4])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
        any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
    ];
    let options = (0_usize..=10).prop_flat_map(|words| prop::collection::vec(any::<u8>(), words * 4));
    let payload = prop::collection::vec(any::<u8>(), 0..100);
    (address, any::<(u16, u16, u32, u32, u8, u16)>(), options, payload).prop_map(
        |((source, destination), (from, to, sequence, acknowledgment, flags, window), options, payload)| {
            Tcp {
                source: SocketAddr::new(source, from),
                destination: SocketAddr::new(destination, to),
                sequence,
                acknowledgment,
                flags,
                window,
                identification: 7,
                options,
                payload,
            }
        },
    )
}

proptest! {
    #[test]
    fn agrees_with_pnet(tcp in any_tcp(), padding in 0_usize..8) {
        let mut frame = tcp.frame(LinkType::Ethernet);
        frame.resize(frame.len() + padding, 0xee);
        let ours = whole(LinkType::Ethernet, &frame).unwrap();
        let (source, destination, segment) = by_pnet(&frame);
        let theirs = TcpPacket::new(&segment).unwrap();
        prop_assert_eq!(ours.source, Endpoint::new(source, theirs.get_source()));
        prop_assert_eq!(ours.destination, Endpoint::new(destination, theirs.get_destination()));
        prop_assert_eq!(ours.sequence, theirs.get_sequence());
        prop_assert_eq!(ours.acknowledgment, theirs.get_acknowledgement());
        prop_assert_eq!(ours.flags, Flags(theirs.get_flags()));
        prop_assert_eq!(ours.window, theirs.get_window());
        prop_assert_eq!(ours.payload, theirs.payload());
        prop_assert_eq!(ours.payload_length as usize, tcp.payload.len());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), wire in any::<u32>()) {
        for link in LINKS {
            let _ = parse(link, &bytes, wire);
        }
    }

    #[test]
    fn no_damage_panics(tcp in any_tcp(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for link in LINKS {
            let mut frame = tcp.frame(link);
            let at = at.index(frame.len());
            frame[at] = byte;
            let kept = &frame[..cut.index(frame.len() + 1)];
            if let Ok(segment) = parse(link, kept, frame.len() as u32) {
                prop_assert!(segment.payload.len() <= segment.payload_length as usize);
            }
        }
    }
}
