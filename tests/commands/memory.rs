//! `--max-memory` is a bound on the process, whatever it is fed: each kind of traffic that makes a watch keep much, several times
//! more of it than the bound allows.

use std::io::{BufWriter, Write};
use std::process::{ChildStdin, Stdio};

use serde_json::Value;

use super::capture::From::{self, Client, Server};
use super::{finished, sockhound};

/// The bound, in MiB: what a process takes anyway is a third of it.
const BOUND: u64 = 48;

/// Traffic without end, written as it is made. Connections are numbered; each has a client's port of its own.
struct Feed {
    out: BufWriter<ChildStdin>,
    port: u16,
    /// Whether each connection is of IPv6, from a host of its own.
    ipv6: bool,
    next: Vec<[u32; 2]>,
    micros: u64,
}

impl Feed {
    fn new(out: ChildStdin) -> Self {
        let mut out = BufWriter::with_capacity(1 << 18, out);
        out.write_all(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0")
            .unwrap();
        Self {
            out,
            port: 5432,
            ipv6: false,
            next: Vec::new(),
            micros: 1_700_000_000_000_000,
        }
    }

    fn segment(&mut self, connection: u32, from: From, flags: u8, payload: &[u8]) {
        if self.next.len() <= connection as usize {
            self.next.resize(connection as usize + 1, [1000, 5000]);
        }
        let next = &mut self.next[connection as usize];
        let (sent, seen) = if from == Client { (0, 1) } else { (1, 0) };
        let host = 0x0a01_0000 + connection / 20_000;
        let ends = [
            (host, 20_000 + (connection % 20_000) as u16),
            (0x0a00_0005, self.port),
        ];
        let mut frame = if self.ipv6 {
            let hosts = [0x0001_0000_0000 + u128::from(connection), 5];
            ipv6(hosts[sent], hosts[seen], payload.len())
        } else {
            ipv4(ends[sent].0, ends[seen].0, payload.len())
        };
        frame.extend_from_slice(&ends[sent].1.to_be_bytes());
        frame.extend_from_slice(&ends[seen].1.to_be_bytes());
        frame.extend_from_slice(&next[sent].to_be_bytes());
        frame.extend_from_slice(&next[seen].to_be_bytes());
        frame.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend_from_slice(payload);
        next[sent] = next[sent].wrapping_add(payload.len() as u32 + u32::from(flags & SYN != 0));
        for field in [
            (self.micros / 1_000_000) as u32,
            (self.micros % 1_000_000) as u32,
            frame.len() as u32,
            frame.len() as u32,
        ] {
            self.out.write_all(&field.to_le_bytes()).unwrap();
        }
        self.out.write_all(&frame).unwrap();
        self.micros += 1;
    }

    fn say(&mut self, connection: u32, from: From, bytes: &[u8]) {
        for piece in bytes.chunks(60_000) {
            self.segment(connection, from, ACK | PUSH, piece);
        }
    }

    /// The client's last bytes once more, as its kernel sends them when no acknowledgment comes.
    fn say_again(&mut self, connection: u32, bytes: &[u8]) {
        self.micros += 200_000;
        let next = &mut self.next[connection as usize][0];
        *next = next.wrapping_sub(bytes.len() as u32);
        self.say(connection, Client, bytes);
    }

    fn open(&mut self, connection: u32) {
        self.segment(connection, Client, SYN, b"");
        self.segment(connection, Server, SYN | ACK, b"");
        self.segment(connection, Client, ACK, b"");
    }

    /// A PostgreSQL session, as `user`.
    fn log_in(&mut self, connection: u32, user: &str) {
        self.open(connection);
        let parameters = format!("\0\x03\0\0user\0{user}\0application_name\0{user}-app\0\0");
        let mut startup = (parameters.len() as u32 + 4).to_be_bytes().to_vec();
        startup.extend_from_slice(parameters.as_bytes());
        self.say(connection, Client, &startup);
        let welcome = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
        self.say(connection, Server, &welcome);
    }

    fn ask(&mut self, connection: u32, sql: &str) {
        let query = message(b'Q', format!("{sql}\0").as_bytes());
        self.say(connection, Client, &query);
    }

    /// The reply to the last request, so many microseconds later.
    fn answer(&mut self, connection: u32, micros: u64) {
        self.micros += micros;
        let reply = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
        self.say(connection, Server, &reply);
    }
}

/// Ethernet and IPv4 headers of a segment with so many bytes.
fn ipv4(from: u32, to: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend_from_slice(&(40 + length as u16).to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend_from_slice(&from.to_be_bytes());
    frame.extend_from_slice(&to.to_be_bytes());
    frame
}

/// The same of IPv6.
fn ipv6(from: u128, to: u128, length: usize) -> Vec<u8> {
    const NETWORK: u128 = 0xfd << 120;
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0];
    frame.extend_from_slice(&(20 + length as u16).to_be_bytes());
    frame.extend_from_slice(&[6, 64]);
    frame.extend_from_slice(&(NETWORK | from).to_be_bytes());
    frame.extend_from_slice(&(NETWORK | to).to_be_bytes());
    frame
}

const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(body);
    message
}

