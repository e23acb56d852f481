//! One connection's record: 56 bytes, since there may be a million of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::identity::IdentityId;
use super::pool::PoolId;
use crate::clock::{Span, Timestamp};
use crate::exchange::{ConnectionId, Exchange, StatementId};
use crate::packet::Endpoint;
use crate::protocol::Side;
use crate::summary::ConnectionState;

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

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// First seen; for a connection that was open before the watch, when the watch began.
    pub opened: Timestamp,
    /// Held: since when it does what it does now. Not held: end of the last useful work, else `opened`, or earlier
    /// where the kernel knows better.
    pub mark: Timestamp,
    /// Nanoseconds held up to `mark`.
    in_use: u64,
    /// Low half of the count of exchanges; the high half is in the [`Extra`].
    pub exchanges: u32,
    /// Validations among them.
    pub validations: u32,
    /// Keep-alive probes.
    pub probes: u32,
    /// An IPv4 address; an IPv6 address is in the [`Extra`].
    address: u32,
    connect: Brief,
    login: Brief,
    port: u16,
    /// What is known.
    pub traits: Traits,
    /// Which pool it belongs to.
    pub pool: PoolId,
    /// Who uses it.
    pub identity: IdentityId,
}

/// A span up to 4.29 s; longer ones are in the [`Extra`]. Zero is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Brief(u32);

/// What few connections have.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    exchanges_high: u32,
    address: Option<IpAddr>,
    connect: Option<Span>,
    login: Option<Span>,
    /// One round trip, the last one measured.
    pub round_trip: Option<Span>,
    /// Segments sent again.
    pub retransmits: u32,
    /// When each side's window was closed.
    pub window_closed: [Option<Timestamp>; 2],
    /// The last statement of a transaction that has gone silent.
    pub last_statement: Option<StatementId>,
    /// When the open transaction began.
    pub transaction: Option<Timestamp>,
    /// When the first side closed.
    pub half_closed: Option<Timestamp>,
}

/// The connections by id, and the extras of those that have any.
#[derive(Debug, Default)]
pub struct Lives {
    slots: Vec<Life>,
    extras: HashMap<u32, Extra, foldhash::fast::FixedState>,
    open: usize,
}

impl Life {
    const VACANT: Self = Self {
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
    const LONG: Self = Self(u32::MAX);

    fn new(span: Span) -> Self {
        u32::try_from(span.nanos().max(1)).map_or(Self::LONG, Self)
    }

    fn span(self) -> Option<Span> {
        (self.0 > 0).then(|| Span::from_nanos(i64::from(self.0)))
    }
}

impl Lives {
    /// Begins one; whatever was in the slot is gone.
    pub fn begin(
        &mut self,
        id: ConnectionId,
        client: Endpoint,
        opened: Timestamp,
        traits: Traits,
    ) -> &mut Life {
        let index = id.0 as usize;
        if index >= self.slots.len() {
            self.slots.resize(index + 1, Life::VACANT);
        }
        self.end(id);
        self.open += 1;
        let (address, wide) = match client.address {
            IpAddr::V4(address) => (u32::from(address), None),
            address @ IpAddr::V6(_) => (0, Some(address)),
        };
        self.slots[index] = Life {
            opened,
            mark: opened,
            address,
            port: client.port,
            traits: traits.with(Traits::PRESENT),
            ..Life::VACANT
        };
        if wide.is_some() {
            self.extra_mut(id).address = wide;
        }
        &mut self.slots[index]
    }

    /// Ends one, and tells what it was.
    pub fn end(&mut self, id: ConnectionId) -> Option<(Life, Extra)> {
        let life = *self.of(id)?;
        self.slots[id.0 as usize] = Life::VACANT;
        self.open -= 1;
        Some((life, self.extras.remove(&id.0).unwrap_or_default()))
    }

    /// The open one with this id.
    #[must_use]
    pub fn of(&self, id: ConnectionId) -> Option<&Life> {
        self.slots
            .get(id.0 as usize)
            .filter(|life| life.traits.has(Traits::PRESENT))
    }

    /// The open one with this id.
    pub fn of_mut(&mut self, id: ConnectionId) -> Option<&mut Life> {
        self.slots
            .get_mut(id.0 as usize)
            .filter(|life| life.traits.has(Traits::PRESENT))
    }

