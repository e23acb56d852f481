//! What a collector is told agrees with the summaries.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sockhound::summary::merge::merge;

use super::collector::{Collector, attribute, quantile};
use super::{Client, daemon, lines, pause, redis, said};

#[test]
fn a_collector_is_told_what_the_summaries_tell() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    let (collector, listening) = Collector::start();
    // A name: it is looked up inside the sandbox.
    let url = format!("http://localhost:{listening}");
    let mut daemon = daemon(port, &output, &["--otlp", &url]);
    let mut client = Client::connect(port);
    for _ in 0..10 {
        client.increment(50);
        pause(100);
    }
    let patience = Instant::now() + Duration::from_secs(30);
    let told = loop {
        match collector.latest() {
            Some(told) if told.total("sockhound.requests") == 500 => break told,
            _ => assert!(Instant::now() < patience, "{}", said(&output)),
        }
        pause(50);
    };
    daemon.tell(Signal::SIGTERM);
    let (status, took) = daemon.ended();
    assert_eq!(status, Some(0), "{}", said(&output));
    assert!(took < Duration::from_secs(2), "{took:?}");
    let whole = merge(lines(&output)).unwrap();
    let (service, statement) = (&whole.services[0], &whole.statements[0]);
    let [latency] = told.durations("sockhound.latency") else {
        panic!("one server")
    };
    let [duration] = told.durations("db.client.operation.duration") else {
        panic!("one statement")
    };
    assert_eq!(attribute(&duration.attributes, "db.system.name"), Some("redis"));
    assert_eq!(
        attribute(&duration.attributes, "server.address"),
        Some("127.0.0.1")
    );
    assert_eq!(
        attribute(&duration.attributes, "db.query.summary"),
        statement.summary.as_deref()
    );
    for (point, distribution) in [(latency, &service.latency), (duration, &statement.duration)] {
        assert_eq!(point.count, distribution.count);
        let figures = distribution.figures.unwrap();
        for (share, said) in [(0.5, figures.p50_seconds), (0.99, figures.p99_seconds)] {
            let (low, high) = quantile(point, share);
            assert!(
                low * 0.995 <= said && said <= high * 1.005,
                "{share}: {low} {said} {high}"
            );
        }
    }
    assert!(told.total("db.client.connection.count") > 0);
    let said = said(&output);
    for once in ["it answers 503 Service Unavailable", "takes metrics again"] {
        assert_eq!(said.matches(once).count(), 1, "{said}");
    }
}
