//! One connection's record: 56 bytes, since there may be a million of them.

use std::net::{IpAddr, Ipv4Addr};

use super::identity::IdentityId;
use super::pool::PoolId;
pub use super::traits::Traits;
use crate::clock::{Span, Timestamp};
use crate::exchange::{Exchange, StatementId};
use crate::packet::Endpoint;
use crate::protocol::Side;
use crate::summary::ConnectionState;

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// First seen; for a connection that was open before the watch, when the watch began.
    pub opened: Timestamp,
    /// Held: since when it does what it does now. Not held: end of the last useful work, else `opened`, or earlier
    /// where the kernel knows better.
    pub mark: Timestamp,
    /// Nanoseconds held up to `mark`.
    pub(super) in_use: u64,
    /// Low half of the count of exchanges; the high half is in the [`Extra`].
    pub exchanges: u32,
    /// Validations among them.
    pub validations: u32,
    /// Keep-alive probes.
    pub probes: u32,
    /// An IPv4 address; an IPv6 address is in the [`Extra`].
    pub(super) address: u32,
    pub(super) connect: Brief,
    pub(super) login: Brief,
    pub(super) port: u16,
    /// What is known.
    pub traits: Traits,
    /// Which pool it belongs to.
    pub pool: PoolId,
    /// Who uses it.
    pub identity: IdentityId,
}

/// A span up to 4.29 s; longer ones are in the [`Extra`], and unknown without it. Zero is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brief(u32);

/// What few connections have.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    pub(super) exchanges_high: u32,
    pub(super) address: Option<IpAddr>,
    pub(super) connect: Option<Span>,
    pub(super) login: Option<Span>,
    /// One round trip, the last one measured.
    pub round_trip: Option<Span>,
    /// Segments sent again.
    pub retransmits: u32,
    /// When each side's window was closed.
    pub window_closed: [Option<Timestamp>; 2],
    /// For how long closed windows have held up what is in flight, by whose window it was.
    pub held_up: [Span; 2],
    /// The kernel moved data on it that the watch did not see.
    pub unseen: bool,
    /// The last statement of a transaction that has gone silent.
    pub last_statement: Option<StatementId>,
    /// When the open transaction began.
    pub transaction: Option<Timestamp>,
    /// When the first side closed.
    pub half_closed: Option<Timestamp>,
}

impl Life {
    pub(super) const VACANT: Self = Self {
        opened: Timestamp::MAX,
        mark: Timestamp::MAX,
        in_use: 0,
        exchanges: 0,
        validations: 0,
        probes: 0,
        address: 0,
        connect: Brief(0),
        login: Brief(0),
        port: 0,
        traits: Traits::NONE,
        pool: PoolId(0),
        identity: IdentityId::UNKNOWN,
    };

