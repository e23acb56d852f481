//! A process that has given everything up can still do its work, and nothing else. Each test runs itself again, since what is given
//! up never comes back. Needs root for the steps that need it.

#![allow(clippy::expect_used)]

mod host_support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use host_support::{established, is_root};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use sockhound::capture::live::{LiveOptions, LiveSource};
use sockhound::capture::{Polled, Source as _};
use sockhound::host::sandbox::{Entered, Policy, Privilege, effective, enter};
use sockhound::host::{Collector, PortFilter, Query};

const INSIDE: &str = "SOCKHOUND_TEST_SANDBOX";

/// Runs one test again, alone in its process, with `INSIDE` set.
fn again(test: &str, inside: &str) {
    let output = Command::new(std::env::current_exe().expect("this"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, inside)
        .output()
        .expect("run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
}

fn status(key: &str) -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("read");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .expect("there");
    line.trim_start_matches(':').trim().to_owned()
}

fn refused(entered: &Entered) -> Vec<&'static str> {
    // The test harness has a thread of its own.
    entered
        .refused
        .iter()
        .map(|&(step, _)| step)
        .filter(|&step| step != "one thread")
        .collect()
}

/// Both ends in this process, and its inventory.
fn assert_inventory_works(owned: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let _client = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let _server = listener.accept().expect("accepted");
    let inventory = Collector::new(Query::new(PortFilter::of([port]))).collect();
    let sockets = established(&inventory);
    assert_eq!(sockets.len(), 2);
    assert!(sockets.iter().all(|it| it.last_data().is_some()));
    if owned {
        assert!(sockets.iter().all(|it| it.owner.is_some()), "{inventory:?}");
    }
}

/// A request over loopback to a server that tokio runs, as the daemon does.
fn assert_serves() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answer = runtime.block_on(async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("answered");
            answer
        });
        let (mut stream, _) = listener.accept().await.expect("accepted");
        let mut request = [0; 64];
        assert!(stream.read(&mut request).await.expect("asked") > 0);
        stream
            .write_all(b"HTTP/1.0 200 OK\r\n\r\n")
            .await
            .expect("answered");
        drop(stream);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        client.join().expect("ended")
    });
    assert!(answer.starts_with("HTTP/1.0 200"));
}

fn assert_harmless() {
    let denied = |outcome: std::io::Result<()>| {
        outcome.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    assert!(
        denied(Command::new("/bin/true").status().map(drop)),
        "a program was started"
    );
    let bluetooth = socket(AddressFamily::Bluetooth, SockType::Raw, SockFlag::empty(), None);
    assert_eq!(bluetooth.err(), Some(nix::errno::Errno::EPERM));
    assert_eq!(status("NoNewPrivs"), "1");
    assert_eq!(status("Seccomp"), "2");
    assert_eq!(nix::sys::prctl::get_dumpable(), Ok(false));
    let core = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE);
    assert_eq!(core, Ok((0, 0)));
}

/// Another process, of this user, that holds a connection to the listener for three seconds.
fn holder(user: &str, listener: &TcpListener) -> u32 {
    let port = listener.local_addr().expect("an address").port();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && exec sleep 3");
    let user = [
        format!("--reuid={user}"),
        "--regid=65534".to_owned(),
        "--clear-groups".to_owned(),
    ];
    let mut command = Command::new("setpriv");
    #[expect(
        clippy::zombie_processes,
        reason = "what is given up includes the right to wait; it ends by itself"
    )]
    let child = command
        .args(user)
        .args(["bash", "-c", &script])
        .spawn()
        .expect("setpriv");
    let accepted = listener.accept().expect("connected");
    std::mem::forget(accepted);
    std::thread::sleep(std::time::Duration::from_millis(100));
    child.id()
}

/// The processes that hold the client's end of what was connected to the listener.
fn holders(listener: &TcpListener) -> Vec<u32> {
    let port = listener.local_addr().expect("an address").port();
    let inventory = Collector::new(Query::new(PortFilter::of([port]))).collect();
    let client = inventory
        .sockets
        .iter()
        .find(|it| it.remote.port == port)
        .expect("listed");
    client
        .owner
        .as_ref()
        .map(|owner| owner.pids.clone())
        .unwrap_or_default()
}

/// Whether a frame comes within a second.
fn sees_frames(source: &mut LiveSource) -> bool {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while std::time::Instant::now() < patience {
        if matches!(source.poll().expect("polled"), Polled::Frame(_)) {
            return true;
        }
    }
    false
}

