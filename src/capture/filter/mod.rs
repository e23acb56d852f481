//! A classic BPF program that lets only the targets' traffic into the ring, so that the rest costs next to nothing.
//!
//! In meaning it is tcpdump's `tcp port N or (host A and tcp port M) or ...`, and beyond that it looks behind inline VLAN
//! tags, IPv6 extension headers and the authentication header. Where it can't tell, it keeps: a TCP fragment other than the first
//! has no ports and is kept if a target goes by port alone or by one of its addresses (it is then counted as not decoded, rather than
//! missing unsaid); so is a packet with more tags or extension headers than are looked behind.

mod assembler;
mod program;

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

pub use assembler::Instruction;
pub(super) use program::nothing;
pub use program::{program, shard_program};

/// Traffic to watch: what goes to or comes from here. TCP is meant in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The host; any where there is none.
    pub address: Option<IpAddr>,
    /// The port; any where there is none.
    pub port: Option<u16>,
}

impl Target {
    /// A port of any host.
    #[must_use]
    pub const fn port(port: u16) -> Self {
        Self {
            address: None,
            port: Some(port),
        }
    }
}

/// How the frames begin that a filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// With an Ethernet header: Ethernet-like interfaces and loopback.
    Ethernet,
    /// With anything else: the kernel knows where the network header is.
    Network,
    /// With either, told by the interface's hardware type: a socket on all interfaces. Drops what loopback sends, which
    /// is seen again as it is received.
    Any,
}
