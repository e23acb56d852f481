//! Pools on PostgreSQL, MariaDB and Redis that hoard in every way, some that work, one that needs all its connections in bursts,
//! and sessions at work by their nature. Watched from the application's host, from the database's, and from a host that is
//! both: exactly the right sockets are flagged, for the right reasons.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use mysql::prelude::Queryable;
use postgres::{Client, Config, NoTls};
use serde_json::Value;

use super::support::lab::{Lab, is_possible};
use super::support::watcher::{Watched, Watcher};

/// The database of connections that are not even asked for their name.
const SILENT: &str = "silent";
/// How far off an idle time may be.
const TOLERANCE: f64 = 0.050;

/// Opens a connection to one of PostgreSQL's databases, with TCP keep-alive after a second if `kept_alive`.
fn postgresql(database: &str, kept_alive: bool) -> (Client, String) {
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

/// The client's ends of connections to a port now.
fn ends(lab: &Lab, port: u16) -> Vec<String> {
    let at = format!("10.9.0.2:{port}");
    let listed = lab.succeed(&["ss", "-Htn", "state", "established", "dst", &at]);
    listed
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
        .collect()
}

/// Opens something, and finds its name without a word on the wire.
fn named<T>(lab: &Lab, port: u16, open: impl FnOnce() -> T) -> (T, String) {
    let before = ends(lab, port);
    let opened = open();
    let mut new = ends(lab, port).into_iter().filter(|end| !before.contains(end));
    (opened, new.next().unwrap())
}

fn silent(lab: &Lab, kept_alive: bool) -> (Client, String) {
    named(lab, 5432, || postgresql(SILENT, kept_alive).0)
}

fn mariadb() -> mysql::Conn {
    let options = mysql::OptsBuilder::new()
        .ip_or_hostname(Some("10.9.0.2"))
        .user(Some("app"))
        .pass(Some("hunter2"))
        .db_name(Some("app"))
        .prefer_socket(false);
    mysql::Conn::new(options).unwrap()
}

/// Redis, spoken by hand.
struct Redis(BufReader<TcpStream>);

impl Redis {
    fn open() -> (Self, String) {
        let stream = TcpStream::connect("10.9.0.2:6379").unwrap();
        let name = stream.local_addr().unwrap().to_string();
        (Self(BufReader::new(stream)), name)
    }

    /// Sends a command and reads so many lines.
    fn ask(&mut self, command: &str, lines: usize) {
        self.0
            .get_mut()
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
        for _ in 0..lines {
            self.0.read_line(&mut String::new()).unwrap();
        }
    }

    fn used() -> (Self, String) {
        let (mut redis, name) = Self::open();
        redis.ask("SET key value", 1);
        (redis, name)
    }
}

/// A connection opened before anybody looked: when data moved on it last, at the earliest and at the latest.
struct Early {
    name: String,
    between: (SystemTime, SystemTime),
    _kept: Box<dyn std::any::Any>,
}

fn early<T: 'static>(lab: &Lab, port: u16, open: impl FnOnce() -> T) -> Early {
    let mut between = (SystemTime::now(), SystemTime::now());
    let (kept, name) = named(lab, port, || {
        between.0 = SystemTime::now();
        let opened = open();
        between.1 = SystemTime::now();
        opened
    });
    Early {
        name,
        between,
        _kept: Box::new(kept),
    }
}

/// Sessions that are silent and at work all the same.
fn pinned(lab: &Lab) -> (Vec<Client>, Child, mysql::Conn, Redis) {
    let session = |statements: &str| {
        let (mut client, _) = postgresql("pinned", false);
        client.batch_execute(statements).unwrap();
        client
    };
    let sessions = vec![
        session("listen news"),
        session("create temp table mine (id int)"),
        session("declare open cursor with hold for select 1"),
    ];
    let mut replica = Lab::command(
        &lab.app(),
        &["pg_receivewal", "--no-sync", "-h", "10.9.0.2", "-U", "app", "-D"],
    );
    let replica = replica.arg(lab.folder()).stderr(Stdio::null()).spawn().unwrap();
    let mut temporary = mariadb();
    temporary
        .query_drop("create temporary table mine (id int)")
        .unwrap();
    let mut subscriber = Redis::open().0;
    subscriber.ask("SUBSCRIBE news", 6);
    (sessions, replica, temporary, subscriber)
}

