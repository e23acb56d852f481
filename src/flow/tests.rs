//! Whole behaviour of the flow table, on segments made by hand.

mod reuse;

use super::*;
use crate::capture::share::Share;
use crate::packet::{Flags, Segment};

const ACK: u8 = 0x10;
const SYN: u8 = 0x02;
const FIN: u8 = 0x11;
const RST: u8 = 0x14;

#[derive(Debug, Default)]
struct Log {
    lines: Vec<String>,
    busy: bool,
}

impl Handler for Log {
    type Conversation = ();

    fn opened(&mut self, id: ConnectionId, _: Timestamp, opening: &Opening) {
        self.lines.push(format!(
            "{} opened {}",
            id.0,
            if opening.from_syn { "syn" } else { "late" }
        ));
    }

    fn chunk(&mut self, _: ConnectionId, _: Timestamp, (): &mut (), side: Side, chunk: Chunk<'_>) -> isize {
        self.lines.push(match chunk {
            Chunk::Bytes(bytes) => format!("{side:?} {}", String::from_utf8_lossy(bytes)),
            other => format!("{side:?} {other:?}"),
        });
        0
    }

    fn signal(&mut self, _: ConnectionId, _: Timestamp, (): &mut (), signal: Signal) {
        self.lines.push(format!("{signal:?}"));
    }

    fn closed(&mut self, id: ConnectionId, _: Timestamp, (): &mut (), how: Close) {
        self.lines.push(format!("{} closed {how:?}", id.0));
    }

    fn buffered(&self, (): &()) -> usize {
        0
    }

    fn shed(&mut self, id: ConnectionId, _: Timestamp, (): &mut ()) {
        self.lines.push(format!("{} shed", id.0));
    }

    fn rest(&mut self, (): &()) -> Option<Rested> {
        (!self.busy).then_some(Rested(7))
    }

    fn wake(&mut self, rested: Rested) {
        self.lines.push(format!("woken by {}", rested.0));
    }

    fn is_busy(&self, (): &()) -> bool {
        self.busy
    }
}

struct Bench {
    table: Table<()>,
    log: Log,
    clock: i64,
    identification: u16,
    port: u16,
}

impl Bench {
    fn new() -> Self {
        Self::with_limit(100)
    }

    fn with_limit(connections: usize) -> Self {
        let servers = Servers::new(vec![Pattern {
            address: None,
            port: 5432,
        }]);
        let table = Table::new(
            servers,
            Limits {
                connections,
                bytes: usize::MAX,
                awake: usize::MAX,
                buffered: usize::MAX,
            },
        );
        Self {
            table,
            log: Log::default(),
            clock: 0,
            identification: 0,
            port: 40_000,
        }
    }

    fn segment(
        &self,
        side: Side,
        flags: u8,
        sequence: u32,
        acknowledgment: u32,
        payload: &'static [u8],
    ) -> Segment<'static> {
        let client = Endpoint::new("10.0.0.9".parse().unwrap(), self.port);
        let server = Endpoint::new("10.0.0.5".parse().unwrap(), 5432);
        let (source, destination) = if side == Side::Client {
            (client, server)
        } else {
            (server, client)
        };
        Segment {
            source,
            destination,
            sequence,
            acknowledgment,
            flags: Flags(flags),
            window: 512,
            timestamp_value: 0,
            identification: self.identification,
            payload,
            payload_length: payload.len() as u32,
        }
    }

    fn push(&mut self, segment: &Segment<'_>) {
        self.clock += 1_000_000;
        self.table
            .segment(segment, Timestamp::from_nanos(self.clock), &mut self.log);
        self.table.check_for_tests();
    }

    fn send(&mut self, side: Side, flags: u8, sequence: u32, acknowledgment: u32, payload: &'static [u8]) {
        self.identification += 1;
        self.push(&self.segment(side, flags, sequence, acknowledgment, payload));
    }

    fn client(&mut self, sequence: u32, payload: &'static [u8]) {
        self.send(Side::Client, ACK, sequence, 0, payload);
    }

    fn connect(&mut self) {
        self.send(Side::Client, SYN, 99, 0, b"");
        self.send(Side::Server, SYN | ACK, 499, 100, b"");
        self.send(Side::Client, ACK, 100, 500, b"");
        self.log.lines.clear();
    }

    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.lines)
    }
}

