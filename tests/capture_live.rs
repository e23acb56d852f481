//! Rings on real interfaces, in network namespaces of the tests' own. Needs root; says so and passes where it is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test says what failed by failing"
)]

mod capture_support;
#[path = "capture_support/overload.rs"]
mod overload;

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use capture_support::*;
use sockhound::capture::file::FileSource;
use sockhound::capture::live::{InterfaceEvent, LiveError, LiveSource};
use sockhound::capture::share::shard_of;
use sockhound::capture::write::Writer;
use sockhound::capture::{Frame, Loss, Polled, Source};
use sockhound::packet::LinkType;

/// A frame of now, as it is written to a file.
fn ethernet(bytes: &[u8]) -> Frame<'_> {
    Frame {
        bytes,
        wire_length: bytes.len() as u32,
        time: now(),
        link: LinkType::Ethernet,
        interface: 0,
        interfaces: &[],
    }
}

#[test]
fn loopback_is_counted_once_on_its_own_ring_and_on_any() {
    in_namespace(|| {
        for interfaces in [&["lo"][..], &["any"], &[]] {
            for server in ["127.0.0.1:5432", "[::1]:5432"] {
                let mut source = watch(interfaces);
                let before = now();
                talk(server, 100, 300_000);
                let all = drain(&mut source);
                assert_one_connection(&all, 100, 300_000);
                assert!(
                    all.iter()
                        .all(|it| it.interface == "lo" && it.time > before && it.time < now())
                );
                assert_eq!(source.loss().dropped, 0);
            }
        }
    });
}

#[test]
fn what_is_no_target_is_not_seen() {
    in_namespace(|| {
        let mut source = watch(&["lo"]);
        talk("127.0.0.1:5433", 10, 1000);
        assert_eq!(drain(&mut source), []);
    });
}

#[test]
fn both_directions_of_a_link_are_seen_with_frames_of_any_size() {
    in_namespace(|| {
        const REPLY: usize = 3_000_000;
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (start, peer) = with_peer(move || {
            let listener = TcpListener::bind("[::]:5432").unwrap();
            serve(&listener, 70_000, REPLY);
            serve(&listener, 70_000, REPLY);
            // The link goes with this thread's namespace: it stays until all was read.
            let _ = wait.recv();
        });
        let mut source = watch(&["near"]);
        start.send(()).unwrap();
        for server in ["10.9.0.2:5432", "[fd09::2]:5432"] {
            while TcpStream::connect_timeout(
                &server.replace("5432", "1").parse().unwrap(),
                Duration::from_secs(1),
            )
            .is_err_and(|error| error.kind() != std::io::ErrorKind::ConnectionRefused)
            {}
            thread::sleep(Duration::from_millis(50));
            exchange(server, 70_000, REPLY);
            let all = drain(&mut source);
            assert_one_connection(&all, 70_000, REPLY as u64);
            assert!(
                all.iter().any(|it| it.length > 10_000),
                "offload makes long frames"
            );
        }
        assert_eq!(source.loss().dropped, 0);
        drop(done);
        peer.join().unwrap();
    });
}

/// An IPv4 TCP segment without payload from 10.0.0.1:40000 to 10.0.0.2:5432, in Ethernet with these tags.
fn tagged_frame(tags: &[u16]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1]);
    for tag in tags {
        frame.extend(tag.to_be_bytes());
        frame.extend([0, 5]);
    }
    frame.extend([
        8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]);
    frame.extend([
        0x9c, 0x40, 0x15, 0x38, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0,
    ]);
    frame.resize(frame.len().max(60), 0);
    frame
}

#[test]
fn tagged_frames_are_seen_as_they_leave_and_as_they_come() {
    in_namespace(|| {
        ip("link add near type veth peer name far");
        ip("link set near up");
        ip("link set far up");
        let file = tempfile::Builder::new().suffix(".pcapng").tempfile().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
        let tags: [&[u16]; 4] = [&[], &[0x8100], &[0x88a8, 0x8100], &[0x8100, 0x8100, 0x8100]];
        for tags in tags {
            let bytes = tagged_frame(tags);
            writer.write(&ethernet(&bytes)).unwrap();
        }
        writer.finish(Loss::default()).unwrap();
        for interfaces in [&["near"][..], &["far"], &["any"]] {
            let mut source = watch(interfaces);
            let path = file.path().to_str().unwrap();
            let done = Command::new("tcpreplay")
                .args(["-q", "-i", "far", path])
                .output()
                .unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let seen = drain(&mut source);
            let twice = if interfaces == ["any"] { 2 } else { 1 };
            assert_eq!(seen.len(), twice * tags.len(), "{interfaces:?} {seen:#?}");
            assert!(
                seen.iter()
                    .all(|it| it.destination.port() == PORT && it.length == 0)
            );
        }
    });
}