/// Feeds a watch that lists its connections, and checks that it stayed within its bound. Its summary.
#[track_caller]
fn fed(feed: impl FnOnce(&mut Feed)) -> Value {
    let (least, _) = peak(|_| ());
    let (most, summary) = peak(feed);
    // A debug build's own code is larger than what it is judged by.
    let grown = most.saturating_sub(least) / 1024;
    assert!(
        grown <= BOUND - 8,
        "{grown} MiB more than the {} without anything",
        least / 1024
    );
    summary
}

/// The most KiB that were resident at once, and the summary.
#[track_caller]
fn peak(feed: impl FnOnce(&mut Feed)) -> (u64, Value) {
    let bound = format!("{BOUND}MiB");
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary");
    let mut command = sockhound(&[
        "read",
        "-",
        "-f",
        "json",
        "--max-memory",
        &bound,
        "--connections",
        "all",
    ]);
    command
        .args(["-t", "postgresql://:5432", "-t", "http://:8086", "-o"])
        .arg(&summary);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    feed(&mut Feed::new(child.stdin.take().unwrap()));
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        // The kernel's own high-water mark: nothing goes by between two looks but what the last millisecond brings.
        most = most.max(high_water(&status));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let ended = finished(&child.wait_with_output().unwrap());
    assert_eq!((ended.status, ended.errors.as_str()), (Some(0), ""));
    let text = std::fs::read_to_string(summary).unwrap();
    (most, serde_json::from_str(&text).unwrap())
}

