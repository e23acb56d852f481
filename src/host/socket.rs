//! One TCP socket as the kernel describes it.

use std::sync::Arc;

use crate::clock::{Span, Timestamp};
use crate::packet::Endpoint;

use super::owners::Owner;

/// One TCP socket of this host. A connection within the host has two.
#[derive(Clone, Debug)]
pub struct Socket {
    /// This host's end; the listening address where the state is [`State::Listen`].
    pub local: Endpoint,
    /// The other end; port 0 for a listening socket.
    pub remote: Endpoint,
    /// The TCP state.
    pub state: State,
    /// Bytes that wait for the process to read them; connections that wait for `accept` on a listening socket.
    pub receive_queue: u32,
    /// Bytes that the other end has not acknowledged yet; the most that may wait for `accept` on a listening socket.
    pub send_queue: u32,
    /// The timer that runs; none runs on a quiet connection without keep-alive.
    pub timer: Option<Timer>,
    /// Whose socket it is.
    pub uid: u32,
    /// Names the socket in `/proc/PID/fd`; none in `TIME_WAIT` and `SYN_RECV`, and where no process holds it any more.
    pub inode: Option<u32>,
    /// The kernel's name for this socket: never used again. Not told by `/proc`.
    pub cookie: Option<u64>,
    /// The cgroup (version 2) in which the socket was made; since Linux 5.11.
    pub cgroup: Option<u64>,
    /// Which network namespace it is in.
    pub namespace: Namespace,
    /// When data was last sent; keep-alive probes and bare acknowledgments do not count. Right to the kernel's tick (1 to 10 ms);
    /// the kernel's ages wrap at 49.7 days. A connection that never sent any has the time it was established. Not told by `/proc`.
    pub last_sent: Option<Timestamp>,
    /// When data was last received, likewise.
    pub last_received: Option<Timestamp>,
    /// What moved so far; not told by `/proc`.
    pub traffic: Option<Traffic>,
    /// Who holds it, once [`Owners`](super::owners::Owners) has looked.
    pub owner: Option<Arc<Owner>>,
}

impl Socket {
    /// When data last went either way.
    #[must_use]
    pub fn last_data(&self) -> Option<Timestamp> {
        self.last_sent.max(self.last_received)
    }

    /// Time without data up to `now`.
    #[must_use]
    pub fn idle(&self, now: Timestamp) -> Option<Span> {
        self.last_data().map(|last| now.since(last))
    }

    /// The keep-alive timer, where keep-alive is on. While data waits for an acknowledgment another timer hides it.
    #[must_use]
    pub fn keepalive(&self) -> Option<Timer> {
        let alive = matches!(self.state, State::Established | State::CloseWait);
        self.timer
            .filter(|timer| alive && timer.kind == TimerKind::KeepAlive)
    }

    /// Whether the other end has stopped answering: keep-alive probes went out and none was answered, or data went out again
    /// and again (the kernel waits twice as long each time, at first 200 ms or more). A single probe may be under way.
    #[must_use]
    pub fn is_half_open(&self) -> bool {
        let unanswered = |timer: Timer| match timer.kind {
            TimerKind::KeepAlive => timer.retransmits >= 2,
            TimerKind::Retransmit => timer.retransmits >= 4,
            TimerKind::TimeWait | TimerKind::ZeroWindow => false,
        };
        let alive = matches!(self.state, State::Established | State::CloseWait);
        alive && self.timer.is_some_and(unanswered)
    }

    /// Whether the other end has closed and the process here has not: a leak if it lasts.
    #[must_use]
    pub fn is_leaked(&self) -> bool {
        self.state == State::CloseWait
    }

    /// Whether the other end has closed its receive window, and sending waits for it.
    #[must_use]
    pub fn is_window_closed(&self) -> bool {
        self.timer
            .is_some_and(|timer| timer.kind == TimerKind::ZeroWindow)
    }

    /// Whether the addresses mean the same host whoever reads them: loopback addresses of another namespace do not.
    #[must_use]
    pub fn has_shared_addresses(&self) -> bool {
        self.namespace == Namespace::Own
            || !(self.local.address.is_loopback() || self.remote.address.is_loopback())
    }
}

/// A network namespace as seen from this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// The one this process runs in.
    #[default]
    Own,
    /// Another one, by its inode number, as `readlink /proc/PID/ns/net` prints it.
    Other(u64),
}

