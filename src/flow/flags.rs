//! A connection's TCP state in sixteen bits.

use super::Side;

/// What has been seen of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State(u16);

impl State {
    /// The client is the first end of the key.
    pub(super) const CLIENT_FIRST: Self = Self(1);
    /// Gone; kept for a while so that its last segments open no phantom.
    pub(super) const CLOSED: Self = Self(1 << 1);
    /// The handshake is under way.
    pub(super) const HANDSHAKE: Self = Self(1 << 2);

    /// The kernel of this host knows it.
    pub(super) const IN_KERNEL: Self = Self(1 << 3);

    /// The next sequence number of `side` is known.
    pub(super) const fn known(side: Side) -> Self {
        Self(1 << (4 + side.index()))
    }

    /// `side` has sent bytes that were seen.
    pub(super) const fn spoken(side: Side) -> Self {
        Self(1 << (6 + side.index()))
    }

    /// `side` has said FIN.
    pub(super) const fn finished(side: Side) -> Self {
        Self(1 << (8 + side.index()))
    }

    /// `side`'s receive window is closed.
    pub(super) const fn zero_window(side: Side) -> Self {
        Self(1 << (10 + side.index()))
    }

    pub(super) const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(super) fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}
