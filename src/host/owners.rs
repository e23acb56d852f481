//! Who holds a socket: process, unit, container, pod.

use crate::clock::Timestamp;

use super::identity::Identity;

/// Who holds a socket. Sockets of one holder share one `Owner`, also from one inventory to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The processes that hold it: more than one where a process forked while the connection was open. In rising
    /// order; empty where only the cgroup is known.
    pub pids: Vec<u32>,
    /// The name of the first of them (`/proc/PID/comm`, at most 15 characters).
    pub command: Option<String>,
    /// When the first of them started, by the wall clock.
    pub start: Option<Timestamp>,
    /// What its cgroup says it belongs to.
    pub identity: Identity,
}
