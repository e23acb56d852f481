//! Files that are not what they should be.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::capture::Capture;
use super::{finished, is_root, run, sockhound};

/// A capture of so many exchanges that nothing is wrong with.
fn good(exchanges: usize) -> Capture {
    let mut capture = Capture::new();
    (0..exchanges).for_each(|_| capture.well());
    capture
}

#[test]
fn what_is_no_capture_is_said_with_status_66() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, bytes, words) in [
        ("empty.pcap", &b""[..], "empty"),
        (
            "text",
            b"12:00:01.5 IP a.1 > b.2: Flags [S]\n",
            "text; make a capture",
        ),
        ("json", b"{\"schema\":\"sockhound.summary.v1\"}", "JSON"),
        (
            "program",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            "a program",
        ),
        ("short", b"\xd4\xc3\xb2\xa1\x02\0", "within the capture's header"),
        ("zeros", &[0; 64], "not a pcap"),
        (
            "gzip-of-nothing",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            "gzip-of-nothing: ",
        ),
    ] {
        std::fs::write(path(name), bytes).unwrap();
        run(&["read", &path(name)]).fails(66, words);
        run(&["read", &path(name)]).fails(66, &path(name));
    }
    run(&["read", &path("missing.pcap")]).fails(66, "No such file");
    run(&["read", folder.path().to_str().unwrap()]).fails(66, "directory");
    run(&["read", "-"]).fails(66, "standard input");
    if is_root("an unreadable file") {
        let denied = path("denied.pcap");
        std::fs::write(&denied, good(1).bytes()).unwrap();
        std::fs::set_permissions(&denied, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        as_nobody(&["read", &denied]).fails(66, "Permission denied");
    }
}

/// Runs it without any privilege.
pub fn as_nobody(arguments: &[&str]) -> super::Run {
    // The build's folder may be closed to others: a copy elsewhere is not.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sockhound");
    std::fs::copy(env!("CARGO_BIN_EXE_sockhound"), &program).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
            "--",
        ])
        .arg(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    finished(&output)
}

#[test]
fn a_cut_capture_is_read_up_to_the_cut() {
    let whole = good(3).bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcap");
    let path = path.to_str().unwrap();
    // A record is 16 bytes and its frame; every third byte is plenty.
    for end in (24..whole.len()).step_by(3) {
        std::fs::write(path, &whole[..end]).unwrap();
        let run = run(&["read", "-f", "json", path]);
        let summary = run.json();
        let packets = summary["source"]["packets"].as_u64().unwrap();
        let read: usize = whole_records(&whole[..end]);
        assert_eq!(packets, read as u64, "cut at {end}");
        let notes = summary["source"]["notes"].to_string();
        let on_a_boundary = boundaries(&whole).contains(&end);
        assert_eq!(
            notes.contains("ends in the middle of a packet"),
            !on_a_boundary,
            "{end}: {notes}"
        );
    }
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin.take().unwrap().write_all(&good(400).bytes()).unwrap();
    let packed = gzip.wait_with_output().unwrap().stdout;
    std::fs::write(path, &packed[..packed.len() / 2]).unwrap();
    let summary = run(&["read", "-f", "json", path]).json();
    assert!(
        summary["source"]["packets"].as_u64().unwrap() > 50,
        "{}",
        summary["source"]
    );
    assert!(
        summary["source"]["notes"]
            .to_string()
            .contains("read up to there"),
        "{}",
        summary["source"]
    );
}

/// Where records end.
fn boundaries(file: &[u8]) -> Vec<usize> {
    let mut ends = vec![24];
    let mut at = 24;
    while let Some(length) = file.get(at + 8..at + 12) {
        at += 16 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        ends.push(at);
    }
    ends
}

fn whole_records(file: &[u8]) -> usize {
    boundaries(file)
        .iter()
        .filter(|&&end| end > 24 && end <= file.len())
        .count()
}

#[test]
fn a_damaged_capture_is_read_up_to_the_damage() {
    let mut file = good(5).bytes();
    let third = boundaries(&file)[3];
    file[third + 8..third + 12].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.pcap");
    std::fs::write(&path, &file).unwrap();
    let summary = run(&["read", "-f", "json", path.to_str().unwrap()]).json();
    assert_eq!(summary["source"]["packets"], 3);
    let notes = summary["source"]["notes"].to_string();
    assert!(
        notes.contains("damaged.pcap") && notes.contains("read up to there"),
        "{notes}"
    );
    let text = run(&["read", "-f", "text", path.to_str().unwrap()]);
    assert!(text.out.contains("damaged at byte"), "{text:?}");
}

