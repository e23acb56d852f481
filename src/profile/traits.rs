//! What a connection is doing, in sixteen bits.

/// What a connection is doing, and what is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u16);

impl Traits {
    /// No trait.
    pub const NONE: Self = Self(0);
    /// The slot holds a connection.
    pub const PRESENT: Self = Self(1);
    /// A useful request is in flight.
    pub const BUSY: Self = Self(1 << 1);
    /// Only a validation is in flight.
    pub const VALIDATING: Self = Self(1 << 2);
    /// A transaction is open.
    pub const TRANSACTION: Self = Self(1 << 3);
    /// At work by its nature.
    pub const PINNED: Self = Self(1 << 4);
    /// Encrypted.
    pub const TLS: Self = Self(1 << 5);
    /// Its SYN was seen.
    pub const FROM_SYN: Self = Self(1 << 6);
    /// Connecting or logging in.
    pub const HANDSHAKE: Self = Self(1 << 7);
    /// The other side does not answer any more, as the kernel says.
    pub const DEAD_PEER: Self = Self(1 << 8);
    /// The client has said FIN, the server not yet.
    pub const CLIENT_CLOSED: Self = Self(1 << 9);
    /// The server has said FIN, the client not yet.
    pub const SERVER_CLOSED: Self = Self(1 << 10);
    /// A validation came since the last useful work.
    pub const VALIDATED: Self = Self(1 << 11);
    /// A keep-alive probe came since anything else.
    pub const PROBED: Self = Self(1 << 12);
    /// A useful request was seen.
    pub const USED: Self = Self(1 << 13);
    /// There is an [`Extra`].
    pub const EXTRA: Self = Self(1 << 14);
    /// A request on it could be read.
    pub const READ: Self = Self(1 << 15);
    /// Any of what makes a connection held.
    pub const HELD: Self = Self(Self::BUSY.0 | Self::TRANSACTION.0 | Self::PINNED.0);
    /// Either side closed, or the peer gone.
    pub const HALF_OPEN: Self = Self(Self::DEAD_PEER.0 | Self::CLIENT_CLOSED.0 | Self::SERVER_CLOSED.0);

    /// Whether any of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// With `other` set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Only those of `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// With `other` cleared.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
