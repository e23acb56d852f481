//! TLS records (RFC 8446 section 5, RFC 5246 section 6.2) and what of a connection is not the application's.
//!
//! TLS 1.3 sends all but the first message of each side as application data. What is known of them: the client's Finished is
//! the first of its records whose size is that of a Finished (RFC 8446 section 4.4.4); the server's before it are its own
//! handshake; those right after it that are as large as tickets are tickets (section 4.6.1); the smallest are alerts.

use crate::protocol::Side;

/// Type, version and length.
pub const HEADER: usize = 5;

/// 2^14 bytes, plus what encryption may add (RFC 5246 section 6.2.3).
const MAX_LENGTH: u16 = 16_384 + 2048;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

const CLIENT_HELLO: u8 = 1;

/// Header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    kind: u8,
    length: u16,
}

/// What a record is to those who wait for replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The application's.
    Data,
    /// TLS's own.
    Housekeeping,
    /// The application's, and the records taken for tickets before it were a reply.
    Mistaken,
}

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// No encrypted record seen yet.
    Begun {
        /// The client has greeted.
        client: bool,
        /// The server has.
        server: bool,
    },
    /// The server sends encrypted records before the client does: TLS 1.3, its Finished not yet seen.
    Sealed {
        /// The client has sent records of which none looked like its Finished.
        client: bool,
        /// The server has answered these.
        answered: bool,
    },
    /// TLS 1.3 after the client's Finished: tickets of this length (0: none yet) may come, that many more.
    Tickets {
        /// How many more.
        left: u8,
        /// The length of those seen.
        length: u16,
    },
    /// Application data is the application's.
    Established,
}

impl Default for Handshake {
    fn default() -> Self {
        Self::Begun {
            client: false,
            server: false,
        }
    }
}

impl Record {
    /// Reads a header; `None` where it is none.
    #[must_use]
    pub fn parse(header: [u8; HEADER]) -> Option<Self> {
        let [kind, major, minor, high, low] = header;
        let length = u16::from_be_bytes([high, low]);
        let valid = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind) && major == 3 && minor <= 4;
        (valid && (1..=MAX_LENGTH).contains(&length)).then_some(Self { kind, length })
    }

    /// Header and body, in bytes.
    #[must_use]
    pub fn size(self) -> u64 {
        HEADER as u64 + u64::from(self.length)
    }

    /// An encrypted alert of TLS 1.3: two bytes, their true type, and the tag.
    fn is_sealed_alert(self) -> bool {
        self.length == 2 + 1 + 16
    }

    /// A Finished of TLS 1.3: header, hash of 32 or 48 bytes, true type, tag of 16 or 8 bytes.
    fn is_sealed_finished(self) -> bool {
        matches!(self.length, 45 | 53 | 69)
    }

    /// A new session ticket of TLS 1.3 holds a ticket, most often the whole session, a nonce, a lifetime and an age.
    fn may_be_ticket(self) -> bool {
        (96..=4096).contains(&self.length)
    }
}

impl Handshake {
    /// The handshake went by unseen.
    pub fn joined_late(&mut self) {
        *self = Self::Established;
    }

    /// Says what a record of `side` is, and moves on; `asked` says whether a request is open.
    /// `first` is the first byte of the record's body.
    pub fn judge(&mut self, side: Side, record: Record, first: u8, asked: bool) -> Content {
        match record.kind {
            APPLICATION_DATA if record.is_sealed_alert() => Content::Housekeeping,
            APPLICATION_DATA => self.sealed(side, record, asked),
            _ => {
                self.greeted(side, record, first);
                Content::Housekeeping
            }
        }
    }

    /// After the server's hello, only TLS 1.2 and before have more of the client's handshake in the clear than another hello.
    fn greeted(&mut self, side: Side, record: Record, first: u8) {
        let Self::Begun { client, server } = self else {
            return;
        };
        if side == Side::Client && *server && record.kind == HANDSHAKE && first != CLIENT_HELLO {
            *self = Self::Established;
        } else {
            *client |= side == Side::Client;
            *server |= side == Side::Server;
        }
    }

    fn sealed(&mut self, side: Side, record: Record, asked: bool) -> Content {
        match *self {
            Self::Established => Content::Data,
            Self::Begun { client, server } => self.first_sealed(side, client, server),
            Self::Sealed { client, answered } => self.sealed_handshake(side, record, client, answered),
            Self::Tickets { left, length } => self.ticket(side, record, asked, left, length),
        }
    }