#[test]
fn times_the_handshake_and_passes_bytes_in_order() {
    let mut bench = Bench::new();
    bench.send(Side::Client, SYN, 99, 0, b"");
    bench.send(Side::Server, SYN | ACK, 499, 100, b"");
    bench.send(Side::Client, ACK, 100, 500, b"hello");
    bench.send(Side::Server, ACK, 500, 105, b"world");
    let connected = Signal::Connected {
        total: Span::from_millis(2),
        server_part: Span::from_millis(1),
    };
    assert_eq!(
        bench.said(),
        [
            "0 opened syn",
            &format!("{connected:?}"),
            "Client hello",
            "Server world"
        ]
    );
}

#[test]
fn puts_reordered_and_overlapping_segments_in_order() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(105, b"FGHIJ");
    bench.client(103, b"DEFG");
    bench.client(100, b"ABCDE");
    bench.client(100, b"ABCDE");
    assert_eq!(
        bench.said(),
        ["Client ABCDE", "Client FG", "Client HIJ", "Retransmitted(Client)"]
    );
    assert_eq!(bench.table.counters().gaps, 0);
}

#[test]
fn declares_a_gap_once_the_other_side_has_what_was_never_seen() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(110, b"later");
    assert!(bench.said().is_empty());
    bench.send(Side::Server, ACK, 500, 115, b"");
    assert_eq!(bench.said(), ["Client Lost(10)", "Client later"]);
    assert_eq!(
        (bench.table.counters().gaps, bench.table.counters().gap_bytes),
        (1, 10)
    );
}

#[test]
fn declares_a_gap_when_a_hole_does_not_fill_in_time() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(110, b"later");
    bench
        .table
        .tick(Timestamp::from_nanos(1_000_000_000), &mut bench.log);
    assert!(bench.said().is_empty());
    bench
        .table
        .tick(Timestamp::from_nanos(4_000_000_000), &mut bench.log);
    assert_eq!(bench.said(), ["Client Lost(10)", "Client later"]);
    assert_eq!(bench.table.buffered_for_tests(), 0);
}

#[test]
fn holes_are_given_up_in_the_order_of_their_connections_ends() {
    let mut bench = Bench::new();
    for payload in [b"three", b"two..", b"one.."] {
        bench.connect();
        bench.client(110, payload);
        bench.port -= 1;
    }
    bench
        .table
        .tick(Timestamp::from_nanos(4_000_000_000), &mut bench.log);
    let mut said = bench.said();
    said.retain(|line| !line.contains("Lost"));
    assert_eq!(said, ["Client one..", "Client two..", "Client three"]);
}

#[test]
fn declares_a_gap_when_too_much_waits_behind_a_hole() {
    let mut bench = Bench::new();
    bench.connect();
    for step in 0..200 {
        bench.client(110 + step * 4, b"more");
    }
    assert_eq!(bench.said()[..2], ["Client Lost(10)", "Client more"]);
}

#[test]
fn survives_the_wrap_of_sequence_numbers() {
    let mut bench = Bench::new();
    bench.client(u32::MAX - 1, b"abcd");
    bench.client(2, b"efgh");
    assert_eq!(bench.said(), ["0 opened late", "Client abcd", "Client efgh"]);
}

#[test]
fn tells_keep_alive_probes_from_bytes() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(100, b"hello");
    bench.client(104, b"");
    bench.client(104, b"x");
    bench.client(105, b"there");
    assert_eq!(
        bench.said(),
        [
            "Client hello",
            "KeepAlive(Client)",
            "KeepAlive(Client)",
            "Client there"
        ]
    );
}

