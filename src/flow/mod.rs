//! From segments to in-order bytes and gaps of one connection: flow table, reassembly, keep-alive recognition.
//!
//! A [`Table`] owns every connection's TCP state and calls its [`Handler`] with what happens, in order. It never
//! gives a connection up: what it misses it declares a gap, counts, and goes on. All its memory is bounded.

mod connection;
mod counters;
mod directions;
mod duplicate;
mod elsewhere;
mod flags;
mod key;
mod reassembly;
mod servers;
mod shard;
mod step;
mod table;
#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use elsewhere::Elsewhere;
pub use servers::{Pattern, Servers};
pub use shard::Shard;
pub use table::{Limits, Table};

use crate::clock::{Span, Timestamp};
use crate::packet::Endpoint;

/// Which end of a connection sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The application.
    Client,
    /// The database.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Client 0, server 1: for what is kept once a side.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// A connection's slot in the tables; given to another connection only after [`Handler::closed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// A stretch of one side's stream, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes as sent.
    Bytes(&'a [u8]),
    /// Bytes that the capture cut from a frame it saw: only their content is missing, their time is known.
    Cut(u64),
    /// Bytes that the capture never saw.
    Lost(u64),
}

/// A conversation in which nothing goes on, in as few bits as it takes to go on with it later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rested(pub u32);

/// How a connection was first seen.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The application's end.
    pub client: Endpoint,
    /// The database's end.
    pub server: Endpoint,
    /// Which of the [`Servers`]' patterns it matched.
    pub pattern: u16,
    /// Whether its SYN was seen; if not, it was open before the watch.
    pub from_syn: bool,
}

/// What happens to a connection besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The handshake is complete: from the first SYN to the ACK of the SYN-ACK.
    Connected {
        /// The whole handshake.
        total: Span,
        /// SYN to SYN-ACK as seen here: near zero beside the server.
        server_part: Span,
    },
    /// A TCP keep-alive probe (RFC 9293 section 3.8.4): next-1, no new data.
    KeepAlive(Side),
    /// Bytes or a SYN sent again.
    Retransmitted(Side),
    /// A side closed its receive window (true), or opened it again.
    ZeroWindow(Side, bool),
    /// A side will send no more.
    Finished(Side),
}

/// How a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// FIN from both sides.
    Finished,
    /// RST from this side.
    Reset(Side),
    /// A new connection on the same ports: its end went by unseen.
    Replaced,
    /// The bound on connections was reached: it may well live on.
    Evicted,
    /// The kernel does not know it any more.
    Vanished,
    /// It is not in the share of connections that are watched any more: it may well live on.
    Forgotten,
}

impl Close {
    /// Whether it is only not watched any more: what is in flight may well be answered.
    #[must_use]
    pub const fn may_live_on(self) -> bool {
        matches!(self, Self::Evicted | Self::Forgotten)
    }
}

/// Told what happens on every connection, in time order.
pub trait Handler {
    /// What is kept for a connection with something in flight, or that was lately.
    type Conversation;

    /// A connection was first seen.
    fn opened(&mut self, id: ConnectionId, at: Timestamp, opening: &Opening) -> Self::Conversation;

    /// The next stretch of `side`'s stream. Returns by how many bytes what [`Handler::buffered`] tells has grown.
    fn chunk(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        with: &mut Self::Conversation,
        side: Side,
        chunk: Chunk<'_>,
    ) -> isize;

    /// The same for bytes.
    #[inline]
    fn bytes(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        with: &mut Self::Conversation,
        side: Side,
        bytes: &[u8],
    ) -> isize {
        self.chunk(id, at, with, side, Chunk::Bytes(bytes))
    }

    /// Something else happened.
    fn signal(&mut self, id: ConnectionId, at: Timestamp, with: &mut Self::Conversation, signal: Signal);

    /// The connection is gone.
    fn closed(&mut self, id: ConnectionId, at: Timestamp, with: &mut Self::Conversation, how: Close);

    /// How many bytes are kept until more come, and beyond what every connection takes.
    fn buffered(&self, with: &Self::Conversation) -> usize;

    /// What is kept until more comes is given up: too much is kept in all.
    fn shed(&mut self, id: ConnectionId, at: Timestamp, with: &mut Self::Conversation);

    /// What there is to keep of a conversation in which nothing goes on; `None` where that does not fit, and it is kept whole.
    fn rest(&mut self, with: &Self::Conversation) -> Option<Rested>;

    /// A connection that was at rest goes on: what is kept of it elsewhere will be wanted soon.
    fn expect(&mut self, _id: ConnectionId) {}

    /// The conversation that was put to rest, as it was.
    fn wake(&mut self, rested: Rested) -> Self::Conversation;

    /// Whether something is in flight, so that the connection is worth more than an idle one.
    fn is_busy(&self, with: &Self::Conversation) -> bool;
}
