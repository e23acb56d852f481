//! TCP sockets from the kernel by `NETLINK_SOCK_DIAG` (`sock_diag(7)`, `include/uapi/linux/inet_diag.h`).
//!
//! Needs no privilege, not even for sockets of others. The kernel walks its table once and runs the port filter itself: sockets
//! that do not match are never copied.

use std::cell::Cell;
use std::io;
use std::net::IpAddr;

use crate::clock::{Span, Timestamp};
use crate::packet::Endpoint;

use super::bytes::{array, byte, u32_at, u64_at};
use super::netlink::{Netlink, attributes};
use super::port_filter::PortFilter;
use super::socket::{Namespace, Socket, State, Timer, TimerKind};
use super::tcp_info;

const AF_UNSPEC: u8 = libc::AF_UNSPEC as u8;
const AF_INET: u8 = libc::AF_INET as u8;
const AF_INET6: u8 = libc::AF_INET6 as u8;
const IPPROTO_TCP: u8 = libc::IPPROTO_TCP as u8;
/// `TCPDIAG_GETSOCK`, older than `SOCK_DIAG_BY_FAMILY`.
const DIAG_ALL_FAMILIES: u16 = 18;
/// `SOCK_DIAG_BY_FAMILY`.
const DIAG_BY_FAMILY: u16 = 20;
/// `INET_DIAG_INFO`, both a bit (less one) of the request and a kind of attribute in the answer.
const INFO: u16 = 2;
const CGROUP_ID: u16 = 21;
/// The extensions asked for; the cgroup's id comes unasked.
const WANTED: u8 = 1 << (INFO - 1);
/// `INET_DIAG_REQ_BYTECODE`.
const BYTECODE: u16 = 1;
/// `struct inet_diag_sockid`.
const SOCKET_ID: usize = 48;
/// `struct inet_diag_msg`.
const ANSWER: usize = 72;
/// All states that a filter by number can name, `TCP_NEW_SYN_RECV` among them.
const ALL_STATES: u32 = (1 << 13) - 1;

/// Hands every TCP socket of the calling thread's network namespace that matches `ports` to `each`. `namespace` is what that namespace is
/// to be called.
///
/// # Errors
/// Whatever keeps the kernel from answering: `EPROTONOSUPPORT` or `EPERM` in sandboxes, `ENOENT` without
/// `CONFIG_INET_DIAG`. A kernel without IPv6 is no error.
pub fn dump(ports: &PortFilter, namespace: Namespace, mut each: impl FnMut(Socket)) -> io::Result<()> {
    let mut netlink = Netlink::open()?;
    let any = Cell::new(false);
    let mut read = |written, answer: &[u8]| {
        any.set(true);
        if let Some(socket) = parse(answer, written, namespace).filter(|it| matches(ports, it)) {
            each(socket);
        }
    };
    match netlink.dump(DIAG_ALL_FAMILIES, &request_all_families(ports), &mut read) {
        Err(_) if !any.get() => by_family(&mut netlink, ports, read),
        outcome => outcome,
    }
}

/// Walks the kernel's table twice, for kernels (and what passes for one) that refuse the older request.
fn by_family(
    netlink: &mut Netlink,
    ports: &PortFilter,
    mut each: impl FnMut(Timestamp, &[u8]),
) -> io::Result<()> {
    netlink.dump(DIAG_BY_FAMILY, &request(AF_INET, ports), &mut each)?;
    match netlink.dump(DIAG_BY_FAMILY, &request(AF_INET6, ports), each) {
        Err(error) if is_absent(&error) => Ok(()),
        outcome => outcome,
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EAFNOSUPPORT))
}

/// The kernel has filtered already, unless the set was too large for it.
pub(super) fn matches(ports: &PortFilter, socket: &Socket) -> bool {
    ports.contains(socket.local.port) || ports.contains(socket.remote.port)
}

/// `struct inet_diag_req` and the port filter: the one request that can leave the family open, so that the kernel walks its table
/// once for both.
fn request_all_families(ports: &PortFilter) -> Vec<u8> {
    let mut request = vec![AF_UNSPEC, 0, 0, WANTED];
    request.extend([0; SOCKET_ID]);
    request.extend(ALL_STATES.to_ne_bytes());
    request.extend([0; 4]);
    request.extend(program(ports));
    request
}

