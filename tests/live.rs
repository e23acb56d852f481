//! Real clients and real servers on two hosts: what the servers say they ran is what sockhound saw, to the last statement.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::lab::{Lab, is_possible};
use support::watcher::{Watched, Watcher};

const PSQL: [&str; 8] = ["psql", "-X", "-h", "10.9.0.2", "-U", "app", "-d", "app"];

/// Statements that PostgreSQL's log says it ran for an application.
fn logged(log: &Path, application: &str) -> usize {
    let log = std::fs::read_to_string(log).unwrap();
    let ran = |line: &&str| {
        line.starts_with(application) && (line.contains("  statement: ") || line.contains("  execute "))
    };
    log.lines().filter(ran).count()
}

fn verb(exchange: &Value) -> &str {
    exchange["verb"].as_str().unwrap()
}

fn is_run(exchange: &Value) -> bool {
    matches!(verb(exchange), "query" | "execute")
}

fn errors(seen: &Watched) -> Vec<&str> {
    let codes = seen
        .exchanges
        .iter()
        .filter_map(|exchange| exchange["error_code"].as_str());
    codes.collect()
}

/// What was kept and read back tells the same exchanges and the same distributions.
fn assert_reads_back(seen: &Watched, target: &str) {
    let again = seen.frames.with_extension("ndjson");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sockhound"))
        .args(["read", "-f", "json", "-t", target, "--exchanges"])
        .args([&again, &seen.frames])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let exchanges = std::fs::read_to_string(&again).unwrap();
    let exchanges: Vec<Value> = exchanges
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(exchanges, seen.exchanges);
    for part in ["exchanges", "latency", "duration", "login"] {
        assert_eq!(
            summary["services"][0][part], seen.summary["services"][0][part],
            "{part}"
        );
    }
    assert_eq!(statements_but_time(&summary), statements_but_time(&seen.summary));
}

/// A summary's statements but for where their time went: live, the kernel knows the round trip better than the frames tell.
fn statements_but_time(summary: &Value) -> Value {
    let mut statements = summary["statements"].clone();
    for statement in statements.as_array_mut().unwrap() {
        statement.as_object_mut().unwrap().remove("time");
    }
    statements
}

#[test]
fn every_statement_of_psql_is_one_exchange() {
    if !is_possible("psql") {
        return;
    }
    let mut lab = Lab::new();
    let log = lab.start_postgresql();
    let before = logged(&log, "psql");
    let watcher = Watcher::start(&lab, &lab.db(), "eth0", &[]);
    let script = "create table orders(id int primary key, total numeric);\n\
        insert into orders select g, g from generate_series(1, 1000) g;\n\
        select * from orders;\nselect * from nowhere;\n\
        begin;\nupdate orders set total = 1 where id = 7;\nselect 1/0;\nselect 2;\nrollback;\n\
        copy orders to stdout;\ncopy orders from stdin;\n2000\t5\n2001\t6\n\\.\nselect 'a secret';\n";
    lab.run(&PSQL, script);
    let seen = watcher.stop();
    seen.assert_whole();
    // A failed statement is logged as an error, not with its duration.
    assert_eq!(seen.count(is_run), logged(&log, "psql") - before + 3);
    assert_eq!(errors(&seen), ["42P01", "22012", "25P02"]);
    let rows: u64 = seen
        .exchanges
        .iter()
        .filter_map(|exchange| exchange["rows"].as_u64())
        .sum();
    assert_eq!(rows, 1000 + 1000 + 1 + 1000 + 2 + 1);
    let said = serde_json::to_string(&seen.exchanges).unwrap() + &seen.summary.to_string();
    assert!(!said.contains("secret"), "a literal got out");
    assert_reads_back(&seen, "postgresql://:5432");
}

