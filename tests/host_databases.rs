//! Idle times and owners of connections to real servers that were opened before anybody looked. Needs root (PostgreSQL runs as
//! another user), postgresql and redis-server; says so and passes where they are not there.

#![allow(clippy::expect_used)]

mod host_support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host_support::established;
use sockhound::clock::{Span, Timestamp};
use sockhound::host::{self, Collector, Inventory, PortFilter, Query, Socket};

/// How far off an idle time may be: the contract of `sockhound sockets`.
const TOLERANCE: Span = Span::from_millis(50);

/// A server that is killed in the end.
struct Server {
    process: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.process.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn await_port(port: u16) {
    let patience = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < patience, "the server does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn redis() -> Option<Server> {
    let (directory, port) = (tempfile::tempdir().expect("a directory"), free_port());
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--save", "", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    await_port(port);
    Some(Server {
        process,
        port,
        _directory: directory,
    })
}

fn postgres_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(Result::ok);
    versions.map(|it| it.path().join("bin")).max()
}

fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("runuser");
    command
        .args(["-u", "postgres", "--"])
        .arg(program)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn postgres() -> Option<Server> {
    let binaries = postgres_binaries().filter(|_| nix::unistd::geteuid().is_root())?;
    let (directory, port) = (tempfile::tempdir().expect("a directory"), free_port());
    let user = nix::unistd::User::from_name("postgres").ok()??;
    nix::unistd::chown(directory.path(), Some(user.uid), None).expect("given away");
    let data = directory.path().join("data");
    let made = as_postgres(&binaries.join("initdb"))
        .arg("-D")
        .arg(&data)
        .args(["-A", "trust", "-N"])
        .status();
    assert!(made.is_ok_and(|it| it.success()), "initdb");
    // Not through runuser: its child would be the server, and the signal would not reach it.
    let process = Command::new("setpriv")
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(binaries.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("postgres");
    await_port(port);
    Some(Server {
        process,
        port,
        _directory: directory,
    })
}

fn servers_end<'a>(sockets: &[&'a Socket], port: u16) -> &'a Socket {
    let found = sockets.iter().find(|it| it.local.port == port);
    found.expect("the server's end")
}

fn take(port: u16) -> Inventory {
    Collector::new(Query::new(PortFilter::of([port]))).collect()
}

/// Both ends of the connection last moved data at `moment`, give or take.
fn assert_idle_since(moment: Timestamp, sockets: &[&Socket]) {
    assert_eq!(sockets.len(), 2, "both ends: {sockets:?}");
    for socket in sockets {
        let last = socket.last_data().expect("told by tcp_info");
        let error = last.since(moment).max(moment.since(last));
        println!(
            "{} idle time off by {:.1} ms",
            socket.local,
            error.seconds() * 1e3
        );
        assert!(error < TOLERANCE, "off by {error:?}: {socket:?}");
    }
}

fn command(socket: &Socket) -> Option<&str> {
    socket.owner.as_ref()?.command.as_deref()
}

#[test]
fn redis_connections_have_their_true_idle_age_and_owner() {
    let Some(server) = redis() else {
        return eprintln!("skipped: no redis-server");
    };
    let client = redis::Client::open(("127.0.0.1", server.port)).expect("an address");
    let mut used = client.get_connection().expect("connected");
    std::thread::sleep(Duration::from_millis(400));
    redis::cmd("SET")
        .arg("key")
        .arg("value")
        .exec(&mut used)
        .expect("done");
    let answered = host::now();
    std::thread::sleep(Duration::from_millis(600));

    let inventory = take(server.port);
    let sockets = established(&inventory);
    assert_idle_since(answered, &sockets);
    for socket in sockets {
        let of_server = socket.local.port == server.port;
        let owner = socket.owner.as_ref().expect("found");
        let pid = if of_server {
            server.process.id()
        } else {
            std::process::id()
        };
        assert_eq!(owner.pids, [pid]);
        assert_eq!(command(socket) == Some("redis-server"), of_server);
        // Redis sets tcp-keepalive 300 by itself.
        assert_eq!(socket.keepalive().is_some(), of_server);
    }
}