/// `struct inet_diag_req_v2` and the port filter.
fn request(family: u8, ports: &PortFilter) -> Vec<u8> {
    let mut request = vec![family, IPPROTO_TCP, WANTED, 0];
    request.extend(ALL_STATES.to_ne_bytes());
    request.extend([0; SOCKET_ID]);
    request.extend(program(ports));
    request
}

/// The port filter as an attribute; empty where none is needed.
fn program(ports: &PortFilter) -> Vec<u8> {
    let program = ports.program().unwrap_or_default();
    if program.is_empty() {
        return program;
    }
    let header = [(program.len() as u16 + 4).to_ne_bytes(), BYTECODE.to_ne_bytes()];
    [header.concat(), program].concat()
}

/// Reads a `struct inet_diag_msg` and its attributes; `None` where it is cut or of a family or state unheard of.
fn parse(answer: &[u8], written: Timestamp, namespace: Namespace) -> Option<Socket> {
    let family = byte(answer, 0)?;
    let state = State::from_kernel(byte(answer, 1)?)?;
    let mut socket = Socket {
        local: endpoint(answer, family, 4, 8)?,
        remote: endpoint(answer, family, 6, 24)?,
        state,
        receive_queue: u32_at(answer, 56)?,
        send_queue: u32_at(answer, 60)?,
        timer: timer(answer),
        uid: u32_at(answer, 64)?,
        inode: u32_at(answer, 68).filter(|&inode| inode != 0),
        cookie: u64_at(answer, 44),
        cgroup: None,
        namespace,
        last_sent: None,
        last_received: None,
        traffic: None,
        owner: None,
    };
    for (kind, value) in attributes(answer.get(ANSWER..)?) {
        attribute(&mut socket, kind, value, written);
    }
    Some(socket)
}

fn attribute(socket: &mut Socket, kind: u16, value: &[u8], written: Timestamp) {
    match kind {
        // A listening socket's has other things in these fields.
        INFO if socket.state != State::Listen => {
            let info = tcp_info::parse(value);
            socket.last_sent = info.as_ref().map(|info| written - info.since_sent);
            socket.last_received = info.as_ref().map(|info| written - info.since_received);
            socket.traffic = info.map(|info| info.traffic);
        }
        CGROUP_ID => socket.cgroup = u64_at(value, 0),
        _ => {}
    }
}

/// The address and port of `struct inet_diag_sockid`, both in network order.
fn endpoint(answer: &[u8], family: u8, port: usize, address: usize) -> Option<Endpoint> {
    let port = u16::from_be_bytes(array(answer, port)?);
    let address = match family {
        AF_INET => IpAddr::from(array::<4>(answer, address)?),
        AF_INET6 => IpAddr::from(array::<16>(answer, address)?),
        _ => return None,
    };
    Some(Endpoint::new(address, port))
}

