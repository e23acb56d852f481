//! What databases say: from in-order bytes to [`Message`]s.
//!
//! A decoder is pure. It sees bytes of one side and says what they are; it knows no time, no configuration and no
//! output. Framing, gaps, time stamps and memory bounds are the [`feed`]'s; adding a protocol is one folder and
//! one row in the [`catalog`].

pub mod catalog;
pub mod feed;
pub mod http;
pub mod mysql;
pub mod redis;
pub mod turns;

mod stream;
mod whole;

use std::fmt;

pub mod postgresql;

pub use crate::flow::Side;

/// The database system spoken, named as OpenTelemetry's `db.system.name` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// PostgreSQL and what speaks its protocol version 3.
    Postgresql,
    /// MySQL.
    Mysql,
    /// MariaDB: MySQL's protocol, told apart by the greeting's version.
    Mariadb,
    /// Redis and Valkey.
    Redis,
    /// A database over HTTP/1.1.
    Http,
    /// MongoDB, by turns.
    Mongodb,
    /// Memcached, by turns.
    Memcached,
    /// Cassandra and Scylla, by turns.
    Cassandra,
    /// SQL Server, by turns.
    Mssql,
    /// Oracle, by turns.
    Oracle,
    /// TLS or a protocol that is not recognised: turns of bytes.
    Unknown,
}

impl System {
    /// The name in targets, JSON and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Redis => "redis",
            Self::Http => "http",
            Self::Mongodb => "mongodb",
            Self::Memcached => "memcached",
            Self::Cassandra => "cassandra",
            Self::Mssql => "microsoft.sql_server",
            Self::Oracle => "oracle.db",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a decoder makes of the bytes at the front of one side's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The front can be judged when this many bytes are here (more than there are now, at most [`MAX_NEED`]).
    Need(usize),
    /// This many bytes (1 or more) are dealt with. It may exceed what is here: the rest of a body is skipped
    /// as it arrives, is never buffered, and a hole inside it costs nothing. What was told along with this step is
    /// taken as complete only when all these bytes have gone by.
    Take(u64),
    /// From these bytes on the connection can't be read: TLS, replication, another protocol after an upgrade.
    /// `tls` says that it is TLS. The bytes are not consumed.
    Opaque {
        /// Whether the bytes begin TLS.
        tls: bool,
    },
    /// These bytes are not this protocol.
    Garbage,
}

/// The most bytes of one message that are ever buffered; a statement's text is cut there.
pub const MAX_NEED: usize = 16 * 1024;

/// Where a decoder finds its feet again after a hole or in the middle of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resync {
    /// A message begins at this offset.
    At(usize),
    /// No message begins in these bytes; look again in the next segment.
    NotHere,
}

/// Names one exchange of a connection: given out in rising order by its decoder, both for asking and answering.
pub type AskId = u32;

/// Names a prepared statement within its connection: a server's number, or a hash of the client's name for it.
pub type Handle = u64;

