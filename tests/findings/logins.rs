//! Logins that are refused, servers that are full, and traffic that others can read.

use std::net::TcpStream;
use std::time::Duration;

use mysql::prelude::Queryable;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clients::{MOMENT, config, several, succeed, work};
use crate::stage::{Cues, Held, Scene, address, all_of, assert_told, seen};
use crate::support::lab::enter;

const LOCKED: &str = "10.9.0.91:5432";
const SMALL_FULL: &str = "10.9.0.92:5433";
const SMALL_FIT: &str = "10.9.0.102:5433";
const MARIADB_FULL: &str = "10.9.0.93:3306";
const MARIADB_LOCKED: &str = "10.9.0.94:3306";
const TLS: &str = "10.9.0.103:5432";
const LOOPBACK: &str = "127.0.0.1:5432";

/// Settings of a server for four clients, with a short queue of those not yet accepted.
pub const SMALL: &[&str] = &[
    "max_connections=4",
    "superuser_reserved_connections=0",
    "max_wal_senders=0",
    "wal_level=minimal",
    "max_worker_processes=0",
    "autovacuum=off",
];

const NONE: Scene = Scene {
    at: "",
    finds: &[],
    only: &[],
    near: &[],
    play: wrong_passwords,
};

pub const SCENES: &[Scene] = &[
    Scene {
        at: LOCKED,
        finds: &["login_failures"],
        near: &["too_many_connections"],
        play: wrong_passwords,
        ..NONE
    },
    Scene {
        at: "10.9.0.101:5432",
        near: &["login_failures"],
        play: mistyped,
        ..NONE
    },
    Scene {
        at: SMALL_FULL,
        finds: &["too_many_connections", "syn_retries"],
        play: full,
        ..NONE
    },
    Scene {
        at: SMALL_FIT,
        near: &["too_many_connections", "syn_retries"],
        play: watched_only,
        ..NONE
    },
    Scene {
        at: MARIADB_FULL,
        finds: &["too_many_connections", "oversized_pool"],
        near: &["login_failures"],
        play: full_mariadb,
        ..NONE
    },
    Scene {
        at: MARIADB_LOCKED,
        finds: &["login_failures"],
        play: watched_only,
        ..NONE
    },
    Scene {
        at: "10.9.0.2:5432",
        finds: &[],
        play: readable,
        ..NONE
    },
    Scene {
        at: TLS,
        near: &["clear_text"],
        play: encrypted,
        ..NONE
    },
    Scene {
        at: LOOPBACK,
        near: &["clear_text"],
        play: on_one_host,
        ..NONE
    },
];

fn try_password(at: &str) {
    let mut config = config(at);
    let code = config
        .user("locked")
        .password("wrong")
        .connect(postgres::NoTls)
        .err();
    assert_eq!(code.unwrap().code().unwrap().code(), "28P01");
}

fn wrong_passwords(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    (0..5).for_each(|_| try_password(at));
    Box::new(())
}

fn mistyped(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    (0..2).for_each(|_| try_password(at));
    let mut client = several(1, at);
    work(&mut client[0]);
    Box::new(client)
}

/// Played by another scene, at the same server.
fn watched_only(cues: &Cues, _: &str) -> Held {
    cues.curtain();
    Box::new(())
}

/// First all four places taken, and nobody refused; then four too many; then the server stands still for a moment.
fn full(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    several(4, SMALL_FIT).iter_mut().for_each(work);
    std::thread::sleep(Duration::from_millis(500));
    let mut four = several(4, at);
    four.iter_mut().for_each(work);
    for _ in 0..4 {
        let refused = config(at).connect(postgres::NoTls).err().unwrap();
        assert_eq!(refused.code().unwrap().code(), "53300");
    }
    drop(four);
    std::thread::sleep(Duration::from_millis(500));
    stand_still(cues, at);
    Box::new(())
}

