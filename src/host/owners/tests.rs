use super::*;
use crate::clock::Span;
use crate::host::{Inventory, Namespace, PortFilter, Query, State, now};
use crate::packet::Endpoint;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

fn socket(inode: u32, cgroup: Option<u64>) -> Socket {
    let end = Endpoint::new([10, 0, 0, 5].into(), 5432);
    Socket {
        local: end,
        remote: end,
        state: State::Established,
        receive_queue: 0,
        send_queue: 0,
        timer: None,
        uid: 0,
        inode: Some(inode).filter(|&inode| inode != 0),
        cookie: None,
        cgroup,
        namespace: Namespace::Own,
        last_sent: None,
        last_received: None,
        traffic: None,
        owner: None,
    }
}

/// A procfs of plain files.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let machine = Self { root };
        let cgroups = machine.path("cgroups").display().to_string();
        machine.write(
            "self/mountinfo",
            &format!("1 2 0:3 / {cgroups} rw - cgroup2 c rw"),
        );
        machine
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn process(&self, pid: u32, ticks: u32, cgroup: &str, inodes: &[u32]) {
        let stat = format!("{pid} (app) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0 0");
        self.write(&format!("{pid}/stat"), &stat);
        self.write(&format!("{pid}/comm"), "app\n");
        self.write(&format!("{pid}/cgroup"), &format!("0::{cgroup}\n"));
        let fd = self.path(&format!("{pid}/fd"));
        let _ = fs::remove_dir_all(&fd);
        fs::create_dir_all(&fd).expect("made");
        symlink("/dev/null", fd.join("0")).expect("linked");
        for (at, inode) in inodes.iter().enumerate() {
            symlink(format!("socket:[{inode}]"), fd.join((at + 3).to_string())).expect("linked");
        }
    }

    fn cgroup(&self, path: &str, pids: &str) -> u64 {
        self.write(&format!("cgroups{path}/cgroup.procs"), pids);
        fs::metadata(self.path(&format!("cgroups{path}")))
            .expect("there")
            .ino()
    }

    fn owners(&self, most_links: usize) -> Owners {
        Owners::of(Procfs::new(self.root.path()), most_links)
    }
}

fn pids(socket: &Socket) -> Vec<u32> {
    socket
        .owner
        .as_ref()
        .map(|owner| owner.pids.clone())
        .unwrap_or_default()
}

#[test]
fn a_holder_is_named_with_its_unit() {
    let machine = Machine::new();
    machine.process(42, 1000, "/system.slice/shop.service", &[7, 8]);
    let mut sockets = [socket(7, None), socket(8, None)];
    let mut owners = machine.owners(MAX_LINKS);
    assert_eq!(owners.resolve(&mut sockets), []);
    let owner = sockets[0].owner.clone().expect("found");
    assert_eq!(
        (owner.pids.as_slice(), owner.command.as_deref()),
        (&[42][..], Some("app"))
    );
    assert_eq!(owner.identity.unit.as_deref(), Some("shop.service"));
    assert!(
        Arc::ptr_eq(&owner, sockets[1].owner.as_ref().expect("found")),
        "one holder, one owner"
    );
    let mut again = [socket(7, None)];
    owners.resolve(&mut again);
    assert!(
        Arc::ptr_eq(&owner, again[0].owner.as_ref().expect("found")),
        "the same in the next inventory"
    );
}

#[test]
fn forks_that_share_a_socket_are_all_named() {
    let machine = Machine::new();
    for pid in [42, 43, 7] {
        machine.process(pid, 1000, "/", &[5]);
    }
    let mut sockets = [socket(5, None)];
    machine.owners(MAX_LINKS).resolve(&mut sockets);
    assert_eq!(pids(&sockets[0]), [7, 42, 43]);
}

#[test]
fn the_one_that_started_first_comes_first_and_this_process_does_not_count() {
    let machine = Machine::new();
    machine.process(42, 1000, "/", &[5]);
    machine.process(7, 2000, "/", &[5]);
    machine.process(3, 3000, "/", &[5, 6]);
    let mut owners = machine.owners(MAX_LINKS);
    owners.own_pid = 3;
    let mut sockets = [socket(5, None), socket(6, None)];
    owners.resolve(&mut sockets);
    assert_eq!(pids(&sockets[0]), [42, 7]);
    assert_eq!(pids(&sockets[1]), [3]);
}

#[test]
fn a_parent_that_lets_go_is_forgotten() {
    let machine = Machine::new();
    machine.process(42, 1000, "/", &[5]);
    machine.process(43, 1001, "/", &[5]);
    let mut owners = machine.owners(MAX_LINKS);
    let mut sockets = [socket(5, None)];
    owners.resolve(&mut sockets);
    machine.process(42, 1000, "/", &[]);
    owners.resolve(&mut sockets);
    assert_eq!(pids(&sockets[0]), [43]);
}

