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

#[test]
fn a_summary_goes_to_every_output() {
    let file = written();
    let copy = file.beside("copy");
    let both = run(&["read", "-o", "-", "-o", &copy, file.path()]);
    assert_eq!(both.status, Some(0), "{}", both.errors);
    assert!(both.out.contains("sockhound.summary.v1"), "{}", both.out);
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), both.out);
    // One that fails costs the other nothing.
    std::fs::remove_file(&copy).unwrap();
    let half = run(&["read", "-o", "/dev/full", "-o", &copy, file.path()]);
    half.fails(1, "cannot write /dev/full: No space left");
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), both.out);
}

/// Whoever asks for a terminal's width where there is none asks tput(1): two processes that take longer than a small file.
#[test]
fn no_other_program_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let file = written();
    let trap = file.beside("tput");
    let marker = file.beside("was-run");
    std::fs::write(&trap, format!("#!/bin/sh\n: >'{marker}'\necho 80\n")).unwrap();
    std::fs::set_permissions(&trap, std::fs::Permissions::from_mode(0o755)).unwrap();
    for format in ["json", "text", "html"] {
        let mut command = sockhound(&["read", "-f", format, file.path()]);
        let ended = command.env("PATH", file.folder.path()).output().unwrap();
        assert_eq!(ended.status.code(), Some(0));
    }
    assert!(!std::path::Path::new(&marker).exists(), "tput was run");
}
