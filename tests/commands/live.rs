//! Watching where it can't be.

use std::process::{Command, Stdio};

use super::files::as_nobody;
use super::{finished, is_root, run, sockhound};

#[test]
fn not_permitted_names_the_command_that_grants_it() {
    if !is_root("being somebody else") {
        return;
    }
    for command in ["capture", "daemon"] {
        as_nobody(&[command, "-i", "lo"]).fails(77, "sudo setcap cap_net_raw+ep /");
    }
}

#[test]
fn nothing_to_watch_has_status_69() {
    let failed = run(&["capture", "-i", "nosuch0"]);
    failed.fails(69, "no interface is called nosuch0; there are: ");
    failed.fails(69, "any");
    run(&["daemon", "-i", "nosuch0"]).fails(69, "nosuch0");
    if !is_root("a namespace of its own") {
        return;
    }
    let command = sockhound(&["capture", "-d", "1s"]);
    let mut alone = Command::new("unshare");
    alone
        .arg("-n")
        .arg(command.get_program())
        .args(command.get_args());
    finished(&alone.stdin(Stdio::null()).output().unwrap()).fails(69, "sudo ip link set lo up");
}

#[test]
fn top_wants_a_terminal() {
    run(&["top"]).fails(64, "terminal");
}