#[test]
fn tells_keep_alive_probes_on_a_connection_that_was_silent_since_before_the_watch() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.send(Side::Client, ACK, 99, 500, b"");
        bench.send(Side::Server, ACK, 500, 100, b"");
    }
    bench.send(Side::Client, ACK, 100, 500, b"hello");
    let probes = ["KeepAlive(Client)"; 3];
    assert_eq!(bench.said()[1..], [&probes[..], &["Client hello"]].concat());
}

#[test]
fn a_fin_sent_again_is_nothing_retransmitted() {
    let mut bench = Bench::new();
    bench.connect();
    bench.send(Side::Client, FIN | ACK, 100, 500, b"");
    bench.send(Side::Client, FIN | ACK, 100, 500, b"");
    assert_eq!(bench.said(), ["Finished(Client)"]);
}

#[test]
fn does_not_take_an_acknowledged_fin_for_a_probe() {
    let mut bench = Bench::new();
    bench.connect();
    bench.send(Side::Client, FIN | ACK, 100, 500, b"");
    bench.send(Side::Server, ACK, 500, 101, b"");
    assert_eq!(bench.said(), ["Finished(Client)"]);
}

#[test]
fn does_not_take_a_window_probe_for_a_keep_alive() {
    let mut bench = Bench::new();
    bench.connect();
    let mut shut = bench.segment(Side::Server, ACK, 500, 100, b"");
    shut.window = 0;
    bench.push(&shut);
    bench.client(99, b"");
    bench.send(Side::Server, ACK, 500, 100, b"");
    assert_eq!(
        bench.said(),
        ["ZeroWindow(Server, true)", "ZeroWindow(Server, false)"]
    );
}

#[test]
fn counts_a_copy_once() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(100, b"hello");
    let copy = bench.segment(Side::Client, ACK, 100, 0, b"hello");
    bench.push(&copy);
    assert_eq!(bench.said(), ["Client hello"]);
    assert_eq!(bench.table.counters().duplicates, 1);
}

#[test]
fn closes_after_both_fins_and_ignores_what_strays_in_later() {
    let mut bench = Bench::new();
    bench.connect();
    bench.send(Side::Client, FIN, 100, 500, b"bye");
    bench.send(Side::Server, ACK, 500, 104, b"well");
    bench.send(Side::Server, FIN, 504, 104, b"");
    bench.send(Side::Client, ACK, 104, 505, b"");
    assert_eq!(
        bench.said(),
        [
            "Client bye",
            "Finished(Client)",
            "Server well",
            "Finished(Server)",
            "0 closed Finished"
        ]
    );
}

#[test]
fn waits_for_bytes_that_come_after_their_fin() {
    let mut bench = Bench::new();
    bench.connect();
    bench.send(Side::Client, FIN, 105, 500, b"");
    bench.client(100, b"hello");
    assert_eq!(bench.said(), ["Client hello", "Finished(Client)"]);
}

#[test]
fn resets_in_the_middle_of_a_hole() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(110, b"later");
    bench.send(Side::Server, RST, 500, 0, b"");
    assert_eq!(
        bench.said(),
        ["Client Lost(10)", "Client later", "0 closed Reset(Server)"]
    );
}

#[test]
fn a_new_syn_on_old_ports_is_a_new_connection() {
    let mut bench = Bench::new();
    bench.connect();
    bench.send(Side::Client, SYN, 7000, 0, b"");
    bench.send(Side::Client, SYN, 7000, 0, b"");
    assert_eq!(
        bench.said(),
        ["0 closed Replaced", "0 opened syn", "Retransmitted(Client)"]
    );
    bench.send(Side::Server, RST, 0, 7001, b"");
    bench.send(Side::Client, SYN, 9000, 0, b"");
    assert_eq!(bench.said(), ["0 closed Reset(Server)", "0 opened syn"]);
}

