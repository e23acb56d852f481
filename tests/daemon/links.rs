//! Interfaces that come, go and go down, and sockets that begin and cease to be hoarded.

use super::support::lab::{Lab, is_possible};
use super::*;

/// A daemon in the app's namespace that watches every interface.
fn watch(lab: &Lab, output: &Path, more: &[&str]) -> Running {
    let mut line = vec![env!("CARGO_BIN_EXE_sockhound"), "daemon", "-t", "redis://:6379"];
    line.extend(["-o", output.to_str().unwrap()]);
    line.extend(more);
    let mut command = Lab::command(&lab.app(), &line);
    command.stderr(std::fs::File::create(output.with_extension("log")).unwrap());
    let daemon = Running(command.spawn().unwrap());
    hear(output, "watching lo eth0");
    daemon
}

fn ip(namespace: &str, line: &str) {
    let status = Command::new("ip")
        .args(["-n", namespace])
        .args(line.split(' '))
        .status()
        .unwrap();
    assert!(status.success(), "ip {line}");
}

fn hear(output: &Path, what: &str) {
    until(
        || said(output).contains(what),
        || format!("no {what}: {}", said(output)),
    );
}

fn increment(lab: &Lab, times: &str) {
    lab.succeed(&["redis-cli", "-h", "10.9.0.2", "-r", times, "incr", "a"]);
    // Gone from the rings before anything happens to the interface.
    pause(300);
}

#[test]
fn interfaces_that_come_go_or_go_down_are_followed() {
    if !is_possible("interfaces that come and go") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_redis();
    let output = lab.folder().join("summaries");
    // Long intervals: nothing is put off to their ends.
    let mut daemon = watch(&lab, &output, &["--interval", "1h"]);
    let (app, db) = (lab.app(), lab.db());
    increment(&lab, "10");
    ip(&app, "link set eth0 down");
    hear(&output, "eth0 went down");
    ip(&app, "link set eth0 up");
    increment(&lab, "20");
    ip(
        &app,
        &format!("link add late type veth peer name late netns {db}"),
    );
    ip(&app, "address add 10.9.1.1/24 dev late");
    ip(&db, "address add 10.9.1.2/24 dev late");
    ip(&db, "link set late up");
    ip(&app, "link set late up");
    hear(&output, "watching late");
    ip(&app, "route add 10.9.0.2/32 dev late src 10.9.1.1");
    increment(&lab, "40");
    ip(&app, "link delete late");
    hear(&output, "late is gone");
    increment(&lab, "80");
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0), "{}", said(&output));
    let summaries = lines(&output);
    assert_eq!(requests(&summaries), 150, "{}", said(&output));
    let watched = &summaries.last().unwrap().source.interfaces;
    assert_eq!(*watched, ["lo", "eth0", "late"]);
}

/// To open a ring takes a while, which is no reason to look for the next interface late.
#[test]
fn each_of_several_interfaces_is_watched_soon_after_it_comes() {
    if !is_possible("interfaces that come one after the other") {
        return;
    }
    let lab = Lab::new();
    let output = lab.folder().join("summaries");
    let mut daemon = watch(&lab, &output, &["--interval", "1h"]);
    let begun = Instant::now();
    for name in ["one", "two", "three", "four"] {
        ip(
            &lab.app(),
            &format!("link add {name} type veth peer name {name}s"),
        );
        ip(&lab.app(), &format!("link set {name} up"));
        ip(&lab.app(), &format!("link set {name}s up"));
        hear(&output, &format!("watching {name}"));
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0), "{}", said(&output));
}

/// How often the journal has said it.
fn times(output: &Path, what: &str) -> usize {
    said(output).lines().filter(|line| line.contains(what)).count()
}

#[test]
fn hoarded_sockets_are_told_once_when_they_come_and_once_when_they_go() {
    if !is_possible("hoarded sockets") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_redis();
    let output = lab.folder().join("summaries");
    let mut daemon = watch(&lab, &output, &["--interval", "1h", "--idle-after", "4s"]);
    lab.enter_app();
    let connect = || TcpStream::connect("10.9.0.2:6379").unwrap();
    // Of four, one is at work and one may be spare: the two that are idle for longest are too many.
    let (hoarded, closed, _spare, mut working) = (connect(), connect(), connect(), connect());
    let name = |stream: &TcpStream| format!("{} to 10.9.0.2:6379", stream.local_addr().unwrap());
    let working_name = name(&working);
    let mut work_until_said = |what: &str| {
        until(
            || {
                working.write_all(b"INCR a\r\n").unwrap();
                std::io::Read::read(&mut working, &mut [0; 64]).unwrap();
                pause(50);
                said(&output).contains(what)
            },
            || format!("no {what}: {}", said(&output)),
        );
    };
    // Within the patience of this test, and not in an hour.
    work_until_said(&format!("hoarded: {}", name(&hoarded)));
    work_until_said(&format!("hoarded: {}", name(&closed)));
    work_until_said("hoarded: 2 of 4");
    let closed_name = name(&closed);
    drop(closed);
    work_until_said(&format!("no longer hoarded: {closed_name}"));
    pause(1500);
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0));
    for (what, expected) in [
        (format!(": hoarded: {}", name(&hoarded)), 1),
        (format!("no longer hoarded: {}", name(&hoarded)), 0),
        (format!(": hoarded: {closed_name}"), 1),
        (format!("no longer hoarded: {closed_name}"), 1),
        (format!("hoarded: {working_name}"), 0),
    ] {
        assert_eq!(times(&output, &what), expected, "{what}: {}", said(&output));
    }
}
