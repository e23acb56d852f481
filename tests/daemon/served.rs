//! What the daemon serves of itself: its own counts, and whether it is well.

use std::io::Read as _;
use std::os::unix::net::UnixStream;

use super::collector::Collector;
use super::manager::Stopped;
use super::*;

/// What is answered at a unix socket: all of it, or nothing yet.
fn answer(socket: &Path, path: &str) -> String {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return String::new();
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits for an answer that is so.
fn answers(socket: &Path, path: &str, is: impl Fn(&str) -> bool) -> String {
    let mut latest = String::new();
    let patience = Instant::now() + Duration::from_secs(30);
    while !is(&latest) {
        assert!(Instant::now() < patience, "{latest}");
        pause(50);
        latest = answer(socket, path);
    }
    latest
}

/// The value of a series.
fn value(text: &str, series: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

#[test]
fn what_the_daemon_did_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let (output, socket) = (directory.path().join("summaries"), directory.path().join("http"));
    let (_collector, listening) = Collector::start();
    let (listen, otlp) = (
        format!("unix:{}", socket.display()),
        format!("http://localhost:{listening}"),
    );
    let more = ["-o", "/dev/full", "--listen", &listen, "--otlp", &otlp];
    let mut daemon = daemon(port, &output, &more);
    daemon.tell(Signal::SIGHUP);
    answers(&socket, "/metrics", |text| {
        value(text, "sockhound_reloads_total{outcome=\"done\"}") == 1
    });
    std::fs::write(output.with_extension("toml"), "intervall = \"1s\"\n").unwrap();
    daemon.tell(Signal::SIGHUP);
    // Each of these comes in time; the collector is busy at first.
    answers(&socket, "/metrics", |text| {
        let of = |series: &str| value(text, series);
        of("sockhound_reloads_total{outcome=\"refused\"}") == 1
            && of("sockhound_summaries_written_total") > 3
            && of("sockhound_summaries_lost_total{reason=\"no_space\"}") > 3
            && of("sockhound_summaries_lost_total{reason=\"not_read\"}") == 0
            && of("sockhound_inventories_total{outcome=\"complete\"}") > 0
            && of("sockhound_otlp_pushes_total{outcome=\"taken\"}") > 0
            && of("sockhound_otlp_pushes_total{outcome=\"postponed\"}") > 0
            && of("sockhound_otlp_retries_total") > 0
    });
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0), "{}", said(&output));
}

#[test]
fn a_capture_loop_that_stands_still_is_not_well() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let (output, socket) = (directory.path().join("summaries"), directory.path().join("http"));
    let listen = format!("unix:{}", socket.display());
    let mut daemon = daemon(port, &output, &["--listen", &listen]);
    let is_well = |text: &str| text.get(9..12) == Some("200") && text.contains("\"status\":\"ok\"");
    answers(&socket, "/healthz", is_well);
    {
        let _capture_loop = Stopped::stop(daemon.0.id());
        let ill = answers(&socket, "/healthz", |text| text.get(9..12) == Some("503"));
        assert!(ill.contains("the capture loop has not gone round for"), "{ill}");
        assert!(
            answer(&socket, "/metrics").get(9..12) == Some("200"),
            "still served"
        );
    }
    answers(&socket, "/healthz", is_well);
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0), "{}", said(&output));
}