/// The flagged sockets by their client's end, with the reasons.
fn flagged(seen: &Watched) -> BTreeMap<&str, Vec<&str>> {
    let hoarded = seen.summary["hoarded"].as_array().unwrap();
    hoarded
        .iter()
        .map(|one| {
            let reasons = one["reasons"].as_array().unwrap();
            (
                one["client"].as_str().unwrap(),
                reasons.iter().filter_map(Value::as_str).collect(),
            )
        })
        .collect()
}

fn assert_flagged(seen: &Watched, expected: &BTreeMap<&str, &str>, from: &str) {
    let flagged = flagged(seen);
    assert_eq!(
        flagged.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "from {from}: {expected:#?}\n{:#}",
        seen.summary["pools"]
    );
    for (client, reason) in expected {
        assert!(
            flagged[client].contains(reason),
            "from {from}: {client}: {:?} and not {reason}",
            flagged[client]
        );
    }
}

fn assert_vantage(seen: &Watched, vantage: &str) {
    let services = seen.summary["services"].as_array().unwrap();
    let told: Vec<_> = services
        .iter()
        .map(|one| (one["server"].as_str().unwrap(), one["vantage"].as_str().unwrap()))
        .collect();
    let expected = ["10.9.0.2:3306", "10.9.0.2:5432", "10.9.0.2:6379"].map(|server| (server, vantage));
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
}

/// The idle age of what was opened before the watch, and where the process can be seen, who holds it.
fn assert_early(seen: &Watched, early: &[Early], owner: Option<u32>) {
    let end = humantime::parse_rfc3339(seen.summary["end"].as_str().unwrap()).unwrap();
    let since = |time: SystemTime| end.duration_since(time).unwrap().as_secs_f64();
    for one in early {
        let connections = seen.summary["connections"].as_array().unwrap();
        let listed = connections
            .iter()
            .find(|listed| listed["client"] == *one.name)
            .unwrap();
        let idle = listed["idle_seconds"].as_f64().unwrap();
        let (most, least) = (since(one.between.0) + TOLERANCE, since(one.between.1) - TOLERANCE);
        assert!(
            least <= idle && idle <= most,
            "{idle} is not within {least} and {most}: {listed:#}"
        );
        assert!(listed["opened"].is_null(), "{listed:#}");
        if let Some(pid) = owner {
            assert_eq!(listed["owner"]["pid"], pid, "{listed:#}");
            let command = std::fs::read_to_string("/proc/self/comm").unwrap();
            assert_eq!(listed["owner"]["command"], command.trim_end(), "{listed:#}");
        }
    }
}

fn assert_says_what_is_missing(seen: &Watched) {
    let notes = seen.summary["source"]["notes"].as_array().unwrap();
    let says = |words: &str| notes.iter().any(|note| note.as_str().unwrap().contains(words));
    assert!(says("CAP_SYS_PTRACE") && says("CAP_SYS_ADMIN"), "{notes:#?}");
    let connections = seen.summary["connections"].as_array().unwrap();
    let owned = connections.iter().filter(|one| !one["owner"]["pid"].is_null());
    assert_eq!(owned.count(), 0, "nobody may look into this test's process");
}

/// What is kept open, what is kept busy, and what is to be flagged, with the reason.
#[derive(Default)]
struct Scene {
    kept: Vec<Box<dyn std::any::Any>>,
    busy: Vec<Box<dyn FnMut()>>,
    expected: Vec<(String, &'static str)>,
}

impl Scene {
    fn hoard<T: 'static>(&mut self, (connection, name): (T, String), reason: &'static str) {
        self.kept.push(Box::new(connection));
        self.expected.push((name, reason));
    }

    /// Each way to hoard, a pool with one connection too many, one in use now and then, and one that needs all it has.
    fn on_postgresql(&mut self, lab: &Lab) {
        self.hoard(silent(lab, false), "never_used");
        self.hoard(silent(lab, true), "keepalive_only");
        self.hoard(postgresql("hoard", false), "idle");
        let (mut pinged, name) = silent(lab, false);
        self.expected.push((name, "validation_only"));
        self.busy
            .push(Box::new(move || pinged.batch_execute("select 1").unwrap()));
        for database in ["hoard", "hoard", "work"] {
            let mut client = postgresql(database, false).0;
            self.busy.push(Box::new(move || {
                client.query_one("select count(*) from pg_class", &[]).unwrap();
            }));
        }
        let (mut held, name) = postgresql("held", false);
        held.batch_execute("begin; select 1 + 1").unwrap();
        self.hoard((held, name), "idle_in_transaction");
        let mut bursts: Vec<_> = (0..4).map(|_| postgresql("burst", false).0).collect();
        std::thread::scope(|scope| {
            for client in &mut bursts {
                scope.spawn(|| client.batch_execute("select pg_sleep(0.5)").unwrap());
            }
        });
        self.kept.push(Box::new(bursts));
    }

