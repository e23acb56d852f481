//! TCP sockets from `/proc/net/tcp` and `/proc/net/tcp6` (proc(5)): states, queues and timers, but no `tcp_info`. For
//! where netlink is refused, and for other network namespaces that may be looked at but not entered.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::clock::Span;
use crate::packet::Endpoint;

use super::port_filter::PortFilter;
use super::sock_diag::matches;
use super::socket::{Namespace, Socket, State, Timer, TimerKind};

/// Longer than any line the kernel writes (150 bytes, padded).
const LINE: u64 = 512;
/// `USER_HZ`: the unit of times in `/proc/net/tcp`, the same on every architecture that runs this.
const TICK: Span = Span::from_millis(10);

/// Hands every TCP socket listed in `net` (`/proc/self/net`, `/proc/PID/net`) that matches `ports` to `each`.
///
/// # Errors
/// Where `tcp` cannot be read; a missing `tcp6` is a kernel without IPv6.
pub fn dump(
    net: &Path,
    ports: &PortFilter,
    namespace: Namespace,
    mut each: impl FnMut(Socket),
) -> io::Result<()> {
    read(&net.join("tcp"), ports, namespace, &mut each)?;
    match read(&net.join("tcp6"), ports, namespace, &mut each) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn read(
    path: &Path,
    ports: &PortFilter,
    namespace: Namespace,
    each: &mut impl FnMut(Socket),
) -> io::Result<()> {
    let mut file = BufReader::with_capacity(64 * 1024, File::open(path)?);
    let mut line = String::new();
    loop {
        line.clear();
        if io::Read::take(&mut file, LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(socket) = parse(&line, namespace).filter(|it| matches(ports, it)) {
            each(socket);
        }
    }
}

/// One line; `None` for the heading and for what is no socket.
fn parse(line: &str, namespace: Namespace) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let _slot = fields.next()?;
    let local = endpoint(fields.next()?)?;
    let remote = endpoint(fields.next()?)?;
    let state = State::from_kernel(u8::from_str_radix(fields.next()?, 16).ok()?)?;
    let (send, receive) = pair(fields.next()?)?;
    let (kind, ticks) = pair(fields.next()?)?;
    let retransmits = u32::from_str_radix(fields.next()?, 16).ok()?;
    let uid = fields.next()?.parse().ok()?;
    let probes = fields.next()?.parse().ok()?;
    let inode = fields.next()?.parse().ok()?;
    Some(Socket {
        local,
        remote,
        state,
        receive_queue: receive,
        send_queue: send,
        timer: timer(kind, ticks, retransmits, probes),
        uid,
        inode: Some(inode).filter(|&inode| inode != 0),
        cookie: None,
        cgroup: None,
        namespace,
        last_sent: None,
        last_received: None,
        traffic: None,
        owner: None,
    })
}

/// `0100007F:1538`: the address as 32-bit words in host order, the port as a number.
fn endpoint(text: &str) -> Option<Endpoint> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    let address = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?.to_ne_bytes())),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.to_ne_bytes());
            }
            IpAddr::from(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(Endpoint::new(address, port))
}

/// Two hexadecimal numbers with a colon between.
fn pair(text: &str) -> Option<(u32, u32)> {
    let (first, second) = text.split_once(':')?;
    Some((
        u32::from_str_radix(first, 16).ok()?,
        u32::from_str_radix(second, 16).ok()?,
    ))
}

/// Unanswered probes have a column of their own (`get_tcp4_sock` of `net/ipv4/tcp_ipv4.c`), called timeout.
fn timer(kind: u32, ticks: u32, retransmits: u32, probes: u32) -> Option<Timer> {
    let kind = TimerKind::from_kernel(u8::try_from(kind).ok()?)?;
    let count = match kind {
        TimerKind::KeepAlive | TimerKind::ZeroWindow => probes,
        TimerKind::Retransmit | TimerKind::TimeWait => retransmits,
    };
    Some(Timer {
        kind,
        expires: Span::from_nanos(i64::from(ticks).saturating_mul(TICK.nanos())),
        retransmits: u8::try_from(count).unwrap_or(u8::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    const PROBED: &str = "   1: 0100007F:1538 0200007F:C001 01 0000000A:00000003 02:00000FA0 00000000   113        4 27906 2 0000000000000000 20 4 30 10 -1\n";
    const MAPPED: &str = "   0: 0000000000000000FFFF00000500000A:18EB 0000000000000000FFFF00000600000A:D431 08 00000000:00000000 00:00000000 00000000     0        0 991 1 0000000000000000 20 0 0 10 -1\n";
    const TIME_WAIT: &str = "   2: 0100007F:1538 0100007F:C002 06 00000000:00000000 03:00000E10 00000000     0        0 0 3 0000000000000000\n";

    #[cfg(target_endian = "little")]
    #[test]
    fn a_probed_connection() {
        let socket = parse(PROBED, Namespace::Own).expect("a socket");
        assert_eq!(socket.local.to_string(), "127.0.0.1:5432");
        assert_eq!(socket.remote.to_string(), "127.0.0.2:49153");
        assert_eq!((socket.send_queue, socket.receive_queue), (10, 3));
        assert_eq!((socket.uid, socket.inode), (113, Some(27906)));
        let timer = socket.timer.expect("keep-alive is on");
        assert_eq!((timer.kind, timer.retransmits), (TimerKind::KeepAlive, 4));
        assert_eq!(timer.expires, Span::from_secs(40));
        assert!(socket.is_half_open());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        let socket = parse(MAPPED, Namespace::Own).expect("a socket");
        assert_eq!(socket.local.to_string(), "10.0.0.5:6379");
        assert_eq!(socket.remote.to_string(), "10.0.0.6:54321");
        assert!(socket.is_leaked());
        assert_eq!(socket.timer, None);
    }

    #[test]
    fn time_wait_has_no_inode() {
        let socket = parse(TIME_WAIT, Namespace::Own).expect("a socket");
        assert_eq!((socket.state, socket.inode), (State::TimeWait, None));
        assert_eq!(socket.timer.map(|it| it.expires), Some(Span::from_secs(36)));
        assert!(!socket.is_half_open());
    }

    #[test]
    fn what_is_no_socket_is_passed_over() {
        assert!(parse(HEADING, Namespace::Own).is_none());
        for cut in 0..=90 {
            assert!(parse(&PROBED[..cut], Namespace::Own).is_none(), "cut at {cut}");
        }
        assert!(parse("0: é100007:1538 0200007F:C001 01 0:0 0:0 0 0 0 1", Namespace::Own).is_none());
    }

    #[test]
    fn long_garbage_costs_a_line_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("tcp"), "7".repeat(100_000) + "\n" + PROBED).expect("written");
        let mut seen = 0;
        dump(directory.path(), &PortFilter::of([5432]), Namespace::Own, |_| {
            seen += 1;
        })
        .expect("read");
        assert_eq!(seen, 1);
        let mut other = 0;
        dump(directory.path(), &PortFilter::of([5433]), Namespace::Own, |_| {
            other += 1;
        })
        .expect("read");
        assert_eq!(other, 0);
    }
}