fn timer(answer: &[u8]) -> Option<Timer> {
    Some(Timer {
        kind: TimerKind::from_kernel(byte(answer, 2)?)?,
        expires: Span::from_millis(i64::from(u32_at(answer, 52)?)),
        retransmits: byte(answer, 3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A `struct inet_diag_msg` from 10.0.0.5:5432 to 10.0.0.9:41234, as a kernel wrote it, with attributes.
    fn answer(state: State, kernel_state: u8, attributes: &[u8]) -> (State, Vec<u8>) {
        let mut bytes = vec![AF_INET, kernel_state, 2, 3];
        bytes.extend(5432u16.to_be_bytes());
        bytes.extend(41234u16.to_be_bytes());
        bytes.extend([10, 0, 0, 5]);
        bytes.extend([0; 12]);
        bytes.extend([10, 0, 0, 9]);
        bytes.extend([0; 12]);
        for word in [0u32, 17, 0, 4_000, 1, 2, 113, 991] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(attributes);
        (state, bytes)
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((value.len() + 4) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn full() -> Vec<u8> {
        let mut info = [0; 232];
        info[44..48].copy_from_slice(&1500u32.to_ne_bytes());
        info[52..56].copy_from_slice(&2500u32.to_ne_bytes());
        let attributes = [
            attribute(8, &[0]),
            attribute(INFO, &info),
            attribute(CGROUP_ID, &4711u64.to_ne_bytes()),
        ];
        answer(State::Established, 1, &attributes.concat()).1
    }

    #[test]
    fn every_field_is_read() {
        let written = Timestamp::from_parts(100, 0);
        let socket = parse(&full(), written, Namespace::Own).expect("a socket");
        assert_eq!(socket.local.to_string(), "10.0.0.5:5432");
        assert_eq!(socket.remote.to_string(), "10.0.0.9:41234");
        assert_eq!((socket.receive_queue, socket.send_queue, socket.uid), (1, 2, 113));
        assert_eq!(
            (socket.inode, socket.cookie, socket.cgroup),
            (Some(991), Some(17), Some(4711))
        );
        assert_eq!(socket.last_data(), Some(Timestamp::from_parts(98, 500_000_000)));
        assert!(socket.is_half_open());
        assert_eq!(socket.timer.map(|it| it.expires), Some(Span::from_secs(4)));
    }

    #[test]
    fn old_kernels_send_fewer_attributes() {
        let (_, bytes) = answer(State::Established, 1, &[]);
        let socket = parse(&bytes, Timestamp::default(), Namespace::Own).expect("a socket");
        assert_eq!((socket.cgroup, socket.last_data()), (None, None));
        assert!(socket.traffic.is_none());
    }

    #[test]
    fn all_states_are_known_and_unheard_of_ones_passed_over() {
        for (state, number) in [
            (State::SynReceived, 12),
            (State::TimeWait, 6),
            (State::Closing, 11),
        ] {
            let (state, bytes) = answer(state, number, &[]);
            let socket = parse(&bytes, Timestamp::default(), Namespace::Own).expect("a socket");
            assert_eq!(socket.state, state);
        }
        let (_, bytes) = answer(State::Close, 77, &[]);
        assert!(parse(&bytes, Timestamp::default(), Namespace::Own).is_none());
    }

    #[test]
    fn a_cut_answer_never_panics() {
        let full = full();
        for length in 0..full.len() {
            let socket = parse(&full[..length], Timestamp::default(), Namespace::Own);
            assert_eq!(socket.is_some(), length >= ANSWER, "{length} bytes");
        }
    }

    #[test]
    fn the_kernel_itself_leaves_out_other_ports() {
        let wanted = TcpListener::bind("127.0.0.1:0").expect("a port");
        let other = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = wanted.local_addr().expect("an address").port();
        let other_port = other.local_addr().expect("an address").port();
        let wanted = PortFilter::of([port, 1]);
        let requests = [
            (DIAG_ALL_FAMILIES, request_all_families(&wanted)),
            (DIAG_BY_FAMILY, request(AF_INET, &wanted)),
        ];
        for (kind, request) in requests {
            let mut seen = Vec::new();
            let mut netlink = Netlink::open().expect("netlink");
            let listed = netlink.dump(kind, &request, |_, answer| {
                seen.extend(endpoint(answer, AF_INET, 4, 8).map(|it| it.port));
            });
            listed.expect("answered");
            assert!(seen.contains(&port) && !seen.contains(&other_port), "{seen:?}");
        }
    }

    #[test]
    fn both_requests_list_the_same() {
        let four = TcpListener::bind("127.0.0.1:0").expect("a port");
        let six = TcpListener::bind("[::1]:0").expect("a port");
        let port = |it: &TcpListener| it.local_addr().expect("an address").port();
        let ports = PortFilter::of([port(&four), port(&six)]);
        let mut at_once = Vec::new();
        dump(&ports, Namespace::Own, |socket| at_once.push(socket.local)).expect("answered");
        let mut one_by_one = Vec::new();
        let mut netlink = Netlink::open().expect("netlink");
        let each = |written, answer: &[u8]| {
            one_by_one.extend(parse(answer, written, Namespace::Own).map(|it| it.local));
        };
        by_family(&mut netlink, &ports, each).expect("answered");
        at_once.sort_unstable();
        one_by_one.sort_unstable();
        assert_eq!(at_once.len(), 2);
        assert_eq!(at_once, one_by_one);
    }
}
