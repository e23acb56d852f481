//! The network interfaces of this host.

use std::collections::BTreeMap;

use nix::net::if_::{InterfaceFlags, if_indextoname, if_nametoindex};

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name (`eth0`).
    pub name: String,
    /// Its number in this network namespace; never used twice while the host is up.
    pub index: u32,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is loopback.
    pub loopback: bool,
}

/// All interfaces of this network namespace, in the order of their numbers.
///
/// # Errors
/// The system does not list them (no netlink in a sandbox).
pub fn interfaces() -> std::io::Result<Vec<Interface>> {
    let mut found = BTreeMap::new();
    for address in nix::ifaddrs::getifaddrs()? {
        let Ok(index) = if_nametoindex(address.interface_name.as_str()) else {
            continue;
        };
        found.entry(index).or_insert_with(|| Interface {
            name: address.interface_name,
            index,
            up: address.flags.contains(InterfaceFlags::IFF_UP),
            loopback: address.flags.contains(InterfaceFlags::IFF_LOOPBACK),
        });
    }
    Ok(found.into_values().collect())
}

/// The name of the interface with this number; `None` where it is gone.
pub(super) fn name(index: u32) -> Option<String> {
    let name = if_indextoname(index).ok()?.to_string_lossy().into_owned();
    // nix 0.31 gives an empty name rather than the error.
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_and_named() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|it| it.loopback).unwrap();
        assert_eq!(name(loopback.index).as_ref(), Some(&loopback.name));
        assert_eq!(name(u32::MAX >> 1), None);
    }
}
