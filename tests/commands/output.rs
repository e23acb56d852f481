//! Places to write to that will not have it.

use std::process::Stdio;

use super::capture::{Capture, Written};
use super::{finished, run, sockhound};

fn written() -> Written {
    let mut capture = Capture::new();
    (0..2_000).for_each(|_| capture.well());
    capture.write()
}

#[test]
fn a_reader_that_goes_is_no_failure() {
    let file = written();
    for arguments in [
        &["read", "-f", "json", file.path()][..],
        &["read", "-f", "text", file.path()],
        &["read", "-f", "html", file.path()],
        &["read", "-o", "/dev/null", "--exchanges", "-", file.path()],
        &["schema", "summary"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child = sockhound(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let run = finished(&child.wait_with_output().unwrap());
        assert_eq!((run.status, run.errors.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_written_is_said_with_status_1() {
    let file = written();
    for option in ["-o", "-w", "--exchanges"] {
        let folder = file.beside("no/such/folder");
        run(&["read", option, &folder, file.path()]).fails(1, &format!("cannot write {folder}: "));
        run(&["read", option, file.folder.path().to_str().unwrap(), file.path()]).fails(1, "directory");
        let full = run(&["read", option, "/dev/full", file.path()]);
        full.fails(1, "cannot write /dev/full: No space left");
    }
    let full = std::fs::File::create("/dev/full").unwrap();
    let failed = finished(&sockhound(&["read", file.path()]).stdout(full).output().unwrap());
    failed.fails(1, "No space left");
}