/// A sandbox that knows no netlink, as gVisor's.
#[test]
fn without_netlink_sockets_are_listed_all_the_same() {
    const NAME: &str = "without_netlink_sockets_are_listed_all_the_same";
    if std::env::var(INSIDE).is_err() {
        return again(NAME, "1");
    }
    let netlink =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 16).expect("a condition");
    let rules = [(
        libc::SYS_socket,
        vec![SeccompRule::new(vec![netlink]).expect("a rule")],
    )];
    let refuse = SeccompAction::Errno(libc::EPROTONOSUPPORT.cast_unsigned());
    let architecture = std::env::consts::ARCH.try_into().expect("known");
    let filter =
        SeccompFilter::new(rules.into(), SeccompAction::Allow, refuse, architecture).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("compiled");
    seccompiler::apply_filter_all_threads(&program).expect("applied");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let _client = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let inventory = Collector::new(Query::new(PortFilter::of([port]))).collect();
    let sockets = established(&inventory);
    assert_eq!(sockets.len(), 2);
    assert!(
        sockets
            .iter()
            .all(|it| it.last_data().is_none() && it.inode.is_some() == it.owner.is_some())
    );
    let said = inventory
        .missing
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert_eq!(
        said,
        "no idle times and traffic of sockets: sock_diag: Protocol not supported"
    );
    assert!(inventory.is_complete());
}

#[test]
fn the_daemon_s_work_goes_on_and_nothing_else() {
    let Ok(directory) = std::env::var(INSIDE) else {
        if is_root() {
            let directory = tempfile::tempdir().expect("a directory");
            nix::unistd::chown(directory.path(), Some(65534.into()), None).expect("given away");
            again(
                "the_daemon_s_work_goes_on_and_nothing_else",
                &directory.path().display().to_string(),
            );
        }
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    holder("nobody", &listener);
    let on_loopback = LiveOptions {
        interfaces: vec!["lo".to_owned()],
        ..LiveOptions::default()
    };
    let mut opened_before = LiveSource::open(&on_loopback).expect("root may");
    let secret = tempfile::NamedTempFile::new().expect("a file");
    let policy = Policy {
        user: Some("nobody".to_owned()),
        keep: vec![Privilege::Capture],
        look_into_processes: false,
        read: Vec::new(),
        write: vec![directory.clone().into()],
    };
    let entered = enter(&policy);
    assert_eq!(refused(&entered), [""; 0], "{entered:?}");
    assert_eq!(effective(), [Privilege::Capture]);
    for set in ["CapEff", "CapPrm"] {
        assert_eq!(status(set), "0000000000002000", "only CAP_NET_RAW in {set}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(status(set), "0000000000000000", "{set}");
    }
    assert_eq!(nix::unistd::geteuid().as_raw(), 65534);
    let mut opened_after = LiveSource::open(&on_loopback).expect("it has CAP_NET_RAW");
    assert_serves();
    for source in [&mut opened_before, &mut opened_after] {
        assert!(sees_frames(source), "capture goes on");
    }

    let output = Path::new(&directory).join("summary.json");
    std::fs::write(&output, "{}").expect("written");
    std::fs::rename(&output, Path::new(&directory).join("older.json")).expect("rotated");
    assert!(
        std::fs::read(secret.path()).is_err(),
        "another directory was read"
    );
    assert!(
        std::fs::write("/tmp/sockhound-elsewhere", "").is_err(),
        "another directory was written"
    );
    assert_inventory_works(false);
    // What the file rules cost, even of one's own user: see `Policy::look_into_processes`.
    assert_eq!(holders(&listener), [0u32; 0]);
    assert_serves();
    assert_harmless();
}

#[test]
fn owners_are_found_where_that_is_asked_for() {
    if std::env::var(INSIDE).is_err() {
        if is_root() {
            again("owners_are_found_where_that_is_asked_for", "1");
        }
        return;
    }
    // Another user's process, which is what CAP_SYS_PTRACE is for.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let pid = holder("1", &listener);
    let policy = Policy {
        user: Some("nobody".to_owned()),
        keep: Privilege::ALL.to_vec(),
        look_into_processes: true,
        ..Policy::default()
    };
    let entered = enter(&policy);
    assert_eq!(refused(&entered), ["file rules"], "{entered:?}");
    assert_eq!(holders(&listener), [pid]);
    assert_inventory_works(true);
    assert_serves();
    assert_harmless();
}

#[test]
fn without_root_the_rest_is_still_given_up() {
    const NAME: &str = "without_root_the_rest_is_still_given_up";
    if std::env::var(INSIDE).is_err() {
        if is_root() {
            host_support::again_as_nobody(NAME, (INSIDE, "1"));
        } else {
            again(NAME, "1");
        }
        return;
    }
    let policy = Policy {
        user: Some("root".to_owned()),
        keep: Privilege::ALL.to_vec(),
        ..Policy::default()
    };
    let entered = enter(&policy);
    assert_eq!(refused(&entered), ["user"], "{entered:?}");
    assert_eq!(effective(), []);
    assert_inventory_works(false);
    assert_harmless();
}