fn high_water(status: &str) -> u64 {
    let status = std::fs::read_to_string(status).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

fn count(summary: &Value, name: &str) -> u64 {
    summary["source"][name].as_u64().unwrap_or(0)
}

fn open(summary: &Value) -> u64 {
    summary["services"][0]["connections"]["open"].as_u64().unwrap()
}

/// Whether it is said that what was kept until more came was given up.
fn sheds(summary: &Value) -> bool {
    summary["source"]["notes"].to_string().contains("given up")
}

#[test]
fn connections_with_requests_in_flight() {
    let summary = fed(|feed| {
        for connection in 0..40_000 {
            feed.log_in(connection, "app");
            feed.ask(connection, "SELECT a FROM t");
        }
    });
    let left = open(&summary);
    assert!(left > 1_000, "{left}");
    assert_eq!(count(&summary, "evicted_connections"), 40_000 - left);
}

#[test]
fn what_is_in_flight_stays_before_what_is_idle() {
    const AT_WORK: u32 = 500;
    let summary = fed(|feed| {
        for connection in 0..AT_WORK {
            feed.log_in(connection, "app");
            feed.ask(connection, "SELECT a FROM t");
        }
        (AT_WORK..60_000).for_each(|connection| feed.log_in(connection, "idler"));
    });
    let in_use = &summary["services"][0]["connections"]["in_use"];
    assert_eq!(in_use, AT_WORK, "{}", summary["source"]);
    let evicted = count(&summary, "evicted_connections");
    assert!(evicted > 0 && evicted == 60_000 - open(&summary), "{evicted}");
    let listed = summary["connections"].as_array().unwrap().len() as u64;
    assert!(listed < open(&summary), "{listed}");
    assert!(summary["source"]["notes"].to_string().contains("not listed"));
}

#[test]
fn connections_of_ipv6_each_from_a_host_of_its_own() {
    let summary = fed(|feed| {
        feed.ipv6 = true;
        (0..70_000).for_each(|connection| feed.log_in(connection, "app"));
    });
    let left = open(&summary);
    assert!(left > 4_000, "{left}");
    assert_eq!(count(&summary, "evicted_connections"), 70_000 - left);
}

#[test]
fn connections_that_all_sent_something_again() {
    let summary = fed(|feed| {
        for connection in 0..60_000 {
            feed.log_in(connection, "app");
            let query = message(b'Q', b"SELECT a FROM t\0");
            feed.say(connection, Client, &query);
            feed.say_again(connection, &query);
            feed.answer(connection, 100);
        }
    });
    assert!(open(&summary) > 10_000, "{}", open(&summary));
    let notes = summary["source"]["notes"].to_string();
    assert!(notes.contains("retransmissions"), "{notes}");
    assert_eq!(summary["services"][0]["retransmits"], 60_000);
}

#[test]
fn pipelines() {
    let query = message(b'Q', b"SELECT 1 FROM t\0").repeat(500);
    let summary = fed(|feed| {
        for connection in 0..2_000 {
            feed.log_in(connection, "app");
            feed.say(connection, Client, &query);
        }
    });
    assert!(sheds(&summary), "{}", summary["source"]);
}

#[test]
fn prepared_statements() {
    let names: Vec<Vec<u8>> = (0..200)
        .map(|n| {
            message(
                b'P',
                format!("s{n}\0SELECT a{n} FROM t WHERE b = $1\0\0\0").as_bytes(),
            )
        })
        .collect();
    let ask = [names.concat(), message(b'S', b"")].concat();
    let reply = [message(b'1', b"").repeat(names.len()), message(b'Z', b"I")].concat();
    let summary = fed(|feed| {
        for connection in 0..4_000 {
            feed.log_in(connection, "app");
            feed.say(connection, Client, &ask);
            feed.say(connection, Server, &reply);
        }
    });
    assert!(sheds(&summary), "{}", summary["source"]);
}

#[test]
fn messages_that_are_not_all_there() {
    let mut half = vec![b'x'; 12_000];
    half[..5].copy_from_slice(b"Q\0\0\x3f\xff");
    let summary = fed(|feed| {
        for connection in 0..8_000 {
            feed.log_in(connection, "app");
            feed.say(connection, Client, &half);
        }
    });
    assert!(sheds(&summary), "{}", summary["source"]);
}

#[test]
fn encrypted_connections() {
    let summary = fed(|feed| {
        for connection in 0..40_000 {
            feed.open(connection);
            feed.say(connection, Client, b"\0\0\0\x08\x04\xd2\x16\x2f");
            feed.say(connection, Server, b"S");
            feed.say(connection, Client, b"\x16\x03\x01\0\x05hello");
            feed.say(
                connection,
                Server,
                b"\x16\x03\x03\0\x05hello\x14\x03\x03\0\x01\x01",
            );
            feed.say(connection, Client, b"\x17\x03\x03\0\x05query");
        }
    });
    assert!(count(&summary, "evicted_connections") > 30_000);
}

#[test]
fn http_of_many_agents() {
    let summary = fed(|feed| {
        feed.port = 8086;
        for connection in 0..40_000 {
            feed.open(connection);
            let agent = connection % 2_000;
            let ask =
                format!("GET /query?q={connection} HTTP/1.1\r\nHost: x\r\nUser-Agent: agent-{agent}\r\n\r\n");
            feed.say(connection, Client, ask.as_bytes());
        }
    });
    assert!(count(&summary, "evicted_connections") > 30_000);
}

#[test]
fn texts() {
    let list = "b, ".repeat(350_000);
    let summary = fed(|feed| {
        feed.log_in(0, "app");
        for number in 0..12_000 {
            // One in a thousand is a megabyte.
            let length = if number % 1_000 == 0 { list.len() } else { 4_500 };
            feed.ask(0, &format!("SELECT a{number}, {}", &list[..length]));
            feed.answer(0, 100);
        }
    });
    let told = summary["statements"].as_array().unwrap().len() as u64;
    assert!(
        told > 100 && count(&summary, "evicted_statements") >= 12_000 - told,
        "{told}"
    );
}

#[test]
fn latencies_of_every_size() {
    let summary = fed(|feed| {
        feed.log_in(0, "app");
        for round in 0..50 {
            for number in 0..3_000_u64 {
                feed.ask(0, &format!("SELECT a{number} FROM t"));
                let octave = 1 << (round % 16);
                feed.answer(0, octave + number % octave);
            }
        }
    });
    assert!(count(&summary, "evicted_statements") > 0);
    let exchanges = &summary["services"][0]["exchanges"];
    assert_eq!(
        exchanges["replies"], 150_000,
        "the server's figures have them all"
    );
}

#[test]
fn pools_and_names() {
    let summary = fed(|feed| {
        for connection in 0..10_000 {
            feed.log_in(connection, &format!("{connection:0100}"));
            for round in 0..6 {
                feed.ask(connection, "SELECT a FROM t");
                feed.answer(connection, 1 << (2 * round));
            }
        }
    });
    let pools = summary["pools"].as_array().unwrap().len();
    assert!((10..2_000).contains(&pools), "{pools}");
    assert_eq!(summary["services"][0]["exchanges"]["replies"], 60_000);
}
