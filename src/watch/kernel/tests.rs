use super::*;
use crate::host::Traffic;
use crate::profile::{Config, Listing, Profile};
use crate::summary::{ConnectionState, Pool, Summary};
use crate::watch::{Plan, Provenance, Recorder};

const NOW: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(NOW + seconds, 0)
}

fn end(text: &str) -> Endpoint {
    text.parse::<std::net::SocketAddr>().unwrap().into()
}

/// A socket on which data moved last at `data`.
fn socket(local: &str, remote: &str, data: i64) -> Socket {
    Socket {
        local: end(local),
        remote: end(remote),
        state: State::Established,
        receive_queue: 0,
        send_queue: 0,
        timer: None,
        uid: 0,
        inode: Some(7),
        cookie: None,
        cgroup: None,
        namespace: Namespace::Own,
        last_sent: Some(at(data)),
        last_received: Some(at(data)),
        traffic: Some(Traffic::default()),
        owner: None,
    }
}

fn elsewhere(socket: Socket) -> Socket {
    Socket {
        namespace: Namespace::Other(9),
        ..socket
    }
}

/// What the kernel of 10.0.0.1 lists at `seconds`.
fn inventory(seconds: i64, sockets: Vec<Socket>) -> Inventory {
    Inventory {
        time: at(seconds),
        sockets,
        missing: Vec::new(),
        addresses: vec!["10.0.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()],
    }
}

fn target() -> Target {
    Target {
        system: None,
        address: None,
        port: 5432,
        presumed: false,
    }
}

fn session() -> Session {
    let plan = Plan {
        targets: vec![target()],
        targets_written: Vec::new(),
        profile: Config::default(),
        max_connections: 100,
        max_connection_bytes: usize::MAX,
        max_buffered: 1 << 20,
        max_text_bytes: usize::MAX,
        max_statements: 100,
        show_literals: false,
        connections: Listing::All,
    };
    let mut session = Session::new(plan, Recorder::new(Profile::new(Config::default()), None));
    session.watch_from(at(0));
    session
}

fn joined(session: &mut Session, inventory: Inventory) -> Summary {
    session.advance(inventory.time);
    session.join(inventory);
    session.summary(&Provenance::default())
}

fn open(summary: &Summary) -> u64 {
    summary.services.iter().map(|it| it.connections.open).sum()
}

const CLIENT: &str = "10.0.0.1:40000";
const SERVER: &str = "10.0.0.2:5432";

#[test]
fn only_what_two_inventories_lack_is_gone() {
    let mut session = session();
    let listed = || vec![socket(CLIENT, SERVER, -100)];
    assert_eq!(open(&joined(&mut session, inventory(1, listed()))), 1);
    assert_eq!(
        open(&joined(&mut session, inventory(2, vec![]))),
        1,
        "a dump may skip one"
    );
    assert_eq!(
        open(&joined(&mut session, inventory(3, listed()))),
        1,
        "it was there all the time"
    );
    assert_eq!(open(&joined(&mut session, inventory(4, vec![]))), 1);
    let mut partial = inventory(5, vec![]);
    partial.missing = vec![crate::host::Missing::Namespaces(3)];
    assert_eq!(
        open(&joined(&mut session, partial)),
        1,
        "what is not whole says nothing"
    );
    let gone = joined(&mut session, inventory(6, vec![]));
    assert_eq!((open(&gone), gone.services[0].connections.closed), (0, 1));
}

#[test]
fn at_the_end_a_second_inventory_is_asked_for_where_one_lacks_something() {
    let mut session = session();
    joined(&mut session, inventory(1, vec![socket(CLIENT, SERVER, -100)]));
    session.advance(at(5));
    assert!(session.join_at_end(inventory(5, vec![])));
    assert!(!session.join_at_end(inventory(5, vec![])));
    assert_eq!(open(&session.summary(&Provenance::default())), 0);
}

#[test]
fn sockets_of_a_namespace_with_the_same_addresses_are_none_of_ours() {
    let mut session = session();
    let theirs = vec![
        elsewhere(socket("10.0.0.1:41000", SERVER, -100)),
        elsewhere(socket(SERVER, "10.0.0.1:41000", -100)),
    ];
    assert_eq!(open(&joined(&mut session, inventory(1, theirs.clone()))), 0);
    let mut with_one_just_closed = theirs;
    with_one_just_closed.push(Socket {
        state: State::TimeWait,
        ..socket("10.0.0.1:41000", SERVER, -100)
    });
    assert_eq!(open(&joined(&mut session, inventory(2, with_one_just_closed))), 0);
}

#[test]
fn another_connection_with_the_same_ends_elsewhere_does_not_make_ours_younger() {
    let sockets = vec![
        socket(CLIENT, SERVER, -100),
        elsewhere(socket(SERVER, CLIENT, -1)),
    ];
    let summary = joined(&mut session(), inventory(1, sockets));
    assert_eq!(summary.connections.unwrap()[0].idle_seconds, Some(101.0));
}

#[test]
fn the_other_end_in_a_container_and_a_translated_address_are_ours() {
    let mut session = session();
    let sockets = vec![
        socket(CLIENT, SERVER, -100),
        elsewhere(socket(SERVER, CLIENT, -100)),
        elsewhere(socket("172.17.0.2:50000", "10.0.0.1:5432", -100)),
        elsewhere(socket("172.17.0.2:50001", "172.17.0.3:5432", -100)),
    ];
    let summary = joined(&mut session, inventory(1, sockets));
    assert_eq!(open(&summary), 3);
    let vantage = |server: &str| {
        let service = summary
            .services
            .iter()
            .find(|it| it.server == end(server))
            .unwrap();
        service.vantage
    };
    assert_eq!(vantage(SERVER), Some(Vantage::Both));
    assert_eq!(vantage("172.17.0.3:5432"), Some(Vantage::Client));
}

#[test]
fn what_has_the_same_ends_here_and_elsewhere_is_what_is_here() {
    let own = socket(CLIENT, SERVER, -100);
    let other = elsewhere(socket(CLIENT, SERVER, -5));
    for sockets in [vec![own.clone(), other.clone()], vec![other, own]] {
        let summary = joined(&mut session(), inventory(1, sockets));
        let idle = summary.connections.unwrap()[0].idle_seconds;
        assert_eq!(idle, Some(101.0));
    }
}

#[test]
fn work_that_is_not_seen_is_taken_as_needed_and_said() {
    let mut session = session();
    let sockets = |data: i64| {
        let one = |port: u16| {
            socket(
                &format!("10.0.0.1:{port}"),
                SERVER,
                if port < 40_002 { data } else { -100 },
            )
        };
        (40_000..40_006).map(one).collect::<Vec<_>>()
    };
    let pool = |summary: &Summary| -> Pool { summary.pools[0].clone() };
    let before = joined(&mut session, inventory(1, sockets(-90)));
    assert_eq!(
        (pool(&before).connections.needed, before.hoarded.len()),
        (Some(0), 6)
    );
    let after = joined(&mut session, inventory(10, sockets(9)));
    assert_eq!(
        (pool(&after).connections.needed, after.hoarded.len()),
        (Some(3), 3)
    );
    assert!(
        after
            .source
            .notes
            .iter()
            .any(|note| note.contains("2 connections that are not watched here"))
    );
}

#[test]
fn a_leak_from_before_the_watch_is_told() {
    let mut session = session();
    let leaked = || Socket {
        state: State::CloseWait,
        ..socket(CLIENT, SERVER, -100)
    };
    joined(&mut session, inventory(1, vec![leaked()]));
    let summary = joined(&mut session, inventory(20, vec![leaked()]));
    assert_eq!(summary.pools[0].signs.close_wait, 1);
    assert_eq!(summary.connections.unwrap()[0].state, ConnectionState::HalfOpen);
}

#[test]
fn a_round_trip_is_known_without_a_handshake() {
    let timed = |port: u16, millis: i64| Socket {
        traffic: Some(Traffic {
            min_rtt: Some(Span::from_millis(millis)),
            ..Traffic::default()
        }),
        ..socket(&format!("10.0.0.1:{port}"), SERVER, -1)
    };
    let mut sockets = vec![timed(40_000, 5), timed(40_001, 3), timed(40_002, 90)];
    // Its other end is on this machine, but not on this host.
    sockets.push(elsewhere(socket(SERVER, CLIENT, -1)));
    let kernel = Kernel::new(inventory(1, sockets), &[target()]);
    assert_eq!(kernel.round_trip(end(SERVER)), Some(Span::from_millis(5)));
    let beside = Kernel::new(
        inventory(1, vec![socket("10.0.0.1:5432", "10.0.0.9:4000", -1)]),
        &[target()],
    );
    assert_eq!(beside.round_trip(end("10.0.0.1:5432")), Some(Span::ZERO));
    assert_eq!(beside.round_trip(end(SERVER)), None);
}