    /// What is rare about it.
    #[must_use]
    pub fn extra(&self, id: ConnectionId) -> Option<&Extra> {
        self.of(id)
            .filter(|life| life.traits.has(Traits::EXTRA))
            .and_then(|_| self.extras.get(&id.0))
    }

    /// What is rare about it, to be changed. Only for ids of open connections: others would never be forgotten.
    pub fn extra_mut(&mut self, id: ConnectionId) -> &mut Extra {
        if let Some(life) = self.of_mut(id) {
            life.traits = life.traits.with(Traits::EXTRA);
        }
        self.extras.entry(id.0).or_default()
    }

    /// All that are open, by rising id.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Life)> {
        let slots = (0..).zip(&self.slots);
        slots
            .filter(|(_, life)| life.traits.has(Traits::PRESENT))
            .map(|(id, life)| (ConnectionId(id), life))
    }

    /// How many are open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }

    /// Counts an exchange.
    pub fn count_exchange(&mut self, id: ConnectionId) {
        let Some(life) = self.of_mut(id) else { return };
        life.exchanges = life.exchanges.wrapping_add(1);
        if life.exchanges == 0 {
            self.extra_mut(id).exchanges_high += 1;
        }
    }

    /// Notes how long connecting took.
    pub fn connected(&mut self, id: ConnectionId, took: Span) {
        let brief = Brief::new(took);
        if let Some(life) = self.of_mut(id) {
            life.connect = brief;
            if brief == Brief::LONG {
                self.extra_mut(id).connect = Some(took);
            }
        }
    }

    /// Notes how long logging in took.
    pub fn logged_in(&mut self, id: ConnectionId, took: Span) {
        let brief = Brief::new(took);
        if let Some(life) = self.of_mut(id) {
            life.login = brief;
            if brief == Brief::LONG {
                self.extra_mut(id).login = Some(took);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lives() -> Lives {
        let mut lives = Lives::default();
        let client = Endpoint::new("10.0.0.9".parse().unwrap(), 41_234);
        lives.begin(
            ConnectionId(3),
            client,
            Timestamp::from_nanos(5),
            Traits::FROM_SYN,
        );
        lives
    }

    fn whole(lives: &Lives) -> Whole<'_> {
        Whole {
            life: lives.of(ConnectionId(3)).unwrap(),
            extra: lives.extra(ConnectionId(3)),
        }
    }

    #[test]
    fn a_record_is_small() {
        assert_eq!(size_of::<Life>(), 56);
    }

    #[test]
    fn slots_without_a_connection_are_nothing() {
        let mut lives = lives();
        assert!(lives.of(ConnectionId(0)).is_none() && lives.of(ConnectionId(9)).is_none());
        assert_eq!((lives.open(), lives.iter().count()), (1, 1));
        assert!(lives.end(ConnectionId(3)).is_some() && lives.end(ConnectionId(3)).is_none());
        assert_eq!(lives.open(), 0);
    }

    #[test]
    fn both_kinds_of_addresses_are_kept() {
        let mut lives = lives();
        assert_eq!(whole(&lives).client().to_string(), "10.0.0.9:41234");
        assert!(lives.extra(ConnectionId(3)).is_none(), "IPv4 costs no extra");
        let client = Endpoint::new("2001:db8::1".parse().unwrap(), 1);
        lives.begin(ConnectionId(3), client, Timestamp::from_nanos(5), Traits::NONE);
        assert_eq!(whole(&lives).client(), client);
    }

    #[test]
    fn long_spans_and_many_exchanges_overflow_into_the_extra() {
        let mut lives = lives();
        lives.connected(ConnectionId(3), Span::from_nanos(150_001));
        lives.logged_in(ConnectionId(3), Span::from_secs(7));
        lives.of_mut(ConnectionId(3)).unwrap().exchanges = u32::MAX;
        lives.count_exchange(ConnectionId(3));
        let whole = whole(&lives);
        assert_eq!(whole.connect(), Some(Span::from_nanos(150_001)));
        assert_eq!(whole.login(), Some(Span::from_secs(7)));
        assert_eq!(whole.exchanges(), 1 << 32);
    }
}
