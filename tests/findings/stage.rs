//! Where the scenes play: a lab with real servers, and a watch on each of its hosts.

use std::any::Any;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, LazyLock, Mutex};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::lab::{Lab, enter, is_possible};
use crate::support::watcher::{Watched, Watcher};

/// For how long scenes play at least.
const ACT: Duration = Duration::from_secs(12);

/// From where a scene is watched.
pub const APP: &str = "app";
pub const DB: &str = "db";
/// Where it depends on what came first.
pub const PERHAPS: &str = "perhaps";

/// What a scene keeps until the watch is over.
pub type Held = Box<dyn Any + Send>;

/// Something that clients do to a server at an address of the scene's own.
#[derive(Clone, Copy)]
pub struct Scene {
    /// The server's address and port.
    pub at: &'static str,
    /// What it must be told of, whoever watches.
    pub finds: &'static [&'static str],
    /// What one host sees for sure, and the other perhaps.
    pub only: &'static [(&'static str, &'static str)],
    /// What it comes close to.
    pub near: &'static [&'static str],
    pub play: fn(&Cues, &str) -> Held,
}

impl Scene {
    pub fn tells(&self, code: &str) -> bool {
        self.finds.contains(&code) || self.only.iter().any(|(_, only)| *only == code)
    }

    /// Whether that is what `host` must be told: all that it can see, and nothing that is not played.
    pub fn is_told(&self, host: &str, told: &BTreeSet<&str>) -> bool {
        let here = |(at, code): &&(&str, &str)| *at == host || told.contains(code);
        let only = self.only.iter().filter(here).map(|(_, code)| *code);
        let expected = self.finds.iter().copied().chain(only);
        let expected: BTreeSet<&str> = expected.filter(|code| !ALWAYS.contains(code)).collect();
        expected == *told
    }
}

/// When to begin, and for how long to go on.
pub struct Cues {
    pub app: String,
    pub db: String,
    pub folder: PathBuf,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Default)]
struct Gate {
    ready: usize,
    begun: Option<Instant>,
    /// Scenes that go on as they are until the watch is over.
    settled: HashSet<ThreadId>,
    over: bool,
}

impl Cues {
    /// All is as it was before the watch; returns when the watch has begun.
    pub fn curtain(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.ready += 1;
        self.changed.notify_all();
        while gate.begun.is_none() {
            gate = self.changed.wait(gate).unwrap();
        }
    }

    /// The scene goes on as it is now: the watch may end.
    pub fn settle(&self) {
        self.gate.lock().unwrap().settled.insert(thread::current().id());
    }

    /// Whether the watch goes on.
    pub fn playing(&self) -> bool {
        !self.gate.lock().unwrap().over
    }

    /// Does this over and over until the watch is over, with a pause.
    pub fn keep_on(&self, pause: Duration, mut act: impl FnMut()) {
        self.settle();
        while self.playing() {
            act();
            thread::sleep(pause);
        }
    }

    /// Until all scenes have played, or go on as they are.
    fn wait_for_all(&self, actors: &[(&str, JoinHandle<Held>)]) {
        let begun = Instant::now();
        let settled = |(_, actor): &(&str, JoinHandle<Held>)| {
            actor.is_finished() || self.gate.lock().unwrap().settled.contains(&actor.thread().id())
        };
        while begun.elapsed() < ACT || !actors.iter().all(settled) {
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn end(&self) {
        self.gate.lock().unwrap().over = true;
    }

    fn wait_for(&self, scenes: usize) {
        let gate = self.gate.lock().unwrap();
        let (gate, waited) = self
            .changed
            .wait_timeout_while(gate, Duration::from_mins(1), |gate| gate.ready < scenes)
            .unwrap();
        assert!(
            !waited.timed_out(),
            "only {} of {scenes} scenes are ready",
            gate.ready
        );
    }

    fn begin(&self) {
        self.gate.lock().unwrap().begun = Some(Instant::now());
        self.changed.notify_all();
    }
}

/// What both watches saw.
pub struct Seen {
    app: Value,
    db: Value,
}

impl Seen {
    pub fn hosts(&self) -> [(&'static str, &Value); 2] {
        [(APP, &self.app), (DB, &self.db)]
    }
}

/// What was seen of all scenes, played once for all tests; `None` where they can't be played.
pub fn seen() -> Option<&'static Seen> {
    static SEEN: LazyLock<Option<Seen>> = LazyLock::new(|| is_possible("findings").then(play));
    SEEN.as_ref()
}

fn play() -> Seen {
    let lab = build();
    let scenes = crate::scenes();
    let cues: &'static Cues = Box::leak(Box::new(Cues {
        app: lab.app(),
        db: lab.db(),
        folder: lab.folder().to_owned(),
        gate: Mutex::default(),
        changed: Condvar::default(),
    }));
    let actors: Vec<_> = scenes
        .iter()
        .map(|&scene| (scene.at, start(cues, scene)))
        .collect();
    cues.wait_for(scenes.len());
    let options = [
        "--idle-after",
        "4s",
        "--transaction-idle-after",
        "3s",
        "-i",
        "eth1",
    ];
    let targets = ["-t", ":5432", "-t", ":5433", "-t", ":3306", "-t", ":6379"];
    let here = [&options[..], &targets].concat();
    let there = [&here[..], &["-i", "lo"]].concat();
    // Findings do not depend on what is listed.
    let here = [&here[..], &["--connections", "none"]].concat();
    let app = Watcher::start(&lab, &lab.app(), "eth0", &here);
    let db = Watcher::start_alone(&lab, &lab.db(), "eth0", &there);
    // The first look at the kernel's sockets is over: who closes before it is known is not seen to close.
    std::thread::sleep(Duration::from_millis(800));
    cues.begin();
    cues.wait_for_all(&actors);
    let (app, db) = (app.stop(), db.stop());
    cues.end();
    let held: Vec<_> = actors
        .into_iter()
        .map(|(at, actor)| {
            actor
                .join()
                .unwrap_or_else(|_| panic!("the scene at {at} failed"))
        })
        .collect();
    drop(held);
    keep(&app, "app");
    keep(&db, "db");
    Seen {
        app: app.summary,
        db: db.summary,
    }
}

