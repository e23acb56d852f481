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

    /// A handshake, an end, or a hole: not all that is kept besides the next numbers is empty.
    pub(super) const UNSETTLED: Self = Self(1 << 12);

    /// Nothing goes on: its conversation is [`Rested`](super::Rested).
    pub(super) const RESTING: Self = Self(1 << 13);

    /// In the queue of those that keep bytes until more come, or did.
    pub(super) const STALLED: Self = Self(1 << 14);

    /// Both next numbers are known, the conversation is awake, and nothing is out of the ordinary.
    #[inline]
    pub(super) const fn is_settled(self) -> bool {
        const KNOWN: u16 = State::known(Side::Client).0 | State::known(Side::Server).0;
        const UNUSUAL: u16 = State::CLOSED.0
            | State::HANDSHAKE.0
            | State::UNSETTLED.0
            | State::RESTING.0
            | State::finished(Side::Client).0
            | State::finished(Side::Server).0
            | State::zero_window(Side::Client).0
            | State::zero_window(Side::Server).0;
        self.0 & (KNOWN | UNUSUAL) == KNOWN
    }

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
