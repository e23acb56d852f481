//! Connections of which one side has closed or is gone.

use std::io::{BufRead, BufReader, Write};
use std::mem::ManuallyDrop;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use postgres::Client;

use crate::clients::{MOMENT, Process, backend, connect, connect_kept_alive, several, succeed, work};
use crate::stage::{Cues, Held, PERHAPS, Scene, address, assert_told};

const FORGOTTEN: &str = "10.9.0.71:5432";
const FORGOTTEN_BEFORE: &str = "10.9.0.72:5432";
const STUCK: &str = "10.9.0.73:5432";
const GONE: &str = "10.9.1.71:5432";
const GONE_AT_WORK: &str = "10.9.1.72:5432";

const NONE: Scene = Scene {
    at: "",
    finds: &[],
    only: &[],
    near: &[],
    play: forgotten,
};

pub const SCENES: &[Scene] = &[
    Scene {
        at: FORGOTTEN,
        finds: &["close_wait"],
        play: forgotten,
        ..NONE
    },
    Scene {
        at: FORGOTTEN_BEFORE,
        only: &[("app", "close_wait")],
        play: forgotten_before,
        ..NONE
    },
    Scene {
        at: "10.9.0.81:5432",
        near: &["close_wait"],
        play: noticed,
        ..NONE
    },
    Scene {
        at: STUCK,
        finds: &["half_open"],
        play: stuck,
        ..NONE
    },
    Scene {
        at: "10.9.0.82:5432",
        near: &["half_open"],
        play: closes_late,
        ..NONE
    },
    Scene {
        at: GONE,
        only: &[
            ("app", "half_open"),
            (PERHAPS, "keepalive_only"),
            (PERHAPS, "hoarded"),
        ],
        play: gone,
        ..NONE
    },
    Scene {
        at: GONE_AT_WORK,
        only: &[("app", "half_open")],
        play: gone_at_work,
        ..NONE
    },
];

/// The server ends these sessions.
fn terminate(at: &str, backends: &[i32]) {
    let mut admin = connect(at);
    for backend in backends {
        admin
            .execute("select pg_terminate_backend($1)", &[backend])
            .unwrap();
    }
}

/// Three sessions that the server ends, and the application does not look at again.
fn forgotten(cues: &Cues, at: &str) -> Held {
    let mut clients = several(3, at);
    let backends: Vec<i32> = clients.iter_mut().map(backend).collect();
    cues.curtain();
    terminate("10.9.0.2:5432", &backends);
    cues.keep_on(MOMENT, || {});
    Box::new(clients)
}

/// The same before the watch: nothing of it is on the wire.
fn forgotten_before(cues: &Cues, at: &str) -> Held {
    let mut clients = several(3, at);
    let backends: Vec<i32> = clients.iter_mut().map(backend).collect();
    terminate("10.9.0.2:5432", &backends);
    cues.curtain();
    cues.keep_on(MOMENT, || {});
    Box::new(clients)
}

/// The application closes too, a second later.
fn noticed(cues: &Cues, at: &str) -> Held {
    let mut clients = several(3, at);
    let backends: Vec<i32> = clients.iter_mut().map(backend).collect();
    cues.curtain();
    terminate("10.9.0.2:5432", &backends);
    std::thread::sleep(Duration::from_secs(1));
    drop(clients);
    cues.keep_on(MOMENT, || {});
    Box::new(())
}

/// Processes that stand still until the scene is over.
struct Stopped(Vec<i32>);

impl Stopped {
    fn new(processes: Vec<i32>) -> Self {
        let signal = |process: &i32| kill(Pid::from_raw(*process), Signal::SIGSTOP).unwrap();
        processes.iter().for_each(signal);
        Self(processes)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill(Pid::from_raw(*process), Signal::SIGCONT);
        }
    }
}

/// A client that ends without waiting for the server, and its session's process at the server.
fn connect_in_a_process(at: &str) -> (Process, i32) {
    let mut child = std::process::Command::new("psql")
        .args(["-XAt", "-h", address(at), "-U", "app", "-d", "app"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"select pg_backend_pid();\n")
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Process(child), line.trim().parse().unwrap())
}

/// Clients that close, and sessions at the server that can't.
fn stuck(cues: &Cues, at: &str) -> Held {
    let (clients, backends): (Vec<_>, Vec<_>) = (0..2).map(|_| connect_in_a_process(at)).unzip();
    let stopped = Stopped::new(backends);
    cues.curtain();
    drop(clients);
    cues.keep_on(MOMENT, || {});
    Box::new(stopped)
}

/// A client that closes while its request is at work: the server closes when that is done.
fn closes_late(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = std::process::Command::new("psql")
        .args([
            "-X",
            "-h",
            address(at),
            "-U",
            "app",
            "-d",
            "app",
            "-c",
            "select pg_sleep(3)",
        ])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(1));
    client.kill().unwrap();
    client.wait().unwrap();
    cues.keep_on(MOMENT, || {});
    Box::new(())
}

/// The server's host leaves the network without a word.
fn leave(cues: &Cues, at: &str) {
    succeed(&[
        "ip",
        "-n",
        &cues.db,
        "address",
        "delete",
        &format!("{}/24", address(at)),
        "dev",
        "eth1",
    ]);
}

fn gone(cues: &Cues, at: &str) -> Held {
    let mut clients: Vec<Client> = vec![connect_kept_alive(at), connect_kept_alive(at)];
    clients.iter_mut().for_each(work);
    cues.curtain();
    leave(cues, at);
    cues.keep_on(MOMENT, || {});
    // Their end would wait for an answer.
    Box::new(ManuallyDrop::new(clients))
}

/// A request that nobody answers or acknowledges.
fn gone_at_work(cues: &Cues, at: &str) -> Held {
    let mut client = connect(at);
    cues.curtain();
    work(&mut client);
    leave(cues, at);
    let waiting = std::thread::spawn(move || client.query("select 1 + 1", &[]).is_err());
    cues.keep_on(MOMENT, || {});
    Box::new(waiting)
}

#[test]
fn close_wait() {
    for at in [FORGOTTEN, FORGOTTEN_BEFORE] {
        assert_told(
            at,
            "close_wait",
            "info",
            &("connections", 3.0..=3.0),
            "leaves 3 connections in CLOSE_WAIT",
        );
    }
}

#[test]
fn half_open() {
    // Each of the stuck ones was of a process of its own, as the app's host knows.
    for (at, least, most) in [(STUCK, 1.0, 2.0), (GONE, 2.0, 2.0), (GONE_AT_WORK, 1.0, 1.0)] {
        assert_told(
            at,
            "half_open",
            "warning",
            &("connections", least..=most),
            "with nobody at one end",
        );
    }
}