/// Keeps what was seen where `KEEP_SUMMARIES` says, to look into it.
fn keep(seen: &Watched, host: &str) {
    let Some(folder) = std::env::var_os("KEEP_SUMMARIES") else {
        return;
    };
    let path = |extension| Path::new(&folder).join(host).with_extension(extension);
    std::fs::write(path("json"), seen.summary.to_string()).unwrap();
    std::fs::copy(&seen.frames, path("pcapng")).unwrap();
}

fn start(cues: &'static Cues, scene: Scene) -> JoinHandle<Held> {
    thread::spawn(move || {
        enter(&cues.app);
        (scene.play)(cues, scene.at)
    })
}

/// One server process of each kind, at as many addresses as there are scenes.
fn build() -> Lab {
    let mut lab = Lab::new();
    lab.add_wire(&crate::network::WIRE);
    let addresses: BTreeSet<&str> = crate::scenes().iter().map(|scene| address(scene.at)).collect();
    lab.add_addresses(addresses.into_iter().filter(|at| !at.starts_with("127.")));
    lab.start_postgresql_with("pg", 5432, &["max_connections=250", "ssl=on"]);
    // The queue of the small one holds three.
    lab.set_longest_queue(2);
    lab.start_postgresql_with("small", 5433, crate::logins::SMALL);
    lab.set_longest_queue(4096);
    lab.start_mariadb_with(&[
        "--bind-address=0.0.0.0",
        "--max-connections=10",
        "--general-log=0",
    ]);
    lab.start_redis_with(&["--bind", "0.0.0.0"]);
    lab
}

/// The address of `address:port`.
pub fn address(at: &str) -> &str {
    at.split(':').next().unwrap()
}

/// The port of `address:port`.
pub fn port(at: &str) -> u16 {
    at.split(':').nth(1).unwrap().parse().unwrap()
}

fn findings<'a>(summary: &'a Value, at: &str) -> impl Iterator<Item = &'a Value> {
    let at = at.to_owned();
    let all = summary["findings"].as_array().unwrap().iter();
    all.filter(move |finding| finding["subject"]["server"] == *at)
}

/// All that is told under this code.
pub fn all_of<'a>(summary: &'a Value, code: &str) -> Vec<&'a Value> {
    let all = summary["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["code"] == code).collect()
}

/// What may be told of any scene: its traffic can be read, and a loaded machine sends again what it acknowledges too late.
const ALWAYS: [&str; 2] = ["clear_text", "retransmissions"];

/// What is told of a server beside that.
pub fn codes_at<'a>(summary: &'a Value, at: &str) -> BTreeSet<&'a str> {
    let codes = findings(summary, at).map(|finding| finding["code"].as_str().unwrap());
    codes.filter(|code| !ALWAYS.contains(code)).collect()
}

/// What is told of a server under this code, by each host that watched it and tells it.
pub fn told(at: &str, code: &str) -> Vec<&'static Value> {
    let Some(seen) = seen() else { return Vec::new() };
    let told: Vec<_> = seen
        .hosts()
        .into_iter()
        .flat_map(|(_, summary)| findings(summary, at).filter(|finding| finding["code"] == code))
        .collect();
    assert!(!told.is_empty(), "{code} is not told of {at}");
    told
}

/// Asserts that a server's finding has this severity, a number of evidence in this range, and these words.
#[track_caller]
pub fn assert_told(
    at: &str,
    code: &str,
    severity: &str,
    evidence: &(&str, std::ops::RangeInclusive<f64>),
    words: &str,
) {
    for finding in told(at, code) {
        assert_eq!(finding["severity"], severity, "{finding:#}");
        let value = finding["evidence"][evidence.0].as_f64().unwrap_or(f64::NAN);
        assert!(evidence.1.contains(&value), "{}: {finding:#}", evidence.0);
        let said = format!(
            "{} {}",
            finding["title"].as_str().unwrap(),
            finding["detail"].as_str().unwrap()
        );
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// A figure of a server, summed over the hosts that watched it.
pub fn sum_of(at: &str, name: &str) -> u64 {
    let Some(seen) = seen() else { return 0 };
    let services = |summary: &'static Value| summary["services"].as_array().unwrap().iter();
    let all = seen
        .hosts()
        .into_iter()
        .flat_map(|(_, summary)| services(summary));
    all.filter(|one| one["server"] == at)
        .map(|one| one[name].as_u64().unwrap())
        .sum()
}