#[test]
fn a_redis_connection_that_never_spoke_is_unused() {
    let Some(server) = redis() else {
        return eprintln!("skipped: no redis-server");
    };
    let _silent = std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("connected");
    let opened = host::now();
    std::thread::sleep(Duration::from_millis(300));
    let inventory = take(server.port);
    let sockets = established(&inventory);
    assert_idle_since(opened, &sockets);
    assert!(
        sockets
            .iter()
            .all(|it| it.traffic.and_then(|it| it.is_unused()) == Some(true))
    );
}

/// A server that listens may still be starting up.
fn logged_in(url: &str) -> postgres::Client {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        match postgres::Client::connect(url, postgres::NoTls) {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < patience, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn postgres_backends_are_their_connections_owners() {
    let Some(server) = postgres() else {
        return eprintln!("skipped: no postgresql, or not root");
    };
    let url = format!(
        "host=127.0.0.1 port={} user=postgres dbname=postgres",
        server.port
    );
    let mut client = logged_in(&url);
    std::thread::sleep(Duration::from_millis(300));
    let backend: i32 = client
        .query_one("select pg_backend_pid()", &[])
        .expect("answered")
        .get(0);
    let answered = host::now();
    std::thread::sleep(Duration::from_millis(500));

    let inventory = take(server.port);
    let sockets = established(&inventory);
    assert_idle_since(answered, &sockets);
    let of_server = servers_end(&sockets, server.port);
    let owner = of_server.owner.as_ref().expect("found");
    assert_eq!(
        owner.pids,
        [backend.cast_unsigned()],
        "the backend, not its parent"
    );
    assert_eq!(owner.command.as_deref(), Some("postgres"));
    let begun = inventory.time.since(owner.start.expect("known"));
    assert!(
        begun > Span::from_millis(700) && begun < Span::from_secs(20),
        "{begun:?}"
    );
}

/// MariaDB in a directory of its own, with a user that needs no password.
fn mariadb() -> Option<Server> {
    let (directory, port) = (tempfile::tempdir().expect("a directory"), free_port());
    let data = directory.path().join("data");
    let user = if nix::unistd::geteuid().is_root() {
        "--user=root"
    } else {
        "--skip-log-error"
    };
    let installed = Command::new("mariadb-install-db")
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            user,
        ])
        .arg(format!("--datadir={}", data.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    installed.ok().filter(std::process::ExitStatus::success)?;
    let process = Command::new("mariadbd")
        .args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            user,
        ])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", directory.path().join("socket").display()))
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    await_port(port);
    Some(Server {
        process,
        port,
        _directory: directory,
    })
}

#[test]
fn mariadb_connections_have_their_true_idle_age_and_owner() {
    let Some(server) = mariadb() else {
        return eprintln!("skipped: no mariadb-server");
    };
    let options = mysql::OptsBuilder::new()
        .ip_or_hostname(Some("127.0.0.1"))
        .tcp_port(server.port)
        .prefer_socket(false)
        .user(Some("root"));
    let mut client = mysql::Conn::new(options).expect("connected");
    std::thread::sleep(Duration::from_millis(300));
    mysql::prelude::Queryable::query_drop(&mut client, "select 1").expect("answered");
    let answered = host::now();
    std::thread::sleep(Duration::from_millis(500));

    let inventory = take(server.port);
    let sockets = established(&inventory);
    assert_idle_since(answered, &sockets);
    let of_server = servers_end(&sockets, server.port);
    assert_eq!(command(of_server), Some("mariadbd"));
    let owner = of_server.owner.as_ref().expect("found");
    assert_eq!(owner.pids, [server.process.id()]);
}
