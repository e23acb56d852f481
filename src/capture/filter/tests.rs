use proptest::prelude::*;

use super::interpreter::{Packet, keeps, returned};
use super::*;
use crate::capture::share::{Share, shard_of};
use crate::packet::LinkType;
use crate::packet::build::{Tcp, header, tagged};

const PORTS: [Target; 2] = [Target::port(5432), Target::port(3306)];

/// `tcpdump -y EN10MB -ddd 'tcp port 5432 or tcp port 3306'`
const TCPDUMP_PORTS: &str = "40 0 0 12;21 0 7 34525;48 0 0 20;21 0 18 6;40 0 0 54;21 15 0 5432;21 14 0 3306;40 0 0 56;\
    21 12 11 5432;21 0 12 2048;48 0 0 23;21 0 10 6;40 0 0 20;69 8 0 8191;177 0 0 14;72 0 0 14;21 4 0 5432;21 3 0 3306;\
    72 0 0 16;21 1 0 5432;21 0 1 3306;6 0 0 262144;6 0 0 0";

/// `tcpdump -y EN10MB -ddd 'tcp port 6379 or (tcp and ((src host 10.0.0.5 and src port 5432) or
/// (dst host 10.0.0.5 and dst port 5432))) or (tcp and host fd00::5)'`
const TCPDUMP_HOSTS: &str = "40 0 0 12;21 0 25 34525;48 0 0 20;21 0 4 6;40 0 0 54;21 45 0 6379;40 0 0 56;21 43 3 6379;\
    21 0 43 44;48 0 0 54;21 0 41 6;32 0 0 22;21 0 6 4244635648;32 0 0 26;21 0 4 0;32 0 0 30;\
    21 0 2 0;32 0 0 34;21 32 0 5;32 0 0 38;21 0 31 4244635648;32 0 0 42;21 0 29 0;32 0 0 46;\
    21 0 27 0;32 0 0 50;21 24 25 5;21 0 24 2048;48 0 0 23;21 0 22 6;40 0 0 20;69 5 0 8191;\
    177 0 0 14;72 0 0 14;21 16 0 6379;72 0 0 16;21 14 0 6379;32 0 0 26;21 0 5 167772165;40 0 0 20;\
    69 3 0 8191;177 0 0 14;72 0 0 14;21 7 0 5432;32 0 0 30;21 0 6 167772165;40 0 0 20;69 4 0 8191;\
    177 0 0 14;72 0 0 16;21 0 1 5432;6 0 0 262144;6 0 0 0";

fn hosts() -> Vec<Target> {
    let host = |address: &str, port| Target {
        address: Some(address.parse().unwrap()),
        port,
    };
    vec![
        Target::port(6379),
        host("10.0.0.5", Some(5432)),
        host("fd00::5", None),
    ]
}

fn parsed(program: &str) -> Vec<Instruction> {
    program
        .split(';')
        .map(|line| {
            instruction(
                &line
                    .split(' ')
                    .map(|it| it.parse().unwrap())
                    .collect::<Vec<u32>>(),
            )
        })
        .collect()
}

fn instruction(fields: &[u32]) -> Instruction {
    Instruction {
        code: fields[0] as u16,
        jump_true: fields[1] as u8,
        jump_false: fields[2] as u8,
        operand: fields[3],
    }
}

fn kept(targets: &[Target], frame: Vec<u8>) -> bool {
    keeps(
        &program(Framing::Ethernet, targets, Share::ALL),
        &Packet::ethernet(frame),
    )
}

fn to_port(port: u16) -> Tcp {
    Tcp::new("10.0.0.9:41234", &format!("10.0.0.5:{port}"), b"select")
}

fn to_port6(port: u16) -> Tcp {
    Tcp::new("[fd00::9]:41234", &format!("[fd00::5]:{port}"), b"select")
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    tagged(&[], packet)
}

#[test]
fn both_directions_of_a_port_are_kept_and_nothing_else() {
    for (mut tcp, wanted) in [
        (to_port(5432), true),
        (to_port6(3306), true),
        (to_port(80), false),
        (to_port6(80), false),
    ] {
        assert_eq!(kept(&PORTS, tcp.frame(LinkType::Ethernet)), wanted);
        std::mem::swap(&mut tcp.source, &mut tcp.destination);
        assert_eq!(kept(&PORTS, tcp.frame(LinkType::Ethernet)), wanted);
    }
    let mut udp = to_port(5432).packet();
    udp[9] = 17;
    assert!(!kept(&PORTS, ethernet(&udp)));
    assert!(!kept(&PORTS, ethernet(&to_port6(5432).ipv6(17, &[]))));
    assert!(!kept(&PORTS, header(LinkType::Ethernet, 0x0806)));
}

