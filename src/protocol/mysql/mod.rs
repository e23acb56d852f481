//! MySQL and MariaDB.
//!
//! Follows the "MySQL Client/Server Protocol" of the MySQL source documentation and MariaDB's "Client/Server Protocol"
//! pages. The server speaks first; both sides' capabilities decide how everything after is read; commands are answered
//! in order. What is not known of a connection joined late is inferred, or left unknown.

mod attributes;
mod capabilities;
mod command;
mod compressed;
mod in_flight;
mod login;
mod names;
mod phase;
mod recognition;
mod reply;
mod rest;
mod result_set;
mod stray;
#[cfg(test)]
mod tests;
mod usual;
mod wire;

pub use recognition::recognise;

use crate::protocol::{Decoder, Message, Messages, Resync, Side, Step};
use capabilities::{Agreed, Known};
use command::{LastPrepared, Sending};
use compressed::Opening;
use in_flight::InFlight;
use names::Names;
use phase::Phase;
use reply::Reply;

/// Reads one connection.
#[derive(Debug, Default)]
pub struct Mysql {
    phase: Phase,
    agreed: Agreed,
    /// What the client's packets are.
    sending: Sending,
    /// The sequence number of the client's last packet of a command.
    client_sequence: u8,
    in_flight: InFlight,
    /// Where in a reply the server is.
    reply: Reply,
    /// The server's next packet goes on with the payload of the one before.
    continues: bool,
    /// Bytes were lost and no reply has begun since where one should.
    unsure: bool,
    last_prepared: LastPrepared,
    names: Option<Box<Names>>,
    /// Something of the session's own, such as a temporary table, keeps it at work.
    pinned: bool,
    /// Compressed packets being unwrapped: the client's, the server's.
    opening: [Option<Box<Opening>>; 2],
}

/// So much is skipped at a time where nothing more is to be read of a connection.
const FOR_EVER: u64 = 1 << 40;

impl Mysql {
    /// A connection whose first byte is still to come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn judge<'a>(&mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        match (self.phase, side) {
            (Phase::Tls, _) => Step::Opaque { tls: true },
            (Phase::Over, _) => Step::Take(FOR_EVER),
            (Phase::Commands, Side::Client) => self.command(bytes, told),
            (Phase::Commands, Side::Server) => self.reply(bytes, told),
            (_, Side::Client) => self.client_login(bytes, told),
            (_, Side::Server) => self.server_login(bytes, told),
        }
    }
}

impl Decoder for Mysql {
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        if self.names.as_ref().is_some_and(|names| names.agreed) {
            self.names = None;
        }
        let step = self.judge(side, bytes, told);
        if let Some(names) = self.names.as_ref().filter(|names| names.agreed) {
            told.push(Message::Session(names.session()));
        }
        step
    }

    fn lost(&mut self, side: Side) {
        self.phase = self.phase.after_loss(side);
        match side {
            Side::Client => {
                self.sending = Sending::Commands;
                self.last_prepared = LastPrepared::Lost;
            }
            Side::Server => {
                self.sending.forget();
                self.continues = false;
            }
        }
        self.opening[side as usize] = None;
        self.in_flight.clear();
        self.reply = Reply::First;
        self.names = None;
        self.unsure = true;
    }

    #[inline]
    fn kept(&self) -> usize {
        let opening = self.opening.iter().flatten().map(|opening| opening.kept());
        self.in_flight.kept() + opening.sum::<usize>()
    }

    fn resync(&mut self, side: Side, bytes: &[u8]) -> Resync {
        if self.boundary(side, bytes) {
            Resync::At(0)
        } else {
            Resync::NotHere
        }
    }

    fn wrapped(&self, _side: Side) -> bool {
        self.phase == Phase::Commands && self.agreed.compressed == Known::Yes
    }

    fn open(&mut self, side: Side, bytes: &[u8], plain: &mut Vec<u8>) -> Step {
        compressed::open(&mut self.opening[side as usize], bytes, plain)
    }

    fn finished(&mut self, _side: Side, told: &mut Messages<'_>) {
        self.settle(told);
    }
}
