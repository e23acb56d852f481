//! The daemon, live on loopback with a real Redis: every request in exactly one line, whatever signals come. Needs root and
//! redis-server; says so and passes where they are not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on fails"
)]

mod both;
mod collector;
#[path = "../host_support/mod.rs"]
mod host_support;
mod kills;
mod links;
mod manager;
mod otlp;
mod overload;
mod served;
mod stalls;
#[path = "../support/mod.rs"]
mod support;
mod threads;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sockhound::summary::Summary;

/// A process that is ended with the test.
struct Running(Child);

impl Running {
    fn tell(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
    }

    /// The exit status, and how long it took.
    fn ended(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        (self.0.wait().unwrap().code(), begun.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// A Redis of our own; none where it is not installed.
fn redis(directory: &Path) -> Option<(Running, u16)> {
    if !host_support::is_root() {
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let started = Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--bind",
            "127.0.0.1",
            "--dir",
        ])
        .arg(directory)
        .stdout(Stdio::null())
        .spawn();
    let Ok(server) = started else {
        eprintln!("skipped: no redis-server");
        return None;
    };
    let patience = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < patience, "redis does not come up");
        pause(20);
    }
    Some((Running(server), port))
}

/// A daemon that watches Redis on loopback, a summary every half second.
fn command(port: u16, output: &Path, more: &[&str]) -> Command {
    let config = output.with_extension("toml");
    std::fs::write(&config, "interval = \"500ms\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockhound"));
    let target = format!("redis://127.0.0.1:{port}");
    command
        .args(["daemon", "-i", "lo", "-t", &target, "--config"])
        .arg(&config)
        .arg("-o")
        .arg(output)
        .args(more)
        .stderr(std::fs::File::create(output.with_extension("log")).unwrap());
    command
}

/// The same, running: it has written a summary, so its rings are open.
fn daemon(port: u16, output: &Path, more: &[&str]) -> Running {
    let length = || std::fs::metadata(output).map_or(0, |it| it.len());
    let before = length();
    let daemon = Running(command(port, output, more).spawn().unwrap());
    until(|| length() != before, || format!("no summary: {}", said(output)));
    daemon
}

/// Waits for what must come.
fn until(mut is: impl FnMut() -> bool, else_say: impl Fn() -> String) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !is() {
        assert!(Instant::now() < patience, "{}", else_say());
        pause(10);
    }
}

fn said(output: &Path) -> String {
    std::fs::read_to_string(output.with_extension("log")).unwrap_or_default()
}

/// Every line of a file, each of which must be a whole summary.
fn lines(path: &Path) -> Vec<Summary> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "torn: {}",
        path.display()
    );
    let parse = |line: &str| serde_json::from_str(line).expect("a whole summary");
    text.lines().map(parse).collect()
}

fn requests(summaries: &[Summary]) -> u64 {
    let services = summaries.iter().flat_map(|it| &it.services);
    services.map(|it| it.exchanges.requests).sum()
}

fn assert_unbroken(summaries: &[Summary]) {
    for pair in summaries.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        assert_eq!(pair[1].start, pair[0].end, "every moment is in one summary");
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()))
    }

    fn increment(&mut self, times: u64) {
        for _ in 0..times {
            self.0
                .get_mut()
                .write_all(b"*2\r\n$4\r\nINCR\r\n$7\r\ncounted\r\n")
                .unwrap();
            let mut reply = String::new();
            self.0.read_line(&mut reply).unwrap();
            assert!(reply.starts_with(':'), "{reply}");
        }
    }
}

#[test]
fn every_request_is_in_one_line_whatever_signals_come() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    let mut daemon = daemon(port, &output, &[]);
    let mut client = Client::connect(port);
    let mut total = 0;
    let mut send = |times| {
        client.increment(times);
        total += times;
    };
    let mut files = Vec::<PathBuf>::new();
    for turn in 0..3 {
        for _ in 0..7 {
            send(40);
            pause(70);
        }
        daemon.tell(Signal::SIGUSR1);
        let rotated = directory.path().join(format!("rotated-{turn}"));
        std::fs::rename(&output, &rotated).unwrap();
        daemon.tell(Signal::SIGHUP);
        files.push(rotated);
        send(11);
        pause(300);
    }
    let bad = output.with_extension("toml");
    std::fs::write(&bad, "\nintervall = \"1s\"\n").unwrap();
    daemon.tell(Signal::SIGHUP);
    pause(300);
    send(5);
    daemon.tell(Signal::SIGTERM);
    let (status, took) = daemon.ended();
    assert_eq!(status, Some(0), "{}", said(&output));
    assert!(took < Duration::from_secs(2), "{took:?}");
    files.push(output.clone());
    let summaries: Vec<Summary> = files.iter().flat_map(|file| lines(file)).collect();
    assert!(
        files.iter().all(|file| !lines(file).is_empty()),
        "each file has some"
    );
    assert_unbroken(&summaries);
    assert_eq!(summaries[0].sequence, 0);
    assert_eq!(requests(&summaries), total);
    let said = said(&output);
    assert!(
        said.contains("line 2: unknown key intervall, did you mean interval?"),
        "{said}"
    );
    assert!(said.lines().all(|line| line.starts_with('<')), "{said}");
}

#[test]
fn the_unit_is_hardened() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/sockhound.service");
    let analysed = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(unit)
        .output();
    let Ok(analysed) = analysed else {
        eprintln!("skipped: no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&analysed.stdout);
    let level = said
        .lines()
        .find_map(|line| line.split_once("exposure level for"));
    let level = level
        .and_then(|(_, level)| level.split_whitespace().nth(1))
        .expect("a level");
    assert!(level.parse::<f64>().unwrap() <= 2.0, "{level}");
}
