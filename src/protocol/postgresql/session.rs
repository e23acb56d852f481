//! What the server reports by itself, at any time, answering nothing.

use super::wire::{self, Header, Taken};
use super::{Phase, Postgresql};
use crate::protocol::{Message, Messages, Session};

/// Whether a message of the server never is a part of a reply.
pub(super) const fn is_aside(tag: u8) -> bool {
    matches!(tag, b'S' | b'A' | b'K' | b'R' | b'v')
}

impl Postgresql {
    /// A message that answers nothing.
    pub(super) fn aside<'a>(&mut self, header: Header, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        match header.tag {
            b'S' => self.parameter(header.body(bytes)?, told),
            b'R' if !self.proven => self.phase = Phase::LoggingIn,
            b'3' => self.flight.loose = self.flight.loose.saturating_sub(1),
            _ => {}
        }
        Ok(header.total)
    }

    /// A parameter that the server reports at login and whenever it changes.
    pub(super) fn parameter<'a>(&mut self, body: &'a [u8], told: &mut Messages<'a>) {
        let Some((name, rest)) = wire::string(body) else {
            return;
        };
        let Some((value, _)) = wire::string(rest) else {
            return;
        };
        match name {
            b"application_name" => {
                told.push(Message::Session(Session {
                    application: Some(value),
                    ..Session::default()
                }));
            }
            b"standard_conforming_strings" => self.standard_strings = value != b"off",
            _ => {}
        }
    }
}
