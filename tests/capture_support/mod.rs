//! Network namespaces, traffic in them, and what a ring saw of it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sched::{CloneFlags, unshare};
use sockhound::capture::filter::Target;
use sockhound::capture::live::{LiveOptions, LiveSource};
use sockhound::capture::{Polled, Source};
use sockhound::clock::{Span, Timestamp};
use sockhound::packet::{self, Flags};

pub const PORT: u16 = 5432;

/// A TCP segment, kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub time: Timestamp,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub flags: u8,
    pub sequence: u32,
    pub length: u32,
    pub interface: String,
}

/// Runs `test` in a thread with a network namespace of its own, loopback up.
pub fn in_namespace(test: impl FnOnce() + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: needs root for network namespaces");
        return;
    }
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link set lo up");
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

pub fn ip(arguments: &str) {
    let done = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {arguments}: {error}");
}

/// The path by which another thread's network namespace is called.
pub fn namespace_path() -> String {
    let (process, thread) = (nix::unistd::getpid(), nix::unistd::gettid());
    format!("/proc/{process}/task/{thread}/ns/net")
}

/// Joins this namespace (`near`, `10.9.0.1`, `fd09::1`) to one of another thread (`far`, `10.9.0.2`, `fd09::2`) that runs `peer` when told.
pub fn with_peer(peer: impl FnOnce() + Send + 'static) -> (mpsc::Sender<()>, thread::JoinHandle<()>) {
    let (path_out, path) = mpsc::channel();
    let (start, started) = mpsc::channel();
    let handle = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        path_out.send(namespace_path()).unwrap();
        started.recv().unwrap();
        ip("addr add 10.9.0.2/24 dev far");
        ip("addr add fd09::2/64 dev far nodad");
        ip("link set far up");
        path_out.send(String::new()).unwrap();
        if started.recv().is_ok() {
            peer();
        }
    });
    ip("link add near type veth peer name far");
    ip(&format!("link set far netns {}", path.recv().unwrap()));
    ip("addr add 10.9.0.1/24 dev near");
    ip("addr add fd09::1/64 dev near nodad");
    ip("link set near up");
    start.send(()).unwrap();
    path.recv().unwrap();
    (start, handle)
}

pub fn watch(interfaces: &[&str]) -> LiveSource {
    LiveSource::open(&options(interfaces)).unwrap()
}

pub fn options(interfaces: &[&str]) -> LiveOptions {
    LiveOptions {
        interfaces: interfaces.iter().map(ToString::to_string).collect(),
        targets: vec![Target::port(PORT)],
        blocks: Some(8),
        block_timeout: Duration::from_millis(20),
        ..LiveOptions::default()
    }
}

/// Sends `request` bytes to `server` and takes `reply` bytes back.
pub fn exchange(server: &str, request: usize, reply: usize) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(&vec![b'q'; request]).unwrap();
    stream.read_exact(&mut vec![0; reply]).unwrap();
}

/// Answers one connection: takes `request` bytes, sends `reply` bytes.
pub fn serve(listener: &TcpListener, request: usize, reply: usize) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut vec![0; request]).unwrap();
    stream.write_all(&vec![b'r'; reply]).unwrap();
    let _ = stream.read(&mut [0]);
}

/// A client and a server in this namespace.
pub fn talk(server: &str, request: usize, reply: usize) {
    talk_to(&TcpListener::bind(server).unwrap(), request, reply);
}

/// The same, with the server there already.
pub fn talk_to(listener: &TcpListener, request: usize, reply: usize) {
    let server = listener.local_addr().unwrap().to_string();
    thread::scope(|scope| {
        scope.spawn(|| serve(listener, request, reply));
        exchange(&server, request, reply);
    });
}

/// All segments up to now.
pub fn drain(source: &mut LiveSource) -> Vec<Seen> {
    // A machine under load may fire the rings' timers late.
    let until = now() + Span::from_millis(250);
    let mut all = Vec::new();
    loop {
        match source.poll().unwrap() {
            Polled::Frame(frame) => {
                let segment = packet::parse(frame.link, frame.bytes, frame.wire_length).unwrap();
                all.push(Seen {
                    time: frame.time,
                    source: SocketAddr::new(segment.source.address, segment.source.port),
                    destination: SocketAddr::new(segment.destination.address, segment.destination.port),
                    flags: segment.flags.0,
                    sequence: segment.sequence,
                    length: segment.payload_length,
                    interface: frame.interface_name().to_owned(),
                });
                assert_eq!(segment.payload.len(), segment.payload_length as usize);
            }
            Polled::Idle(time) if time > until => return all,
            Polled::Idle(_) => {}
            Polled::End => panic!("a live source has no end"),
        }
    }
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap())
}

/// How much each end of each connection sent, each byte counted once: a busy machine sends some again.
#[track_caller]
pub fn sent(all: &[Seen]) -> BTreeMap<SocketAddr, u64> {
    let mut sent: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for it in all {
        sent.entry(it.source).or_default().push((it.sequence, it.length));
    }
    sent.into_iter()
        .map(|(source, segments)| (source, covered(segments)))
        .collect()
}

/// How many bytes segments cover together.
fn covered(mut segments: Vec<(u32, u32)>) -> u64 {
    let first = segments[0].0;
    segments.retain(|(_, length)| *length > 0);
    segments.sort_unstable_by_key(|(sequence, _)| sequence.wrapping_sub(first));
    let (mut bytes, mut end) = (0, 0);
    for (sequence, length) in segments {
        let begin = u64::from(sequence.wrapping_sub(first));
        let after = begin + u64::from(length);
        bytes += after.saturating_sub(end.max(begin));
        end = end.max(after);
    }
    bytes
}

/// One connection's segments: both directions, each byte, one SYN each way, in time order.
#[track_caller]
pub fn assert_one_connection(all: &[Seen], request: u64, reply: u64) {
    let mut lengths: Vec<_> = sent(all).into_values().collect();
    lengths.sort_unstable();
    let mut expected = [request, reply];
    expected.sort_unstable();
    assert_eq!(lengths, expected, "{all:#?}");
    let syns = all.iter().filter(|it| Flags(it.flags).has(Flags::SYN)).count();
    assert_eq!(syns, 2, "{all:#?}");
    // The kernel stamps a frame before it takes its place in the ring: two cores may pass each other between, by as long as one of
    // them is held up.
    let late = |pair: &[Seen]| pair[0].time.since(pair[1].time) > Span::from_millis(20);
    assert!(!all.windows(2).any(late), "{all:#?}");
}