#[test]
fn huge_claims_cost_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge");
    let path = path.to_str().unwrap();
    let mut snapped = good(1).bytes();
    snapped[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    // A record of as much as a frame may be claimed to have, with nothing behind it.
    for claim in [1_u32 << 20, 1 << 24, 1 << 28, i32::MAX as u32] {
        let mut file = snapped.clone();
        file.extend_from_slice(&[0; 8]);
        file.extend_from_slice(&claim.to_le_bytes());
        file.extend_from_slice(&claim.to_le_bytes());
        std::fs::write(path, &file).unwrap();
        let summary = within_limits(&["read", "-f", "json", path]).json();
        assert_eq!(summary["source"]["packets"], 2, "{claim}");
    }
    // A block of pcapng as long as can be written, after a header that is right.
    let mut file = Vec::new();
    for word in [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for word in [6_u32, 0xffff_fffc, 0, 0, 0, 0xffff_ffff, 0xffff_ffff] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    std::fs::write(path, &file).unwrap();
    let summary = within_limits(&["read", "-f", "json", path]).json();
    assert_eq!(summary["source"]["packets"], 0);
    // 256 MB of zeros in a few hundred kilobytes.
    let packed = Command::new("sh")
        .args(["-c", "head -c 268435456 /dev/zero | gzip -1"])
        .output()
        .unwrap();
    std::fs::write(path, packed.stdout).unwrap();
    within_limits(&["read", path]).fails(66, "not a pcap");
}

/// Runs it with less memory than a claim believed would take, and less of the processor's time than a quadratic scan: a machine
/// under load changes neither.
pub fn within_limits(arguments: &[&str]) -> super::Run {
    let mut command = sockhound(arguments);
    let mut limited = Command::new("prlimit");
    limited
        .args([format!("--as={}", 400 << 20), "--cpu=40".to_owned()])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    finished(&limited.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn one_bad_file_is_named_before_anything_is_read() {
    let written = good(2).write();
    let bad = written.beside("bad.pcap");
    std::fs::write(&bad, "no capture\n").unwrap();
    let out = written.beside("out.json");
    run(&["read", "-o", &out, written.path(), &bad]).fails(66, "bad.pcap");
    assert!(!std::path::Path::new(&out).exists());
    let twice = run(&["read", "-f", "json", written.path(), written.path()]).json();
    assert_eq!(twice["source"]["files"].as_array().unwrap().len(), 2);
}

#[test]
fn nothing_to_see_is_said() {
    let empty = Capture::new().write();
    let text = run(&["read", "-f", "text", empty.path()]);
    assert_eq!(text.status, Some(0), "{text:?}");
    assert!(text.out.contains("0 packets"), "{text:?}");
    let mut other = Capture::new();
    for client in 1_000..1_020 {
        other.say(client, 22, super::capture::From::Client, b"SSH-2.0-x\r\n");
    }
    let text = run(&["read", "-f", "text", other.write().path()]);
    assert_eq!(text.status, Some(0), "{text:?}");
    assert!(text.out.contains(":22"), "what was seen instead: {text:?}");
}

/// A recorded capture of several connections, unpacked.
fn unpacked(folder: &std::path::Path) -> String {
    let packed =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/postgresql-reconnect.pcap.gz");
    let done = Command::new("gzip").arg("-dc").arg(packed).output().unwrap();
    let path = folder.join("unpacked.pcap");
    std::fs::write(&path, done.stdout).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn reading_with_several_threads_prints_and_writes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let whole = unpacked(folder.path());
    let bytes = std::fs::read(&whole).unwrap();
    let cut = path("cut.pcap");
    std::fs::write(&cut, &bytes[..bytes.len() * 2 / 3 - 5]).unwrap();
    for files in [&[whole.as_str()][..], &[&cut], &[&cut, &whole]] {
        let read = |shards: &str| {
            let exchanges = path("exchanges");
            let options = ["read", "-f", "json", "-t", ":15432", "--exchanges", &exchanges];
            let mut command = sockhound(&[&options[..], files].concat());
            let run = finished(&command.env("SOCKHOUND_SHARDS", shards).output().unwrap());
            let summary = run.json();
            assert!(summary["source"]["packets"].as_u64().unwrap() > 100);
            let notes = summary["source"]["notes"].to_string();
            let is_cut = files.contains(&cut.as_str());
            assert_eq!(notes.contains("ends in the middle of a packet"), is_cut);
            (run.out, std::fs::read(exchanges).unwrap())
        };
        let one = read("1");
        assert!(!one.1.is_empty());
        assert!(read("2") == one && read("5") == one, "{files:?}");
    }
}

#[test]
fn how_many_threads_is_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let whole = unpacked(folder.path());
    for bad in ["0", "many", "-1", "1000000"] {
        let mut command = sockhound(&["read", &whole]);
        let output = command.env("SOCKHOUND_SHARDS", bad).output().unwrap();
        finished(&output).fails(78, "SOCKHOUND_SHARDS: not a number from 1 to 64");
    }
}
