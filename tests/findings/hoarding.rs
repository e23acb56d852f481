//! Connections that are needlessly kept, in every way.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::clients::{MOMENT, Process, all_at_once, connect, connect_kept_alive, several, work};
use crate::stage::{Cues, Held, PERHAPS, Scene, address, assert_told, sum_of, told};

const HOARD: &str = "10.9.0.11:5432";
const UNUSED: &str = "10.9.0.12:5432";
const CHECKED: &str = "10.9.0.13:5432";
const KEPT: &str = "10.9.0.14:5432";
const HELD: &str = "10.9.0.15:5432";
const BIG: &str = "10.9.0.16:5432";

const NONE: Scene = Scene {
    at: "",
    finds: &[],
    only: &[],
    near: &[],
    play: hoard,
};

pub const SCENES: &[Scene] = &[
    Scene {
        at: HOARD,
        finds: &["hoarded", "oversized_pool"],
        play: hoard,
        ..NONE
    },
    Scene {
        at: "10.9.0.21:5432",
        near: &["hoarded"],
        play: burst,
        ..NONE
    },
    Scene {
        at: "10.9.0.22:5432",
        near: &["hoarded"],
        // Four half seconds of sleep are most of the time here, unless the machine is loaded.
        only: &[(PERHAPS, "slow_statement")],
        play: neighbours,
        ..NONE
    },
    Scene {
        at: UNUSED,
        finds: &["hoarded", "never_used"],
        play: unused,
        ..NONE
    },
    Scene {
        at: "10.9.0.23:5432",
        finds: &["hoarded"],
        near: &["never_used"],
        play: used_once,
        ..NONE
    },
    Scene {
        at: CHECKED,
        finds: &["hoarded", "validation_only"],
        near: &["keepalive_only"],
        play: checked,
        ..NONE
    },
    Scene {
        at: "10.9.0.24:5432",
        near: &["validation_only"],
        play: checked_and_at_work,
        ..NONE
    },
    Scene {
        at: KEPT,
        finds: &["hoarded", "keepalive_only"],
        near: &["half_open", "retransmissions"],
        play: kept,
        ..NONE
    },
    Scene {
        at: "10.9.0.25:5432",
        near: &["keepalive_only"],
        play: kept_and_at_work,
        ..NONE
    },
    Scene {
        at: HELD,
        finds: &["idle_in_transaction"],
        play: held,
        ..NONE
    },
    Scene {
        at: "10.9.0.26:5432",
        finds: &["time_outside_database"],
        near: &["idle_in_transaction"],
        play: busy_in_transaction,
        ..NONE
    },
    Scene {
        at: BIG,
        finds: &["oversized_pool"],
        play: in_turn,
        ..NONE
    },
    Scene {
        at: "10.9.0.27:5432",
        near: &["oversized_pool"],
        play: in_turn_with_a_peak,
        ..NONE
    },
];

/// One of eight works, the others did once.
fn hoard(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(8, at);
    clients.iter_mut().for_each(work);
    cues.keep_on(MOMENT, || work(&mut clients[0]));
    Box::new(clients)
}

/// All four are needed, once.
fn burst(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(4, at);
    all_at_once(&mut clients, "select pg_sleep(0.5)");
    Box::new(clients)
}

/// Two processes of one host at one server: the second needs all four of its connections, once.
fn neighbours(cues: &Cues, at: &str) -> Held {
    let script = "import sys, time, threading, psycopg2\n\
        four = [psycopg2.connect(host=sys.argv[1], user='app', dbname='app') for _ in range(4)]\n\
        def sleep(one):\n    one.autocommit = True\n    one.cursor().execute('select pg_sleep(0.5)')\n\
        threads = [threading.Thread(target=sleep, args=(one,)) for one in four]\n\
        [thread.start() for thread in threads]\n[thread.join() for thread in threads]\ntime.sleep(600)\n";
    let mut mine = connect(at);
    cues.curtain();
    let python = Command::new("/usr/bin/python3")
        .args(["-c", script, address(at)])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    cues.keep_on(MOMENT, || work(&mut mine));
    Box::new((mine, Process(python)))
}