/// What one wire message means, the same for all databases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message<'a> {
    /// A request or a part of one: parts with one id make one exchange. What later parts say wins over earlier.
    Ask(Ask<'a>),
    /// A part of the reply to the ask with this id.
    Answer(Answer),
    /// Several whole requests that are alike: all of this step's bytes.
    Asks(Asks<'a>),
    /// The whole replies to several asks in a row, that went alike: all of this step's bytes.
    Answers(Answers<'a>),
    /// The reply to this ask was complete with the bytes before this message (found out only now). Where no
    /// reply byte came, the ask ends unanswered.
    Ended(AskId),
    /// The server passed over the asks `first..=last` (ids in a row, all in flight) because one before them in their
    /// pipeline failed (PostgreSQL up to Sync). Each ends here as an error with this code; its reply is this step's bytes.
    Skipped {
        /// The first ask passed over.
        first: AskId,
        /// The last one; the same as `first` where there is just one.
        last: AskId,
        /// The error that made the server skip.
        code: ErrorCode,
    },
    /// The client will get no reply to this ask (a MySQL `COM_STMT_CLOSE`, a Redis `CLIENT REPLY OFF`); it is no exchange.
    NoReply(AskId),
    /// The server said something that answers nothing we saw asked (the request went by before the watch or in a hole).
    Unmatched,
    /// The statement that ask `id` carried can be executed by `handle` from now on.
    Prepared {
        /// The ask whose text is meant.
        id: AskId,
        /// Its name in later asks.
        handle: Handle,
    },
    /// A prepared statement was closed.
    Closed(Handle),
    /// All prepared statements are gone (DISCARD ALL, `COM_RESET_CONNECTION`).
    ClosedAll,
    /// Something learnt about the session.
    Session(Session<'a>),
    /// How the login goes.
    Login(Login),
    /// The session's transaction state, valid from this message on.
    Transaction(Transaction),
    /// Whether the session is at work by its nature, though silent: LISTEN, SUBSCRIBE, MONITOR, replication.
    Pinned(bool),
    /// The system turned out to be this one (MariaDB behind a MySQL port).
    System(System),
    /// The client says good-bye (Terminate, `COM_QUIT`).
    Goodbye,
}

/// A request or a part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask<'a> {
    /// Which exchange.
    pub id: AskId,
    /// What is asked; `None` in a part that only extends the request (a Sync).
    pub verb: Option<Verb>,
    /// The statement; [`Text::Same`] in a part that says nothing of it.
    pub text: Text<'a>,
    /// Waits by design (BLPOP, long polls): no slowness, and no latency of the distributions.
    pub waiting: bool,
}

/// What kind of request: the contract's `verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Statement text sent and run at once.
    Query,
    /// A prepared statement run.
    Execute,
    /// A statement parsed or described, not run.
    Prepare,
    /// A liveness check of the protocol itself (`COM_PING`, PING).
    Ping,
    /// The session given back as new (`COM_RESET_CONNECTION`, `COM_CHANGE_USER`, RESET).
    Reset,
    /// Rows of an open cursor asked for.
    Fetch,
    /// A command of a key-value store, an HTTP request, or an administrative command.
    Command,
    /// A turn of an opaque connection.
    Turn,
}

impl Verb {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Execute => "execute",
            Self::Prepare => "prepare",
            Self::Ping => "ping",
            Self::Reset => "reset",
            Self::Fetch => "fetch",
            Self::Command => "command",
            Self::Turn => "turn",
        }
    }
}

/// A request's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// As said by an earlier part of this ask, if any.
    Same,
    /// The statement's bytes in their language, as they were on the wire.
    Raw {
        /// How to read them.
        language: Language,
        /// The bytes: SQL text, a RESP command with its framing, or an HTTP request's `METHOD target`.
        bytes: &'a [u8],
        /// Whether more followed that is not here.
        truncated: bool,
    },
    /// A statement prepared before; unknown where the watch did not see it prepared.
    Prepared(Handle),
    /// A fixed name for what has no text (`PING`, `COM_STATISTICS`).
    Fixed(&'static str),
}

impl<'a> Text<'a> {
    /// Other bytes in the same language, where it is a raw text.
    fn with_bytes(self, bytes: &'a [u8]) -> Self {
        match self {
            Self::Raw {
                language, truncated, ..
            } => Self::Raw {
                language,
                bytes,
                truncated,
            },
            other => other,
        }
    }
}

/// How a statement's bytes are lexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// SQL as PostgreSQL reads it; `standard_strings` is `standard_conforming_strings`.
    Postgresql {
        /// Whether a backslash in `'...'` is an ordinary character.
        standard_strings: bool,
    },
    /// SQL as MySQL and MariaDB read it.
    Mysql,
    /// One command: RESP array with its framing, or an inline line.
    Redis,
    /// `METHOD target`, as in the request line.
    Http,
}

