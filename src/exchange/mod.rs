//! Requests paired with their replies, and what a connection goes through: the only input of
//! [`profile`](crate::profile).

mod alike;
mod asides;
mod conversation;
pub mod fingerprint;
mod in_flight;
mod open;
mod pairing;
mod prepared;
mod rest;
pub mod statements;
pub mod tracker;
mod validation;

use crate::clock::{Span, Timestamp};
pub use crate::flow::{Close, ConnectionId};
use crate::packet::Endpoint;
use crate::protocol::{ErrorCode, Session, Side, System, Transaction, Verb};

/// A statement's slot in [`statements`]; stays valid for the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementId(pub u32);

/// One request and its reply, with times from the capture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// The statement's fingerprint, where its text is known.
    pub statement: Option<StatementId>,
    /// What kind of request.
    pub verb: Verb,
    /// First byte of the request.
    pub start: Timestamp,
    /// Last byte of the request.
    pub request_end: Timestamp,
    /// First and last byte of the reply; `None` where it went unanswered or in doubt.
    pub reply: Option<Reply>,
    /// Bytes of the request, framing included; uncompressed.
    pub request_bytes: u64,
    /// Bytes of the reply, framing included; uncompressed.
    pub reply_bytes: u64,
    /// Rows returned or affected, where the protocol says.
    pub rows: Option<u64>,
    /// How it ended.
    pub outcome: Ending,
    /// Began inside an open transaction.
    pub in_transaction: bool,
    /// A liveness check: no useful work.
    pub validation: bool,
    /// Waits by design.
    pub waiting: bool,
    /// A turn of TLS or of an unknown protocol.
    pub opaque: bool,
    /// Why its numbers are not to be trusted; it stays out of every distribution.
    pub doubt: Option<Doubt>,
}

/// When a reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// First byte.
    pub start: Timestamp,
    /// Last byte.
    pub end: Timestamp,
}

impl Exchange {
    /// Last byte of the request to first byte of the reply; zero where the reply began first.
    #[must_use]
    pub fn latency(&self) -> Option<Span> {
        self.reply.map(|reply| reply.start.since(self.request_end))
    }

    /// First byte of the request to last byte of the reply.
    #[must_use]
    pub fn duration(&self) -> Option<Span> {
        self.reply.map(|reply| reply.end.since(self.start))
    }

    /// Whether it belongs in the distributions: answered, useful, not waiting by design, not doubtful.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.reply.is_some() && !self.validation && !self.waiting && self.doubt.is_none()
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Answered.
    Ok,
    /// Answered with an error.
    Error(ErrorCode),
    /// The connection closed, or the watch ended, before the reply.
    Unanswered,
}

/// Why an exchange's numbers are not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Bytes of it were not captured.
    Loss,
    /// The connection was joined in its middle and what is in flight can't be told yet.
    JoinedLate,
    /// A reply whose request was not seen.
    Unmatched,
}

impl Doubt {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::JoinedLate => "joined_late",
            Self::Unmatched => "unmatched",
        }
    }
}

/// What happens to one connection, in time order. Each comes with the connection's id and a time.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// First seen, from whatever packet.
    Opened {
        /// The application's end.
        client: Endpoint,
        /// The database's end.
        server: Endpoint,
        /// What is spoken, as far as the port tells; see [`Event::System`].
        system: System,
        /// Whether its SYN was seen; if not, it was open before the watch.
        from_syn: bool,
    },
    /// The protocol turned out to be this one.
    System(System),
    /// TLS from here on.
    Tls,
    /// The TCP handshake is complete.
    Connected {
        /// SYN to the ACK that completes it: one network round trip, and the connection's `connect_seconds`.
        total: Span,
        /// SYN to SYN-ACK as seen here: near zero when watched beside the server, near `total` beside the client.
        server_part: Span,
    },
    /// First byte of the login to the message that ends it.
    LoggedIn(Span),
    /// The server refused the login.
    LoginFailed(ErrorCode),
    /// User, database or application learnt.
    Identified(Session<'a>),
    /// A request began while none was in flight.
    Busy {
        /// It is a liveness check and makes no demand. A useful request that joins it later comes as a further `Busy`.
        validation: bool,
    },
    /// Nothing is in flight any more, or it rests in something else; after an exchange, [`Event::Exchanged`] tells it.
    Rest {
        /// What the connection rests in.
        transaction: Transaction,
    },
    /// At work by its nature though silent (LISTEN, SUBSCRIBE, replication), or no longer.
    Pinned(bool),
    /// Exchanges in a row are over that differ in nothing, most often one. Where [`Observer::tells_bytes`] is false, they may
    /// differ in their bytes, which then say nothing.
    Exchanged {
        /// Each of them.
        exchange: &'a Exchange,
        /// How many they are.
        times: u32,
        /// Nothing is in flight any more since then: what the connection rests in.
        rest: Option<Transaction>,
    },
    /// A TCP keep-alive probe.
    KeepAlive(Side),
    /// A side sent bytes again.
    Retransmitted(Side),
    /// A side closed its receive window (true) or opened it again.
    ZeroWindow(Side, bool),
    /// One side has said FIN, the other not yet.
    HalfClosed(Side),
    /// Gone: by FIN, RST, a new SYN on the same ports, eviction, or the kernel's word.
    Closed(Close),
}

/// Told every event of every connection, in time order.
pub trait Observer {
    /// Something happened on `connection`.
    fn observe(
        &mut self,
        connection: ConnectionId,
        at: Timestamp,
        event: Event<'_>,
        statements: &statements::Statements,
    );

    /// Something will happen soon on a connection that was at rest for long.
    fn expect(&mut self, _connection: ConnectionId) {}

    /// Whether it matters how many bytes an exchange took that came and was answered at once: pipelines are told in larger parts
    /// where not.
    fn tells_bytes(&self) -> bool {
        true
    }
}