#[test]
fn interfaces_that_go_and_come_are_told_and_lose_nothing_of_the_others() {
    in_namespace(|| {
        ip("link add one type veth peer name other");
        ip("link set one up");
        let mut source = watch(&[]);
        ip("link set one down");
        talk("127.0.0.1:5432", 10, 10);
        assert_one_connection(&drain(&mut source), 10, 10);
        assert_eq!(source.take_events(), [InterfaceEvent::Down("one".to_owned())]);
        ip("link del one");
        ip("link add two type veth peer name another");
        ip("link set two up");
        talk("127.0.0.1:5432", 10, 10);
        assert_one_connection(&drain(&mut source), 10, 10);
        source.follow();
        let events = source.take_events();
        assert!(
            events.contains(&InterfaceEvent::Gone("one".to_owned())),
            "{events:?}"
        );
        assert!(
            events.contains(&InterfaceEvent::Watched("two".to_owned())),
            "{events:?}"
        );
        source.follow();
        assert_eq!(source.take_events(), []);
    });
}

#[test]
fn a_ring_whose_interface_is_gone_is_closed_though_frames_never_cease() {
    in_namespace(|| {
        ip("link add one type veth peer name other");
        ip("link set one up");
        let mut source = watch(&[]);
        assert_eq!(rings(), 2);
        ip("link del one");
        let talking = AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let listener = TcpListener::bind("127.0.0.1:5432").unwrap();
                while talking.load(Ordering::Relaxed) {
                    talk_to(&listener, 10, 10);
                }
            });
            let frames = (0..200_000).map(|number| {
                let _ = source.poll().unwrap();
                if number % 100 == 0 {
                    source.follow();
                }
                rings()
            });
            let closed = frames.into_iter().any(|rings| rings == 1);
            talking.store(false, Ordering::Relaxed);
            assert!(closed);
        });
    });
}

/// Packet sockets of this thread's namespace.
fn rings() -> usize {
    let listed = std::fs::read_to_string("/proc/thread-self/net/packet").unwrap();
    listed.lines().count() - 1
}

#[test]
fn a_watch_ends_when_all_its_interfaces_are_gone() {
    in_namespace(|| {
        ip("link add one type veth peer name other");
        ip("link set one up");
        let mut source = watch(&["one"]);
        ip("link del one");
        let error = (0..100).find_map(|_| source.poll().map(|_| ()).err());
        assert!(matches!(error, Some(LiveError::AllGone)), "{error:?}");
    });
}

/// Each ring of the group has the connections that are foreseen for it.
fn assert_shared_as_foreseen(shards: &[Vec<Seen>]) {
    let of = shards.len() as u32;
    for (index, all) in (0..).zip(shards) {
        let foreseen = |it: &Seen| shard_of(it.source.port(), it.destination.port(), of) == index;
        let strays: Vec<_> = all.iter().filter(|it| !foreseen(it)).collect();
        assert_eq!(strays, Vec::<&Seen>::new(), "{index} of {of}");
    }
}

/// Every connection was seen by one ring of the group alone, both ways; there were so many, of `bytes` in all.
fn assert_shared_whole(shards: &[Vec<Seen>], connections: usize, bytes: u64) {
    let client = |it: &Seen| {
        if it.source.port() == PORT {
            it.destination
        } else {
            it.source
        }
    };
    let clients: Vec<BTreeSet<_>> = shards
        .iter()
        .map(|all| all.iter().map(client).collect())
        .collect();
    assert_shared_as_foreseen(shards);
    let all: BTreeSet<_> = clients.iter().flatten().collect();
    assert_eq!(all.len(), connections);
    let seen: usize = clients.iter().map(BTreeSet::len).sum();
    assert_eq!(seen, connections, "{clients:?}");
    assert!(clients.iter().all(|it| it.len() > 2), "{clients:?}");
    let carried: u64 = shards.iter().flat_map(|all| sent(all).into_values()).sum();
    assert_eq!(carried, bytes);
}

fn group(interface: &str, rings: usize) -> Vec<LiveSource> {
    LiveSource::open_several(&options(&[interface]), rings as u32).unwrap()
}

#[test]
fn a_group_of_rings_shares_connections_whole() {
    in_namespace(|| {
        for server in ["127.0.0.1:5432", "[::1]:5432"] {
            let mut sources = group("lo", 2);
            let listener = TcpListener::bind(server).unwrap();
            (0..40).for_each(|_| talk_to(&listener, 10, 10));
            let shards: Vec<_> = sources.iter_mut().map(drain).collect();
            assert_shared_whole(&shards, 40, 40 * 20);
        }
    });
}

