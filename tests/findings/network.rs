//! Networks that lose or delay, and ends that don't read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use postgres::fallible_iterator::FallibleIterator;

use crate::clients::{connect, work};
use crate::stage::{Cues, Held, Scene, assert_told, sum_of};

const LOSSY: &str = "10.9.1.11:5432";
const FAR: &str = "10.9.1.12:5432";
const UNREAD: &str = "10.9.0.111:5432";
const NAGLE: &str = "10.9.0.112:6379";

/// What the wire between the hosts does to what passes: loses one in so many of the server's frames that carry data, up to
/// so many in all; delays all, each way: by so much that a loaded machine's database is not felt beside it.
pub const WIRE: [&str; 2] = ["drop=10.9.1.11/15/1000", "delay=10.9.1.12/0.03"];

const NONE: Scene = Scene {
    at: "",
    finds: &[],
    only: &[],
    near: &[],
    play: bulk,
};

pub const SCENES: &[Scene] = &[
    // A lost segment is never seen behind the loss: its repetition looks late, not repeated.
    Scene {
        at: LOSSY,
        only: &[("db", "retransmissions")],
        play: bulk,
        ..NONE
    },
    // Beside the server its latency has no network in it.
    Scene {
        at: FAR,
        only: &[("app", "time_outside_database")],
        play: far,
        ..NONE
    },
    Scene {
        at: UNREAD,
        finds: &["zero_window"],
        near: &["retransmissions"],
        play: reads_late,
        ..NONE
    },
    Scene {
        at: "10.9.0.121:5432",
        near: &["zero_window"],
        play: reads_little_late,
        ..NONE
    },
    Scene {
        at: NAGLE,
        finds: &["delayed_acknowledgment", "time_outside_database"],
        play: in_two_writes,
        ..NONE
    },
    Scene {
        at: "10.9.0.122:6379",
        near: &["delayed_acknowledgment"],
        play: in_two_writes_at_once,
        ..NONE
    },
    Scene {
        at: "10.9.0.123:5432",
        near: &["delayed_acknowledgment"],
        play: streams_for_40_ms,
        ..NONE
    },
];

fn bulk(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    for _ in 0..30 {
        client
            .query("select repeat('x', 1000) from generate_series(1, 60)", &[])
            .unwrap();
    }
    Box::new(client)
}

fn far(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    (0..80).for_each(|_| work(&mut client));
    Box::new(client)
}

/// Asks for more than all buffers hold, and looks at the first row for three seconds.
fn reads_late(cues: &Cues, at: &str) -> Held {
    late_reader(cues, at, "select repeat('x', 10000) from generate_series(1, 800)")
}

/// As late, but what was asked for fits into the buffers: nobody waits for it.
fn reads_little_late(cues: &Cues, at: &str) -> Held {
    late_reader(cues, at, "select repeat('x', 100) from generate_series(1, 300)")
}

fn late_reader(cues: &Cues, at: &str, query: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    let none: [i32; 0] = [];
    {
        let mut rows = client.query_raw(query, none).unwrap();
        rows.next().unwrap();
        std::thread::sleep(Duration::from_secs(3));
        while rows.next().unwrap().is_some() {}
    }
    work(&mut client);
    Box::new(client)
}

fn ask_in_two_writes(connection: &mut TcpStream) {
    connection.write_all(b"*2\r\n$3\r\nGET\r\n").unwrap();
    connection.write_all(b"$7\r\nnothing\r\n").unwrap();
    let mut reply = [0; 5];
    connection.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"$-1\r\n");
}

fn in_two_writes(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut connection = TcpStream::connect(at).unwrap();
    (0..60).for_each(|_| ask_in_two_writes(&mut connection));
    Box::new(connection)
}

/// The same without Nagle's algorithm.
fn in_two_writes_at_once(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut connection = TcpStream::connect(at).unwrap();
    connection.set_nodelay(true).unwrap();
    (0..60).for_each(|_| ask_in_two_writes(&mut connection));
    Box::new(connection)
}

/// Replies that take about 40 ms from their first byte to their last since the server makes their rows so slowly.
fn streams_for_40_ms(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    let rows = "select repeat('x', 4000), pg_sleep(0.008) from generate_series(1, 7)";
    for _ in 0..60 {
        client.simple_query(rows).unwrap();
    }
    Box::new(client)
}

#[test]
fn retransmissions() {
    assert_told(
        LOSSY,
        "retransmissions",
        "warning",
        &("server_retransmits", 40.0..=1000.0),
        "segments sent again",
    );
}

#[test]
fn the_networks_share() {
    assert_told(
        FAR,
        "time_outside_database",
        "info",
        &("requests", 80.0..=80.0),
        "goes to the network",
    );
}

/// The kernel probes a closed window over and over; that is nothing lost.
#[test]
fn window_probes_are_no_retransmissions() {
    assert!(sum_of(UNREAD, "retransmits") < 20);
}

#[test]
fn zero_window() {
    assert_told(
        UNREAD,
        "zero_window",
        "warning",
        &("window_closed_seconds", 1.0..=60.0),
        "a receiver that does not read",
    );
}

#[test]
fn delayed_acknowledgment() {
    assert_told(
        NAGLE,
        "delayed_acknowledgment",
        "warning",
        &("delayed_acknowledgments", 30.0..=60.0),
        "paused for about 40 ms",
    );
}
