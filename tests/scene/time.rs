//! Where the time goes, by experiments that leave no doubt: one that only the server is slow in, one the network's sender, and so on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use postgres::{Client, Config, NoTls};
use serde_json::Value;

use super::support::lab::{Lab, is_possible};
use super::support::watcher::{Watched, Watcher};

fn connect(database: &str) -> Client {
    let mut config = Config::new();
    config.host("10.9.0.2").user("app").dbname(database);
    config.connect(NoTls).unwrap()
}

/// A connection to a database, logged in by hand.
struct Raw(TcpStream);

impl Raw {
    /// With a receive buffer of this size.
    fn open(database: &str, buffer: usize) -> Self {
        let stream = TcpStream::connect("10.9.0.2:5432").unwrap();
        setsockopt(&stream, sockopt::RcvBuf, &buffer).unwrap();
        stream.set_nodelay(true).unwrap();
        let body = [b"\0\x03\0\0user\0app\0database\0", database.as_bytes(), b"\0\0"].concat();
        let mut raw = Self(stream);
        raw.0
            .write_all(&[&(body.len() as u32 + 4).to_be_bytes(), &body[..]].concat())
            .unwrap();
        raw.read_reply();
        raw
    }

    fn query(text: &str) -> Vec<u8> {
        [
            b"Q",
            &(text.len() as u32 + 5).to_be_bytes()[..],
            text.as_bytes(),
            b"\0",
        ]
        .concat()
    }

    /// Up to `ReadyForQuery`, idle.
    fn read_reply(&mut self) {
        let (mut end, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        while !end.ends_with(b"Z\0\0\0\x05I") {
            let read = self.0.read(&mut buffer).unwrap();
            assert!(read > 0, "closed, descriptor {}", self.0.as_raw_fd());
            end.extend_from_slice(&buffer[..read]);
            end.drain(..end.len().saturating_sub(6));
        }
    }
}

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn server_works() -> Client {
    let mut client = connect("works");
    (0..3).for_each(|_| client.batch_execute("select pg_sleep(0.3)").unwrap());
    client
}

fn client_thinks() -> Client {
    let mut client = connect("thinks");
    for _ in 0..3 {
        client.batch_execute("begin").unwrap();
        client.batch_execute("select 1 + 1").unwrap();
        pause(300);
        client.batch_execute("commit").unwrap();
    }
    client
}

/// Five megabytes, the first of them read after a second: far more than both buffers hold.
fn client_reads_late() -> Raw {
    let mut raw = Raw::open("reads", 8192);
    let query = Raw::query("select repeat('x', 1000) from generate_series(1, 5000)");
    raw.0.write_all(&query).unwrap();
    pause(1000);
    raw.read_reply();
    raw
}

/// The rows come one after the other, as the server finds them.
fn rows_trickle() -> Raw {
    let mut raw = Raw::open("trickles", 1 << 20);
    let query = "select repeat('x', 9000), pg_sleep(0.05) from generate_series(1, 20)";
    raw.0.write_all(&Raw::query(query)).unwrap();
    raw.read_reply();
    raw
}

fn client_sends_slowly() -> Raw {
    let mut raw = Raw::open("sends", 1 << 20);
    let query = Raw::query(&format!("select length('{}')", "y".repeat(40_000)));
    for part in query.chunks(8000) {
        pause(150);
        raw.0.write_all(part).unwrap();
    }
    raw.read_reply();
    raw
}

fn client_reconnects() {
    for _ in 0..20 {
        connect("opens").batch_execute("select 2 + 2 as x").unwrap();
    }
}

const LEGS: [&str; 8] = [
    "connect_seconds",
    "login_seconds",
    "request_seconds",
    "network_seconds",
    "server_seconds",
    "reply_seconds",
    "window_closed_seconds",
    "thinking_seconds",
];

/// The share of `leg` in the time of a pool or a statement.
fn share(time: &Value, legs: &[&str]) -> f64 {
    let seconds = |leg: &str| time[leg].as_f64().unwrap_or(0.0);
    let sum: f64 = LEGS.into_iter().map(seconds).sum();
    legs.iter().map(|leg| seconds(leg)).sum::<f64>() / sum
}

fn pool<'a>(seen: &'a Watched, database: &str) -> &'a Value {
    let pools = seen.summary["pools"].as_array().unwrap();
    pools.iter().find(|pool| pool["database"] == database).unwrap()
}

fn statement<'a>(seen: &'a Watched, wanted: &str) -> &'a Value {
    let all = seen.summary["statements"].as_array().unwrap();
    let has = |one: &&Value| one["text"].as_str().is_some_and(|text| text == wanted);
    let texts = || all.iter().map(|one| one["text"].to_string()).collect::<Vec<_>>();
    all.iter()
        .find(has)
        .unwrap_or_else(|| panic!("no {wanted} in {:#?}", texts()))
}