    /// Whether a request is in flight or a transaction is open, or it is at work by its nature.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.traits.has(Traits::HELD)
    }

    /// Whether it waits for its client to go on inside a transaction.
    #[must_use]
    pub const fn is_idle_in_transaction(&self) -> bool {
        self.traits.has(Traits::TRANSACTION) && !self.traits.has(Traits::BUSY.with(Traits::VALIDATING))
    }

    /// Whether a transaction is open.
    #[must_use]
    pub const fn is_in_transaction(&self) -> bool {
        self.traits.has(Traits::TRANSACTION)
    }

    /// Whether a useful request is in flight.
    #[must_use]
    pub const fn is_in_flight(&self) -> bool {
        self.traits.has(Traits::BUSY)
    }

    /// Whether its TCP handshake was seen to end.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connect != Brief::default()
    }

    /// Whether it is at work by its nature.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        self.traits.has(Traits::PINNED)
    }

    /// Whether it was opened during the watch.
    #[must_use]
    pub const fn is_from_syn(&self) -> bool {
        self.traits.has(Traits::FROM_SYN)
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.traits.has(Traits::TLS)
    }

    /// What it is doing.
    #[must_use]
    pub const fn state(&self) -> ConnectionState {
        let traits = self.traits;
        if traits.has(Traits::BUSY) {
            ConnectionState::InUse
        } else if self.is_idle_in_transaction() {
            ConnectionState::IdleInTransaction
        } else if traits.has(Traits::TRANSACTION) {
            ConnectionState::InUse
        } else if traits.has(Traits::HALF_OPEN) {
            ConnectionState::HalfOpen
        } else if traits.has(Traits::PINNED) {
            ConnectionState::InUse
        } else if traits.has(Traits::HANDSHAKE) {
            ConnectionState::Handshake
        } else {
            ConnectionState::Idle
        }
    }

    /// For how long it was held, up to `now`.
    #[must_use]
    pub fn in_use(&self, now: Timestamp) -> Span {
        let more = if self.is_held() {
            now.since(self.mark)
        } else {
            Span::ZERO
        };
        Span::from_nanos(i64::try_from(self.in_use).unwrap_or(i64::MAX)) + more
    }

    /// Since its last useful work; zero while a request is in flight; in a transaction since the last reply.
    #[must_use]
    pub fn idle(&self, now: Timestamp) -> Span {
        match self.state() {
            ConnectionState::InUse => Span::ZERO,
            _ => now.since(self.mark),
        }
    }

    /// A useful exchange ended: an idle connection was at work up to its end; one in flight has made progress.
    pub fn worked(&mut self, at: Timestamp, exchange: &Exchange) {
        self.traits = self.traits.with(Traits::USED);
        if self.traits.has(Traits::BUSY) {
            self.accrue(at);
        } else if !self.is_held() {
            let end = exchange.reply.map_or(exchange.request_end, |reply| reply.end);
            if end > self.mark {
                self.mark = end;
                self.traits = self.traits.without(Traits::VALIDATED.with(Traits::PROBED));
            }
        }
    }

    /// Whether requests on it could be read by others on the way: not encrypted, and between two hosts.
    #[must_use]
    pub fn is_clear_text(&self, server: IpAddr) -> bool {
        self.traits.has(Traits::READ) && !self.traits.has(Traits::TLS) && !server.is_loopback()
    }

    /// Counts the time held up to `at`, and goes on from there.
    pub fn accrue(&mut self, at: Timestamp) -> Span {
        let spent = at.since(self.mark);
        self.in_use += spent.nanos().unsigned_abs();
        self.mark = self.mark.max(at);
        spent
    }
}

impl Brief {
    pub(super) const LONG: Self = Self(u32::MAX);

    pub(super) fn new(span: Span) -> Self {
        u32::try_from(span.nanos().max(1)).map_or(Self::LONG, Self)
    }

    fn span(self) -> Option<Span> {
        (self.0 > 0 && self != Self::LONG).then(|| Span::from_nanos(i64::from(self.0)))
    }
}

/// A life with what is rare about it: reads what is kept in two places.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// The record.
    pub life: &'a Life,
    /// What is rare.
    pub extra: Option<&'a Extra>,
}

impl Whole<'_> {
    /// The application's end.
    #[must_use]
    pub fn client(&self) -> Endpoint {
        let wide = self.extra.and_then(|extra| extra.address);
        Endpoint::new(
            wide.unwrap_or(IpAddr::V4(Ipv4Addr::from(self.life.address))),
            self.life.port,
        )
    }

    /// Exchanges on it.
    #[must_use]
    pub fn exchanges(&self) -> u64 {
        let high = self.extra.map_or(0, |extra| extra.exchanges_high);
        u64::from(high) << 32 | u64::from(self.life.exchanges)
    }

    /// SYN to ACK.
    #[must_use]
    pub fn connect(&self) -> Option<Span> {
        self.extra
            .and_then(|extra| extra.connect)
            .or(self.life.connect.span())
    }

    /// First byte of the login to its end.
    #[must_use]
    pub fn login(&self) -> Option<Span> {
        self.extra
            .and_then(|extra| extra.login)
            .or(self.life.login.span())
    }
}

/// What opening a connection took: the TCP handshake and the login.
pub type Opening = (Span, Span);

impl Whole<'_> {
    /// What opening it took, as far as was seen.
    #[must_use]
    pub fn opening(&self) -> Opening {
        (
            self.connect().unwrap_or_default(),
            self.login().unwrap_or_default(),
        )
    }
}

/// The index of a side in [`Extra::window_closed`].
#[must_use]
pub const fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}
