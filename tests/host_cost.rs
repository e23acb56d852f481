//! What an inventory costs on a host with very many other sockets. Needs root and iproute2; run by hand:
//! `cargo test --test host_cost -- --ignored --nocapture`.

#![allow(clippy::expect_used, clippy::cast_possible_truncation)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::time::{ClockId, clock_gettime};
use sockhound::host::{Inventory, Owners, PortFilter, Query, State};

const UNRELATED: usize = 100_000;
const PORT: u16 = 5432;

/// A namespace of this thread's own, so that nobody else's sockets count and no port is short.
fn enter_namespace() {
    unshare(CloneFlags::CLONE_NEWNET).expect("needs root");
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.is_ok_and(|status| status.success()), "needs iproute2");
}

/// Connections of which both ends are held: two sockets each.
fn connections(address: SocketAddr, count: usize) -> Vec<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(address).expect("a port");
    let connect = |_| {
        let client = TcpStream::connect(address).expect("connected");
        (client, listener.accept().expect("accepted").0)
    };
    (0..count).map(connect).collect()
}

/// Threads that hold connections, each in a descriptor table of its own: no limit of descriptors needs to be raised.
struct Others {
    threads: Vec<(mpsc::Sender<()>, thread::JoinHandle<()>)>,
}

impl Others {
    const EACH: usize = 9_000;

    fn hold(sockets: usize) -> Self {
        let threads = (1..=sockets.div_ceil(2 * Self::EACH)).map(|host| {
            let address = SocketAddr::from((Ipv4Addr::new(127, 0, 1, host as u8), 9999));
            let (release, released) = mpsc::channel();
            let (ready, is_ready) = mpsc::channel();
            let thread = thread::spawn(move || {
                unshare(CloneFlags::CLONE_FILES).expect("a table of its own");
                let held = connections(address, Self::EACH);
                ready.send(held.len()).expect("awaited");
                let _ = released.recv();
            });
            is_ready.recv().expect("all connected");
            (release, thread)
        });
        Self {
            threads: threads.collect(),
        }
    }

    fn release(self) {
        for (release, thread) in self.threads {
            drop(release);
            thread.join().expect("ended");
        }
    }
}

/// What something takes, of this thread's own time: others on the machine don't count.
fn cost(work: impl FnOnce()) -> Duration {
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock"));
    let start = clock();
    work();
    clock().saturating_sub(start)
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut costs: Vec<Duration> = (0..21).map(|_| cost(&mut work)).collect();
    costs.sort_unstable();
    costs[costs.len() / 2]
}

/// The share of a core that a daemon takes here, once it is under way: the one built for tests, or `SOCKHOUND_BINARY`.
fn daemon() -> f64 {
    let binary = std::env::var("SOCKHOUND_BINARY");
    let mut daemon = Command::new(binary.as_deref().unwrap_or(env!("CARGO_BIN_EXE_sockhound")))
        .args(["daemon", "-i", "lo", "--interval", "2s", "--connections", "none"])
        .args(["-o", "/dev/null"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("started");
    thread::sleep(Duration::from_secs(4));
    let (before, begun) = (ticks(daemon.id()), Instant::now());
    thread::sleep(Duration::from_secs(12));
    let spent = ticks(daemon.id()) - before;
    let share = spent as f64 / TICKS_A_SECOND / begun.elapsed().as_secs_f64();
    daemon.kill().expect("ended");
    daemon.wait().expect("ended");
    share
}

/// `USER_HZ`.
const TICKS_A_SECOND: f64 = 100.0;

/// The time that a process took so far, its own and the kernel's for it (`proc_pid_stat(5)`).
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("running");
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
    fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum()
}

#[test]
#[ignore = "makes 100,000 sockets"]
fn unrelated_sockets_cost_little() {
    enter_namespace();
    let query = Query::new(PortFilter::of([PORT, 3306, 6379, 27017]));
    let _pool = connections(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), 50);
    let take = || {
        let inventory = Inventory::take(&query);
        assert_eq!(inventory.missing, []);
        let open = inventory
            .sockets
            .iter()
            .filter(|it| it.state == State::Established);
        assert_eq!(open.count(), 100);
    };
    println!("inventory of 100 sockets alone: {:?}", median(take));
    let alone = daemon();
    println!("daemon, a summary every 2 s: {:.2}% of a core", alone * 100.0);
    let others = Others::hold(UNRELATED);
    let all = Query::new(PortFilter::all());
    let count = Inventory::take(&all).sockets.len();
    let among = median(take);
    println!("the same among {count} sockets: {among:?}");
    assert!(among < Duration::from_millis(50), "{among:?}");
    let busy = daemon();
    println!("daemon among them: {:.2}% of a core", busy * 100.0);
    assert!(
        busy - alone < 0.05,
        "an inventory every two seconds is all that is added"
    );
    println!("of all of them: {:?}", cost(|| drop(Inventory::take(&all))));
    let mut owners = Owners::new();
    let mut inventory = Inventory::take(&query);
    let first = cost(|| drop(owners.resolve(&mut inventory.sockets)));
    println!("owners, first: {first:?}");
    println!(
        "owners, known: {:?}",
        median(|| drop(owners.resolve(&mut inventory.sockets)))
    );
    others.release();
    assert!(inventory.sockets.iter().all(|it| it.owner.is_some()));
}