#[test]
fn a_syn_where_only_the_kernel_told_of_a_connection_is_a_new_one() {
    let mut bench = Bench::new();
    let client = Endpoint::new("10.0.0.9".parse().unwrap(), bench.port);
    let server = Endpoint::new("10.0.0.5".parse().unwrap(), 5432);
    let at = Timestamp::default();
    bench.table.adopt(client, server, at, &mut bench.log);
    bench.send(Side::Client, SYN, 99, 0, b"");
    bench.send(Side::Client, SYN, 99, 0, b"");
    let opened_anew = [
        "0 opened late",
        "0 closed Replaced",
        "0 opened syn",
        "Retransmitted(Client)",
    ];
    assert_eq!(bench.said(), opened_anew);
}

#[test]
fn bytes_from_far_behind_are_another_connection() {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(100, b"hello");
    bench.client(100_u32.wrapping_sub(1 << 27), b"fresh");
    assert_eq!(
        bench.said(),
        [
            "Client hello",
            "0 closed Replaced",
            "0 opened late",
            "Client fresh"
        ]
    );
}

#[test]
fn joins_late_on_any_packet_but_not_on_a_stray_end() {
    let mut bench = Bench::new();
    bench.send(Side::Server, RST, 1, 0, b"");
    bench.send(Side::Server, FIN, 1, 0, b"");
    assert!(bench.said().is_empty());
    bench.send(Side::Server, ACK, 70, 20, b"");
    bench.client(20, b"query");
    assert_eq!(bench.said(), ["0 opened late", "Client query"]);
}

#[test]
fn tells_what_the_capture_cut() {
    let mut bench = Bench::new();
    bench.connect();
    let mut cut = bench.segment(Side::Client, ACK, 100, 0, b"hello");
    cut.payload_length = 50;
    bench.push(&cut);
    bench.client(150, b"next");
    assert_eq!(bench.said(), ["Client hello", "Client Cut(45)", "Client next"]);
    assert_eq!(bench.table.counters().gaps, 0);
}

#[test]
fn makes_room_by_dropping_the_longest_idle() {
    let mut bench = Bench::with_limit(2);
    for port in [1, 2, 3] {
        bench.port = 40_000 + port;
        bench.send(Side::Client, SYN, 99, 0, b"");
    }
    assert_eq!(
        bench.said(),
        ["0 opened syn", "1 opened syn", "0 closed Evicted", "0 opened syn"]
    );
    assert_eq!((bench.table.len(), bench.table.counters().evicted), (2, 1));
}

#[test]
fn follows_a_share_of_the_connections_and_forgets_the_rest_unjudged() {
    let half = Share::ALL.narrowed();
    let ports = |held: bool| (40_001..).filter(move |port| half.holds(*port, 5432) == held);
    let (inside, outside) = (ports(true).next().unwrap(), ports(false).next().unwrap());
    let mut bench = Bench::new();
    for port in [inside, outside] {
        bench.port = port;
        bench.connect();
    }
    bench
        .table
        .keep(half, Timestamp::from_nanos(bench.clock), &mut bench.log);
    assert_eq!(bench.said(), ["1 closed Forgotten"]);
    bench.client(100, b"unseen");
    bench.port = ports(false).nth(1).unwrap();
    bench.send(Side::Client, SYN, 99, 0, b"");
    bench.port = inside;
    bench.client(100, b"hello");
    assert_eq!(bench.said(), ["Client hello"]);
    let counters = bench.table.counters();
    assert_eq!(
        (counters.forgotten, counters.outside, counters.evicted),
        (1, 2, 0)
    );
    assert_eq!(bench.table.len(), 1);
    assert!(Elsewhere::busiest(&[bench.table.elsewhere()], 8).is_empty());

    bench
        .table
        .keep(Share::ALL, Timestamp::from_nanos(bench.clock), &mut bench.log);
    bench.port = outside;
    bench.client(106, b"again");
    assert_eq!(bench.said(), ["1 opened late", "Client again"]);
}

