//! Pools that are too small, leak, or are none.

use std::time::Duration;

use postgres::Client;

use crate::clients::{MOMENT, all_at_once, connect, several, work};
use crate::stage::{Cues, Held, Scene, assert_told};

const FULL: &str = "10.9.0.31:5432";
const LEAKY: &str = "10.9.0.32:5432";
const CHURN: &str = "10.9.0.33:5432";
const THINKER: &str = "10.9.0.34:5432";

const NONE: Scene = Scene {
    at: "",
    finds: &[],
    only: &[],
    near: &[],
    play: full,
};

pub const SCENES: &[Scene] = &[
    Scene {
        at: FULL,
        finds: &["exhausted_pool"],
        play: full,
        ..NONE
    },
    Scene {
        at: "10.9.0.41:5432",
        near: &["exhausted_pool"],
        play: peak,
        ..NONE
    },
    Scene {
        at: "10.9.0.42:5432",
        near: &["exhausted_pool", "connection_leak"],
        play: grows_with_demand,
        ..NONE
    },
    Scene {
        at: LEAKY,
        finds: &["connection_leak", "hoarded", "oversized_pool"],
        play: leak,
        ..NONE
    },
    Scene {
        at: "10.9.0.43:5432",
        finds: &["oversized_pool"],
        near: &["connection_leak"],
        play: fills,
        ..NONE
    },
    Scene {
        at: "10.9.0.44:5432",
        near: &["connection_leak", "connection_churn"],
        play: breathes,
        ..NONE
    },
    Scene {
        at: CHURN,
        finds: &["connection_churn"],
        play: churn,
        ..NONE
    },
    Scene {
        at: "10.9.0.45:5432",
        near: &["connection_churn"],
        play: renews,
        ..NONE
    },
    Scene {
        at: THINKER,
        finds: &["time_outside_database"],
        play: thinks,
        ..NONE
    },
    Scene {
        at: "10.9.0.46:5432",
        near: &["time_outside_database"],
        play: thinks_while_the_server_works,
        ..NONE
    },
];

fn busy(cues: &Cues, mut client: Client) -> Client {
    cues.keep_on(Duration::ZERO, || {
        client.batch_execute("select pg_sleep(0.3)").unwrap();
    });
    client
}

/// All three have always something to do.
fn full(cues: &Cues, at: &str) -> Held {
    let clients = several(3, at);
    cues.curtain();
    cues.settle();
    let busy = |client| move || busy(cues, client);
    let held: Vec<Client> = std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(busy(client)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    Box::new(held)
}

/// All three are needed once and shortly.
fn peak(cues: &Cues, at: &str) -> Held {
    let mut clients = several(3, at);
    cues.curtain();
    all_at_once(&mut clients, "select pg_sleep(0.4)");
    cues.keep_on(MOMENT, || clients.iter_mut().for_each(work));
    Box::new(clients)
}

/// One more every second, and all have something to do.
fn grows_with_demand(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    cues.settle();
    let held: Vec<Client> = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        while cues.playing() {
            threads.push(scope.spawn(|| busy(cues, connect(at))));
            std::thread::sleep(Duration::from_secs(1));
        }
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    Box::new(held)
}

/// One more every half second, used once and forgotten.
fn leak(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut forgotten = Vec::new();
    cues.keep_on(Duration::from_millis(500), || {
        let mut client = connect(at);
        work(&mut client);
        forgotten.push(client);
    });
    Box::new(forgotten)
}

/// Ten at once, then no more.
fn fills(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(10, at);
    cues.keep_on(MOMENT, || clients.iter_mut().for_each(work));
    Box::new(clients)
}

/// Opens some and closes them again, each after enough work.
fn breathes(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut kept = several(2, at);
    cues.keep_on(MOMENT, || {
        let mut more = several(4, at);
        for _ in 0..8 {
            more.iter_mut().chain(&mut kept).for_each(work_for_20_ms);
        }
    });
    Box::new(kept)
}

fn churn(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    (0..40).for_each(|_| work(&mut connect(at)));
    Box::new(())
}

fn work_for_20_ms(client: &mut Client) {
    client.batch_execute("select pg_sleep(0.02)").unwrap();
}

/// Half as many, each for a dozen requests.
fn renews(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    for _ in 0..24 {
        let mut client = connect(at);
        (0..12).for_each(|_| work_for_20_ms(&mut client));
    }
    Box::new(())
}

fn in_transactions(client: &mut Client, statement: &str, thinks: Duration) {
    for _ in 0..20 {
        client.batch_execute("begin").unwrap();
        client.batch_execute(statement).unwrap();
        std::thread::sleep(thinks);
        client.batch_execute("commit").unwrap();
    }
}

/// The application does something else while it holds a transaction.
fn thinks(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    in_transactions(&mut client, "select count(*) from pg_class", 2 * MOMENT);
    Box::new(client)
}

/// The same, but the server is at work for most of the time.
fn thinks_while_the_server_works(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    in_transactions(&mut client, "select pg_sleep(0.2)", MOMENT / 2);
    Box::new(client)
}

#[test]
fn exhausted_pool() {
    assert_told(
        FULL,
        "exhausted_pool",
        "warning",
        &("full_seconds", 5.0..=120.0),
        "All 3 connections",
    );
}

#[test]
fn connection_leak() {
    assert_told(
        LEAKY,
        "connection_leak",
        "warning",
        &("peak_in_use", 1.0..=1.0),
        "never more than 1 were in use",
    );
}

#[test]
fn connection_churn() {
    assert_told(
        CHURN,
        "connection_churn",
        "warning",
        &("opened", 40.0..=40.0),
        "opens 40 connections for 40 requests",
    );
}

#[test]
fn time_outside_database() {
    assert_told(
        THINKER,
        "time_outside_database",
        "info",
        &("most_seconds", 3.9..=30.0),
        "the application inside transactions",
    );
}