#[test]
fn a_pid_used_again_is_another_process() {
    let machine = Machine::new();
    machine.process(42, 1000, "/a.service", &[5]);
    let mut owners = machine.owners(MAX_LINKS);
    let mut sockets = [socket(5, None)];
    for _ in 0..3 {
        owners.resolve(&mut sockets);
    }
    machine.process(42, 2000, "/b.service", &[]);
    owners.resolve(&mut sockets);
    assert_eq!(pids(&sockets[0]), [0u32; 0], "the new process does not hold it");
}

#[test]
fn the_cgroup_is_told_where_the_process_is_not() {
    let machine = Machine::new();
    let id = machine.cgroup("/system.slice/shop.service", "");
    let mut sockets = [socket(5, Some(id)), socket(0, Some(id)), socket(6, None)];
    machine.owners(MAX_LINKS).resolve(&mut sockets);
    for socket in &sockets[..2] {
        let owner = socket.owner.as_ref().expect("its cgroup is known");
        assert_eq!(owner.identity.unit.as_deref(), Some("shop.service"));
        assert!(owner.pids.is_empty());
    }
    assert!(sockets[2].owner.is_none());
}

#[test]
fn the_process_s_cgroup_wins_over_that_of_who_made_the_socket() {
    let machine = Machine::new();
    let id = machine.cgroup("/system.slice/activation.service", "");
    machine.process(42, 1000, "/system.slice/real.service", &[5]);
    let mut sockets = [socket(5, Some(id))];
    machine.owners(MAX_LINKS).resolve(&mut sockets);
    let owner = sockets[0].owner.as_ref().expect("found");
    assert_eq!(owner.identity.unit.as_deref(), Some("real.service"));
}

#[test]
fn a_search_is_bounded_and_goes_on_in_the_next_round() {
    let machine = Machine::new();
    for pid in 1..=20 {
        machine.process(pid, 1000, "/", &[pid + 100, pid + 200, pid + 300]);
    }
    let mut owners = machine.owners(20);
    let mut sockets: Vec<_> = (101..=120).map(|inode| socket(inode, None)).collect();
    let known = |sockets: &[Socket]| sockets.iter().filter(|it| !pids(it).is_empty()).count();
    let missing = owners.resolve(&mut sockets);
    assert_eq!(known(&sockets), 5, "four descriptors a process");
    assert_eq!(missing, [Missing::OwnersLater(15)]);
    for _ in 0..30 {
        owners.resolve(&mut sockets);
    }
    assert_eq!(known(&sockets), 20);
}

#[test]
fn a_socket_s_cgroup_leads_to_its_process_without_a_search() {
    let machine = Machine::new();
    for pid in 1..=20 {
        machine.process(pid, 1000, "/", &[pid + 100, pid + 200, pid + 300]);
    }
    machine.process(99, 1000, "/shop.service", &[5]);
    let id = machine.cgroup("/shop.service", "99\n");
    let mut sockets = [socket(5, Some(id))];
    assert_eq!(machine.owners(1).resolve(&mut sockets), []);
    assert_eq!(pids(&sockets[0]), [99]);
}

#[test]
fn what_is_gone_is_forgotten() {
    let machine = Machine::new();
    machine.process(42, 1000, "/", &[5, 6]);
    let mut owners = machine.owners(MAX_LINKS);
    owners.resolve(&mut [socket(5, None), socket(6, None), socket(7, None)]);
    owners.resolve(&mut []);
    assert!(owners.holdings.is_empty() && owners.processes.is_empty() && owners.interned.is_empty());
}

fn holder_of(port: u16) -> Child {
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; sleep 60 & echo open; wait");
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("bash");
    let mut line = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut line).expect("connected");
    child
}

#[test]
fn real_processes_of_one_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut child = holder_of(port);
    let server = listener.accept().expect("accepted").0;
    let here: Endpoint = server.local_addr().expect("an address").into();
    let mut inventory = Inventory::take(&Query::new(PortFilter::of([port])));
    Owners::new().resolve(&mut inventory.sockets);
    let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).expect("ended");
    child.wait().expect("waited");

    let side = |local: bool| {
        let found = inventory
            .sockets
            .iter()
            .find(|it| it.state == State::Established && (it.local == here) == local);
        found.and_then(|it| it.owner.clone()).expect("an owner")
    };
    assert_eq!(side(true).pids, [std::process::id()]);
    let client = side(false);
    assert_eq!(client.pids.first(), Some(&child.id()));
    assert_eq!(client.pids.len(), 2, "bash and its sleep: {client:?}");
    assert_eq!(client.command.as_deref(), Some("bash"));
    let age = now() - client.start.expect("known");
    assert!(age < Span::from_secs(60), "{age:?}");
}
