//! A daemon with several capture threads: what they see together is what there was, once each.

use std::thread;

use sockhound::capture::share::shard_of;

use super::*;

const THREADS: u32 = 3;
const CLIENTS: u64 = 12;
/// Requests of each client on its lasting connection, then on each of some short ones.
const LASTING: u64 = 400;
const SHORT: u64 = 30;

fn threaded(port: u16, output: &Path) -> Running {
    let mut command = command(port, output, &["--idle-after", "1s", "--connections", "all"]);
    let daemon = command.env("SOCKHOUND_SHARDS", THREADS.to_string()).spawn();
    let daemon = Running(daemon.unwrap());
    until(
        || !lines(output).is_empty(),
        || format!("no summary: {}", said(output)),
    );
    daemon
}

/// The names of a process's threads.
fn threads_of(process: &Running) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.0.id())).unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
    };
    tasks.map(|task| name(task).trim().to_owned()).collect()
}

fn work(port: u16) {
    let mut lasting = Client::connect(port);
    for _ in 0..SHORT {
        lasting.increment(LASTING / SHORT);
        Client::connect(port).increment(1);
        pause(5);
    }
    lasting.increment(LASTING % SHORT);
    // As long as the daemon watches.
    std::mem::forget(lasting);
}

#[test]
fn several_threads_count_each_request_once_and_hoard_what_one_would() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    // From before the watch, and never heard of in it but by the kernel.
    let silent: Vec<TcpStream> = (0..9)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    let mut daemon = threaded(port, &output);
    let names = threads_of(&daemon);
    for index in 0..THREADS {
        assert!(names.contains(&format!("capture {index}")), "{names:?}");
    }
    let clients: Vec<_> = (0..CLIENTS).map(|_| thread::spawn(move || work(port))).collect();
    pause(300);
    daemon.tell(Signal::SIGUSR1);
    for client in clients {
        client.join().unwrap();
    }
    let mut expected: Vec<u16> = silent.iter().map(|it| it.local_addr().unwrap().port()).collect();
    expected.sort_unstable();
    let is_hoarded = |summary: &Summary| !summary.hoarded.is_empty();
    until(
        || lines(&output).last().is_some_and(is_hoarded),
        || "nothing is hoarded".to_owned(),
    );
    let shards = expected.iter().map(|&client| shard_of(client, port, THREADS));
    assert!(
        shards.collect::<std::collections::BTreeSet<_>>().len() > 1,
        "{expected:?}"
    );

    daemon.tell(Signal::SIGTERM);
    let (status, took) = daemon.ended();
    assert_eq!(status, Some(0), "{}", said(&output));
    assert!(took < Duration::from_secs(2), "{took:?}");
    let summaries = lines(&output);
    assert_unbroken(&summaries);
    assert_eq!(requests(&summaries), CLIENTS * (LASTING + SHORT));
    let last = summaries.last().unwrap();
    let of_redis = &last.services[0];
    assert_eq!(of_redis.connections.open, CLIENTS + silent.len() as u64);
    let listed = last.connections.as_deref().unwrap_or_default();
    let listed: Vec<_> = listed
        .iter()
        .filter(|it| expected.contains(&it.client.port))
        .collect();
    assert_eq!(listed.len(), expected.len());
    for connection in listed {
        let owner = connection.owner.as_ref().and_then(|owner| owner.pid);
        assert_eq!(owner, Some(std::process::id()), "{connection:?}");
    }
    for summary in &summaries {
        let source = &summary.source;
        assert_eq!(
            (source.dropped, source.gaps, source.duplicates),
            (0, 0, 0),
            "{source:?}"
        );
        for service in &summary.services {
            assert_eq!((service.exchanges.doubtful, service.exchanges.unanswered), (0, 0));
        }
    }
}
