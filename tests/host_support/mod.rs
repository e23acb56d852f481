//! What the tests of `host` share.

#![allow(clippy::expect_used, dead_code)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sockhound::host::{Inventory, Socket, State};

/// Whether the test can make namespaces and cgroups; says where it cannot.
pub fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: not root");
    }
    root
}

/// Runs one test of this program again as an unprivileged user, with `variable` set, and expects it to pass.
pub fn again_as_nobody(test: &str, variable: (&str, &str)) {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
    let copy = directory.path().join("test");
    std::fs::copy(std::env::current_exe().expect("this"), &copy).expect("copied");
    let output = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
        ])
        .arg(&copy)
        .args(["--exact", test])
        .env(variable.0, variable.1)
        .output()
        .expect("setpriv");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

/// The sockets of connections, both ends where both are here.
pub fn established(inventory: &Inventory) -> Vec<&Socket> {
    inventory
        .sockets
        .iter()
        .filter(|it| it.state == State::Established)
        .collect()
}
