//! A daemon that was kept from reading its ring: it goes on with whole connections, and says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

use sockhound::capture::share::Share;

use super::*;

const CLIENTS: usize = 24;
/// What each client asks for while it is counted.
const COUNTED: u64 = 150;

/// Clients that are at work, then count, each on a connection of its own.
struct Crowd {
    ports: Vec<u16>,
    /// 0: at work. 1: counted. `u64::MAX`: over.
    round: Arc<AtomicU64>,
    gathered: Arc<Barrier>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn new(port: u16) -> Self {
        let (round, gathered) = (Arc::<AtomicU64>::default(), Arc::new(Barrier::new(CLIENTS + 1)));
        let (mut ports, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..CLIENTS {
            let mut client = Client::connect(port);
            ports.push(client.0.get_ref().local_addr().unwrap().port());
            let (round, gathered) = (Arc::clone(&round), Arc::clone(&gathered));
            threads.push(thread::spawn(move || {
                while round.load(Ordering::SeqCst) == 0 {
                    client.increment(1);
                    pause(4);
                }
                gathered.wait();
                loop {
                    gathered.wait();
                    if round.load(Ordering::SeqCst) == u64::MAX {
                        return;
                    }
                    client.increment(COUNTED);
                    gathered.wait();
                }
            }));
        }
        Self {
            ports,
            round,
            gathered,
            threads,
        }
    }

    fn gather(&self) {
        self.round.store(1, Ordering::SeqCst);
        self.gathered.wait();
    }

    fn count(&self) {
        self.gathered.wait();
        self.gathered.wait();
    }

    fn end(self) {
        self.round.store(u64::MAX, Ordering::SeqCst);
        self.gathered.wait();
        for thread in self.threads {
            thread.join().unwrap();
        }
    }

    fn held(&self, port: u16, share: f64) -> u64 {
        let mut of = Share::ALL;
        while of.fraction() > share {
            of = of.narrowed();
        }
        self.ports
            .iter()
            .filter(|&&client| of.holds(client, port))
            .count() as u64
    }
}

/// What is told of whole intervals that lie between two moments.
fn told(output: &Path, from: u64, to: u64) -> Vec<Summary> {
    let is_between = |it: &Summary| (from..=to).contains(&it.sequence);
    lines(output).into_iter().filter(is_between).collect()
}

fn latest(output: &Path) -> u64 {
    lines(output).last().map_or(0, |it| it.sequence)
}

/// Waits for a whole interval to begin and end.
fn next_but_one(output: &Path) -> u64 {
    let now = latest(output);
    until(|| latest(output) >= now + 2, || "no summaries".to_owned());
    now + 2
}

#[test]
fn whole_connections_are_shed_and_the_rest_is_exact() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let output = directory.path().join("summaries");
    let mut daemon = daemon(port, &output, &[]);
    let crowd = Crowd::new(port);
    // Longer than the ring lasts, whose blocks are given up to time as well.
    until(
        || {
            daemon.tell(Signal::SIGSTOP);
            pause(5_000);
            daemon.tell(Signal::SIGCONT);
            pause(2_500);
            said(&output).contains("overload: ")
        },
        || format!("nothing was lost: {}", said(&output)),
    );
    let log = said(&output);
    assert!(log.contains("frames lost in the last"), "{log}");
    assert!(log.contains("; watching 1 connection in 2 from now on"), "{log}");
    crowd.gather();

    // Rounds, until one is over in a calm moment of the machine.
    let mut tries = 0;
    let (round, share) = loop {
        let from = next_but_one(&output) + 1;
        crowd.count();
        let round = told(&output, from, next_but_one(&output));
        let shares: Vec<f64> = round
            .iter()
            .map(|it| it.source.overload.map_or(1.0, |it| it.share))
            .collect();
        let calm = round.iter().all(|it| it.source.dropped == 0);
        if calm && shares.windows(2).all(|it| it[0].to_bits() == it[1].to_bits()) {
            break (round, shares[0]);
        }
        tries += 1;
        assert!(tries < 5, "the share never settles: {shares:?}");
    };
    assert!(share < 1.0, "{}", said(&output));
    let held = crowd.held(port, share);
    assert_eq!(requests(&round), held * COUNTED, "1 in {}", 1.0 / share);
    for summary in &round {
        let overload = summary.source.overload.unwrap();
        assert_eq!(
            overload.unwatched_connections.unwrap_or(CLIENTS as u64 - held),
            CLIENTS as u64 - held
        );
        assert!(
            summary
                .source
                .notes
                .iter()
                .any(|it| it.starts_with("overload: 1 connection in"))
        );
        assert!(summary.hoarded.is_empty(), "{:?}", summary.hoarded);
        for service in &summary.services {
            assert_eq!((service.exchanges.doubtful, service.exchanges.unanswered), (0, 0));
            assert_eq!((service.connections.open, service.connections.closed), (held, 0));
        }
    }
    crowd.end();
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0), "{}", said(&output));
    let all = lines(&output);
    assert_unbroken(&all);
    let narrowed: u64 = all
        .iter()
        .filter_map(|it| it.source.overload)
        .map(|it| it.narrowed)
        .sum();
    assert!(narrowed >= 1 && all[0].source.overload.is_none());
}
