//! The name of a connection in twelve bytes, whichever way a segment goes.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;

use crate::packet::{Endpoint, Segment};

/// Both ends of a connection, the lower first, so that both directions have one key. An IPv6 host is its number in
/// [`Hosts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    hosts: [u32; 2],
    ports: [u16; 2],
    ipv6: bool,
}

impl Key {
    /// The key of a segment's connection, and whether its sender is the first of the two ends.
    #[inline]
    pub(super) fn of(segment: &Segment<'_>, hosts: &mut Hosts) -> (Self, bool) {
        Self::between(segment.source, segment.destination, hosts)
    }

    /// The key of the connection between two ends, and whether `source` is the first of them.
    #[inline]
    pub(super) fn between(source: Endpoint, destination: Endpoint, hosts: &mut Hosts) -> (Self, bool) {
        let (from, to, ipv6) = match (source.address, destination.address) {
            (IpAddr::V4(from), IpAddr::V4(to)) => (from.to_bits(), to.to_bits(), false),
            (from, to) => (hosts.number(from), hosts.number(to), true),
        };
        if (from, source.port) <= (to, destination.port) {
            (
                Self {
                    hosts: [from, to],
                    ports: [source.port, destination.port],
                    ipv6,
                },
                true,
            )
        } else {
            (
                Self {
                    hosts: [to, from],
                    ports: [destination.port, source.port],
                    ipv6,
                },
                false,
            )
        }
    }

    /// A hash for the index.
    pub(super) fn hash(&self, state: &foldhash::fast::RandomState) -> u64 {
        let mut hasher = state.build_hasher();
        hasher.write_u64(u64::from(self.hosts[0]) << 32 | u64::from(self.hosts[1]));
        hasher
            .write_u64(u64::from(self.ports[0]) << 17 | u64::from(self.ports[1]) << 1 | u64::from(self.ipv6));
        hasher.finish()
    }

    /// The ports of both ends.
    pub(super) const fn ports(&self) -> [u16; 2] {
        self.ports
    }

    /// The first or the second end.
    pub(super) fn end(&self, second: bool, hosts: &Hosts) -> Endpoint {
        let index = usize::from(second);
        let address = if self.ipv6 {
            hosts.address(self.hosts[index])
        } else {
            Ipv4Addr::from_bits(self.hosts[index]).into()
        };
        Endpoint::new(address, self.ports[index])
    }

    /// Whether its hosts are of IPv6.
    pub(super) const fn is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// The numbers of its hosts, where they are of IPv6.
    pub(super) fn ipv6_hosts(&self) -> Option<[u32; 2]> {
        self.ipv6.then_some(self.hosts)
    }
}

/// IPv6 hosts by number: a connection's record keeps four bytes of each instead of sixteen.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    numbers: HashMap<IpAddr, u32, foldhash::fast::RandomState>,
    addresses: Vec<Option<IpAddr>>,
    free: Vec<u32>,
    /// How many were left when those not used went.
    left: usize,
}

impl Hosts {
    /// Whether there are twice as many as when those not used went.
    pub(super) fn have_doubled(&self) -> bool {
        const FEW: usize = 512;
        self.numbers.len() >= 2 * self.left.max(FEW)
    }

    /// Frees every number that `used` does not hold.
    pub(super) fn retain(&mut self, used: impl Fn(u32) -> bool) {
        let (addresses, free) = (&mut self.addresses, &mut self.free);
        self.numbers.retain(|_, &mut number| {
            let keep = used(number);
            if !keep {
                addresses[number as usize] = None;
                free.push(number);
            }
            keep
        });
        self.left = self.numbers.len();
    }

    fn number(&mut self, address: IpAddr) -> u32 {
        let (addresses, free) = (&mut self.addresses, &mut self.free);
        *self.numbers.entry(address).or_insert_with(|| {
            if let Some(number) = free.pop() {
                addresses[number as usize] = Some(address);
                return number;
            }
            addresses.push(Some(address));
            addresses.len() as u32 - 1
        })
    }

    fn address(&self, number: u32) -> IpAddr {
        let known = self.addresses.get(number as usize).copied().flatten();
        known.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }
}