fn unused(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let clients = several(3, at);
    cues.keep_on(MOMENT, || {});
    Box::new(clients)
}

fn used_once(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(3, at);
    clients.iter_mut().for_each(work);
    cues.keep_on(MOMENT, || {});
    Box::new(clients)
}

fn check(client: &mut postgres::Client) {
    client.batch_execute("select 1").unwrap();
}

/// Kept alive by TCP too, but it is the checks that count.
fn checked(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = vec![
        connect_kept_alive(at),
        connect_kept_alive(at),
        connect_kept_alive(at),
    ];
    cues.keep_on(Duration::from_millis(1500), || clients.iter_mut().for_each(check));
    Box::new(clients)
}

fn checked_and_at_work(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(3, at);
    cues.keep_on(MOMENT, || {
        clients.iter_mut().for_each(check);
        clients.iter_mut().for_each(work);
    });
    Box::new(clients)
}

fn kept(cues: &Cues, at: &str) -> Held {
    let clients: Vec<_> = (0..3).map(|_| connect_kept_alive(at)).collect();
    cues.curtain();
    cues.keep_on(MOMENT, || {});
    Box::new(clients)
}

fn kept_and_at_work(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = vec![connect_kept_alive(at), connect_kept_alive(at)];
    cues.keep_on(Duration::from_millis(1500), || clients.iter_mut().for_each(work));
    Box::new(clients)
}

fn held(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    client.batch_execute("begin").unwrap();
    client.batch_execute("create table held()").unwrap();
    cues.keep_on(MOMENT, || {});
    Box::new(client)
}

/// One transaction from begin to end, never silent for long; and one that ended.
fn busy_in_transaction(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let (mut long, mut ended) = (connect(at), connect(at));
    ended
        .batch_execute("begin; create table ended(); rollback")
        .unwrap();
    long.batch_execute("begin").unwrap();
    let mut turns = 0..;
    cues.keep_on(MOMENT, || {
        if turns.next().unwrap() % 15 == 0 {
            work(&mut long);
        }
        work(&mut ended);
    });
    Box::new((long, ended))
}

/// Fourteen where one does, each at work now and then.
fn in_turn(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(14, at);
    cues.keep_on(MOMENT, || clients.iter_mut().for_each(work));
    Box::new(clients)
}

fn in_turn_with_a_peak(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(14, at);
    all_at_once(&mut clients[..8], "select pg_sleep(0.3)");
    cues.keep_on(MOMENT, || clients.iter_mut().for_each(work));
    Box::new(clients)
}

#[test]
fn hoarded() {
    assert_told(
        HOARD,
        "hoarded",
        "warning",
        &("hoarded", 6.0..=6.0),
        "6 of 8 connections",
    );
    for finding in told(HOARD, "hoarded") {
        assert_eq!(finding["evidence"]["needed"], 2);
        assert_eq!(finding["subject"]["database"], "app");
    }
}

#[test]
fn never_used() {
    assert_told(
        UNUSED,
        "never_used",
        "info",
        &("connections", 3.0..=3.0),
        "opened and never used",
    );
}

#[test]
fn validation_only() {
    assert_told(
        CHECKED,
        "validation_only",
        "info",
        &("connections", 3.0..=3.0),
        "nothing but liveness checks",
    );
}

#[test]
fn keepalive_only() {
    assert_told(
        KEPT,
        "keepalive_only",
        "info",
        &("connections", 3.0..=3.0),
        "nothing but TCP keep-alive probes",
    );
}

#[test]
fn probes_are_no_retransmissions() {
    assert_eq!(sum_of(KEPT, "retransmits"), 0);
}

#[test]
fn idle_in_transaction() {
    assert_told(
        HELD,
        "idle_in_transaction",
        "warning",
        &("idle_seconds", 3.0..=60.0),
        "CREATE TABLE held",
    );
}

#[test]
fn oversized_pool() {
    assert_told(
        BIG,
        "oversized_pool",
        "info",
        &("needed", 2.0..=2.0),
        "keeps 14 connections where 2 would do",
    );
}