/// A part of a reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Which exchange.
    pub id: AskId,
    /// How it went, where this part says so; an error is not overwritten by a later `Ok`.
    pub outcome: Option<Outcome>,
    /// Rows returned or affected, where this part says so; parts are added up.
    pub rows: Option<u64>,
    /// Whether this is the last part.
    pub end: bool,
}

/// Requests in a row of which each was the first and last part, and that differ only in their ids, which rise by one, and in what
/// their statements hold besides their first word and their number of words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asks<'a> {
    /// The first of them; its text is raw.
    pub first: Ask<'a>,
    /// The bytes of all.
    pub bytes: &'a [u8],
    /// How many bytes each has; never empty.
    pub sizes: &'a [u16],
}

impl<'a> Asks<'a> {
    /// One after the other, with its size.
    pub fn each(&self) -> impl Iterator<Item = (Ask<'a>, u64)> + use<'a> {
        let (first, mut rest) = (self.first, self.bytes);
        (0..).zip(self.sizes).map(move |(nth, &size)| {
            let (bytes, after) = rest.split_at(usize::from(size).min(rest.len()));
            rest = after;
            let ask = Ask {
                id: first.id.wrapping_add(nth),
                text: first.text.with_bytes(bytes),
                ..first
            };
            (ask, u64::from(size))
        })
    }

    /// The id of the last.
    #[must_use]
    pub fn last(&self) -> AskId {
        self.first.id.wrapping_add(self.sizes.len() as u32 - 1)
    }
}

/// Replies in a row, each of one part, that differ only in their ids, which rise by one, and in their bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers<'a> {
    /// The first of them.
    pub first: Answer,
    /// How many bytes each has; never empty.
    pub sizes: &'a [u16],
}

impl<'a> Answers<'a> {
    /// One after the other, with its size.
    pub fn each(&self) -> impl Iterator<Item = (Answer, u64)> + use<'a> {
        let first = self.first;
        (0..).zip(self.sizes).map(move |(nth, &size)| {
            let id = first.id.wrapping_add(nth);
            (Answer { id, ..first }, u64::from(size))
        })
    }
}

/// What all bytes of a chunk mean, where they are one of the commonest requests or replies, whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Usual<'a> {
    /// A request: its only part.
    Ask(Ask<'a>),
    /// The same, and its statement can be executed by this handle from now on.
    Prepared(Ask<'a>, Handle),
    /// The transaction's state, where it is said, and a reply's only part.
    Answer(Option<Transaction>, Answer),
    /// Requests that are alike.
    Asks(Asks<'a>),
    /// Replies that are.
    Answers(Answers<'a>),
}

impl<'a> Usual<'a> {
    /// Tells the same in messages.
    pub fn tell(self, told: &mut Messages<'a>) {
        match self {
            Self::Ask(ask) => told.push(Message::Ask(ask)),
            Self::Prepared(ask, handle) => {
                told.push(Message::Ask(ask));
                told.push(Message::Prepared { id: ask.id, handle });
            }
            Self::Answer(state, answer) => {
                if let Some(state) = state {
                    told.push(Message::Transaction(state));
                }
                told.push(Message::Answer(answer));
            }
            Self::Asks(asks) => told.push(Message::Asks(asks)),
            Self::Answers(answers) => told.push(Message::Answers(answers)),
        }
    }
}

/// How an exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Refused or failed.
    Error(ErrorCode),
}

/// A server's error code: SQLSTATE, MySQL number, Redis prefix, HTTP status; at most 15 bytes of printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ErrorCode {
    length: u8,
    bytes: [u8; 15],
}

impl ErrorCode {
    /// Takes the leading letters, digits, `_` and `-` of `code`, at most 15.
    #[must_use]
    pub fn new(code: &[u8]) -> Self {
        let mut it = Self::default();
        for &byte in code
            .iter()
            .take(15)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        {
            it.bytes[usize::from(it.length)] = byte;
            it.length += 1;
        }
        it
    }

    /// From a number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self::new(number.to_string().as_bytes())
    }

    /// The code; empty where the server sent none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// What was learnt of a session; `None` says nothing, and known things stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session<'a> {
    /// The database user.
    pub user: Option<&'a [u8]>,
    /// The database or namespace.
    pub database: Option<&'a [u8]>,
    /// The application's own name for itself (`application_name`, `program_name`, CLIENT SETNAME, User-Agent).
    pub application: Option<&'a [u8]>,
}

