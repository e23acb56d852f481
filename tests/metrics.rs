//! What the daemon serves, with a real PostgreSQL under pgbench and a real Prometheus that scrapes. Needs root; says so and passes where
//! that is not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on fails"
)]

mod support;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sockhound::summary::{Summary, merge::merge};
use support::lab::{Lab, is_possible};

const ADDRESS: &str = "127.0.0.1:9764";
const PATIENCE: Duration = Duration::from_mins(1);

/// A process that is ended with the test.
struct Running(Child);

impl Running {
    fn tell(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
    }

    /// The command's own descriptors.
    fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.0.id());
        std::fs::read_dir(folder).unwrap().count()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(got) = get() {
            return got;
        }
        assert!(Instant::now() < end, "gave up: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Sends `bytes`; all that comes back, whatever ends it.
fn said(bytes: &[u8]) -> String {
    let Ok(mut stream) = TcpStream::connect(ADDRESS) else {
        return String::new();
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, accept: &str) -> String {
    said(
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).unwrap_or_default();
    code.parse().unwrap_or(0)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The sum over all series of one name.
fn sum(text: &str, name: &str, having: &str) -> f64 {
    let of = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
            && line.contains(having)
    };
    let values = text
        .lines()
        .filter(of)
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

fn daemon(lab: &Lab, output: &Path, more: &[&str]) -> Running {
    let output_name = output.display().to_string();
    let line = [
        &[
            env!("CARGO_BIN_EXE_sockhound"),
            "daemon",
            "-i",
            "eth0",
            "-t",
            "postgresql://10.9.0.2:5432",
            "--interval",
            "500ms",
            "-o",
            &output_name,
        ],
        more,
    ]
    .concat();
    let log = File::create(output.with_extension("log")).unwrap();
    Running(Lab::command(&lab.app(), &line).stderr(log).spawn().unwrap())
}

fn summaries(output: &Path) -> Vec<Summary> {
    let text = std::fs::read_to_string(output).unwrap();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Prometheus on this port, and its answer to a query.
fn prometheus(lab: &Lab, port: u16, flags: &[&str]) -> Running {
    let at = |name: &str| lab.folder().join(format!("{name}-{port}")).display().to_string();
    let config = at("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}\nscrape_configs:\n  - job_name: sockhound\n    static_configs: [{{ targets: ['{ADDRESS}'] }}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let flags: Vec<String> = flags
        .iter()
        .map(ToString::to_string)
        .chain([
            format!("--config.file={config}"),
            format!("--storage.tsdb.path={}", at("data")),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ])
        .collect();
    let line: Vec<&str> = ["prometheus"]
        .into_iter()
        .chain(flags.iter().map(String::as_str))
        .collect();
    let log = File::create(at("prometheus.log")).unwrap();
    Running(Lab::command(&lab.app(), &line).stderr(log).spawn().unwrap())
}

/// The first value of a query's answer.
fn query(port: u16, query: &str) -> Option<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let query: Vec<String> = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let query = query.concat();
    let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let answer: Value = serde_json::from_str(body(&answer)).ok()?;
    answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

fn pgbench(lab: &Lab, transactions: u32) {
    let transactions = transactions.to_string();
    lab.succeed(&[
        "pgbench",
        "-n",
        "-S",
        "-c",
        "2",
        "-t",
        &transactions,
        "-h",
        "10.9.0.2",
        "-U",
        "app",
        "app",
    ]);
}

fn promtool(text: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn prometheus_agrees_with_the_summaries() {
    if !is_possible("prometheus_agrees_with_the_summaries") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_postgresql();
    lab.succeed(&["pgbench", "-i", "-q", "-h", "10.9.0.2", "-U", "app", "app"]);
    let output: PathBuf = lab.folder().join("summaries");
    let daemon = daemon(&lab, &output, &["--listen", ADDRESS]);
    lab.enter_app();
    until("a healthy daemon", || {
        (status(&get("/healthz", "*/*")) == 200).then_some(())
    });
    let scrapers = [
        (
            9090,
            prometheus(&lab, 9090, &["--enable-feature=native-histograms"]),
        ),
        (9091, prometheus(&lab, 9091, &[])),
    ];
    for (port, _) in &scrapers {
        until("a scrape", || query(*port, "up").filter(|up| *up > 0.0));
    }
    pgbench(&lab, 700);
    daemon.tell(Signal::SIGUSR1);
    pgbench(&lab, 800);
    let executed = "sum(sockhound_statement_executions_total{summary=\"SELECT pgbench_accounts\"})";
    for (port, _) in &scrapers {
        until("every execution in Prometheus", || {
            query(*port, executed).filter(|count| *count >= 3000.0)
        });
        assert_eq!(
            query(*port, executed).map(f64::to_bits),
            Some(3000.0_f64.to_bits()),
            "none twice"
        );
    }

    // The text, as promtool reads it, and its sums.
    let answer = get("/metrics", "text/plain;version=0.0.4");
    let (clean, words) = promtool(body(&answer));
    assert!(clean && words.trim().is_empty(), "{words}");
    let all = summaries(&output);
    let requests: u64 = all
        .iter()
        .flat_map(|it| &it.services)
        .map(|it| it.exchanges.requests)
        .sum();
    assert_eq!(
        sum(body(&answer), "sockhound_requests_total", "").to_bits(),
        (requests as f64).to_bits()
    );
    assert!(sum(body(&answer), "sockhound_pool_requests_total", "") >= 3000.0);

    // Percentiles.
    let merged = merge(all).unwrap();
    let latency = merged.services[0].latency.figures.unwrap();
    for (share, expected) in [(0.5, latency.p50_seconds), (0.99, latency.p99_seconds)] {
        let native = query(
            9090,
            &format!("histogram_quantile({share}, sockhound_latency_seconds)"),
        )
        .unwrap();
        assert!(
            (native / expected - 1.0).abs() < 0.02,
            "p{share}: {native} against {expected}"
        );
        let classic = query(
            9091,
            &format!("histogram_quantile({share}, sockhound_latency_seconds_bucket)"),
        )
        .unwrap();
        let bucket = |seconds: f64| {
            sockhound::metrics::histogram::CLASSIC
                .iter()
                .position(|bound| seconds <= bound * 1.003)
        };
        let (one, other) = (bucket(classic).unwrap(), bucket(expected).unwrap());
        assert!(one.abs_diff(other) <= 1, "p{share}: {classic} against {expected}");
    }
    let buckets = query(9090, "histogram_count(sockhound_latency_seconds)").unwrap();
    assert!(buckets >= 3000.0, "native histograms were scraped");

    let latest: Summary = serde_json::from_str(body(&get("/summary", "application/json"))).unwrap();
    assert!(latest.sequence + 1 >= merged.source.merged_from[0].last_sequence);
    drop(scrapers);
    abuse(&daemon);
    let sequences: Vec<u64> = summaries(&output).iter().map(|it| it.sequence).collect();
    assert!(
        sequences
            .iter()
            .enumerate()
            .all(|(place, sequence)| place as u64 == *sequence),
        "no interval is missing"
    );
}

/// Whatever clients do, others are answered and the watch goes on.
fn abuse(daemon: &Running) {
    let long = "x".repeat(20_000);
    for (bytes, expected) in [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 404),
        (
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
            405,
        ),
        (
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: image/png\r\n\r\n".to_vec(),
            406,
        ),
        (
            format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n").into_bytes(),
            431,
        ),
        (
            format!(
                "GET /metrics HTTP/1.1\r\nHost: x\r\n{}\r\n",
                "a: b\r\n".repeat(100)
            )
            .into_bytes(),
            431,
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
            400,
        ),
        (b"*3\r\n$3\r\nSET\r\n\r\n".to_vec(), 400),
        (b"HEAD /metrics HTTP/1.0\r\n\r\n".to_vec(), 200),
    ] {
        let answer = said(&bytes);
        assert_eq!(
            status(&answer),
            expected,
            "{}: {answer}",
            String::from_utf8_lossy(&bytes[..20])
        );
    }
    assert_eq!(body(&said(b"HEAD /healthz HTTP/1.0\r\n\r\n")), "");

    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(4096), most).unwrap();
    let before = daemon.descriptors();
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..1000 {
        let mut stream = TcpStream::connect(ADDRESS).unwrap();
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ");
        slow.push(stream);
    }
    assert_eq!(status(&get("/healthz", "*/*")), 200, "others are answered");
    assert_eq!(status(&get("/metrics", "*/*")), 200);
    let more = daemon.descriptors() - before;
    assert!(
        more <= sockhound::metrics::serve::MOST + 8,
        "{more} descriptors more"
    );
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = [0; 512];
        // Cut, or told that it took too long; either way it ends.
        while matches!(stream.read(&mut rest), Ok(1..)) {}
    }
    until("all slow ones cut", || {
        (daemon.descriptors() <= before + 2).then_some(())
    });
}

#[test]
fn a_unix_socket_is_for_owner_and_group() {
    if !is_possible("a_unix_socket_is_for_owner_and_group") {
        return;
    }
    let lab = Lab::new();
    let (socket, output) = (lab.folder().join("http"), lab.folder().join("summaries"));
    let address = format!("unix:{}", socket.display());
    let health = || {
        let curl = [
            "curl",
            "-sf",
            "--unix-socket",
            socket.to_str().unwrap(),
            "http://x/healthz",
        ];
        let answer = Command::new(curl[0]).args(&curl[1..]).output().unwrap();
        answer
            .status
            .success()
            .then(|| String::from_utf8(answer.stdout).unwrap())
    };
    for _ in 0..2 {
        // The second time in the place of the socket that the first one left.
        let daemon = daemon(&lab, &output, &["--listen", &address]);
        let health = until("an answer", health);
        assert!(
            health.starts_with(r#"{"status":"ok","interfaces":1,"#),
            "{health}"
        );
        let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let mut second = self::daemon(&lab, &lab.folder().join("second"), &["--listen", &address]);
        assert_eq!(second.0.wait().unwrap().code(), Some(1));
        let words = std::fs::read_to_string(lab.folder().join("second.log")).unwrap();
        assert!(words.contains("the address is in use"), "{words}");
        daemon.tell(Signal::SIGTERM);
        drop(daemon);
    }
    for (address, code) in [
        ("9764", 64),
        ("unix:http", 64),
        ("192.0.2.1:9764", 78),
        ("unix:/no/such/http", 78),
    ] {
        let mut bad = daemon(&lab, &output, &["--listen", address]);
        assert_eq!(bad.0.wait().unwrap().code(), Some(code), "{address}");
    }
    let public = daemon(&lab, &output, &["--listen", "0.0.0.0:9764"]);
    until("a warning", || {
        let words = std::fs::read_to_string(output.with_extension("log")).unwrap_or_default();
        words
            .contains("<4>sockhound: 0.0.0.0:9764 can be reached from other hosts")
            .then_some(())
    });
    drop(public);
}