    /// One at work, one held and one pinned make a peak of 3: 4 of 6 are needed, two idle ones are too many.
    fn on_mariadb(&mut self, lab: &Lab) {
        let used = named(lab, 3306, || {
            let mut client = mariadb();
            let query = "select count(*) from information_schema.tables";
            client.query_drop(query).unwrap();
            client
        });
        self.hoard(used, "idle");
        let (mut held, name) = named(lab, 3306, mariadb);
        held.query_drop("start transaction").unwrap();
        held.query_drop("select 1 + 1").unwrap();
        self.hoard((held, name), "idle_in_transaction");
        for mut client in [mariadb(), mariadb()] {
            let query = "select count(*) from information_schema.schemata";
            self.busy
                .push(Box::new(move || client.query_drop(query).unwrap()));
        }
    }

    /// One at work and a subscriber: 3 of 7 are needed. Of five silent ones the one least long so is not flagged.
    fn on_redis(&mut self) {
        self.hoard(Redis::open(), "never_used");
        self.hoard(Redis::used(), "idle");
        self.hoard(Redis::used(), "idle");
        let mut working = Redis::used().0;
        self.busy.push(Box::new(move || working.ask("INCR counter", 1)));
    }

    fn play(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.busy.iter_mut().for_each(|work| work());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The servers, their databases, and this thread on the application's host.
fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.start_postgresql();
    lab.start_mariadb();
    lab.start_redis();
    for database in [SILENT, "hoard", "held", "work", "burst", "pinned"] {
        lab.succeed(&["createdb", "-h", "10.9.0.2", "-U", "app", database]);
    }
    lab.enter_app();
    lab
}

#[test]
fn exactly_the_hoarded_sockets_are_flagged_from_either_host() {
    if !is_possible("the scene") {
        return;
    }
    let _alone = super::alone();
    let lab = lab();
    let before = [
        early(&lab, 5432, || postgresql(SILENT, false)),
        early(&lab, 3306, mariadb),
        early(&lab, 6379, Redis::open),
    ];
    // Other servers may be in other namespaces of this machine.
    let options = [
        "-t",
        "10.9.0.2",
        "--idle-after",
        "3s",
        "--transaction-idle-after",
        "2s",
    ];
    let whole = Watcher::start(&lab, &lab.app(), "eth0", &options);
    let client = Watcher::start_alone(&lab, &lab.app(), "eth0", &options);
    let server = Watcher::start_alone(&lab, &lab.db(), "eth0", &options);
    let poor = Watcher::start_poor(&lab, &lab.app(), "eth0", &options);

    let mut scene = Scene::default();
    scene.on_postgresql(&lab);
    scene.on_mariadb(&lab);
    scene.on_redis();
    let (sessions, mut replica, temporary, subscriber) = pinned(&lab);
    let mut pinged = Redis::open().0;
    scene.busy.push(Box::new(move || pinged.ask("PING", 1)));
    scene.play(Duration::from_secs(6));
    let [whole, client, server, poor] = [whole, client, server, poor].map(Watcher::stop);

    let early = before.iter().map(|one| (one.name.as_str(), "idle"));
    let since = scene
        .expected
        .iter()
        .map(|(name, reason)| (name.as_str(), *reason));
    let expected = early.chain(since).collect();
    for (seen, vantage) in [(&client, "client"), (&server, "server"), (&whole, "both")] {
        assert_vantage(seen, vantage);
        assert_early(seen, &before, (vantage == "both").then(std::process::id));
        assert_flagged(seen, &expected, vantage);
    }
    assert_flagged(&poor, &expected, "a process without rights");
    assert_early(&poor, &before, None);
    assert_says_what_is_missing(&poor);
    replica.kill().unwrap();
    replica.wait().unwrap();
    drop((scene, sessions, temporary, subscriber));
}
