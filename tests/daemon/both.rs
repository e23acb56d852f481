//! Summaries on standard output and in a file at once.

use std::io::Read as _;

use super::stalls::Disk;
use super::*;

/// A daemon that writes to `file` and to standard output, which is left to the test.
fn both(port: u16, file: &Path, more: &[&str]) -> Running {
    let mut command = command(port, file, &[&["-o", "-"], more].concat());
    Running(command.stdout(Stdio::piped()).spawn().unwrap())
}

fn sequences(summaries: &[Summary]) -> Vec<u64> {
    summaries.iter().map(|it| it.sequence).collect()
}

#[test]
fn both_have_every_summary_and_the_file_can_be_renamed() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let (file, rotated) = (
        directory.path().join("summaries"),
        directory.path().join("rotated"),
    );
    let mut daemon = both(port, &file, &[]);
    let mut out = daemon.0.stdout.take().unwrap();
    until(|| !lines_so_far(&file).is_empty(), || said(&file));
    let mut client = Client::connect(port);
    client.increment(20);
    std::fs::rename(&file, &rotated).unwrap();
    daemon.tell(Signal::SIGHUP);
    until(|| file.exists(), || said(&file));
    client.increment(7);
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0), "{}", said(&file));
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    let (mut files, last) = (std::fs::read_to_string(&rotated).unwrap(), lines(&file));
    files += &std::fs::read_to_string(&file).unwrap();
    assert_eq!(files, text, "the same lines");
    assert!(!last.is_empty());
    let summaries = [lines(&rotated), last].concat();
    assert_unbroken(&summaries);
    assert_eq!(requests(&summaries), 27);
}

fn lines_so_far(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

#[test]
fn a_standard_output_that_nobody_reads_costs_the_file_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let file = directory.path().join("summaries");
    let mut daemon = both(port, &file, &["--interval", "20ms"]);
    let _unread = daemon.0.stdout.take().unwrap();
    let mut client = Client::connect(port);
    let mut total = 0;
    until(
        || {
            client.increment(5);
            total += 5;
            said(&file).contains("is lost: standard output: it is not read")
        },
        || format!("nothing was lost: {}", said(&file)),
    );
    daemon.tell(Signal::SIGTERM);
    let (status, took) = daemon.ended();
    assert_eq!(status, Some(0), "{}", said(&file));
    assert!(took < Duration::from_secs(2), "{took:?}");
    let summaries = lines(&file);
    assert_unbroken(&summaries);
    assert_eq!(summaries[0].sequence, 0);
    let told = summaries.iter().flat_map(|it| &it.source.notes);
    assert!(
        told.clone()
            .any(|it| it.contains("were not written to standard output")),
        "{:?}",
        told.collect::<Vec<_>>()
    );
}

#[test]
fn a_full_disk_costs_standard_output_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let small = directory.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let Some(_disk) = Disk::new(&small, "size=64k") else {
        return;
    };
    let file = small.join("summaries");
    let mut command = command(port, &file, &["-o", "-", "--interval", "20ms"]);
    let log = directory.path().join("log");
    command.stderr(std::fs::File::create(log).unwrap());
    let mut daemon = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut out = BufReader::new(daemon.0.stdout.take().unwrap());
    let mut read = Vec::<Summary>::new();
    let is_told = |it: &Summary| {
        let to = format!("were not written to {}", file.display());
        it.source.notes.iter().any(|note| note.contains(&to))
    };
    until(
        || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            read.push(serde_json::from_str(&line).expect("a whole line"));
            is_told(&read[read.len() - 1])
        },
        || "nothing is said of it".to_owned(),
    );
    let kept = lines(&file);
    assert_unbroken(&read);
    assert_eq!(sequences(&kept), sequences(&read[..kept.len()]));
    assert!(kept.len() < read.len());
    daemon.tell(Signal::SIGTERM);
    drop(out);
    assert_eq!(daemon.ended().0, Some(0));
}
