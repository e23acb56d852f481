//! Two hosts on this machine: network namespaces `app` and `db`, joined by a veth pair, with real servers in `db`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use tempfile::TempDir;

static LABS: AtomicU32 = AtomicU32::new(0);

/// Whether network namespaces can be made; says loudly if a test is left out.
pub fn is_possible(test: &str) -> bool {
    let possible = Uid::effective().is_root();
    if !possible {
        eprintln!("LEFT OUT: {test} needs root for network namespaces");
    }
    possible
}

/// The two hosts. All that was started in them ends with it.
pub struct Lab {
    number: u32,
    folder: TempDir,
    started: Vec<Child>,
    /// The namespace of the wire between the hosts, where there is one.
    pub(super) wire: Option<String>,
}

/// This thread is in that namespace from now on.
pub fn enter(namespace: &str) {
    let namespace = File::open(format!("/run/netns/{namespace}")).unwrap();
    setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
}

impl Lab {
    pub fn new() -> Self {
        let number = std::process::id() % 10_000 * 10 + LABS.fetch_add(1, Ordering::Relaxed);
        let lab = Self {
            number,
            folder: tempfile::tempdir().unwrap(),
            started: Vec::new(),
            wire: None,
        };
        std::process::Command::new("chmod")
            .args(["755"])
            .arg(lab.folder.path())
            .status()
            .unwrap();
        let (app, db) = (lab.app(), lab.db());
        for line in [
            format!("netns add {app}"),
            format!("netns add {db}"),
            format!("-n {app} link add eth0 type veth peer name eth0 netns {db}"),
            format!("-n {app} address add 10.9.0.1/24 dev eth0"),
            format!("-n {db} address add 10.9.0.2/24 dev eth0"),
            format!("-n {app} link set eth0 up"),
            format!("-n {db} link set eth0 up"),
            format!("-n {app} link set lo up"),
            format!("-n {db} link set lo up"),
        ] {
            ip(&line);
        }
        lab
    }

    pub fn app(&self) -> String {
        format!("sh{}a", self.number)
    }

    pub fn db(&self) -> String {
        format!("sh{}d", self.number)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that runs in a namespace.
    pub fn command(namespace: &str, line: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).args(line);
        command
    }

    /// Runs a command in the app's namespace to its end; its output, whatever its exit status.
    pub fn run(&self, line: &[&str], input: &str) -> Output {
        use std::io::Write;
        let mut command = Self::command(&self.app(), line);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The same, and it must succeed.
    pub fn succeed(&self, line: &[&str]) -> String {
        let output = self.run(line, "");
        assert!(
            output.status.success(),
            "{line:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// This thread is on the app's host from now on.
    pub fn enter_app(&self) {
        enter(&self.app());
    }

    pub(super) fn start_in(&mut self, namespace: &str, line: &[&str], log: &str) {
        let log = File::create(self.folder.path().join(log)).unwrap();
        let mut command = Self::command(namespace, line);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.started.push(command.spawn().unwrap());
    }

    pub(super) fn start(&mut self, line: &[&str], log: &str) {
        self.start_in(&self.db(), line, log);
    }

    pub(super) fn until(&self, what: &[&str]) {
        let end = Instant::now() + Duration::from_secs(40);
        while !self.run(what, "").status.success() {
            assert!(Instant::now() < end, "gave up: {what:?}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn logs(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        ["pg.log", "my.log", "redis.log", "influx.log"].map(read).concat()
    }

    /// MariaDB at 10.9.0.2:3306, database and user `app`, password `hunter2`. Returns its log of every command.
    pub fn start_mariadb(&mut self) -> PathBuf {
        self.start_mariadb_with(&[])
    }

    /// The same with further options, which win.
    pub fn start_mariadb_with(&mut self, options: &[&str]) -> PathBuf {
        let (data, socket, log) = (
            self.path("my"),
            self.path("my/s"),
            self.folder.path().join("my/general.log"),
        );
        succeed(&["install", "-d", "-o", "mysql", &data]);
        succeed(&[
            "mariadb-install-db",
            "--no-defaults",
            "--user=mysql",
            &format!("--datadir={data}"),
            "--auth-root-authentication-method=normal",
        ]);
        let log_file = format!("--general-log-file={}", log.display());
        self.start(
            &[
                &[
                    "mariadbd",
                    "--no-defaults",
                    "--user=mysql",
                    &format!("--datadir={data}"),
                    &format!("--socket={socket}"),
                    "--bind-address=10.9.0.2",
                    "--general-log=1",
                    &log_file,
                    "--innodb-flush-log-at-trx-commit=0",
                ][..],
                options,
            ]
            .concat(),
            "my.log",
        );
        let make =
            "create database app; create user app@'%' identified by 'hunter2'; grant all on app.* to app@'%'";
        self.until(&[
            "mariadb",
            "--no-defaults",
            "-S",
            &socket,
            "-u",
            "root",
            "-e",
            make,
        ]);
        log
    }

    /// Redis at 10.9.0.2:6379.
    pub fn start_redis(&mut self) {
        self.start_redis_with(&["--bind", "10.9.0.2"]);
    }

    /// The same with further options.
    pub fn start_redis_with(&mut self, options: &[&str]) {
        let line = [
            "redis-server",
            "--port",
            "6379",
            "--save",
            "",
            "--protected-mode",
            "no",
        ];
        self.start(&[&line[..], options].concat(), "redis.log");
        self.until(&["redis-cli", "-h", "10.9.0.2", "ping"]);
    }

    /// InfluxDB at 10.9.0.2:8086.
    pub fn start_influxdb(&mut self) {
        let at = self.path("influx");
        let configuration = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:8088\"\n[meta]\ndir = \"{at}/meta\"\n[data]\ndir = \"{at}/data\"\nwal-dir = \"{at}/wal\"\n[http]\nbind-address = \"10.9.0.2:8086\"\n"
        );
        let file = self.path("influx.conf");
        std::fs::write(&file, configuration).unwrap();
        self.start(&["influxd", "-config", &file], "influx.log");
        self.until(&["curl", "-sf", "http://10.9.0.2:8086/ping"]);
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // PostgreSQL ends quickly by the first, MariaDB only by the second.
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            for child in &self.started {
                let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
            }
        }
        for child in &mut self.started {
            let _ = child.wait();
        }
        for namespace in [self.app(), self.db()].into_iter().chain(self.wire.take()) {
            let _ = Command::new("ip").args(["netns", "delete", &namespace]).status();
        }
    }
}

/// Runs `ip` with these arguments.
pub(super) fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).status().unwrap();
    assert!(done.success(), "ip {line}");
}

pub(super) fn succeed(line: &[&str]) {
    let output = Command::new(line[0]).args(&line[1..]).output().unwrap();
    assert!(
        output.status.success(),
        "{line:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(super) fn newest(folder: &str, inside: &str) -> String {
    let mut versions: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    versions.sort();
    versions.pop().unwrap().join(inside).display().to_string()
}
