//! A scene on a real server: pools that hoard in every way, one that works, and one that needs all its connections in bursts.
//! Exactly the right sockets are flagged, for the right reasons.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use serde_json::Value;
use support::lab::{Lab, is_possible};
use support::watcher::Watcher;

/// The database of connections that are not even asked for their name.
const SILENT: &str = "silent";

/// Opens a connection to one of the scene's databases, with TCP keep-alive after a second if `kept_alive`.
fn open(database: &str, kept_alive: bool) -> (Client, String) {
    let mut config = Config::new();
    config
        .host("10.9.0.2")
        .user("app")
        .dbname(database)
        .application_name("scene");
    config.keepalives(kept_alive);
    if kept_alive {
        config
            .keepalives_idle(Duration::from_secs(1))
            .keepalives_interval(Duration::from_secs(1));
    }
    let mut client = config.connect(NoTls).unwrap();
    if database == SILENT {
        return (client, String::new());
    }
    let port: i32 = client.query_one("select inet_client_port()", &[]).unwrap().get(0);
    (client, format!("10.9.0.1:{port}"))
}

/// The client's ports of connections to `port` 5432 now.
fn ports(lab: &Lab) -> Vec<String> {
    let listed = lab.succeed(&["ss", "-Htn", "state", "established", "dst", "10.9.0.2:5432"]);
    listed
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
        .collect()
}

/// Opens a connection that sends nothing but its login, and finds its name.
fn open_silent(lab: &Lab, kept_alive: bool) -> (Client, String) {
    let before = ports(lab);
    let client = open(SILENT, kept_alive).0;
    let mut new = ports(lab).into_iter().filter(|port| !before.contains(port));
    (client, new.next().unwrap())
}

#[test]
fn exactly_the_hoarded_sockets_are_flagged() {
    if !is_possible("the scene") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_postgresql();
    for database in [SILENT, "hoard", "held", "work", "burst"] {
        lab.succeed(&["createdb", "-h", "10.9.0.2", "-U", "app", database]);
    }
    lab.enter_app();
    let (early, early_name) = open_silent(&lab, false);
    let watcher = Watcher::start(
        &lab,
        &lab.app(),
        "eth0",
        &["--idle-after", "3s", "--transaction-idle-after", "2s"],
    );

    let (silent, silent_name) = open_silent(&lab, false);
    let (kept, kept_name) = open_silent(&lab, true);
    let (used, used_name) = open("hoard", false);
    let (mut pinged, pinged_name) = open_silent(&lab, false);
    let (mut first, _) = open("hoard", false);
    let (mut second, _) = open("hoard", false);
    let (mut held, held_name) = open("held", false);
    held.batch_execute("begin; select 1 + 1").unwrap();
    let (mut working, _) = open("work", false);
    let mut bursts: Vec<_> = (0..4).map(|_| open("burst", false).0).collect();
    std::thread::scope(|scope| {
        for client in &mut bursts {
            scope.spawn(|| client.batch_execute("select pg_sleep(0.5)").unwrap());
        }
    });
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        pinged.batch_execute("select 1").unwrap();
        for client in [&mut first, &mut second, &mut working] {
            client.query_one("select count(*) from pg_class", &[]).unwrap();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let seen = watcher.stop();

    let flagged: BTreeMap<&str, &Value> = seen.summary["hoarded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|connection| (connection["client"].as_str().unwrap(), &connection["reasons"]))
        .collect();
    let expected = BTreeMap::from([
        (early_name.as_str(), "idle"),
        (&silent_name, "never_used"),
        (&kept_name, "keepalive_only"),
        (&used_name, "idle"),
        (&pinged_name, "validation_only"),
        (&held_name, "idle_in_transaction"),
    ]);
    assert_eq!(
        flagged.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (client, reason) in expected {
        let reasons = flagged[client].as_array().unwrap();
        assert!(
            reasons.iter().any(|given| given == reason),
            "{client}: {reasons:?} and not {reason}"
        );
    }
    drop((early, silent, kept, used, first, second, held, working, bursts));
}