#[test]
fn every_statement_of_pgbench_is_one_exchange_in_every_mode() {
    if !is_possible("pgbench") {
        return;
    }
    let mut lab = Lab::new();
    let log = lab.start_postgresql();
    let pgbench = ["pgbench", "-h", "10.9.0.2", "-U", "app", "app"];
    lab.succeed(&[&pgbench[..], &["-i", "-q"]].concat());
    let pipeline = lab.folder().join("pipeline.sql");
    std::fs::write(&pipeline, "\\startpipeline\nselect 1 as one;\nselect abalance from pgbench_accounts where aid = 5;\n\\endpipeline\n").unwrap();
    let pipeline = pipeline.display().to_string();
    for (name, options) in [
        ("simple", &["-M", "simple"][..]),
        ("extended", &["-M", "extended"]),
        ("prepared", &["-M", "prepared"]),
        ("pipeline", &["-M", "prepared", "-f", &pipeline]),
        ("reconnect", &["-S", "-C"]),
    ] {
        let before = logged(&log, "pgbench");
        let watcher = Watcher::start(&lab, &lab.app(), "eth0", &[]);
        lab.succeed(&[&pgbench[..], &["-n", "-c", "4", "-t", "50"], options].concat());
        let seen = watcher.stop();
        seen.assert_whole();
        assert_eq!(seen.count(is_run), logged(&log, "pgbench") - before, "{name}");
        let unknown = seen.count(|exchange| is_run(exchange) && exchange["statement"].is_null());
        assert_eq!(unknown, 0, "{name}");
        assert_reads_back(&seen, "postgresql://:5432");
    }
}

/// The same statement, timed by the driver itself and by sockhound.
#[test]
fn exchanges_lie_within_the_drivers_own_times() {
    if !is_possible("drivers") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_postgresql();
    let watcher = Watcher::start(&lab, &lab.app(), "eth0", &[]);
    lab.enter_app();
    let mut client = postgres::Client::connect(
        "host=10.9.0.2 user=app dbname=app application_name=driver",
        postgres::NoTls,
    )
    .unwrap();
    let prepared = client.prepare("select $1::int + 1").unwrap();
    let mut windows = Vec::new();
    for number in 0..50 {
        let begun = now();
        client.query(&prepared, &[&number]).unwrap();
        windows.push((begun, now()));
    }
    drop(client);
    let seen = watcher.stop();
    seen.assert_whole();
    let executed: Vec<_> = seen
        .exchanges
        .iter()
        .filter(|exchange| verb(exchange) == "execute")
        .collect();
    assert_eq!(executed.len(), windows.len());
    for (exchange, (begun, ended)) in executed.iter().zip(windows) {
        let start = humantime::parse_rfc3339(exchange["start"].as_str().unwrap()).unwrap();
        let duration = Duration::from_secs_f64(exchange["duration_seconds"].as_f64().unwrap());
        assert!(begun <= start && start + duration <= ended, "{exchange}");
        assert_eq!(exchange["statement"], "select ?::int + ?");
    }
}

#[test]
fn every_command_of_mariadbs_client_is_one_exchange() {
    if !is_possible("mariadb") {
        return;
    }
    let mut lab = Lab::new();
    let log = lab.start_mariadb();
    let counted = || {
        let log = std::fs::read_to_string(&log).unwrap();
        let ran = |line: &&str| {
            [
                " Query\t",
                " Execute\t",
                " Prepare\t",
                " Init DB\t",
                " Field List\t",
            ]
            .iter()
            .any(|kind| line.contains(kind))
        };
        log.lines().filter(ran).count()
    };
    for compressed in [false, true] {
        let before = counted();
        let watcher = Watcher::start(&lab, &lab.db(), "eth0", &[]);
        let mut line = vec![
            "mariadb",
            "--no-defaults",
            "--force",
            "-h",
            "10.9.0.2",
            "-u",
            "app",
            "-phunter2",
            "app",
        ];
        line.extend(compressed.then_some("--compress"));
        lab.run(
            &line,
            "drop table if exists orders;\ncreate table orders(id int primary key, name varchar(20));\n\
             insert into orders values (1,'a'),(2,'b');\nselect * from orders;\nselect * from nowhere;\n\
             begin;\nupdate orders set name = 'c';\ncommit;\nselect repeat('x', 100000);\nselect seq from seq_1_to_3000;\n",
        );
        let seen = watcher.stop();
        seen.assert_whole();
        assert_eq!(
            seen.exchanges.len(),
            counted() - before,
            "compressed: {compressed}"
        );
        assert_eq!(errors(&seen), ["1146"]);
        assert_eq!(seen.summary["services"][0]["system"], "mariadb");
        assert_reads_back(&seen, "mysql://:3306");
    }
}

