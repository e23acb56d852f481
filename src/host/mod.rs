//! The kernel's side: which sockets there are, who holds them, and what this process may still do.
//!
//! ```text
//!  collector   one inventory after the other, of all namespaces, with owners
//!  inventory   every TCP socket of some ports, with what could not be learnt
//!    sock_diag   from netlink, filtered in the kernel (port_filter, tcp_info, netlink)
//!    proc_net    from /proc/net/tcp where netlink says no
//!    netns       other network namespaces
//!  owners      socket -> process, unit, container, pod
//!    proc        /proc/PID
//!    cgroup      cgroup id -> path
//!    identity    path -> unit, container, pod
//! ```
//!
//! This module is a leaf: it knows the clock and [`Endpoint`](crate::packet::Endpoint), and nothing of captures.
//! Here alone the wall clock is read, because the kernel tells idle times as ages.

pub mod collector;
pub mod huge;
pub mod identity;
pub mod inventory;
pub mod netns;
pub mod notify;
pub mod offloads;
pub mod owners;
pub mod permits;
pub mod port_filter;
pub mod proc_net;
pub mod sandbox;
pub mod sock_diag;
pub mod socket;

mod bytes;
mod cgroup;
mod netlink;
mod proc;
mod tcp_info;
mod wall;

pub use collector::Collector;
pub use identity::{Container, Identity};
pub use inventory::{Inventory, Missing, Query};
pub use notify::Notifier;
pub use owners::{Owner, Owners};
pub use port_filter::PortFilter;
pub use socket::{Namespace, Socket, State, Timer, TimerKind, Traffic};
pub use wall::{now, set_by};

/// Bytes of memory that this host has; 0 where it does not say.
#[must_use]
pub fn memory() -> u64 {
    nix::sys::sysinfo::sysinfo().map_or(0, |known| known.ram_total())
}

/// The name of this host.
#[must_use]
pub fn name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}
