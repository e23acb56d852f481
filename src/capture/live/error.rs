//! Why nothing can be watched.

use std::path::PathBuf;

use nix::errno::Errno;

use super::ANY;
use crate::capture::ring::RingError;

/// Why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// `CAP_NET_RAW` is missing.
    #[error("capturing is not permitted; run as root, or grant it once: sudo setcap cap_net_raw+ep {}", .program.display())]
    NotPermitted {
        /// The running program.
        program: PathBuf,
    },
    /// A name that no interface has.
    #[error("no interface is called {name}; there are: {}, {ANY}", .there.join(", "))]
    NoSuchInterface {
        /// As asked for.
        name: String,
        /// Those that are here.
        there: Vec<String>,
    },
    /// All that was asked for is down.
    #[error("no interface to watch is up; bring one up: sudo ip link set {} up", .names.first().map_or("NAME", String::as_str))]
    AllDown {
        /// Those that would be watched.
        names: Vec<String>,
    },
    /// Every interface that was watched is gone.
    #[error("every interface that was watched is gone")]
    AllGone,
    /// The system does not list its interfaces.
    #[error(
        "listing the interfaces: {0} (netlink sockets are closed to this service: RestrictAddressFamilies must allow AF_NETLINK)"
    )]
    NoList(#[source] std::io::Error),
    /// The kernel refused something else.
    #[error("{interface}: {doing}: {source}{}", hint(.source))]
    System {
        /// Which interface.
        interface: String,
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
}

fn hint(source: &std::io::Error) -> &'static str {
    match source.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOMEM) => " (a smaller ring or fewer interfaces would fit)",
        Some(Errno::EAFNOSUPPORT) => {
            " (packet sockets are closed to this service: RestrictAddressFamilies must allow AF_PACKET)"
        }
        Some(Errno::EINVAL) => " (blocks must be a multiple of the page size)",
        _ => "",
    }
}

pub(super) fn explain(interface: &str, error: &RingError) -> LiveError {
    if error.errno == Errno::EPERM {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("sockhound"));
        return LiveError::NotPermitted { program };
    }
    LiveError::System {
        interface: interface.to_owned(),
        doing: error.doing,
        source: error.errno.into(),
    }
}
