//! Clients that scenes play with.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use postgres::{Client, Config, NoTls};

use crate::stage::{address, port};

pub const MOMENT: Duration = Duration::from_millis(100);

pub fn config(at: &str) -> Config {
    let mut config = Config::new();
    config.host(address(at)).port(port(at)).user("app").dbname("app");
    config.application_name("scene").keepalives(false);
    config
}

pub fn connect(at: &str) -> Client {
    config(at).connect(NoTls).unwrap()
}

/// With TCP keep-alive probes every second.
pub fn connect_kept_alive(at: &str) -> Client {
    let mut config = config(at);
    config.keepalives(true);
    config
        .keepalives_idle(Duration::from_secs(1))
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(100);
    config.connect(NoTls).unwrap()
}

pub fn several(count: usize, at: &str) -> Vec<Client> {
    (0..count).map(|_| connect(at)).collect()
}

/// Some useful work.
pub fn work(client: &mut Client) {
    client.simple_query("select count(*) from pg_class").unwrap();
}

/// The same on all at once.
pub fn all_at_once(clients: &mut [Client], statement: &str) {
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| client.batch_execute(statement).unwrap());
        }
    });
}

pub fn backend(client: &mut Client) -> i32 {
    client.query_one("select pg_backend_pid()", &[]).unwrap().get(0)
}

/// Runs a program on this thread's host.
pub fn run(line: &[&str]) -> Output {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).stdin(Stdio::null());
    command.env("PGCONNECT_TIMEOUT", "20").output().unwrap()
}

pub fn succeed(line: &[&str]) {
    let output = run(line);
    assert!(
        output.status.success(),
        "{line:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A process that ends with its scene.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