    /// The first encrypted record of a side: TLS 1.2 and before have it from the client once both have greeted, 1.3 from
    /// the server, unless the client sends early data; with no greeting at all the connection was joined late.
    fn first_sealed(&mut self, side: Side, client: bool, server: bool) -> Content {
        match (side, client, server) {
            (_, false, false) | (Side::Client, _, true) => {
                *self = Self::Established;
                Content::Data
            }
            (Side::Client, true, false) => Content::Housekeeping,
            (Side::Server, _, _) => {
                *self = Self::Sealed {
                    client: false,
                    answered: false,
                };
                Content::Housekeeping
            }
        }
    }

    fn sealed_handshake(&mut self, side: Side, record: Record, client: bool, answered: bool) -> Content {
        if side == Side::Server {
            let answered = client;
            *self = Self::Sealed { client, answered };
        } else if answered {
            *self = Self::Established;
            return Content::Data;
        } else if record.is_sealed_finished() {
            *self = Self::Tickets { left: 4, length: 0 };
        } else {
            let client = true;
            *self = Self::Sealed { client, answered };
        }
        Content::Housekeeping
    }

    fn ticket(&mut self, side: Side, record: Record, asked: bool, left: u8, length: u16) -> Content {
        let alike = length == 0 || record.length.abs_diff(length) <= 1;
        match side {
            Side::Server if left > 0 && record.may_be_ticket() && (alike || !asked) => {
                *self = Self::Tickets {
                    left: left - 1,
                    length: record.length,
                };
                Content::Housekeeping
            }
            Side::Client if asked && length != 0 => {
                *self = Self::Established;
                Content::Mistaken
            }
            Side::Client => Content::Data,
            Side::Server => {
                *self = Self::Established;
                Content::Data
            }
        }
    }
}

/// Whether `bytes` begin with TLS records: a hello, or records one after the other as far as they are here.
#[must_use]
pub fn recognise(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    for seen in 0..3 {
        let Some(header) = rest.first_chunk::<HEADER>() else {
            return seen > 0;
        };
        let Some(record) = Record::parse(*header) else {
            return false;
        };
        if record.kind == HANDSHAKE && seen == 0 {
            return begins_hello(rest);
        }
        match usize::try_from(record.size())
            .ok()
            .and_then(|size| rest.get(size..))
        {
            Some(after) => rest = after,
            None => return record.kind == APPLICATION_DATA || seen > 0,
        }
    }
    true
}

/// A client or server hello whose length fits its record's; enough to tell TLS from anything that begins with 22, 3.
fn begins_hello(bytes: &[u8]) -> bool {
    match bytes {
        [_, _, _, high, low, 1 | 2, 0, inner_high, inner_low, 3, ..] => {
            let outer = u16::from_be_bytes([*high, *low]);
            u16::from_be_bytes([*inner_high, *inner_low]).saturating_add(4) <= outer || outer == 16_384
        }
        _ => false,
    }
}

/// So many bytes tell TLS from anything else.
pub const ENOUGH: usize = 10;

/// Whether a turn that begins with `bytes` begins TLS: by a hello, or, joined late, by application data. `None` where it takes
/// [`ENOUGH`] bytes to say.
#[must_use]
pub fn begins_turn(bytes: &[u8]) -> Option<bool> {
    let may_begin = match bytes {
        [HANDSHAKE | APPLICATION_DATA] | [HANDSHAKE | APPLICATION_DATA, 3] => true,
        [HANDSHAKE | APPLICATION_DATA, ..] => begins(bytes),
        _ => false,
    };
    match bytes.first_chunk::<ENOUGH>() {
        None if may_begin => None,
        Some([kind, major, minor, high, low, ..]) if may_begin && *kind == APPLICATION_DATA => {
            Some(Record::parse([*kind, *major, *minor, *high, *low]).is_some())
        }
        _ => Some(may_begin && begins_hello(bytes)),
    }
}

/// Whether a record of TLS, complete or not, begins here; less strict than [`recognise`], for decoders of other protocols
/// whose own bytes never begin so.
#[must_use]
pub fn begins(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [
            CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE | APPLICATION_DATA,
            3,
            0..=4,
            ..
        ]
    )
}