#[test]
fn tags_options_and_extension_headers_are_looked_behind() {
    let extensions = [
        [43, 0, 1, 4, 0, 0, 0, 0],
        [60, 0, 1, 4, 0, 0, 0, 0],
        [44, 0, 1, 4, 0, 0, 0, 0],
        [6, 0, 0, 0, 0, 0, 0, 1],
    ]
    .concat();
    let authentication = [&[6, 4][..], &[0; 22]].concat();
    for port in [5432, 80] {
        let (tcp, tcp6) = (to_port(port), to_port6(port));
        for packet in [
            tcp.ipv4(&[7, 7, 4, 0, 0, 0, 0, 0]),
            tcp6.ipv6(0, &extensions),
            tcp6.ipv6(51, &authentication),
        ] {
            for tags in [&[][..], &[0x8100], &[0x88a8, 0x8100], &[0x9100, 0x8100, 0x8100]] {
                assert_eq!(kept(&PORTS, tagged(tags, &packet)), port == 5432, "{tags:?}");
            }
        }
    }
}

#[test]
fn of_a_share_whole_connections_are_kept() {
    let shares = std::iter::successors(Some(Share::ALL), |share| {
        (*share != Share::LEAST).then(|| share.narrowed())
    });
    for share in shares {
        for targets in [&PORTS[..], &hosts(), &[]] {
            let whole = program(Framing::Ethernet, targets, Share::ALL);
            let program = program(Framing::Ethernet, targets, share);
            for client in (32_768..61_000).step_by(97) {
                let ports = [format!(":{client}"), ":5432".to_owned()];
                for (from, to) in [(0, 1), (1, 0)] {
                    let ipv4 = Tcp::new(
                        &format!("10.0.0.5{}", ports[from]),
                        &format!("10.0.0.9{}", ports[to]),
                        b"x",
                    );
                    let ipv6 = Tcp::new(
                        &format!("[fd00::5]{}", ports[from]),
                        &format!("[fd00::9]{}", ports[to]),
                        b"x",
                    );
                    for frame in [ipv4.frame(LinkType::Ethernet), tagged(&[0x8100], &ipv6.packet())] {
                        let packet = Packet::ethernet(frame);
                        let wanted = share.holds(client, 5432) && keeps(&whole, &packet);
                        assert_eq!(keeps(&program, &packet), wanted, "{client} in {share:?}");
                    }
                }
            }
        }
    }
}

/// Wherever the frame begins and whatever is before its ports, inline tags with any priority among it.
#[test]
fn the_kernel_and_the_tables_agree_on_shards() {
    let extensions = [[43, 0, 1, 4, 0, 0, 0, 0], [6, 0, 1, 4, 0, 0, 0, 0]].concat();
    for of in [1, 2, 3, 7, 64] {
        let program = shard_program(of);
        for (one, other) in (32_768..61_000_u16).step_by(571).map(|client| (client, 5432)) {
            for (from, to) in [(one, other), (other, one)] {
                let ipv4 = Tcp::new(&format!("10.0.0.5:{from}"), &format!("10.0.0.9:{to}"), b"x");
                let ipv6 = Tcp::new(&format!("[fd00::5]:{from}"), &format!("[fd00::9]:{to}"), b"x");
                for packet in [
                    ipv4.packet(),
                    ipv4.ipv4(&[7, 7, 4, 0, 0, 0, 0, 0]),
                    ipv6.packet(),
                    ipv6.ipv6(0, &extensions),
                ] {
                    let ethertype = u32::from(crate::packet::build::ethertype(&packet));
                    let expected = shard_of(from, to, of);
                    for (tags, network, protocol) in [
                        (&[][..], 14, ethertype),
                        // The kernel took the tag off, or left it on with the network header behind it or at it.
                        (&[0x8100], 18, ethertype),
                        (&[0x8100], 18, 0x8100),
                        (&[0x8100], 14, 0x8100),
                        (&[0x88a8, 0x8100], 14, 0x88a8),
                        (&[0x88a8, 0x8100], 18, 0x8100),
                    ] {
                        for priority in 0..8 {
                            let mut frame = tagged(tags, &packet);
                            if !tags.is_empty() {
                                frame[14] = priority << 5;
                            }
                            let packet = Packet {
                                network,
                                protocol,
                                ..Packet::ethernet(frame)
                            };
                            assert_eq!(
                                returned(&program, &packet),
                                expected,
                                "{tags:x?} {network} {priority}"
                            );
                        }
                    }
                }
            }
        }
        let mut udp = to_port(5432).packet();
        udp[9] = 17;
        let nothing_known = Packet {
            protocol: 0x0800,
            ..Packet::ethernet(ethernet(&udp))
        };
        assert_eq!(returned(&program, &nothing_known), 0);
    }
}

