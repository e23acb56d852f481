//! From the greeting to the first command.

use super::Mysql;
use super::capabilities::{Agreed, Known};
use super::login::{Greeting, Response};
use super::reply::transaction;
use super::wire::{Done, Failure, HEADER, Packet};
use crate::protocol::{Login, MAX_NEED, Message, Messages, Side, Step, System};

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server has yet to speak.
    #[default]
    Greeting,
    /// The client has yet to answer the greeting.
    Response {
        /// What the server can do, where its greeting was seen.
        capabilities: Option<u32>,
        mariadb: Known,
    },
    /// Authentication rounds, until the server says OK or ERR.
    Authentication,
    /// Logged in.
    Commands,
    /// Encrypted.
    Tls,
    /// Nothing is to be read any more: replication, or refused.
    Over,
}

impl Phase {
    /// How far a connection has come when bytes of `side` went by unseen: where only the other side's next packet can
    /// be a login's, it is waited for.
    pub(super) const fn after_loss(self, side: Side) -> Self {
        match (self, side) {
            (Self::Greeting, Side::Server) => Self::Response {
                capabilities: None,
                mariadb: Known::Unknown,
            },
            (
                Self::Response {
                    capabilities: Some(_),
                    ..
                },
                Side::Client,
            ) => Self::Authentication,
            (Self::Greeting | Self::Response { .. } | Self::Authentication, _) => Self::Commands,
            (Self::Commands | Self::Tls | Self::Over, _) => self,
        }
    }
}

impl Mysql {
    pub(super) fn server_login<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        let Some(packet) = Packet::read(bytes) else {
            return Step::Need(HEADER);
        };
        if !packet.holds(MAX_NEED - HEADER) {
            return Step::Need(packet.size().min(MAX_NEED));
        }
        match self.phase {
            Phase::Greeting => self.greeting(&packet, told),
            _ => self.authentication(&packet, told),
        }
    }

    fn greeting(&mut self, packet: &Packet<'_>, told: &mut Messages<'_>) -> Step {
        if packet.sequence == 0 && packet.first() == Some(0xff) {
            told.push(Message::Login(Login::Begun));
            return self.refused(packet, told);
        }
        let Some(greeting) = Greeting::read(packet.readable()).filter(|_| packet.sequence == 0) else {
            return Step::Garbage;
        };
        told.push(Message::Login(Login::Begun));
        told.push(Message::System(if greeting.mariadb {
            System::Mariadb
        } else {
            System::Mysql
        }));
        self.phase = Phase::Response {
            capabilities: Some(greeting.capabilities),
            mariadb: greeting.mariadb.into(),
        };
        Step::Take(packet.size() as u64)
    }

    fn authentication(&mut self, packet: &Packet<'_>, told: &mut Messages<'_>) -> Step {
        match packet.first() {
            Some(0xff) => return self.refused(packet, told),
            Some(0) => {
                told.push(Message::Transaction(transaction(Done::from_ok(packet.payload))));
                told.push(Message::Login(Login::Done));
                self.phase = Phase::Commands;
            }
            _ => {}
        }
        Step::Take(packet.size() as u64)
    }

    fn refused(&mut self, packet: &Packet<'_>, told: &mut Messages<'_>) -> Step {
        if let Failure::Error(code) = Failure::from_err(packet.payload) {
            told.push(Message::Login(Login::Failed(code)));
            self.phase = Phase::Over;
        }
        Step::Take(packet.size() as u64)
    }

    pub(super) fn client_login<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        let Some(packet) = Packet::read(bytes) else {
            return Step::Need(HEADER);
        };
        match self.phase {
            Phase::Response {
                capabilities: None, ..
            } if packet.sequence != 1 => {
                self.phase = Phase::Commands;
                self.command(bytes, told)
            }
            Phase::Response {
                capabilities,
                mariadb,
            } => {
                if !packet.holds(MAX_NEED - HEADER) {
                    return Step::Need(packet.size().min(MAX_NEED));
                }
                self.response(&packet, capabilities, mariadb, told)
            }
            Phase::Authentication if packet.sequence != 0 => Step::Take(packet.size() as u64),
            _ => Step::Garbage,
        }
    }

    fn response<'a>(
        &mut self,
        packet: &Packet<'a>,
        server: Option<u32>,
        mariadb: Known,
        told: &mut Messages<'a>,
    ) -> Step {
        match Response::read(packet.readable(), packet.length) {
            Some(Response::Tls) => self.phase = Phase::Tls,
            Some(Response::Login {
                capabilities,
                session,
            }) => {
                told.push(Message::Session(session));
                self.agreed = Agreed::new(server, capabilities, mariadb);
                self.phase = Phase::Authentication;
            }
            None => return Step::Garbage,
        }
        Step::Take(packet.size() as u64)
    }
}
