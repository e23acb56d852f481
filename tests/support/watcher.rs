//! sockhound itself, watching in a namespace while a test makes traffic.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::lab::Lab;
use super::service;

/// A running `sockhound capture`, or the daemon as a service where that is asked for.
pub struct Watcher {
    child: Child,
    folder: PathBuf,
    is_service: bool,
}

/// What it saw.
pub struct Watched {
    pub summary: Value,
    pub exchanges: Vec<Value>,
    /// The frames it kept.
    pub frames: PathBuf,
}

impl Watcher {
    /// Starts to watch `interface` in `namespace`; returns when the ring is open.
    pub fn start(lab: &Lab, namespace: &str, interface: &str, options: &[&str]) -> Self {
        Self::spawn(lab, namespace, interface, options, &[])
    }

    /// The same as on a host of its own: it sees no other processes, and no other network namespaces.
    pub fn start_alone(lab: &Lab, namespace: &str, interface: &str, options: &[&str]) -> Self {
        Self::spawn(lab, namespace, interface, options, &ALONE)
    }

    /// The same with `CAP_NET_RAW` and nothing else, as a user of no rights, on a host without cgroups of version 2.
    pub fn start_poor(lab: &Lab, namespace: &str, interface: &str, options: &[&str]) -> Self {
        Self::spawn(lab, namespace, interface, options, &POOR)
    }

    fn spawn(lab: &Lab, namespace: &str, interface: &str, options: &[&str], within: &[&str]) -> Self {
        let folder = lab.folder().join(format!(
            "watch-{namespace}-{}-{}",
            within.len(),
            std::process::id()
        ));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let (summary, exchanges, frames) = (
            path("summary.json"),
            path("exchanges.ndjson"),
            path("frames.pcapng"),
        );
        let binary = readable_binary(lab);
        let is_service = service::is_wanted() && within.is_empty();
        let whole = if is_service {
            service::command_line(&binary, &folder, interface)
        } else {
            capturing(&binary, within, interface)
        };
        let mut line: Vec<&str> = whole.iter().map(String::as_str).collect();
        line.extend(["-o", &summary, "--exchanges", &exchanges, "-w", &frames]);
        line.extend(options);
        let rings = rings(namespace);
        let child = Lab::command(namespace, &line)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_ring(namespace, rings);
        Self {
            child,
            folder,
            is_service,
        }
    }

    /// Ends the watch as Ctrl-C does, half a second after the last traffic.
    pub fn stop(mut self) -> Watched {
        std::thread::sleep(std::time::Duration::from_millis(500));
        if self.is_service {
            service::assert_confined(self.child.id());
        }
        kill(innermost(self.child.id()), Signal::SIGINT).unwrap();
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        let mut stderr = BufReader::new(self.child.stderr.take().unwrap());
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        assert!(status.success(), "{status}: {said}");
        let read = |name: &str| std::fs::read(self.folder.join(name)).unwrap();
        let exchanges = read("exchanges.ndjson");
        Watched {
            summary: serde_json::from_slice(&read("summary.json")).unwrap(),
            exchanges: exchanges
                .lines()
                .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
                .collect(),
            frames: self.folder.join("frames.pcapng"),
        }
    }
}

impl Watched {
    /// Exchanges of which `is` holds.
    pub fn count(&self, is: impl Fn(&Value) -> bool) -> usize {
        self.exchanges.iter().filter(|exchange| is(exchange)).count()
    }

    /// None was lost, none is in doubt.
    pub fn assert_whole(&self) {
        assert_eq!(self.summary["source"]["dropped"], 0);
        assert_eq!(self.summary["source"]["gaps"], 0);
        let doubtful: Vec<_> = self
            .exchanges
            .iter()
            .filter(|exchange| !exchange["doubt"].is_null())
            .collect();
        assert!(doubtful.is_empty(), "{doubtful:?}");
    }
}

/// `sockhound capture` within another command, before others, so that it loses nothing on a loaded machine.
fn capturing(program: &str, within: &[&str], interface: &str) -> Vec<String> {
    let capture = [program, "capture", "-i", interface, "-d", "120s", "-f", "json"];
    let line = [&["nice", "-n", "-15"], within, &capture].concat();
    line.into_iter().map(str::to_owned).collect()
}

/// Runs what follows with a process table and a list of named namespaces of its own.
const ALONE: [&str; 9] = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "sh",
    "-c",
    "mount -t tmpfs none /run/netns && exec \"$@\"",
    "sh",
];

/// Runs what follows with little.
const POOR: [&str; 6] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs none /sys/fs/cgroup && exec setpriv --reuid=65534 --regid=65534 --clear-groups \
     --inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw --bounding-set=-all,+net_raw -- \"$@\"",
    "sh",
];

/// The binary where any user may read it.
fn readable_binary(lab: &Lab) -> String {
    let copy = lab.folder().join("sockhound");
    if !copy.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_sockhound"), &copy).unwrap();
    }
    copy.display().to_string()
}

/// The process that `pid` runs, where it only waits for that one.
fn innermost(pid: u32) -> Pid {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let child = children
        .split_whitespace()
        .next()
        .and_then(|child| child.parse().ok());
    Pid::from_raw(child.unwrap_or(pid.cast_signed()))
}

/// Packet sockets that are open in the namespace.
fn rings(namespace: &str) -> usize {
    let rings = Lab::command(namespace, &["cat", "/proc/net/packet"])
        .output()
        .unwrap();
    rings.stdout.lines().count()
}

/// Until one more packet socket is open in the namespace.
fn wait_for_ring(namespace: &str, before: usize) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while rings(namespace) <= before {
        assert!(std::time::Instant::now() < end, "no ring was opened");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // The ring is filled from here on; the kernel's inventory follows at once.
    std::thread::sleep(std::time::Duration::from_millis(300));
}