/// A link that goes down and comes up again leaves and joins its group, in whatever order, and others have groups of their own.
#[test]
fn a_group_of_rings_shares_alike_after_its_link_was_down_and_beside_another_group() {
    in_namespace(|| {
        ip("link add near type veth peer name far");
        ip("link set near up");
        ip("link set far up");
        let (mut sources, mut others) = (group("near", 3), group("near", 2));
        ip("link set near down");
        ip("link set near up");
        let file = tempfile::Builder::new().suffix(".pcapng").tempfile().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
        for client in 40_000_u16..40_060 {
            for tags in [&[][..], &[0x8100], &[0x88a8, 0x8100]] {
                let mut bytes = tagged_frame(tags);
                let ports = 12 + 4 * tags.len() + 2 + 20;
                bytes[ports..ports + 2].copy_from_slice(&client.to_be_bytes());
                writer.write(&ethernet(&bytes)).unwrap();
            }
        }
        writer.finish(Loss::default()).unwrap();
        let path = file.path().to_str().unwrap();
        for from in ["near", "far"] {
            // All at once: each block holds what comes in 20 milliseconds, and there are few.
            let done = Command::new("tcpreplay").args(["-qt", "-i", from, path]).output();
            assert!(done.unwrap().status.success());
        }
        for sources in [&mut sources, &mut others] {
            let shards: Vec<_> = sources.iter_mut().map(drain).collect();
            assert_eq!(shards.iter().map(Vec::len).sum::<usize>(), 60 * 3 * 2);
            assert_shared_as_foreseen(&shards);
        }
    });
}

/// What leaves and what comes is hashed alike, though one end gives its IPv6 packets a flow label and the other does not.
#[test]
fn a_group_of_rings_shares_connections_whole_that_leave_the_host() {
    in_namespace(|| {
        const EACH: usize = 40;
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (start, peer) = with_peer(move || {
            std::fs::write("/proc/sys/net/ipv6/auto_flowlabels", "0").unwrap();
            let listener = TcpListener::bind("[::]:5432").unwrap();
            (0..2 * EACH).for_each(|_| serve(&listener, 10, 10));
            let _ = wait.recv();
        });
        let mut sources = group("near", 3);
        start.send(()).unwrap();
        for server in ["10.9.0.2", "[fd09::2]"] {
            let closed = format!("{server}:1").parse().unwrap();
            while TcpStream::connect_timeout(&closed, Duration::from_secs(1))
                .is_err_and(|error| error.kind() != std::io::ErrorKind::ConnectionRefused)
            {}
            thread::sleep(Duration::from_millis(100));
            (0..EACH).for_each(|_| exchange(&format!("{server}:5432"), 10, 10));
        }
        let shards: Vec<_> = sources.iter_mut().map(drain).collect();
        assert_shared_whole(&shards, 2 * EACH, 2 * EACH as u64 * 20);
        drop(done);
        peer.join().unwrap();
    });
}

#[test]
fn what_is_written_reads_back_as_it_was_seen() {
    in_namespace(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut source = watch(&["lo"]);
        talk("127.0.0.1:5432", 100, 300_000);
        let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
        let mut live = Vec::new();
        while let Polled::Frame(frame) = source.poll().unwrap() {
            live.push((
                frame.time,
                frame.bytes.to_vec(),
                frame.interface_name().to_owned(),
            ));
            writer.write(&frame).unwrap();
        }
        writer.finish(source.loss()).unwrap();
        let mut read = FileSource::open(&[file.path().to_owned()]).unwrap();
        for (time, bytes, name) in &live {
            let Polled::Frame(frame) = read.poll().unwrap() else {
                panic!("ends early");
            };
            assert_eq!(
                (frame.time, frame.bytes, frame.interface_name()),
                (*time, &bytes[..], &name[..])
            );
        }
        assert!(live.len() > 8);
        assert!(matches!(read.poll().unwrap(), Polled::End));
    });
}

#[test]
fn without_the_capability_the_error_says_what_would_grant_it() {
    in_namespace(|| {
        caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_NET_RAW).unwrap();
        let error = LiveSource::open(&options(&["lo"])).err().unwrap().to_string();
        assert!(error.contains("sudo setcap cap_net_raw+ep /"), "{error}");
    });
}

#[test]
fn a_full_ring_drops_and_counts() {
    in_namespace(|| {
        let mut options = options(&["lo"]);
        (options.block_size, options.blocks) = (1 << 17, Some(2));
        let mut source = LiveSource::open(&options).unwrap();
        talk("127.0.0.1:5432", 10, 5_000_000);
        thread::sleep(Duration::from_millis(50));
        let seen: u64 = sent(&drain(&mut source)).into_values().sum();
        assert!(seen < 5_000_000);
        assert!(source.loss().dropped > 0);
        let once = source.loss();
        assert_eq!(source.loss(), once, "asking again forgets nothing");
    });
}
