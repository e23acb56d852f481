//! What network interfaces do to frames before anybody sees them (`include/uapi/linux/ethtool.h`).

#![allow(unsafe_code)]

use std::os::fd::AsRawFd as _;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETH_FLAG_LRO: u32 = 1 << 15;

/// Whether the interface itself merges segments (large receive offload): merged ones share one time stamp. `None` where it does not
/// say. The kernel's own merging (GRO) stamps the first segment as well, but ends it at every push.
#[must_use]
pub fn merges_segments(interface: &str) -> Option<bool> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .ok()?;
    let mut value = Value {
        command: ETHTOOL_GFLAGS,
        data: 0,
    };
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_data: (&raw mut value).cast(),
        },
    };
    if interface.len() >= libc::IFNAMSIZ {
        return None;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: SIOCETHTOOL reads a `struct ifreq`, whose name is ended by a zero (it is shorter than the array) and whose data
    // points to a `struct ethtool_value`; the kernel writes that alone. Both outlive the call.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    (outcome == 0).then_some(value.data & ETH_FLAG_LRO != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_merges_nothing_and_what_is_not_there_says_nothing() {
        assert_eq!(merges_segments("lo"), Some(false));
        assert_eq!(merges_segments("no-such-if"), None);
        assert_eq!(merges_segments("a-name-that-is-far-too-long"), None);
    }
}