fn assert_mostly(time: &Value, legs: &[&str], at_least: f64) {
    let share = share(time, legs);
    assert!(share >= at_least, "{legs:?} {share:.3} of {time:#}");
}

/// The client read nothing for a second, and then through a small window.
fn assert_held_up(time: &Value) {
    assert_mostly(time, &["window_closed_seconds", "reply_seconds"], 0.9);
    let closed = time["window_closed_seconds"].as_f64().unwrap();
    assert!(closed > 0.8, "{closed} of a second");
}

/// What a person reads first.
fn assert_first_screen_tells(seen: &Watched) {
    let summary = seen.frames.with_extension("again.json");
    std::fs::write(&summary, seen.summary.to_string()).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sockhound"))
        .args(["read", "-f", "text"])
        .arg(&seen.frames)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let screen: Vec<&str> = text.lines().take(24).collect();
    let at = screen
        .iter()
        .position(|line| line.starts_with("WHERE THE TIME GOES"))
        .unwrap();
    let told = screen[at + 1..at + 4].join(" ");
    for leg in [
        "server",
        "client's pauses in transactions",
        "closed window",
        "sending",
        "receiving",
    ] {
        assert!(told.contains(leg), "{text}");
    }
}

#[test]
fn each_leg_of_the_time_is_told_apart() {
    if !is_possible("where the time goes") {
        return;
    }
    let _alone = super::alone();
    let mut lab = Lab::new();
    lab.start_postgresql();
    let databases = ["works", "thinks", "reads", "trickles", "sends", "opens", "before"];
    for database in databases {
        lab.succeed(&["createdb", "-h", "10.9.0.2", "-U", "app", database]);
    }
    lab.enter_app();
    let mut before = connect("before");
    let watcher = Watcher::start_alone(&lab, &lab.app(), "eth0", &[]);
    before.batch_execute("select pg_sleep(0.2)").unwrap();
    let kept = (
        server_works(),
        client_thinks(),
        client_reads_late(),
        rows_trickle(),
        client_sends_slowly(),
    );
    client_reconnects();
    let seen = watcher.stop();
    drop((kept, before));

    let time = |database| &pool(&seen, database)["time"];
    assert_mostly(time("works"), &["server_seconds"], 0.8);
    assert_mostly(time("thinks"), &["thinking_seconds"], 0.8);
    assert_held_up(time("reads"));
    assert_mostly(time("trickles"), &["reply_seconds"], 0.7);
    assert_mostly(time("sends"), &["request_seconds"], 0.8);
    assert_mostly(time("opens"), &["connect_seconds", "login_seconds"], 0.5);
    let of = |text| &statement(&seen, text)["time"];
    assert_mostly(of("select pg_sleep(?)"), &["server_seconds"], 0.95);
    assert_mostly(of("select ? + ?"), &["thinking_seconds"], 0.6);
    assert_held_up(of("select repeat(?) from generate_series(?)"));
    assert_mostly(
        of("select repeat(?), pg_sleep(?) from generate_series(?)"),
        &["reply_seconds"],
        0.7,
    );
    assert_mostly(of("select length(?"), &["request_seconds"], 0.8);

    let logins = &pool(&seen, "opens")["logins"];
    assert_eq!(
        (&logins["count"], &logins["per_request"]),
        (&20.into(), &1.0.into())
    );
    let login =
        time("opens")["connect_seconds"].as_f64().unwrap() + time("opens")["login_seconds"].as_f64().unwrap();
    assert!((logins["seconds"].as_f64().unwrap() - login).abs() < 1e-6);
    let idle = time("works")["idle_seconds"].as_f64().unwrap();
    assert!(idle > 2.0, "{idle} seconds idle while the others worked");
    assert_first_screen_tells(&seen);
}

#[test]
fn a_distant_network_is_told_from_a_slow_server() {
    if !is_possible("a distant network") {
        return;
    }
    let _alone = super::alone();
    let mut lab = Lab::new();
    lab.start_postgresql();
    // 20 ms there and back.
    lab.add_wire(&["delay=10.9.1.2/0.01"]);
    let watchers = [(lab.app(), 0.02), (lab.db(), 0.0)]
        .map(|(host, round_trip)| (Watcher::start(&lab, &host, "eth1", &[]), round_trip));
    let script = "select pg_sleep(0.03);\n".repeat(10);
    lab.run(
        &["psql", "-X", "-q", "-h", "10.9.1.2", "-U", "app", "postgres"],
        &script,
    );
    for (watcher, round_trip) in watchers {
        let seen = watcher.stop();
        let time = &statement(&seen, "select pg_sleep(?)")["time"];
        let of_each = |leg: &str| time[leg].as_f64().unwrap() / 10.0;
        let (network, server) = (of_each("network_seconds"), of_each("server_seconds"));
        assert!((round_trip..round_trip + 0.01).contains(&network), "{time:#}");
        assert!((0.03..0.045).contains(&server), "{time:#}");
    }
}