/// A TCP state (`include/net/tcp_states.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Open both ways.
    Established,
    /// A SYN went out.
    SynSent,
    /// A SYN came in; no process knows the connection yet.
    SynReceived,
    /// Closed here, the FIN is not acknowledged yet.
    FinWait1,
    /// Closed here, the other end not.
    FinWait2,
    /// Over; the ports are kept from reuse.
    TimeWait,
    /// Not in use.
    Close,
    /// The other end closed, the process here did not.
    CloseWait,
    /// Both closed, the last FIN is not acknowledged yet.
    LastAck,
    /// Waits for connections.
    Listen,
    /// Both closed at once.
    Closing,
}

impl State {
    /// From the kernel's number; 12 is `TCP_NEW_SYN_RECV`.
    pub(super) const fn from_kernel(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// The name, as `ss` prints it: `ESTAB`, `CLOSE-WAIT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTAB",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECV",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::Close => "UNCONN",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }

    /// Whether a process may still hold the connection.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Established | Self::CloseWait | Self::SynSent | Self::SynReceived
        )
    }
}

/// A timer that runs on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// Time until it fires.
    pub expires: Span,
    /// How often it fired without an answer.
    pub retransmits: u8,
}

/// What a timer is for (`idiag_timer`, `sock_diag(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// Data was not acknowledged and will be sent again.
    Retransmit,
    /// A keep-alive probe is due (in `FIN_WAIT_2`: the time-out of that state).
    KeepAlive,
    /// The end of `TIME_WAIT`.
    TimeWait,
    /// The other end's receive window is closed and will be probed.
    ZeroWindow,
}

impl TimerKind {
    /// From `idiag_timer` or the `tr` column of `/proc/net/tcp`.
    pub(super) const fn from_kernel(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Retransmit),
            2 => Some(Self::KeepAlive),
            3 => Some(Self::TimeWait),
            4 => Some(Self::ZeroWindow),
            _ => None,
        }
    }

    /// The name, as `ss` prints it but for the first.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retransmit => "retransmit",
            Self::KeepAlive => "keepalive",
            Self::TimeWait => "timewait",
            Self::ZeroWindow => "persist",
        }
    }
}

/// What moved on a connection since it was opened (`struct tcp_info`). `None` where the kernel is too old to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Smoothed round trip; zero before the first.
    pub rtt: Span,
    /// Least round trip.
    pub min_rtt: Option<Span>,
    /// Segments sent again, ever.
    pub retransmits: u32,
    /// Segments sent, of any kind.
    pub segments_out: Option<u32>,
    /// Segments received, of any kind.
    pub segments_in: Option<u32>,
    /// Segments with data sent; wraps.
    pub data_segments_out: Option<u32>,
    /// Segments with data received; wraps.
    pub data_segments_in: Option<u32>,
    /// Bytes acknowledged by the other end.
    pub bytes_out: Option<u64>,
    /// Bytes received.
    pub bytes_in: Option<u64>,
    /// Bytes that wait in the send buffer, not sent even once.
    pub not_sent: Option<u32>,
    /// Time that sending waited for the other end's receive window.
    pub window_limited: Option<Span>,
    /// The other end's receive window in bytes (Linux 5.4); zero: it reads too slowly.
    pub send_window: Option<u32>,
}

impl Traffic {
    /// Whether no data ever moved: not even a login. `None` where the kernel does not count.
    #[must_use]
    pub fn is_unused(&self) -> Option<bool> {
        Some(self.data_segments_out? == 0 && self.data_segments_in? == 0)
    }

    /// Whether since `earlier` segments moved, but none with data: keep-alive probes only.
    #[must_use]
    pub fn is_only_kept_alive_since(&self, earlier: &Self) -> bool {
        let moved = self.segments_out != earlier.segments_out || self.segments_in != earlier.segments_in;
        moved
            && self.data_segments_out.is_some()
            && self.data_segments_out == earlier.data_segments_out
            && self.data_segments_in == earlier.data_segments_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_move_segments_but_no_data() {
        let earlier = Traffic {
            segments_in: Some(10),
            segments_out: Some(10),
            data_segments_in: Some(3),
            data_segments_out: Some(3),
            ..Traffic::default()
        };
        let probed = Traffic {
            segments_in: Some(11),
            segments_out: Some(11),
            ..earlier
        };
        let worked = Traffic {
            data_segments_in: Some(4),
            ..probed
        };
        assert!(probed.is_only_kept_alive_since(&earlier));
        assert!(!worked.is_only_kept_alive_since(&earlier));
        assert!(!earlier.is_only_kept_alive_since(&earlier));
    }
}