/// The queue is filled, then four more knock at one address and one at another.
fn stand_still(cues: &Cues, at: &str) {
    let first_line = std::fs::read_to_string(cues.folder.join("small/postmaster.pid")).unwrap();
    let server = Pid::from_raw(first_line.lines().next().unwrap().parse().unwrap());
    kill(server, Signal::SIGSTOP).unwrap();
    let queued: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(SMALL_FIT).unwrap()).collect();
    std::thread::scope(|scope| {
        for to in [at, at, at, at, SMALL_FIT] {
            scope.spawn(move || TcpStream::connect(to).unwrap());
        }
        std::thread::sleep(Duration::from_millis(500));
        kill(server, Signal::SIGCONT).unwrap();
    });
    drop(queued);
}

fn full_mariadb(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let url = |at: &str, password: &str| format!("mysql://app:{password}@{at}/app?prefer_socket=false");
    for _ in 0..4 {
        let refused = mysql::Conn::new(url(MARIADB_LOCKED, "wrong").as_str())
            .err()
            .unwrap();
        assert!(refused.to_string().contains("1045"), "{refused}");
    }
    std::thread::sleep(Duration::from_millis(300));
    let mut ten = Vec::new();
    let refused = loop {
        match mysql::Conn::new(url(at, "hunter2").as_str()) {
            Ok(mut one) => one
                .query_drop("select count(*) from information_schema.tables")
                .map(|()| ten.push(one))
                .unwrap(),
            Err(refused) => break refused,
        }
    };
    assert!(refused.to_string().contains("1040"), "{refused}");
    cues.keep_on(MOMENT, || {
        for one in &mut ten {
            one.query_drop("select 1 + 1").unwrap();
        }
    });
    Box::new(ten)
}

fn readable(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = several(1, at);
    work(&mut client[0]);
    Box::new(client)
}

fn psql(host: &str, more: &str) {
    let target = format!("host={host} user=app dbname=app {more}");
    succeed(&["psql", "-X", &target, "-c", "select 1 + 1"]);
}

fn encrypted(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    psql(address(at), "sslmode=require");
    Box::new(())
}

/// On the database's host, to its loopback address.
fn on_one_host(cues: &Cues, at: &str) -> Held {
    enter(&cues.db);
    cues.curtain();
    psql(address(at), "sslmode=disable");
    Box::new(())
}

#[test]
fn login_failures() {
    assert_told(
        LOCKED,
        "login_failures",
        "warning",
        &("failures", 5.0..=5.0),
        "5 × 28P01",
    );
    assert_told(
        MARIADB_LOCKED,
        "login_failures",
        "warning",
        &("failures", 4.0..=4.0),
        "4 × 1045",
    );
}

#[test]
fn too_many_connections() {
    assert_told(
        SMALL_FULL,
        "too_many_connections",
        "critical",
        &("refused", 4.0..=4.0),
        "refused 4 logins",
    );
    assert_told(
        MARIADB_FULL,
        "too_many_connections",
        "critical",
        &("refused", 1.0..=1.0),
        "refused 1 login",
    );
}

#[test]
fn syn_retries() {
    assert_told(
        SMALL_FULL,
        "syn_retries",
        "warning",
        &("syn_retries", 4.0..=12.0),
        "SYN",
    );
}

#[test]
fn clear_text() {
    let Some(seen) = seen() else { return };
    for (host, summary) in seen.hosts() {
        let readable = all_of(summary, "clear_text");
        assert!(
            readable.len() == 10 && readable.iter().all(|one| one["severity"] == "info"),
            "{host}"
        );
        let last = readable[9]["detail"].as_str().unwrap();
        assert!(last.ends_with("more like this are not listed."), "{last}");
        for at in [TLS, LOOPBACK] {
            let service = summary["services"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["server"] == at);
            assert_eq!(service, at == TLS || host == "db", "{at} from {host}");
            let services = summary["services"].as_array().unwrap().iter();
            let mut signs = services
                .filter(|one| one["server"] == at)
                .map(|one| &one["signs"]);
            assert!(
                signs.all(|signs| signs["clear_text_connections"].as_u64().unwrap_or(0) == 0),
                "{at} from {host}"
            );
        }
    }
}
