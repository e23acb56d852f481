//! Statements that are slow, erratic, or asked too often.

use std::time::Duration;

use postgres::Client;

use crate::clients::{MOMENT, connect, several, succeed};
use crate::stage::{Cues, Held, Scene, address, assert_told};

const SLOW: &str = "10.9.0.51:5432";
const ERRATIC: &str = "10.9.0.52:5432";
const LOOP: &str = "10.9.0.53:5432";

const NONE: Scene = Scene {
    at: "",
    finds: &[],
    only: &[],
    near: &[],
    play: slow,
};

pub const SCENES: &[Scene] = &[
    Scene {
        at: SLOW,
        finds: &["slow_statement"],
        play: slow,
        ..NONE
    },
    Scene {
        at: "10.9.0.61:5432",
        near: &["slow_statement"],
        play: seldom_slow,
        ..NONE
    },
    Scene {
        at: "10.9.0.62:6379",
        near: &["slow_statement"],
        play: waits_by_design,
        ..NONE
    },
    Scene {
        at: ERRATIC,
        finds: &["erratic_statement"],
        play: erratic,
        ..NONE
    },
    Scene {
        at: "10.9.0.63:5432",
        near: &["erratic_statement"],
        play: varies,
        ..NONE
    },
    Scene {
        at: LOOP,
        finds: &["n_plus_one"],
        play: one_for_each_row,
        ..NONE
    },
    Scene {
        at: "10.9.0.64:5432",
        near: &["n_plus_one"],
        play: now_and_then,
        ..NONE
    },
    Scene {
        at: "10.9.0.65:5432",
        finds: &["oversized_pool"],
        near: &["n_plus_one"],
        play: on_many_connections,
        ..NONE
    },
    Scene {
        at: "10.9.0.66:5432",
        near: &["n_plus_one"],
        play: batch,
        ..NONE
    },
];

fn sleep(client: &mut Client, seconds: f64) {
    client.query("select pg_sleep($1)", &[&seconds]).unwrap();
}

fn slow(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    (0..6).for_each(|_| sleep(&mut client, 0.6));
    Box::new(client)
}

/// Too few to say, and many that are not slow.
fn seldom_slow(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    for _ in 0..4 {
        client.batch_execute("select pg_sleep(0.9) as seldom").unwrap();
    }
    (0..9).for_each(|_| sleep(&mut client, 0.05));
    Box::new(client)
}

fn waits_by_design(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let url = format!("redis://{at}/");
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    for _ in 0..6 {
        let nothing: Option<(String, String)> = redis::cmd("BLPOP")
            .arg("queue")
            .arg(1)
            .query(&mut connection)
            .unwrap();
        assert_eq!(nothing, None);
    }
    Box::new(connection)
}

fn erratic(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    for _ in 0..6 {
        (0..50).for_each(|_| sleep(&mut client, 0.0));
        sleep(&mut client, 0.3);
    }
    Box::new(client)
}

/// The slow ones are slow, but no more than ten times the others.
fn varies(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    for _ in 0..6 {
        (0..40).for_each(|_| sleep(&mut client, 0.02));
        sleep(&mut client, 0.2);
    }
    Box::new(client)
}

const ITEM: &str = "select pg_sleep(0.004), relname from pg_class where oid = $1";

fn one_for_each_row(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    let item = client.prepare(ITEM).unwrap();
    for _ in 0..2 {
        let mut page = client.transaction().unwrap();
        let rows = page
            .query("select oid from pg_class order by oid limit 40", &[])
            .unwrap();
        for row in rows {
            let oid: u32 = row.get(0);
            page.query(&item, &[&oid]).unwrap();
        }
        page.commit().unwrap();
    }
    Box::new(client)
}

/// As often, but each at its own time.
fn now_and_then(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut client = connect(at);
    let item = client.prepare(ITEM).unwrap();
    for oid in 0..40_u32 {
        client.query(&item, &[&oid]).unwrap();
        std::thread::sleep(2 * MOMENT);
    }
    Box::new(client)
}

/// As often, but on eight connections.
fn on_many_connections(cues: &Cues, at: &str) -> Held {
    cues.curtain();
    let mut clients = several(8, at);
    let items: Vec<_> = clients
        .iter_mut()
        .map(|client| client.prepare(ITEM).unwrap())
        .collect();
    for oid in 0..5_u32 {
        for (client, item) in clients.iter_mut().zip(&items) {
            client.query(item, &[&oid]).unwrap();
        }
    }
    cues.keep_on(Duration::from_millis(500), || {
        clients.iter_mut().for_each(crate::clients::work);
    });
    Box::new(clients)
}

/// As often in one transaction, but sent together: they cost one round trip.
fn batch(cues: &Cues, at: &str) -> Held {
    let script = cues.folder.join("batch.sql");
    let item = "select pg_sleep(0.004), relname from pg_class where oid = 1259;\n";
    let text = format!(
        "begin;\n\\startpipeline\n{}\\endpipeline\ncommit;\n",
        item.repeat(40)
    );
    std::fs::write(&script, text).unwrap();
    cues.curtain();
    let script = script.display().to_string();
    succeed(&[
        "pgbench",
        "-h",
        address(at),
        "-U",
        "app",
        "-n",
        "-M",
        "extended",
        "-t",
        "2",
        "-f",
        &script,
        "app",
    ]);
    Box::new(())
}

#[test]
fn slow_statement() {
    assert_told(
        SLOW,
        "slow_statement",
        "warning",
        &("count", 6.0..=6.0),
        "select pg_sleep",
    );
}

#[test]
fn erratic_statement() {
    assert_told(
        ERRATIC,
        "erratic_statement",
        "info",
        &("p99_seconds", 0.3..=10.0),
        "select pg_sleep",
    );
}

#[test]
fn n_plus_one() {
    assert_told(
        LOOP,
        "n_plus_one",
        "warning",
        &("executions", 80.0..=80.0),
        "40 times in a row",
    );
}
