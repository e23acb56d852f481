//! sockhound as the service runs it: the daemon, as an unprivileged user with `CAP_NET_RAW` alone and no new privileges, on a root
//! that can't be written to, within the restrictions that it puts on itself. systemd itself does not run where tests do.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{Group, User, chown};

/// Set, tests watch as the service does.
const AS_SERVICE: &str = "SOCKHOUND_TEST_AS_SERVICE";
/// As `/proc/PID/status` has it: bit 13.
const CAP_NET_RAW: &str = "0000000000002000";

/// Whether to watch as the service does.
pub fn is_wanted() -> bool {
    std::env::var_os(AS_SERVICE).is_some()
}

/// Runs a test of this program again, watched by the service.
pub fn again(test: &str) {
    if is_wanted() || !super::lab::is_possible(test) {
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(AS_SERVICE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// The command line that watches until it is told to end, writing to `folder` alone.
pub fn command_line(program: &str, folder: &Path, interface: &str) -> Vec<String> {
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let nogroup = Group::from_name("nogroup").unwrap().unwrap();
    chown(folder, Some(nobody.uid), Some(nogroup.gid)).unwrap();
    let read_only =
        "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro / && umask 077 && ulimit -c 0 && exec \"$@\"";
    let folder = folder.display().to_string();
    let capabilities = |of: &str| format!("--{of}=-all,+net_raw");
    [
        "nice",
        "-n",
        "-15",
        "unshare",
        "--mount",
        "sh",
        "-c",
        read_only,
        &folder,
        "setpriv",
        "--reuid=nobody",
        "--regid=nogroup",
        "--clear-groups",
        &capabilities("bounding-set"),
        &capabilities("inh-caps"),
        &capabilities("ambient-caps"),
        "--no-new-privs",
        program,
        "daemon",
        "-i",
        interface,
        // One summary, as capture's.
        "--interval",
        "10000h",
        "--connections",
        "all",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Every thread has given up all but the one capability; no memory is ever dumped.
pub fn assert_confined(pid: u32) {
    let threads: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(
        threads.len() >= 5,
        "capture, inventory, output, exchanges, frames, journal"
    );
    for thread in threads {
        let status = std::fs::read_to_string(thread.join("status")).unwrap();
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim_start_matches(':').trim().to_owned()
        };
        for (key, expected) in [
            ("Seccomp", "2"),
            ("NoNewPrivs", "1"),
            ("CapPrm", CAP_NET_RAW),
            ("CapEff", CAP_NET_RAW),
            ("CapBnd", CAP_NET_RAW),
            ("CapAmb", "0000000000000000"),
            ("CapInh", "0000000000000000"),
        ] {
            assert_eq!(value(key), expected, "{key} of {}", thread.display());
        }
        assert!(value("Uid").starts_with("65534"), "{}", value("Uid"));
    }
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let cores = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(cores.split_whitespace().nth(4), Some("0"), "{cores}");
    // What must not be dumped belongs to root in /proc (proc(5)).
    assert_eq!(
        std::fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid(),
        0
    );
}
