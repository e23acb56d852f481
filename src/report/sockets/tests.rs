use super::SocketReason::{CloseWait, HalfOpen, NeverUsed, WindowClosed};
use super::*;
use crate::host::{Identity, Namespace, Owner, Timer, TimerKind, Traffic};
use std::sync::Arc;

const NOW: i64 = 1_000_000;

fn end(text: &str) -> Endpoint {
    text.parse::<std::net::SocketAddr>().expect("an address").into()
}

fn socket(local: &str, remote: &str, idle: i64) -> Socket {
    let data = Some(Timestamp::from_parts(NOW - idle, 0));
    Socket {
        local: end(local),
        remote: end(remote),
        state: State::Established,
        receive_queue: 0,
        send_queue: 0,
        timer: None,
        uid: 1000,
        inode: Some(1),
        cookie: None,
        cgroup: None,
        namespace: Namespace::Own,
        last_sent: data,
        last_received: data,
        traffic: Some(Traffic {
            data_segments_in: Some(3),
            data_segments_out: Some(3),
            ..Traffic::default()
        }),
        owner: None,
    }
}

fn owned(mut socket: Socket, pid: u32, unit: &str, started: i64) -> Socket {
    let identity = Identity {
        unit: Some(unit.to_owned()),
        ..Identity::default()
    };
    socket.owner = Some(Arc::new(Owner {
        pids: vec![pid],
        command: Some("java".to_owned()),
        start: Some(Timestamp::from_parts(started, 0)),
        identity,
    }));
    socket
}

fn listening(local: &str) -> Socket {
    let mut it = socket(local, "0.0.0.0:0", 0);
    (it.state, it.receive_queue, it.send_queue) = (State::Listen, 2, 128);
    (it.last_sent, it.last_received, it.traffic) = (None, None, None);
    it
}

fn view_of(sockets: Vec<Socket>, ports: &[u16], change: impl FnOnce(&mut Choice)) -> SocketsView {
    let database = |&port: &u16| Target {
        system: Some(System::Postgresql),
        address: None,
        port,
        presumed: true,
    };
    let mut choice = Choice {
        databases: ports.iter().map(database).collect(),
        idle_after: None,
        order: Order::Idle,
    };
    change(&mut choice);
    let time = Timestamp::from_parts(NOW, 0);
    let inventory = Inventory {
        time,
        sockets,
        missing: Vec::new(),
        addresses: Vec::new(),
    };
    SocketsView::new(&inventory, &choice, Some("app-3".to_owned()))
}

fn view(sockets: Vec<Socket>) -> SocketsView {
    view_of(sockets, &[5432], |_| ())
}

fn drawn(view: &SocketsView) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    draw(view, 160, &mut out).expect("drawn");
    String::from_utf8(out.into_inner()).expect("text")
}

#[test]
fn both_ends_on_one_host_are_one_connection() {
    let client = owned(
        socket("127.0.0.1:40001", "127.0.0.1:5432", 90),
        4711,
        "shop.service",
        NOW - 3600,
    );
    let server = owned(
        socket("127.0.0.1:5432", "127.0.0.1:40001", 90),
        99,
        "postgresql.service",
        NOW - 7200,
    );
    let view = view(vec![server, client, listening("127.0.0.1:5432")]);
    let [line] = view.connections.as_slice() else {
        panic!("{view:?}")
    };
    assert_eq!(
        (line.client, line.server),
        (end("127.0.0.1:40001"), end("127.0.0.1:5432"))
    );
    assert_eq!((line.vantage, line.state), (Vantage::Both, "ESTAB"));
    assert_eq!(
        (line.idle_seconds, line.age_at_most_seconds),
        (Some(90.0), Some(3600.0))
    );
    assert_eq!(line.owner.as_ref().and_then(|it| it.pid), Some(4711));
    assert_eq!(line.server_owner.as_ref().and_then(|it| it.pid), Some(99));
    assert_eq!(view.servers.len(), 1);
    assert_eq!(
        view.servers[0].accept_queue,
        Some(AcceptQueue {
            waiting: 2,
            limit: 128
        })
    );
}

