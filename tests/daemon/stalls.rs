//! Outputs that stall or are full, and files that are renamed.

use super::*;

#[test]
fn a_reader_that_stalls_costs_summaries_and_never_the_watch() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    nix::unistd::mkfifo(&output, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let mut daemon = Running(command(port, &output, &["--interval", "20ms"]).spawn().unwrap());
    let mut client = Client::connect(port);
    let lost = || said(&output).contains(": it is not read");
    until(
        || {
            client.increment(1);
            lost()
        },
        || format!("nothing was lost: {}", said(&output)),
    );
    // Whoever reads again gets whole lines, and is told what is missing.
    let mut reader = BufReader::new(std::fs::File::open(&output).unwrap());
    let mut read = Vec::<Summary>::new();
    until(
        || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            read.push(serde_json::from_str(&line).expect("a whole line"));
            read.last()
                .unwrap()
                .source
                .notes
                .iter()
                .any(|it| it.contains("were not written"))
        },
        || "nothing is said of it".to_owned(),
    );
    let sequences: Vec<u64> = read.iter().map(|it| it.sequence).collect();
    assert!(sequences.windows(2).any(|it| it[1] > it[0] + 1), "{sequences:?}");
    drop(reader);
    daemon.tell(Signal::SIGTERM);
    let (status, took) = daemon.ended();
    assert_eq!(status, Some(0), "{}", said(&output));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_daemon_ends_in_time_though_nobody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    let exchanges = directory.path().join("exchanges");
    for path in [&output, &exchanges] {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    }
    let more = ["--interval", "20ms", "--exchanges", exchanges.to_str().unwrap()];
    let mut daemon = Running(command(port, &output, &more).spawn().unwrap());
    let mut client = Client::connect(port);
    until(
        || {
            client.increment(20);
            said(&output).contains(": it is not read")
        },
        || format!("nothing was lost: {}", said(&output)),
    );
    daemon.tell(Signal::SIGTERM);
    let (status, took) = daemon.ended();
    assert_eq!(status, Some(0), "{}", said(&output));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// A file system of its own, gone with this.
pub(super) struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    pub(super) fn new(at: &'a Path, size: &str) -> Option<Self> {
        let flags = nix::mount::MsFlags::empty();
        let mounted = nix::mount::mount(Some("none"), at, Some("tmpfs"), flags, Some(size));
        if let Err(errno) = mounted {
            eprintln!("skipped: no file system can be mounted: {errno}");
        }
        mounted.ok().map(|()| Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(self.0, nix::mount::MntFlags::MNT_DETACH);
    }
}

#[test]
fn a_full_disk_is_survived_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let small = directory.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let Some(_disk) = Disk::new(&small, "size=128k") else {
        return;
    };
    let output = small.join("summaries");
    let log = directory.path().join("log");
    let mut command = command(port, &output, &["--interval", "20ms"]);
    command.stderr(std::fs::File::create(&log).unwrap());
    let mut daemon = Running(command.spawn().unwrap());
    let said = || std::fs::read_to_string(&log).unwrap();
    let mut client = Client::connect(port);
    let full = "no storage space";
    until(
        || {
            client.increment(1);
            said().to_lowercase().contains(full) || said().contains("No space left")
        },
        said,
    );
    let kept = lines(&output);
    assert_unbroken(&kept);
    assert!(kept.len() > 3, "{}", kept.len());
    // The operator makes room; the daemon goes on.
    std::fs::write(&output, "").unwrap();
    until(|| output.metadata().unwrap().len() > 0, said);
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0));
    let after = lines(&output);
    let told = |it: &Summary| {
        it.source
            .notes
            .iter()
            .any(|note| note.contains("were not written"))
    };
    assert!(after.iter().any(told), "{:?}", after[0].source.notes);
    assert!(after[0].sequence > kept.last().unwrap().sequence + 1);
}

/// Exchanges and frames are in files that can be renamed at any time, none lost, none twice.
#[test]
fn exchanges_and_frames_are_kept_whole_across_renames() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    let (exchanges, frames) = (
        directory.path().join("exchanges"),
        directory.path().join("frames"),
    );
    let (exchanges_path, frames_path) = (exchanges.to_str().unwrap(), frames.to_str().unwrap());
    let mut daemon = daemon(port, &output, &["--exchanges", exchanges_path, "-w", frames_path]);
    let mut client = Client::connect(port);
    let count = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "torn");
        text.lines()
            .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
            .count()
    };
    let mut kept = Vec::new();
    for turn in 0..3 {
        client.increment(100);
        // They are there while the watch goes on.
        until(|| count(&exchanges) >= 100, || said(&output));
        let renamed = |path: &Path| path.with_extension(turn.to_string());
        for path in [&exchanges, &frames] {
            std::fs::rename(path, renamed(path)).unwrap();
        }
        kept.push((renamed(&exchanges), renamed(&frames)));
        daemon.tell(Signal::SIGHUP);
        until(|| exchanges.exists() && frames.exists(), || said(&output));
    }
    client.increment(100);
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0));
    kept.push((exchanges, frames));
    assert_eq!(
        kept.iter().map(|(file, _)| count(file)).collect::<Vec<_>>(),
        [100; 4]
    );
    let read = Command::new(env!("CARGO_BIN_EXE_sockhound"))
        .args(["read", "-f", "json", "-t", &format!("redis://127.0.0.1:{port}")])
        .args(kept.iter().map(|(_, file)| file))
        .output()
        .unwrap();
    let again: Summary = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(
        requests(&[again]),
        400,
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}