#[test]
fn authentication_header_of_ipv4_is_looked_behind() {
    for port in [5432, 80] {
        let mut packet = to_port(port).packet();
        let segment = packet.split_off(20);
        packet[9] = 51;
        let packet = [packet, [&[6, 4][..], &[0; 22]].concat(), segment].concat();
        assert_eq!(kept(&PORTS, ethernet(&packet)), port == 5432);
    }
}

#[test]
fn what_is_too_deep_to_tell_is_kept() {
    assert!(kept(&PORTS, tagged(&[0x8100; 6], &to_port(80).packet())));
    let deep = [[60, 0, 1, 4, 0, 0, 0, 0]; 8].concat();
    assert!(kept(&PORTS, ethernet(&to_port6(80).ipv6(60, &deep))));
}

#[test]
fn later_fragments_are_kept_where_they_may_concern_a_target() {
    let mut fragment = to_port(80).packet();
    fragment[6..8].copy_from_slice(&185_u16.to_be_bytes());
    let fragment6 = to_port6(80).ipv6(44, &[6, 0, 5, 0xa8, 0, 0, 0, 1]);
    let at = |address: &str| Target {
        address: Some(address.parse().unwrap()),
        port: Some(5432),
    };
    for targets in [
        &PORTS[..],
        &[at("10.0.0.5"), at("fd00::5")],
        &[at("10.0.0.9"), at("fd00::9")],
        &[],
    ] {
        assert!(kept(targets, ethernet(&fragment)));
        assert!(kept(targets, ethernet(&fragment6)));
    }
    let elsewhere = [at("10.0.0.6"), at("fd00::6")];
    assert!(!kept(&elsewhere, ethernet(&fragment)));
    assert!(!kept(&elsewhere, ethernet(&fragment6)));
    fragment[9] = 17;
    assert!(!kept(&PORTS, ethernet(&fragment)));
}

#[test]
fn a_host_and_its_port_are_of_one_end() {
    let targets = [Target {
        address: Some("10.0.0.5".parse().unwrap()),
        port: Some(5432),
    }];
    assert!(kept(&targets, to_port(5432).frame(LinkType::Ethernet)));
    assert!(!kept(&targets, to_port(5433).frame(LinkType::Ethernet)));
    let other = Tcp::new("10.0.0.5:41234", "10.0.0.6:5432", b"");
    assert!(!kept(&targets, other.frame(LinkType::Ethernet)));
}

#[test]
fn without_targets_all_of_tcp_is_kept() {
    assert!(kept(&[], to_port(80).frame(LinkType::Ethernet)));
    assert!(kept(&[], to_port6(80).frame(LinkType::Ethernet)));
    let mut udp = to_port(80).packet();
    udp[9] = 17;
    assert!(!kept(&[], ethernet(&udp)));
}

#[test]
fn hundreds_of_targets_fit_and_thousands_keep_all() {
    let ports: Vec<_> = (1000..1700).map(Target::port).collect();
    let program = program(Framing::Any, &ports, Share::ALL);
    assert!(program.len() < 2 * 700 + 350, "{}", program.len());
    for port in [1000, 1001, 1199, 1200, 1201, 1399, 1400, 1699] {
        assert!(kept(&ports, to_port(port).frame(LinkType::Ethernet)), "{port}");
        assert!(kept(&ports, to_port6(port).frame(LinkType::Ethernet)), "{port}");
    }
    assert!(!kept(&ports, to_port(1700).frame(LinkType::Ethernet)));
    assert!(!kept(&ports, to_port(999).frame(LinkType::Ethernet)));
    let many: Vec<_> = (1..5000).map(Target::port).collect();
    assert!(kept(&many, to_port(60_000).frame(LinkType::Ethernet)));
}

