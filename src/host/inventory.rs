//! All TCP sockets of some ports at one moment, and what could not be learnt about them.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use crate::clock::Timestamp;

use super::netns;
use super::port_filter::PortFilter;
use super::socket::{Namespace, Socket};
use super::{now, proc_net, sock_diag};

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Query {
    /// The ports of the databases.
    pub ports: PortFilter,
    /// The most sockets to keep; what exceeds it is counted and said.
    pub limit: usize,
}

impl Query {
    /// These ports, with a bound that no host with sane limits reaches.
    #[must_use]
    pub fn new(ports: PortFilter) -> Self {
        Self {
            ports,
            limit: 250_000,
        }
    }
}

/// The sockets of some ports at one moment.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// When it was taken, by the wall clock.
    pub time: Timestamp,
    /// Listening sockets and `TIME_WAIT` included, in no order.
    pub sockets: Vec<Socket>,
    /// What could not be learnt, and why.
    pub missing: Vec<Missing>,
    /// The addresses of this network namespace.
    pub addresses: Vec<IpAddr>,
}

impl Inventory {
    /// This network namespace's sockets: by netlink, else from `/proc`. Never fails: what it could not learn is in
    /// [`Inventory::missing`]. Owners are filled in by [`Owners`](super::owners::Owners).
    #[must_use]
    pub fn take(query: &Query) -> Self {
        let mut inventory = Self::empty();
        let mut kept = Bounded::new(query.limit, &mut inventory.sockets);
        let missing = own_sockets(query, &mut kept);
        inventory
            .missing
            .extend(missing.into_iter().chain(kept.missing()));
        inventory.addresses = own_addresses();
        inventory.time = now();
        inventory
    }

    /// The sockets of all other network namespaces that can be found, and how many namespaces those are.
    #[must_use]
    pub fn take_elsewhere(query: &Query) -> (usize, Self) {
        let others = netns::others();
        let mut inventory = Self::empty();
        if !others.is_empty() {
            let mut kept = Bounded::new(query.limit, &mut inventory.sockets);
            let missing = netns::add_sockets(&others, query, &mut kept);
            inventory
                .missing
                .extend(missing.into_iter().chain(kept.missing()));
        }
        inventory.time = now();
        (others.len(), inventory)
    }

    /// Whether a connection that is not listed is gone: nothing was left out but details.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let leaves_out = |it: &Missing| {
            matches!(
                it,
                Missing::Sockets(_) | Missing::BeyondLimit(_) | Missing::Namespaces(_)
            )
        };
        !self.missing.iter().any(leaves_out)
    }

    fn empty() -> Self {
        Self {
            time: now(),
            sockets: Vec::new(),
            missing: Vec::new(),
            addresses: Vec::new(),
        }
    }
}

fn own_addresses() -> Vec<IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
    });
    addresses.collect()
}

fn own_sockets(query: &Query, kept: &mut Bounded) -> Vec<Missing> {
    let by_netlink = sock_diag::dump(&query.ports, Namespace::Own, |socket| kept.push(socket));
    let Err(error) = by_netlink else { return Vec::new() };
    kept.clear();
    let net = Path::new("/proc/thread-self/net");
    let by_proc = proc_net::dump(net, &query.ports, Namespace::Own, |socket| kept.push(socket));
    match by_proc {
        Ok(()) => vec![Missing::SocketDetails(reason(&error))],
        Err(_) => vec![Missing::Sockets(reason(&error))],
    }
}

/// Keeps at most so many sockets.
pub(super) struct Bounded<'a> {
    limit: usize,
    beyond: usize,
    kept: &'a mut Vec<Socket>,
}

impl<'a> Bounded<'a> {
    pub(super) fn new(limit: usize, kept: &'a mut Vec<Socket>) -> Self {
        Self {
            limit,
            beyond: 0,
            kept,
        }
    }

    pub(super) fn push(&mut self, socket: Socket) {
        if self.kept.len() < self.limit {
            self.kept.push(socket);
        } else {
            self.beyond += 1;
        }
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.beyond = 0;
    }

    pub(super) fn missing(&self) -> Option<Missing> {
        (self.beyond > 0).then_some(Missing::BeyondLimit(self.beyond))
    }
}

/// Something an inventory could not learn. Prints as a sentence with its reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// No socket at all could be listed.
    Sockets(String),
    /// Listed from `/proc`: no idle times, no traffic, no cgroups.
    SocketDetails(String),
    /// So many sockets were beyond the limit.
    BeyondLimit(usize),
    /// So many sockets have no known process, and so many processes could not be looked into: reading another user's descriptors
    /// takes `CAP_SYS_PTRACE`.
    Owners {
        /// Sockets without a known process.
        sockets: usize,
        /// Processes that could not be looked into.
        processes: usize,
    },
    /// Of so many other network namespaces there are no idle times and no traffic: entering them takes `CAP_SYS_ADMIN`.
    NamespaceDetails {
        /// How many.
        namespaces: usize,
        /// Why they were not entered.
        why: String,
    },
    /// So many other network namespaces could not be looked at, or not this time.
    Namespaces(usize),
    /// The search for so many sockets' processes goes on with the next inventory.
    OwnersLater(usize),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sockets(why) => write!(f, "the kernel lists no sockets: {why}"),
            Self::SocketDetails(why) => write!(f, "no idle times and traffic of sockets: sock_diag: {why}"),
            Self::BeyondLimit(count) => write!(f, "{count} sockets beyond the limit were left out"),
            Self::Owners { sockets, processes } => write!(
                f,
                "no process for {sockets} sockets: {processes} processes of others can't be looked into without CAP_SYS_PTRACE"
            ),
            Self::NamespaceDetails { namespaces, why } => write!(
                f,
                "no idle times and traffic of sockets in {namespaces} other network namespaces: {why} (CAP_SYS_ADMIN)"
            ),
            Self::Namespaces(count) => write!(f, "{count} other network namespaces were not looked at"),
            Self::OwnersLater(count) => {
                write!(
                    f,
                    "no process for {count} sockets yet: the search goes on with the next inventory"
                )
            }
        }
    }
}

