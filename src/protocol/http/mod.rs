//! Databases over HTTP/1.1 (RFC 9112): Elasticsearch, CouchDB, ClickHouse, InfluxDB and others. See `docs/protocols/http.md`.

mod body;
mod head;
mod line;
mod request;
mod response;
mod target;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::body::{Body, Scan};
use self::head::Head;
use self::line::{Line, Request};
use super::turns::tls;
use super::{Answer, Ask, AskId, Decoder, Message, Messages, Outcome, Resync, Session, Side, Step, Text};

/// The most requests in flight that are remembered.
const MAX_FLIGHT: usize = 4096;

/// Reads a connection of HTTP/1.1.
#[derive(Debug, Default)]
pub struct Http {
    request: Stage<request::Begun>,
    response: Stage<response::Begun>,
    /// Requests whose responses have not ended, the oldest first.
    flight: VecDeque<Asked>,
    /// The next request's id.
    next: AskId,
    /// Told once a connection.
    known: Known,
    /// Another protocol follows (RFC 9110 sections 7.8 and 9.3.6).
    switched: bool,
}

/// What of a request matters to its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

/// Where one side is.
#[derive(Debug, Default)]
enum Stage<B> {
    /// Between messages.
    #[default]
    Between,
    /// In a request line that is too long to keep.
    LongLine(B),
    /// In the fields.
    Fields(B, Head),
    /// At the body's first byte, which may tell of an error.
    Peek(B, Body),
    /// In the body.
    Body(B, Body),
}

impl<B> Stage<B> {
    /// The message that has begun, if any.
    fn begun(&mut self) -> Option<&mut B> {
        match self {
            Self::LongLine(begun) | Self::Fields(begun, _) | Self::Peek(begun, _) | Self::Body(begun, _) => {
                Some(begun)
            }
            Self::Between => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    user: bool,
    database: bool,
    application: bool,
}

/// Whether the first bytes of `side` are HTTP/1.1.
#[must_use]
pub fn recognise(side: Side, bytes: &[u8]) -> bool {
    match (side, line::line(bytes)) {
        (Side::Client, Line::Whole(text, _)) => Request::parse(text, false).is_some_and(|it| !it.version_2),
        (Side::Client, _) => METHODS.iter().any(|method| {
            let target = bytes
                .strip_prefix(*method)
                .and_then(|rest| rest.strip_prefix(b" /"));
            target.is_some_and(|target| target.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '))
        }),
        (Side::Server, Line::Whole(text, _)) => line::status(text).is_some(),
        (Side::Server, _) => false,
    }
}

/// Methods that are known by their names alone.
const METHODS: [&[u8]; 7] = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"];

impl Http {
    /// At a connection's first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The request whose response is next.
    fn front(&self) -> Option<(AskId, Asked)> {
        let in_flight = self.flight.len() as AskId;
        self.flight
            .front()
            .map(|&asked| (self.next.wrapping_sub(in_flight), asked))
    }

    fn push(&mut self, asked: Asked) -> AskId {
        if self.flight.len() >= MAX_FLIGHT {
            self.flight.clear();
        }
        self.flight.push_back(asked);
        let id = self.next;
        self.next = id.wrapping_add(1);
        id
    }

    /// Tells what is new of the session.
    fn tell<'a>(&mut self, session: Session<'a>, told: &mut Messages<'a>) {
        let new = Session {
            user: session.user.filter(|_| !self.known.user),
            database: session.database.filter(|_| !self.known.database),
            application: session.application.filter(|_| !self.known.application),
        };
        self.known.user |= new.user.is_some();
        self.known.database |= new.database.is_some();
        self.known.application |= new.application.is_some();
        if new != Session::default() {
            told.push(Message::Session(new));
        }
    }
}

/// A part of a request that says nothing new.
fn more(id: AskId, waiting: bool) -> Message<'static> {
    Message::Ask(Ask {
        id,
        verb: None,
        text: Text::Same,
        waiting,
    })
}

fn answer(id: AskId, outcome: Option<Outcome>, end: bool) -> Message<'static> {
    Message::Answer(Answer {
        id,
        outcome,
        rows: None,
        end,
    })
}

/// The size of the empty line that `bytes` begin with; servers are to skip those before a request (RFC 9112 section 2.2).
fn empty_line(bytes: &[u8]) -> Option<Step> {
    match bytes {
        [b'\n', ..] => Some(Step::Take(1)),
        [b'\r', b'\n', ..] => Some(Step::Take(2)),
        [b'\r'] => Some(Step::Need(2)),
        _ => None,
    }
}

impl Decoder for Http {
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        let between = match side {
            Side::Client => matches!(self.request, Stage::Between),
            Side::Server => matches!(self.response, Stage::Between),
        };
        if self.switched && between {
            return Step::Opaque {
                tls: tls::recognise(bytes),
            };
        }
        if between && matches!(bytes, [20..=23, ..]) {
            return match bytes.len() {
                ..3 => Step::Need(3),
                _ if tls::begins(bytes) => Step::Opaque { tls: true },
                _ => Step::Garbage,
            };
        }
        match side {
            Side::Client => self.client(bytes, told),
            Side::Server => self.server(bytes, told),
        }
    }

    fn lost(&mut self, side: Side) {
        self.flight = VecDeque::new();
        match side {
            Side::Client => self.request = Stage::Between,
            Side::Server if matches!(self.response, Stage::Body(_, Body::UntilClose)) => {}
            Side::Server => self.response = Stage::Between,
        }
        self.forget();
    }

    fn resync(&mut self, side: Side, bytes: &[u8]) -> Resync {
        let until_close = side == Side::Server && matches!(self.response, Stage::Body(_, Body::UntilClose));
        if until_close || self.switched || recognise(side, bytes) || tls::recognise(bytes) {
            return Resync::At(0);
        }
        Resync::NotHere
    }

    #[inline]
    fn kept(&self) -> usize {
        self.flight.capacity() * size_of::<Asked>()
    }

    fn finished(&mut self, side: Side, told: &mut Messages<'_>) {
        if side == Side::Server {
            self.closed(told);
        }
    }
}

/// How a body's bytes are taken, and whether they end it.
fn taken(scan: Scan) -> Result<(u64, bool), Step> {
    match scan {
        Scan::Part(taken) => Ok((taken, false)),
        Scan::End(taken) => Ok((taken, true)),
        Scan::Need(needed) => Err(Step::Need(needed)),
        Scan::Garbage => Err(Step::Garbage),
    }
}