#[test]
fn other_interfaces_go_by_the_network_header() {
    let program = program(Framing::Network, &PORTS, Share::ALL);
    for (port, wanted) in [(5432, true), (80, false)] {
        for packet in [to_port(port).packet(), to_port6(port).packet()] {
            for link in [0, 4, 20] {
                let packet = Packet {
                    bytes: [vec![0xff; link], packet.clone()].concat(),
                    network: link,
                    hardware_type: 65534,
                    packet_type: 0,
                    protocol: 0,
                };
                assert_eq!(keeps(&program, &packet), wanted);
            }
        }
    }
}

#[test]
fn any_interface_goes_by_its_hardware_type_and_counts_loopback_once() {
    let program = program(Framing::Any, &PORTS, Share::ALL);
    let (wanted, other) = (to_port(5432), to_port6(80));
    for (link, hardware_type, network) in [
        (LinkType::Ethernet, 1, 14),
        (LinkType::Ethernet, 772, 14),
        (LinkType::RawIp, 65534, 0),
    ] {
        for packet_type in [0, 4] {
            let packet = |tcp: &Tcp| Packet {
                bytes: tcp.frame(link),
                network,
                hardware_type,
                packet_type,
                protocol: 0,
            };
            let again = hardware_type == 772 && packet_type == 4;
            assert_eq!(keeps(&program, &packet(&wanted)), !again);
            assert!(!keeps(&program, &packet(&other)));
        }
    }
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let host = prop_oneof![Just("10.0.0.5"), Just("10.0.0.9"), Just("192.168.1.1")];
    let host6 = prop_oneof![Just("[fd00::5]"), Just("[fd00::9]"), Just("[fd00:0:0:1::5]")];
    let port = || prop_oneof![Just(5432_u16), Just(3306), Just(6379), 1..u16::MAX];
    let ipv4 = (
        host.clone(),
        host,
        port(),
        port(),
        prop_oneof![3 => Just(6_u8), 1 => any::<u8>()],
        prop_oneof![3 => Just(0), 1 => 1..4_u16],
    );
    let ipv6 = (
        host6.clone(),
        host6,
        port(),
        port(),
        prop_oneof![3 => Just(6_u8), 1 => Just(17), 1 => Just(58)],
    );
    prop_oneof![
        ipv4.prop_map(|(a, b, from, to, protocol, fragment)| {
            let mut packet = Tcp::new(&format!("{a}:{from}"), &format!("{b}:{to}"), b"x").ipv4(&[]);
            // Only what is no TCP is made a fragment: tcpdump drops those of TCP, which are kept here.
            let fragment = if protocol == 6 || protocol == 51 {
                0
            } else {
                fragment
            };
            packet[6..8].copy_from_slice(&fragment.to_be_bytes());
            packet[9] = if protocol == 51 { 17 } else { protocol };
            ethernet(&packet)
        }),
        ipv6.prop_map(|(a, b, from, to, next)| {
            ethernet(&Tcp::new(&format!("{a}:{from}"), &format!("{b}:{to}"), b"x").ipv6(next, &[]))
        }),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(|mut bytes| {
            // No tags, which tcpdump does not look behind.
            if bytes.len() > 12 {
                bytes[12] = 0;
            }
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn means_the_same_as_tcpdump(frame in any_frame(), cut in 0..30_usize) {
        let keep = frame.len().saturating_sub(if cut < 20 { 0 } else { cut });
        let packet = Packet::ethernet(frame[..keep].to_vec());
        prop_assert_eq!(keeps(&program(Framing::Ethernet, &PORTS, Share::ALL), &packet), keeps(&parsed(TCPDUMP_PORTS), &packet));
        prop_assert_eq!(keeps(&program(Framing::Ethernet, &hosts(), Share::ALL), &packet), keeps(&parsed(TCPDUMP_HOSTS), &packet));
    }

    /// Any list of targets makes a program that the kernel takes, and that never panics on a frame.
    #[test]
    fn any_targets_make_a_valid_program(
        targets in prop::collection::vec((any::<Option<std::net::IpAddr>>(), any::<Option<u16>>()), 0..200),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let targets: Vec<_> = targets.into_iter().map(|(address, port)| Target { address, port }).collect();
        for framing in [Framing::Ethernet, Framing::Network, Framing::Any] {
            for share in [Share::ALL, Share::LEAST] {
                keeps(&program(framing, &targets, share), &Packet::ethernet(bytes.clone()));
            }
        }
    }
}
