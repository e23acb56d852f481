//! From the first byte to a session that can be used: encryption asked for, the startup message, authentication.

use super::wire::{self, Header, Refusal, Taken};
use super::{Phase, Postgresql};
use crate::protocol::{Login, Message, Messages, Session, Side, Step};

/// The server refuses longer startup messages (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST: u32 = 10_000;
/// A TLS record of the handshake: TLS from the first byte on.
const TLS_HANDSHAKE: u8 = 0x16;

/// What an untagged message is, by the number after its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untagged {
    Startup,
    Encryption,
    Cancel,
}

impl Untagged {
    /// Kind and length of the untagged message at the front.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), Step> {
        let (Some(length), Some(code)) = (wire::number32(bytes), bytes.get(4..).and_then(wire::number32))
        else {
            return Err(Step::Need(8));
        };
        let kind = match code {
            0x0003_0000..=0x0003_ffff => Self::Startup,
            80_877_103 | 80_877_104 => Self::Encryption,
            80_877_102 => Self::Cancel,
            _ => return Err(Step::Garbage),
        };
        let fits = match kind {
            Self::Startup => (9..=LONGEST).contains(&length),
            Self::Encryption => length == 8,
            // A process and a secret key: 4 bytes, since protocol 3.2 up to 256.
            Self::Cancel => (13..=12 + 256).contains(&length),
        };
        if fits {
            Ok((kind, length as usize))
        } else {
            Err(Step::Garbage)
        }
    }
}

impl Postgresql {
    /// Whether the client's next message may be an untagged one.
    pub(super) fn may_start(&self) -> bool {
        matches!(self.phase, Phase::Start | Phase::Negotiating) || !self.proven
    }

    /// What the client says before it may send tagged messages.
    pub(super) fn untagged<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return Err(Step::Opaque { tls: true });
        }
        let (kind, length) = Untagged::read(bytes)?;
        let message = bytes.get(8..length).ok_or(Step::Need(length))?;
        match kind {
            Untagged::Startup => self.start(message, told),
            Untagged::Encryption => self.phase = Phase::Negotiating,
            Untagged::Cancel => told.push(Message::Goodbye),
        }
        Ok(length)
    }

    fn start<'a>(&mut self, parameters: &'a [u8], told: &mut Messages<'a>) {
        let mut flight = std::mem::take(&mut self.flight);
        flight.clear();
        *self = Self {
            phase: Phase::LoggingIn,
            begun: true,
            flight,
            ..Self::new()
        };
        told.push(Message::Login(Login::Begun));
        told.push(Message::Session(session(parameters)));
    }

    /// The server's one byte on encryption. Servers older than the question answer with an error message.
    pub(super) fn negotiated<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        match bytes.first() {
            Some(b'S') => Err(Step::Opaque { tls: true }),
            Some(b'G') => Err(Step::Opaque { tls: false }),
            Some(b'N') => {
                self.phase = Phase::Start;
                Ok(1)
            }
            Some(b'E') => self.logging_in(bytes, told),
            _ => Err(Step::Garbage),
        }
    }

    /// The server's side of the login. Nothing of the authentication itself is ever told.
    pub(super) fn logging_in<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        let header = Header::read(Side::Server, bytes)?;
        match header.tag {
            b'R' | b'K' | b'v' | b'N' => {}
            b'S' => self.parameter(header.body(bytes)?, told),
            b'E' => told.push(Message::Login(Login::Failed(
                Refusal::read(header.body(bytes)?).code,
            ))),
            b'Z' => {
                told.push(Message::Transaction(super::ready::transaction(
                    header.body(bytes)?,
                )?));
                told.push(Message::Login(Login::Done));
                self.phase = Phase::Ready;
                self.proven = true;
            }
            _ => return Err(Step::Garbage),
        }
        Ok(header.total)
    }
}

/// User, database and application of a startup message; the database is named like the user unless it says otherwise.
fn session(mut parameters: &[u8]) -> Session<'_> {
    let mut session = Session::default();
    while let Some((name, rest)) = wire::string(parameters).filter(|(name, _)| !name.is_empty()) {
        let Some((value, rest)) = wire::string(rest) else {
            break;
        };
        match name {
            b"user" => session.user = Some(value),
            b"database" => session.database = Some(value),
            b"application_name" => session.application = Some(value),
            _ => {}
        }
        parameters = rest;
    }
    session.database = session.database.filter(|name| !name.is_empty()).or(session.user);
    session
}
