//! Units told by the cgroup's id that the kernel keeps with each socket. Needs root and cgroups of version 2, mounted alone
//! or beside version 1; says so and passes where they are not there.

#![allow(clippy::expect_used)]

mod host_support;

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use host_support::{again_as_nobody, established, is_root};
use sockhound::host::{Collector, Inventory, Missing, PortFilter, Query, Socket};

/// A cgroup that goes with its process.
struct Unit {
    directory: PathBuf,
    process: Option<Child>,
}

impl Unit {
    /// A cgroup of this name, with a process in it that holds a connection to `port`.
    fn start(name: &str, port: u16) -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
        let mount = mounts
            .lines()
            .find(|line| line.split(' ').nth(2) == Some("cgroup2"));
        let Some(mount) = mount.and_then(|line| line.split(' ').nth(1)) else {
            eprintln!("skipped: no cgroups of version 2");
            return None;
        };
        let directory = PathBuf::from(mount).join(name);
        std::fs::create_dir(&directory).expect("made");
        let mut it = Self {
            directory,
            process: None,
        };
        let procs = it.directory.join("cgroup.procs").display().to_string();
        let script =
            format!("echo $$ > {procs} && exec 3<>/dev/tcp/127.0.0.1/{port} && echo ready && exec sleep 60");
        let mut process = Command::new("bash")
            .args(["-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash");
        let mut ready = [0; 5];
        let read = std::io::Read::read_exact(process.stdout.as_mut().expect("piped"), &mut ready);
        it.process = Some(process);
        read.expect("connected");
        Some(it)
    }

    fn id(&self) -> u64 {
        std::fs::metadata(&self.directory).expect("there").ino()
    }

    fn pid(&self) -> u32 {
        self.process.as_ref().expect("started").id()
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        // The kernel lets go of the dead process a moment later.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

fn client(inventory: &Inventory, port: u16) -> &Socket {
    let sockets = established(inventory);
    sockets
        .into_iter()
        .find(|it| it.remote.port == port)
        .expect("the client's end")
}

fn take(port: u16) -> Inventory {
    Collector::new(Query::new(PortFilter::of([port]))).collect()
}

#[test]
fn the_socket_s_cgroup_names_unit_and_process() {
    if !is_root() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let name = format!("sockhound-a{}.service", std::process::id());
    let Some(unit) = Unit::start(&name, port) else {
        return;
    };
    let inventory = take(port);
    let socket = client(&inventory, port);
    assert_eq!(socket.cgroup, Some(unit.id()));
    let owner = socket.owner.as_ref().expect("found");
    assert_eq!(owner.pids, [unit.pid()]);
    assert_eq!(owner.identity.unit.as_deref(), Some(name.as_str()));
}

#[test]
fn without_privileges_the_unit_is_still_told() {
    const EXPECTED: &str = "SOCKHOUND_TEST_UNIT";
    if let Ok(expected) = std::env::var(EXPECTED) {
        let (name, port) = expected.split_once(' ').expect("both");
        let port = port.parse().expect("a port");
        let inventory = take(port);
        let socket = client(&inventory, port);
        let owner = socket.owner.as_ref().expect("by its cgroup");
        assert_eq!(owner.identity.unit.as_deref(), Some(name));
        assert!(owner.pids.is_empty(), "another user's");
        assert!(
            socket.last_data().is_some() && socket.traffic.is_some(),
            "needs no privilege"
        );
        assert!(
            inventory
                .missing
                .iter()
                .any(|it| matches!(it, Missing::Owners { .. })),
            "{inventory:?}"
        );
        return;
    }
    if !is_root() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let name = format!("sockhound-b{}.service", std::process::id());
    let Some(_unit) = Unit::start(&name, port) else {
        return;
    };
    again_as_nobody(
        "without_privileges_the_unit_is_still_told",
        (EXPECTED, &format!("{name} {port}")),
    );
}