#[test]
fn the_kernel_s_word_opens_no_connection_outside_the_share() {
    let half = Share::ALL.narrowed();
    let mut bench = Bench::new();
    bench.table.keep(half, Timestamp::default(), &mut bench.log);
    let server = Endpoint::new("10.0.0.5".parse().unwrap(), 5432);
    for port in 40_000..40_100 {
        let client = Endpoint::new("10.0.0.9".parse().unwrap(), port);
        let adopted = bench
            .table
            .adopt(client, server, Timestamp::default(), &mut bench.log);
        assert_eq!(adopted.is_some(), half.holds(port, 5432));
    }
}

#[test]
fn forgets_closed_connections_after_a_while() {
    let mut bench = Bench::new();
    bench.connect();
    bench.send(Side::Server, RST, 500, 0, b"");
    assert_eq!(bench.table.len(), 1);
    bench
        .table
        .tick(Timestamp::from_nanos(bench.clock + 6_000_000_000), &mut bench.log);
    assert!(bench.table.is_empty());
}

#[test]
fn idle_connections_rest_and_wake_with_their_next_segment() {
    let mut bench = Bench::new();
    bench.table.limits_for_tests().awake = 1;
    bench.connect();
    bench.client(100, b"a");
    assert_eq!(bench.said(), ["Client a"]);
    bench.port += 1;
    bench.connect();
    bench.port -= 1;
    bench.client(101, b"b");
    assert_eq!(bench.said(), ["woken by 7", "Client b"]);
    bench.port += 1;
    bench.client(100, b"c");
    assert_eq!(bench.said(), ["woken by 7", "Client c"]);
    bench.port -= 1;
    bench.send(Side::Server, RST, 500, 0, b"");
    assert_eq!(
        bench.said(),
        ["woken by 7", "0 closed Reset(Server)"],
        "its conversation hears of the end"
    );
}

#[test]
fn what_goes_on_is_never_put_to_rest() {
    let mut bench = Bench::new();
    bench.table.limits_for_tests().awake = 0;
    bench.log.busy = true;
    bench.connect();
    bench.client(105, b"early");
    for _ in 0..10 {
        bench.port += 1;
        bench.connect();
    }
    bench.port -= 10;
    bench.log.busy = false;
    bench.client(100, b"first");
    assert_eq!(
        bench.said(),
        ["Client first", "Client early"],
        "held bytes were kept"
    );
}

#[test]
fn bytes_behind_holes_are_bounded_in_all() {
    let mut bench = Bench::new();
    bench.table.limits_for_tests().buffered = 250;
    for _ in 0..3 {
        bench.connect();
        bench.port += 1;
    }
    bench.port -= 3;
    for _ in 0..3 {
        // Some hundred bytes each, with what it takes to keep them.
        bench.client(200, &[b'x'; 60]);
        bench.port += 1;
    }
    let said = bench.said();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(
        said[0], "Client Lost(100)",
        "the one that waited longest goes on first"
    );
    assert_eq!(said[2], "0 shed");
    let counters = bench.table.counters();
    assert_eq!((counters.gaps, counters.gap_bytes, counters.shed), (1, 100, 1));
    bench.port -= 2;
    bench.send(Side::Client, RST, 100, 0, b"");
    bench.port += 1;
    bench.send(Side::Client, RST, 100, 0, b"");
    assert_eq!(
        bench.table.buffered_for_tests(),
        0,
        "nothing is counted of what is gone"
    );
}

#[test]
fn connections_are_bounded_by_what_they_take() {
    let mut bench = Bench::new();
    bench.table.limits_for_tests().bytes = 3 * Limits::WHOLE;
    for _ in 0..10 {
        bench.connect();
        bench.port += 1;
    }
    assert_eq!((bench.table.len(), bench.table.counters().evicted), (3, 7));
}