#[test]
fn every_statement_of_the_mysql_driver_is_one_exchange() {
    use mysql::prelude::Queryable;
    if !is_possible("mysql driver") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_mariadb();
    let watcher = Watcher::start(&lab, &lab.app(), "eth0", &[]);
    lab.enter_app();
    let mut connection = mysql::Conn::new("mysql://app:hunter2@10.9.0.2/app?prefer_socket=false").unwrap();
    let statement = connection.prep("select ? + 1").unwrap();
    for number in 0..40 {
        let sum: Option<i64> = connection.exec_first(&statement, (number,)).unwrap();
        assert_eq!(sum, Some(number + 1));
    }
    drop(connection);
    let seen = watcher.stop();
    seen.assert_whole();
    assert_eq!(
        seen.count(|exchange| verb(exchange) == "execute" && exchange["statement"] == "select ? + ?"),
        40
    );
    assert_eq!(seen.count(|exchange| verb(exchange) == "prepare"), 1);
}

#[test]
fn every_redis_command_is_one_exchange() {
    if !is_possible("redis") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_redis();
    let calls = |lab: &Lab| -> u64 {
        let statistics = lab.succeed(&["redis-cli", "-h", "10.9.0.2", "info", "stats"]);
        let line = statistics
            .lines()
            .find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.unwrap().trim().parse().unwrap()
    };
    let before = calls(&lab);
    let watcher = Watcher::start(&lab, &lab.db(), "eth0", &[]);
    lab.run(
        &["redis-cli", "-h", "10.9.0.2"],
        "set a 1\nincr a\nget a\nlpush a 1\nmulti\nget a\nexec\nblpop q 1\nhello 3\nget a\n",
    );
    lab.succeed(&[
        "redis-benchmark",
        "-h",
        "10.9.0.2",
        "-q",
        "-P",
        "16",
        "-c",
        "4",
        "-n",
        "4000",
        "-t",
        "set,get,incr",
    ]);
    let seen = watcher.stop();
    seen.assert_whole();
    // The two that count are commands too: the first one is before the watch, the second after it.
    assert_eq!(seen.exchanges.len() as u64, calls(&lab) - before - 1);
    assert_eq!(errors(&seen), ["WRONGTYPE"]);
    assert_eq!(seen.count(|exchange| exchange["waiting"] == true), 1);
    assert_reads_back(&seen, "redis://:6379");
}

#[test]
fn every_http_request_is_one_exchange() {
    if !is_possible("curl") {
        return;
    }
    let mut lab = Lab::new();
    lab.start_influxdb();
    let watcher = Watcher::start(&lab, &lab.app(), "eth0", &[]);
    let url = "http://10.9.0.2:8086";
    lab.succeed(&[
        "curl",
        "-s",
        "-XPOST",
        &format!("{url}/query"),
        "--data-urlencode",
        "q=CREATE DATABASE shop",
    ]);
    let query = format!("{url}/query?db=shop&q=select+1[1-8]");
    lab.succeed(&["curl", "-s", &query, &format!("{url}/nowhere")]);
    let seen = watcher.stop();
    seen.assert_whole();
    assert_eq!(seen.exchanges.len(), 10);
    assert_eq!(seen.summary["services"][0]["connections"]["opened"], 2);
    assert_eq!(errors(&seen).last(), Some(&"404"));
    assert_reads_back(&seen, "http://:8086");
}

/// The same, watched by the service: unprivileged, and confined.
macro_rules! as_the_service {
    ($($name:ident again: $test:literal;)*) => {
        $(#[test] fn $name() { support::service::again($test); })*
    };
}

as_the_service! {
    psql_as_the_service again: "every_statement_of_psql_is_one_exchange";
    pgbench_as_the_service again: "every_statement_of_pgbench_is_one_exchange_in_every_mode";
    the_drivers_own_times_as_the_service again: "exchanges_lie_within_the_drivers_own_times";
    mariadbs_client_as_the_service again: "every_command_of_mariadbs_client_is_one_exchange";
    the_mysql_driver_as_the_service again: "every_statement_of_the_mysql_driver_is_one_exchange";
    redis_as_the_service again: "every_redis_command_is_one_exchange";
    http_as_the_service again: "every_http_request_is_one_exchange";
}

fn now() -> SystemTime {
    SystemTime::now()
}
