//! The PostgreSQL protocol, version 3 (<https://www.postgresql.org/docs/current/protocol.html>).
//!
//! What makes an exchange, and why, is in `docs/protocols/postgresql.md`.

mod flight;
mod names;
mod part;
mod pins;
mod ready;
mod reply;
mod request;
mod rest;
mod resync;
mod session;
mod startup;
mod usual;
mod wire;

#[cfg(test)]
mod tests;

use super::{Decoder, Messages, Resync, Side, Step};
use flight::Flight;
use names::Names;
use pins::Pins;

pub use resync::recognise;

/// What a connection is doing, as far as its messages mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// An untagged message is due from the client.
    Start,
    /// Encryption was asked for; one byte is due from the server.
    Negotiating,
    /// From the startup message to the first `ReadyForQuery`.
    LoggingIn,
    /// Requests and replies.
    Ready,
    /// `CopyBoth`: replication, each side at its own pace.
    Streaming {
        /// The client has sent `CopyDone`.
        client_done: bool,
        /// The server has sent `CopyDone`.
        server_done: bool,
    },
}

/// One connection's decoder.
#[derive(Clone, Debug)]
pub struct Postgresql {
    phase: Phase,
    flight: Flight,
    names: Names,
    pins: Pins,
    /// `standard_conforming_strings`; on unless the server says otherwise.
    standard_strings: bool,
    /// Any byte was seen.
    begun: bool,
    /// What is in flight is known beyond doubt: seen from the start, or nothing was left since.
    proven: bool,
    /// In the middle of a reply to nothing that was seen asked.
    unmatched: bool,
    /// The server reads COPY data and passes over Sync and Flush.
    copying_in: bool,
    /// Rows of the statement being answered, for replies that do not count them.
    rows: u64,
}

impl Postgresql {
    /// A connection at its first byte; [`Decoder::lost`] makes it one joined later.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: Phase::Start,
            flight: Flight::default(),
            names: Names::default(),
            pins: Pins::default(),
            standard_strings: true,
            begun: false,
            proven: true,
            unmatched: false,
            copying_in: false,
            rows: 0,
        }
    }
}

impl Default for Postgresql {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for Postgresql {
    #[inline]
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        self.begun = true;
        let taken = match side {
            Side::Client => self.client(bytes, told),
            Side::Server => self.server(bytes, told),
        };
        taken.map_or_else(|step| step, |length| Step::Take(length as u64))
    }

    fn lost(&mut self, side: Side) {
        if self.phase == Phase::Start || !self.begun {
            self.phase = Phase::Ready;
        }
        self.flight.clear();
        self.proven = false;
        self.unmatched = false;
        self.copying_in = false;
        self.rows = 0;
        self.names.lost(side);
    }

    #[inline]
    fn kept(&self) -> usize {
        self.flight.kept() + self.names.kept()
    }

    fn resync(&mut self, side: Side, bytes: &[u8]) -> Resync {
        let answers_negotiation =
            self.phase == Phase::Negotiating && side == Side::Server && matches!(bytes, [b'S' | b'N' | b'G']);
        if answers_negotiation {
            Resync::At(0)
        } else {
            resync::boundary(side, bytes)
        }
    }
}