/// An error in the words of the system, without Rust's number behind.
pub(super) fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Span;
    use crate::host::socket::{State, TimerKind};
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    fn of_port(port: u16) -> Inventory {
        let inventory = Inventory::take(&Query::new(PortFilter::of([port])));
        assert_eq!(inventory.missing, []);
        inventory
    }

    fn connection(address: &str) -> (TcpListener, TcpStream, TcpStream, u16) {
        let listener = TcpListener::bind(address).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let target = (
            if address.contains("::") {
                "::ffff:127.0.0.1"
            } else {
                "127.0.0.1"
            },
            port,
        );
        let client = TcpStream::connect(target).expect("connected");
        let server = listener.accept().expect("accepted").0;
        (listener, client, server, port)
    }

    #[test]
    fn a_connection_is_two_sockets_and_a_listener() {
        let (_listener, client, _server, port) = connection("127.0.0.1:0");
        let here = client.local_addr().expect("an address").into();
        let inventory = of_port(port);
        let of_state = |state| inventory.sockets.iter().filter(move |it| it.state == state);
        assert_eq!(of_state(State::Listen).count(), 1);
        assert_eq!(of_state(State::Established).count(), 2);
        let client = of_state(State::Established)
            .find(|it| it.local == here)
            .expect("the client's");
        assert_eq!(client.remote.port, port);
        assert!(client.inode.is_some() && client.cookie.is_some());
        assert_eq!(client.traffic.and_then(|it| it.is_unused()), Some(true));
        assert_eq!(client.keepalive(), None);
    }

    #[test]
    fn idle_is_time_without_data_either_way() {
        let (_listener, _client, mut server, port) = connection("127.0.0.1:0");
        std::thread::sleep(Duration::from_millis(300));
        server.write_all(b"hello").expect("sent");
        let sent = now();
        std::thread::sleep(Duration::from_millis(200));
        for socket in of_port(port)
            .sockets
            .iter()
            .filter(|it| it.state == State::Established)
        {
            let last = socket.last_data().expect("tcp_info tells");
            let error = if last > sent { last - sent } else { sent - last };
            assert!(error < Span::from_millis(50), "{socket:?} is off by {error:?}");
        }
    }

    #[test]
    fn mapped_addresses_are_canonical() {
        let (_listener, client, _server, port) = connection("[::]:0");
        let inventory = of_port(port);
        let open: Vec<_> = inventory
            .sockets
            .iter()
            .filter(|it| it.state == State::Established)
            .collect();
        assert_eq!(open.len(), 2);
        assert!(
            open.iter()
                .all(|it| it.local.address.is_ipv4() && it.remote.address.is_ipv4())
        );
        drop(client);
    }

    #[test]
    fn keep_alive_shows_as_a_timer_and_a_leak_as_close_wait() {
        let (_listener, client, server, port) = connection("127.0.0.1:0");
        nix::sys::socket::setsockopt(&server, nix::sys::socket::sockopt::KeepAlive, &true).expect("set");
        let kept = of_port(port)
            .sockets
            .into_iter()
            .find(|it| it.keepalive().is_some())
            .expect("one");
        assert_eq!(kept.local.port, port);
        assert!(
            kept.timer
                .is_some_and(|it| it.kind == TimerKind::KeepAlive && it.retransmits == 0)
        );
        assert!(!kept.is_half_open());
        drop(client);
        let leaked = of_port(port)
            .sockets
            .into_iter()
            .find(Socket::is_leaked)
            .expect("one");
        assert_eq!(leaked.local.port, port);
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let (_listener, _client, _server, port) = connection("127.0.0.1:0");
        let query = Query {
            ports: PortFilter::of([port]),
            limit: 1,
        };
        let inventory = Inventory::take(&query);
        assert_eq!(inventory.sockets.len(), 1);
        assert_eq!(inventory.missing, [Missing::BeyondLimit(2)]);
        assert!(!inventory.is_complete() && of_port(port).is_complete());
    }

    #[test]
    fn proc_and_netlink_agree() {
        let (_listener, _client, _server, port) = connection("127.0.0.1:0");
        let mut by_proc = Vec::new();
        let net = Path::new("/proc/thread-self/net");
        proc_net::dump(net, &PortFilter::of([port]), Namespace::Own, |it| {
            by_proc.push(it);
        })
        .expect("read");
        let key = |it: &Socket| (it.local, it.remote, it.state, it.inode, it.uid, it.receive_queue);
        let sorted = |sockets: &[Socket]| {
            let mut keys: Vec<_> = sockets.iter().map(key).collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(sorted(&by_proc), sorted(&of_port(port).sockets));
    }
}
