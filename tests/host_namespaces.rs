//! Sockets of other network namespaces, seen from this one. Needs root and iproute2; says so and passes where it is not root.

#![allow(clippy::expect_used)]

mod host_support;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use host_support::{again_as_nobody, established, is_root};
use sockhound::clock::Span;
use sockhound::host::{Collector, Inventory, Missing, Namespace, PortFilter, Query, Socket, netns};

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    assert!(status.is_ok_and(|it| it.success()), "ip {arguments}");
}

/// A namespace with a veth pair to this one, and in it a server and a client of its own.
struct Container {
    name: String,
    processes: Vec<Child>,
}

impl Container {
    fn new(name: &str, last: u8) -> Self {
        let name = format!("{name}{}", std::process::id());
        ip(&format!("netns add {name}"));
        let it = Self {
            name,
            processes: Vec::new(),
        };
        let name = it.name.clone();
        ip(&format!("-n {name} link set lo up"));
        let veth = format!("sh{}{last}", std::process::id());
        ip(&format!("link add {veth} type veth peer name eth0 netns {name}"));
        ip(&format!("addr add 10.231.{last}.1/24 dev {veth}"));
        ip(&format!("link set {veth} up"));
        ip(&format!("-n {name} addr add 10.231.{last}.2/24 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
        it
    }

    /// A server inside that takes one connection and reads from it.
    fn serve(&mut self, address: &str, port: u16) {
        self.python(&format!(
            "listener = socket.create_server(('{address}', {port}))\nsay()\nheld = listener.accept()[0]\nheld.recv(9)"
        ));
    }

    /// A client inside that connects and sends one byte.
    fn connect(&mut self, address: &str, port: u16) {
        self.python(&format!(
            "held = socket.create_connection(('{address}', {port}))\nheld.send(b'x')\nsay()"
        ));
    }

    /// Runs a script inside, waits until it says that it is ready, and leaves it there.
    fn python(&mut self, script: &str) {
        let script =
            format!("import socket, time\ndef say(): print('ready', flush=True)\n{script}\ntime.sleep(60)");
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.name, "python3", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("ip netns exec");
        let mut ready = [0; 5];
        std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut ready).expect("ready");
        self.processes.push(child);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

#[test]
fn a_containers_sockets_are_entered_and_owned() {
    if !is_root() {
        return;
    }
    let port = 46_011;
    let mut container = Container::new("shns-a-", 7);
    container.serve("127.0.0.1", port);
    container.connect("127.0.0.1", port);
    std::thread::sleep(Duration::from_millis(200));
    let found = netns::others();
    let namespace = found
        .iter()
        .find(|it| it.name.as_ref() == Some(&container.name))
        .expect("found");
    let inside: Vec<u32> = container.processes.iter().map(Child::id).collect();
    assert!(namespace.pid.is_some_and(|pid| inside.contains(&pid)));

    let inventory = Collector::new(Query::new(PortFilter::of([port]))).collect();
    let own_only = Inventory::take(&Query::new(PortFilter::of([port])));
    assert_eq!(
        established(&own_only).len(),
        0,
        "nothing of it is in this namespace"
    );
    let sockets = established(&inventory);
    assert_eq!(sockets.len(), 2);
    for socket in sockets {
        assert_eq!(socket.namespace, Namespace::Other(namespace.id));
        assert!(!socket.has_shared_addresses(), "its loopback is not ours");
        let idle = socket.idle(inventory.time).expect("entered, so told");
        assert!(
            idle >= Span::from_millis(150) && idle < Span::from_secs(5),
            "{idle:?}"
        );
        let owner = socket.owner.as_ref().expect("root finds all owners");
        assert!(inside.contains(owner.pids.first().expect("a pid")), "{owner:?}");
        assert_eq!(owner.command.as_deref(), Some("python3"));
    }
}

/// The names of what could not be learnt of other namespaces.
fn of_namespaces(inventory: &Inventory) -> Vec<&Missing> {
    let about = |it: &&Missing| matches!(it, Missing::NamespaceDetails { .. } | Missing::Namespaces(_));
    inventory.missing.iter().filter(about).collect()
}

#[test]
fn a_connection_between_namespaces_is_seen_from_both_ends() {
    if !is_root() {
        return;
    }
    let mut container = Container::new("shns-b-", 8);
    let listener = TcpListener::bind("10.231.8.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    container.connect("10.231.8.1", port);
    let _held = listener.accept().expect("accepted");
    let inventory = Collector::new(Query::new(PortFilter::of([port]))).collect();
    assert!(of_namespaces(&inventory).is_empty());
    let sockets = established(&inventory);
    assert_eq!(sockets.len(), 2, "{sockets:?}");
    let of = |own: bool| sockets.iter().find(|it| (it.namespace == Namespace::Own) == own);
    let (here, there) = (of(true).expect("ours"), of(false).expect("the container's"));
    assert_eq!((here.local, here.remote), (there.remote, there.local));
    assert!(there.has_shared_addresses(), "frames on the veth carry these");
    let pid = |it: &Socket| it.owner.as_ref().and_then(|it| it.pids.first().copied());
    assert_eq!(pid(here), Some(std::process::id()));
    assert_eq!(pid(there), container.processes.first().map(Child::id));
}

/// What an unprivileged user gets: this test runs itself again as one.
#[test]
fn without_privileges_sockets_are_listed_and_the_rest_is_said() {
    const PORT: &str = "SOCKHOUND_TEST_PORT";
    if let Ok(port) = std::env::var(PORT) {
        let port = port.parse().expect("a port");
        let inventory = Collector::new(Query::new(PortFilter::of([port]))).collect();
        let sockets = established(&inventory);
        assert_eq!(sockets.len(), 2, "{inventory:?}");
        assert!(
            sockets
                .iter()
                .all(|it| it.namespace != Namespace::Own && it.last_data().is_none())
        );
        assert!(
            sockets
                .iter()
                .all(|it| it.inode.is_some() && it.receive_queue == 0)
        );
        let missing = of_namespaces(&inventory);
        assert!(
            matches!(missing.first(), Some(Missing::NamespaceDetails { .. })),
            "{missing:?}"
        );
        assert!(
            inventory
                .missing
                .iter()
                .any(|it| matches!(it, Missing::Owners { .. })),
            "{inventory:?}"
        );
        return;
    }
    if !is_root() {
        return;
    }
    let port = 46_013;
    let mut container = Container::new("shns-c-", 9);
    container.serve("127.0.0.1", port);
    container.connect("127.0.0.1", port);
    let name = "without_privileges_sockets_are_listed_and_the_rest_is_said";
    again_as_nobody(name, (PORT, &port.to_string()));
}

#[test]
fn an_empty_named_namespace_is_seen() {
    if !is_root() {
        return;
    }
    let name = format!("shns-e-{}", std::process::id());
    ip(&format!("netns add {name}"));
    let found = netns::others();
    ip(&format!("netns del {name}"));
    let namespace = found
        .iter()
        .find(|it| it.name.as_ref() == Some(&name))
        .expect("found");
    assert_eq!(namespace.pid, None);
    assert!(netns::others().iter().all(|it| it.id != namespace.id), "gone");
}
