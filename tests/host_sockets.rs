//! `sockhound sockets` and `sockhound doctor` as they are run, against a real server. Needs redis-server; says so and passes
//! where it is not there.

#![allow(clippy::expect_used)]

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server that is killed in the end.
struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    fn start() -> Option<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", ""])
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            eprintln!("skipped: no redis-server");
            return None;
        };
        let it = Self { process, port };
        let patience = Instant::now() + Duration::from_secs(10);
        // A server that is about to answer resets what it accepted too early.
        while it.connect().is_err() {
            assert!(Instant::now() < patience, "redis-server does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(it)
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(("127.0.0.1", self.port))?.get_connection()
    }

    fn connection(&self) -> redis::Connection {
        self.connect().expect("connected")
    }

    fn sockets(&self, arguments: &[&str]) -> String {
        let target = format!("redis://127.0.0.1:{}", self.port);
        run(&[&["sockets", "--target", &target], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.sockets(arguments)).expect("json")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sockhound"))
        .args(arguments)
        .output()
        .expect("run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn each_connection_is_one_line_with_its_owner_and_what_is_wrong() {
    let Some(redis) = Redis::start() else { return };
    let mut used = redis.connection();
    let silent = TcpStream::connect(("127.0.0.1", redis.port)).expect("connected");
    std::thread::sleep(Duration::from_millis(1200));
    redis::cmd("GET").arg("key").exec(&mut used).expect("answered");

    let view = redis.json(&[]);
    assert_eq!(view["schema"], "sockhound.sockets.v1");
    let lines = view["connections"].as_array().expect("an array");
    assert_eq!(lines.len(), 2, "{view:#}");
    let [first, second] = lines.as_slice() else {
        panic!()
    };
    let address = silent.local_addr().expect("an address").to_string();
    assert_eq!(first["client"], address, "the longest idle comes first");
    assert_eq!(first["reasons"], serde_json::json!(["never_used"]));
    assert_eq!(second["reasons"], serde_json::json!([]));
    for line in lines {
        assert_eq!(
            (&line["system"], &line["vantage"], &line["state"]),
            (&"redis".into(), &"both".into(), &"ESTAB".into())
        );
        assert_eq!(line["owner"]["pid"], std::process::id());
        assert_eq!(line["server_owner"]["command"], "redis-server");
        assert_eq!(line["keepalive"], true);
    }
    let (idle, active) = (first["idle_seconds"].as_f64(), second["idle_seconds"].as_f64());
    assert!(
        idle.is_some_and(|it| (1.2..20.0).contains(&it)) && active < Some(1.0),
        "{view:#}"
    );

    let idle_only = redis.json(&["--idle-after", "1s"]);
    assert_eq!(idle_only["connections"].as_array().map(Vec::len), Some(1));
    assert_eq!(idle_only["owners"][0]["idle"], 1);
}

#[test]
fn a_leak_and_churn_are_told() {
    let Some(redis) = Redis::start() else { return };
    let leaked = TcpStream::connect(("127.0.0.1", redis.port)).expect("connected");
    let mut admin = redis.connection();
    let address = leaked.local_addr().expect("an address").to_string();
    redis::cmd("CLIENT")
        .arg("KILL")
        .arg(&address)
        .exec(&mut admin)
        .expect("killed");
    (0..5).for_each(|_| drop(redis.connection()));
    std::thread::sleep(Duration::from_millis(100));

    let view = redis.json(&["--sort", "state"]);
    let first = &view["connections"][0];
    assert_eq!(
        (&first["client"], &first["state"]),
        (&address.clone().into(), &"CLOSE-WAIT".into())
    );
    assert_eq!(first["reasons"], serde_json::json!(["close_wait"]));
    let churn = view["servers"][0]["time_wait"].as_u64();
    assert!(churn >= Some(5), "{view:#}");

    let text = redis.sockets(&["--format", "text"]);
    let line = text.lines().find(|line| line.contains(&address)).expect("listed");
    assert!(line.contains("CLOSE-WAIT") && line.contains("leaked"), "{text}");
}

#[test]
fn the_doctor_says_how_it_stands() {
    let report: Value = serde_json::from_str(&run(&["doctor", "--format", "json"])).expect("json");
    assert_eq!(report["schema"], "sockhound.doctor.v1");
    let checks = report["checks"].as_array().expect("an array");
    let capture = checks.iter().find(|it| it["code"] == "capture").expect("checked");
    let root = nix::unistd::geteuid().is_root();
    assert_eq!(capture["verdict"] == "ok", root, "{capture}");
    let mends = |it: &Value| it["verdict"] == "ok" || it["fix"].is_string();
    assert!(checks.iter().all(mends), "{report:#}");
    let interfaces = report["interfaces"].as_array().expect("an array");
    assert!(interfaces.iter().any(|it| it["name"] == "lo"));
    assert!(run(&["doctor", "--format", "text"]).contains("INTERFACES"));
}