#[test]
fn the_same_loopback_addresses_in_two_containers_are_two_connections() {
    let mut sockets = Vec::new();
    for namespace in [7, 8] {
        for (local, remote) in [
            ("127.0.0.1:40001", "127.0.0.1:5432"),
            ("127.0.0.1:5432", "127.0.0.1:40001"),
        ] {
            sockets.push(Socket {
                namespace: Namespace::Other(namespace),
                ..socket(local, remote, 1)
            });
        }
    }
    let view = view(sockets);
    assert_eq!(view.connections.len(), 2);
    assert!(view.connections.iter().all(|it| it.vantage == Vantage::Both));
}

#[test]
fn a_container_s_client_and_the_host_s_server_are_one_connection() {
    let inside = Namespace::Other(7);
    let client = Socket {
        namespace: inside,
        ..socket("10.1.0.2:40001", "10.1.0.1:5432", 1)
    };
    let view = view(vec![socket("10.1.0.1:5432", "10.1.0.2:40001", 1), client]);
    assert_eq!(view.connections.len(), 1);
    assert_eq!(view.connections[0].vantage, Vantage::Both);
}

#[test]
fn an_ephemeral_port_that_is_a_database_s_too_makes_no_server() {
    let client = socket("127.0.0.1:6432", "127.0.0.1:5432", 1);
    let server = socket("127.0.0.1:5432", "127.0.0.1:6432", 1);
    let view = view_of(
        vec![client, server, listening("0.0.0.0:5432")],
        &[5432, 6432],
        |_| (),
    );
    let [line] = view.connections.as_slice() else {
        panic!("{view:?}")
    };
    assert_eq!(line.server, end("127.0.0.1:5432"));
}

