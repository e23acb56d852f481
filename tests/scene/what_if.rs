//! What a pool's watch predicts for smaller sizes, against pools that really are that small.
//!
//! The same jobs, at the same Poisson arrivals, go to pools of several sizes at once; the largest is never short. What is
//! predicted from it is compared with the waits that the smaller ones' own jobs measured. Prediction and truth differ by what
//! threads take to wake up on a loaded machine, which a nearly full pool makes more of: hence the tolerances.
//! `benches/what-if` runs this for longer and shows the figures.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use serde_json::Value;

use super::support::lab::{Lab, is_possible};
use super::support::watcher::Watcher;

/// The largest is what the prediction rests on: 1.5 of its connections are in use on average.
const SIZES: [usize; 4] = [12, 4, 3, 2];
const JOBS_PER_SECOND: f64 = 25.0;
const MEAN_WORK: f64 = 0.060;
/// Of the predicted wait, for what a nearly full pool makes of late wake-ups; and in any case this long.
const TOLERANCE: (f64, f64) = (0.35, 0.060);
const SHARE_TOLERANCE: f64 = 0.15;

#[derive(Clone, Copy)]
struct Job {
    arrives: Duration,
    seconds: f64,
    in_transaction: bool,
}

/// Poisson arrivals of exponential work from a fixed seed (Knuth's MMIX generator).
fn jobs(seconds: f64) -> Vec<Job> {
    let mut state = 7_u64;
    let mut exponential = |mean: f64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        -mean * (1.0 - uniform).ln()
    };
    let (mut jobs, mut now) = (Vec::new(), 0.0);
    loop {
        now += exponential(1.0 / JOBS_PER_SECOND);
        if now > seconds {
            return jobs;
        }
        jobs.push(Job {
            arrives: Duration::from_secs_f64(now),
            seconds: exponential(MEAN_WORK),
            in_transaction: jobs.len() % 2 == 0,
        });
    }
}

/// Holds a connection for as long as the job says: by one statement, or by a transaction in which the client thinks too.
fn work(client: &mut Client, job: Job) {
    let sleep = |share: f64| format!("select pg_sleep({})", job.seconds * share);
    if !job.in_transaction {
        return client.batch_execute(&sleep(1.0)).unwrap();
    }
    client.batch_execute("begin").unwrap();
    client.batch_execute(&sleep(0.5)).unwrap();
    std::thread::sleep(Duration::from_secs_f64(job.seconds * 0.25));
    client.batch_execute(&sleep(0.25)).unwrap();
    client.batch_execute("commit").unwrap();
}

/// First come, first served.
#[derive(Default)]
struct Queue {
    waiting: Mutex<(VecDeque<(Instant, Job)>, bool)>,
    changed: Condvar,
}

impl Queue {
    fn put(&self, job: Option<Job>) {
        let mut waiting = self.waiting.lock().unwrap();
        match job {
            Some(job) => waiting.0.push_back((Instant::now(), job)),
            None => waiting.1 = true,
        }
        self.changed.notify_all();
    }

    fn take(&self) -> Option<(Instant, Job)> {
        let waiting = self.waiting.lock().unwrap();
        let mut waiting = self
            .changed
            .wait_while(waiting, |(jobs, over)| jobs.is_empty() && !*over)
            .unwrap();
        waiting.0.pop_front()
    }
}

fn connect(size: usize) -> Client {
    let mut config = Config::new();
    config.host("10.9.0.2").user("app").dbname(&format!("size{size}"));
    config.connect(NoTls).unwrap()
}

/// Runs the jobs through a pool; their waits, the shortest first.
fn run(jobs: &[Job], clients: &mut [Client], start: Instant) -> Vec<f64> {
    let (queue, waits) = (Queue::default(), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| {
                while let Some((arrived, job)) = queue.take() {
                    waits.lock().unwrap().push(arrived.elapsed().as_secs_f64());
                    work(client, job);
                }
            });
        }
        for job in jobs {
            std::thread::sleep((start + job.arrives).saturating_duration_since(Instant::now()));
            queue.put(Some(*job));
        }
        queue.put(None);
    });
    let mut waits = waits.into_inner().unwrap();
    waits.sort_by(f64::total_cmp);
    waits
}

fn p99(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() * 99).div_ceil(100) - 1]
}

/// A wait that is longer than a thread takes to wake up.
fn share_that_waited(waits: &[f64]) -> f64 {
    waits.iter().filter(|wait| **wait > 0.002).count() as f64 / waits.len() as f64
}

#[test]
fn smaller_pools_wait_as_predicted() {
    if !is_possible("the what-if") {
        return;
    }
    let _alone = super::alone();
    let seconds = std::env::var("SOCKHOUND_WHAT_IF_SECONDS").map_or(6.0, |seconds| seconds.parse().unwrap());
    let mut lab = Lab::new();
    lab.start_postgresql();
    for size in SIZES {
        lab.succeed(&["createdb", "-h", "10.9.0.2", "-U", "app", &format!("size{size}")]);
    }
    lab.enter_app();
    let watcher = Watcher::start_alone(&lab, &lab.app(), "eth0", &[]);
    let jobs = jobs(seconds);
    let mut pools: Vec<(usize, Vec<Client>)> = SIZES
        .map(|size| (size, (0..size).map(|_| connect(size)).collect()))
        .into();
    let start = Instant::now() + Duration::from_millis(200);
    let truth: Vec<(usize, Vec<f64>)> = std::thread::scope(|scope| {
        let jobs = &jobs;
        let running = pools.iter_mut().map(|(size, clients)| {
            let size = *size;
            (size, scope.spawn(move || run(jobs, clients, start)))
        });
        let running: Vec<_> = running.collect();
        running
            .into_iter()
            .map(|(size, waits)| (size, waits.join().unwrap()))
            .collect()
    });
    let seen = watcher.stop();
    seen.assert_whole();
    let all = seen.summary["pools"].as_array().unwrap();
    let large = all.iter().find(|pool| pool["database"] == "size12").unwrap();
    println!(
        "{} jobs at {JOBS_PER_SECOND} a second, {:.0} ms each, watched in a pool of 12",
        jobs.len(),
        MEAN_WORK * 1e3
    );
    println!("size  p99 predicted  measured  waited predicted  measured");
    let wrong: Vec<String> = truth[1..]
        .iter()
        .filter_map(|(size, waits)| differs(large, *size, waits))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{:#}", large["what_if"]);
    drop(pools);
}

/// Prints what was predicted for a size beside what was measured; what is wrong with it.
fn differs(watched: &Value, size: usize, waits: &[f64]) -> Option<String> {
    let told = watched["what_if"].as_array().unwrap();
    let told = told.iter().find(|told| told["size"] == size).unwrap();
    let predicted = told["wait_p99_seconds"].as_f64().unwrap();
    let (share, measured) = (told["waited_share"].as_f64().unwrap(), p99(waits));
    let waited = share_that_waited(waits);
    println!(
        "{size:>4}  {:>10.0} ms  {:>5.0} ms  {:>15.1}%  {:>7.1}%",
        predicted * 1e3,
        measured * 1e3,
        share * 100.0,
        waited * 100.0
    );
    let off = (predicted - measured).abs() > TOLERANCE.0 * measured.max(predicted) + TOLERANCE.1;
    (off || (share - waited).abs() > SHARE_TOLERANCE)
        .then(|| format!("size {size}: p99 {predicted} and not {measured}, share {share} and not {waited}"))
}