/// How a login goes. Logins are no exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The first byte of a login, from either side.
    Begun,
    /// The session can be used.
    Done,
    /// Refused.
    Failed(ErrorCode),
}

/// Whether a transaction is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    /// Not known (joined in the middle, or after a MySQL error).
    #[default]
    Unknown,
    /// None is open.
    None,
    /// One is open.
    Open,
    /// One is open and has failed.
    Failed,
}

impl Transaction {
    /// Whether one is open, failed or not.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Failed)
    }
}

/// What one step had to tell, in order; at most [`Messages::CAPACITY`], far more than any step needs.
#[derive(Debug)]
pub struct Messages<'a> {
    held: [Message<'a>; Messages::CAPACITY],
    length: usize,
}

impl<'a> Messages<'a> {
    /// The most one step may tell; what exceeds it is dropped (and trips a debug assertion).
    pub const CAPACITY: usize = 6;

    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            held: [Message::Unmatched; Self::CAPACITY],
            length: 0,
        }
    }

    /// Adds one.
    pub fn push(&mut self, message: Message<'a>) {
        debug_assert!(self.length < Self::CAPACITY, "a step told too much");
        if let Some(free) = self.held.get_mut(self.length) {
            *free = message;
            self.length += 1;
        }
    }

    /// What was told, first to last.
    #[must_use]
    pub fn as_slice(&self) -> &[Message<'a>] {
        &self.held[..self.length]
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

impl Default for Messages<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads one connection's two streams.
pub trait Decoder {
    /// Judges the front of what `side` sent: `bytes` is never empty and begins where a message begins. Messages told
    /// with [`Step::Need`] are dropped: tell them only with the step that takes their bytes. Must not loop on counts that the bytes
    /// declare, and must keep its own memory bounded (queues of what is in flight: cap them, and forget the oldest).
    /// What is told may also borrow from the decoder: a database name remembered until the server agrees to it.
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step;

    /// Bytes of `side` were lost, outside of anything being skipped, or the connection is first seen in its middle (then
    /// it is called for both sides). Forget what was in flight and all that the lost bytes may have changed.
    fn lost(&mut self, side: Side);

    /// Looks for a place in `bytes` where a message of `side` plausibly begins, after [`Decoder::lost`]. `bytes` begins
    /// at a TCP segment's first byte, most often a message's too. Be strict: what does not look right is [`Resync::NotHere`].
    fn resync(&mut self, side: Side, bytes: &[u8]) -> Resync;

    /// Whether `side`'s bytes now come wrapped (compression) and must go through [`Decoder::open`] first.
    fn wrapped(&self, side: Side) -> bool {
        let _ = side;
        false
    }

    /// Unwraps the front of wrapped `bytes`, adding at most 64 KiB to `plain`, which [`Decoder::decode`] reads next.
    /// [`Step::Take`] here never exceeds what is in `bytes`.
    fn open(&mut self, side: Side, bytes: &[u8], plain: &mut Vec<u8>) -> Step {
        let _ = (side, bytes, plain);
        Step::Garbage
    }

    /// Bytes that are kept beyond what every decoder takes: of a pipeline, of names, of what is being unwrapped. None after
    /// [`Decoder::lost`] of both sides.
    fn kept(&self) -> usize {
        0
    }

    /// `side` will send no more (FIN or RST): what ends with the stream ends now.
    fn finished(&mut self, side: Side, told: &mut Messages<'_>) {
        let _ = (side, told);
    }
}