#[test]
fn what_is_wrong_is_said() {
    let mut leaked = socket("10.0.0.9:40001", "10.0.0.5:5432", 100);
    leaked.state = State::CloseWait;
    let mut gone = socket("10.0.0.9:40002", "10.0.0.5:5432", 99);
    gone.timer = Some(Timer {
        kind: TimerKind::KeepAlive,
        expires: Span::from_secs(75),
        retransmits: 4,
    });
    let mut unused = socket("10.0.0.9:40003", "10.0.0.5:5432", 98);
    unused.traffic = Some(Traffic {
        data_segments_in: Some(0),
        data_segments_out: Some(0),
        ..Traffic::default()
    });
    let mut stalled = socket("10.0.0.9:40004", "10.0.0.5:5432", 97);
    stalled.timer = Some(Timer {
        kind: TimerKind::ZeroWindow,
        expires: Span::from_secs(1),
        retransmits: 0,
    });
    let fine = socket("10.0.0.9:40005", "10.0.0.5:5432", 96);
    let view = view(vec![fine, stalled, unused, gone, leaked]);
    let reasons: Vec<_> = view.connections.iter().map(|it| it.reasons.clone()).collect();
    assert_eq!(
        reasons,
        [
            vec![CloseWait],
            vec![HalfOpen],
            vec![NeverUsed],
            vec![WindowClosed],
            vec![]
        ]
    );
    let text = drawn(&view);
    for words in [
        "leaked",
        "keepalive in 1m 15s, 4 unanswered",
        "never used",
        "peer is slow",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn what_listens_everywhere_tells_of_each_address() {
    let mut sockets = vec![listening("0.0.0.0:5432"), listening("[::]:5432")];
    let alone = view(sockets.clone());
    assert_eq!(alone.servers.len(), 1, "{:?}", alone.servers);
    sockets.push(socket("10.0.0.5:5432", "10.0.0.9:1", 1));
    let view = view(sockets);
    let [server] = view.servers.as_slice() else {
        panic!("{view:?}")
    };
    assert_eq!((server.server, server.connections), (end("10.0.0.5:5432"), 1));
    assert_eq!(server.accept_queue.map(|it| it.limit), Some(128));
}

#[test]
fn connections_that_are_over_are_only_counted() {
    let mut over = socket("10.0.0.9:40001", "10.0.0.5:5432", 0);
    over.state = State::TimeWait;
    let view = view(vec![
        over.clone(),
        Socket {
            local: end("10.0.0.9:40002"),
            ..over
        },
    ]);
    assert!(view.connections.is_empty());
    assert_eq!(view.servers[0].time_wait, 2);
}

#[test]
fn filters_and_orders() {
    let sockets = || {
        vec![
            owned(
                socket("10.0.0.9:3", "10.0.0.5:5432", 10),
                3,
                "b.service",
                NOW - 1000,
            ),
            owned(
                socket("10.0.0.9:2", "10.0.0.6:5432", 70),
                2,
                "a.service",
                NOW - 500,
            ),
            owned(
                socket("10.0.0.9:1", "10.0.0.5:5432", 60),
                1,
                "c.service",
                NOW - 2000,
            ),
        ]
    };
    let ports = |order: Order| {
        let view = view_of(sockets(), &[5432], |choice| choice.order = order);
        view.connections
            .iter()
            .map(|it| it.client.port)
            .collect::<Vec<_>>()
    };
    assert_eq!(ports(Order::Idle), [2, 1, 3]);
    assert_eq!(ports(Order::Age), [1, 3, 2]);
    assert_eq!(ports(Order::Client), [1, 2, 3]);
    assert_eq!(ports(Order::Server), [1, 3, 2]);
    assert_eq!(ports(Order::Owner), [2, 3, 1]);
    let idle = view_of(sockets(), &[5432], |choice| {
        choice.idle_after = Some(Span::from_secs(60));
    });
    assert_eq!(idle.connections.len(), 2);
    let address = Some([10, 0, 0, 6].into());
    let one = view_of(sockets(), &[5432], |choice| choice.databases[0].address = address);
    assert_eq!(one.connections.len(), 1);
}

#[test]
fn totals_by_owner_tell_who_hoards() {
    let of_shop = |port: u16, idle| {
        owned(
            socket(&format!("10.0.0.9:{port}"), "10.0.0.5:5432", idle),
            4711,
            "shop.service",
            NOW - 9000,
        )
    };
    let from_elsewhere = socket("10.0.0.9:5432", "10.0.0.77:1234", 5);
    let view = view(vec![
        of_shop(1, 10),
        of_shop(2, 61),
        of_shop(3, 8000),
        from_elsewhere,
    ]);
    let totals: Vec<_> = view
        .owners
        .iter()
        .map(|it| (it.connections, it.idle, it.address))
        .collect();
    assert_eq!(totals, [(3, 2, None), (1, 0, Some([10, 0, 0, 77].into()))]);
    assert_eq!(view.owners[0].longest_idle_seconds, Some(8000.0));
    let text = drawn(&view);
    assert!(text.contains("shop.service java[4711]"), "{text}");
    assert!(
        text.starts_with("4 connections to databases, by the kernel of app-3 now"),
        "{text}"
    );
}

#[test]
fn a_process_younger_than_the_last_data_inherited_the_connection() {
    let view = view(vec![owned(
        socket("10.0.0.9:1", "10.0.0.5:5432", 500),
        1,
        "a.service",
        NOW - 100,
    )]);
    assert_eq!(view.connections[0].age_at_most_seconds, None);
}

#[test]
fn json_has_the_contract_s_names() {
    let view = view(vec![owned(
        socket("10.0.0.9:1", "10.0.0.5:5432", 500),
        1,
        "a.service",
        NOW - 900,
    )]);
    let json = serde_json::to_value(&view).expect("json");
    assert_eq!(json["schema"], "sockhound.sockets.v1");
    let line = &json["connections"][0];
    assert_eq!(
        (&line["client"], &line["server"]),
        (&"10.0.0.9:1".into(), &"10.0.0.5:5432".into())
    );
    assert_eq!(line["owner"]["unit"], "a.service");
    assert_eq!(line["idle_seconds"], 500.0);
    assert_eq!(line["client_socket"]["state"], "ESTAB");
}
