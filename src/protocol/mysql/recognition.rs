//! Whether bytes are this protocol, and where its packets begin again after a hole.

use super::Mysql;
use super::capabilities::Known;
use super::command::{code, name};
use super::compressed;
use super::login::{Greeting, Response};
use super::phase::Phase;
use super::wire::{HEADER, Packet};
use crate::protocol::Side;

/// Compressed packets smaller than this don't break a plain packet in two.
const LARGE: usize = 4096;

/// Whether the first bytes seen of `side` of a connection, from a segment's first on, are MySQL's, whatever the port.
#[must_use]
pub fn recognise(side: Side, bytes: &[u8]) -> bool {
    let Some(packet) = Packet::read(bytes) else {
        return false;
    };
    match side {
        Side::Server => is_greeting(&packet) || is_refusal(&packet),
        Side::Client => {
            is_response(&packet)
                || (is_command(bytes) && is_telling(&packet))
                || Mysql::default().compressed_boundary(side, bytes)
        }
    }
}

impl Mysql {
    /// Whether a packet of `side` plausibly begins at the front of `bytes`, wrapped or not; learns what that tells of the
    /// connection.
    pub(super) fn boundary(&mut self, side: Side, bytes: &[u8]) -> bool {
        match self.phase {
            Phase::Commands => {}
            Phase::Over | Phase::Tls => return true,
            _ => return is_login(side, bytes),
        }
        let compressed = self.agreed.compressed != Known::No && self.compressed_boundary(side, bytes);
        if compressed {
            self.agreed.compressed = Known::Yes;
        }
        compressed || self.plain_boundary(side, bytes) || self.login_boundary(side, bytes)
    }

    fn plain_boundary(&self, side: Side, bytes: &[u8]) -> bool {
        match side {
            Side::Client => is_command(bytes),
            Side::Server => {
                Packet::read(bytes).is_some_and(|packet| self.is_first(&packet) && is_chain(bytes))
            }
        }
    }

    /// A compressed packet that begins a command or a reply, whose first packet begins with it.
    fn compressed_boundary(&self, side: Side, bytes: &[u8]) -> bool {
        let Some(peeked) = compressed::peek(bytes) else {
            return false;
        };
        let Some(packet) = Packet::read(&peeked.plain) else {
            return false;
        };
        if packet.size() > peeked.length && peeked.length < LARGE {
            return false;
        }
        match side {
            Side::Client => peeked.sequence == 0 && packet.sequence == 0 && may_be_command(&packet),
            Side::Server => peeked.sequence != 0 && self.is_first(&packet) && packet.length > 0,
        }
    }

    /// Logins are seen from their first packets on, though the connection's own start was not.
    fn login_boundary(&mut self, side: Side, bytes: &[u8]) -> bool {
        let Some(packet) = Packet::read(bytes) else {
            return false;
        };
        let phase = match side {
            Side::Server if is_greeting(&packet) => Phase::Greeting,
            Side::Client if is_response(&packet) => Phase::Response {
                capabilities: None,
                mariadb: Known::Unknown,
            },
            _ => return false,
        };
        self.phase = phase;
        true
    }
}

/// Whether a whole packet of a login that has begun is at the front of `bytes`.
fn is_login(side: Side, bytes: &[u8]) -> bool {
    let odd = u8::from(side == Side::Client);
    Packet::read(bytes).is_some_and(|packet| packet.sequence % 2 == odd && packet.size() == bytes.len())
}

fn is_greeting(packet: &Packet<'_>) -> bool {
    packet.sequence == 0 && is_whole(packet) && Greeting::read(packet.payload).is_some()
}

/// An ERR packet in the greeting's place: too many connections, host blocked.
fn is_refusal(packet: &Packet<'_>) -> bool {
    let &[0xff, low, high, ref message @ ..] = packet.payload else {
        return false;
    };
    packet.sequence == 0
        && is_whole(packet)
        && (1000..5000).contains(&u16::from_le_bytes([low, high]))
        && !message.is_empty()
        && message.iter().all(|byte| matches!(byte, b' '..=b'~' | 0x80..))
}

fn is_response(packet: &Packet<'_>) -> bool {
    packet.sequence == 1 && is_whole(packet) && Response::is_plausible(packet.payload)
}

fn is_whole(packet: &Packet<'_>) -> bool {
    packet.payload.len() == packet.length
}

/// Whether `bytes` are packets of rising sequence; the last may go on beyond what is here where one is whole.
fn is_chain(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut expected = None;
    while let Some(packet) = Packet::read(rest) {
        if packet.length == 0 || expected.is_some_and(|sequence| sequence != packet.sequence) {
            return false;
        }
        match rest.get(packet.size()..) {
            None => return expected.is_some(),
            Some([]) => return true,
            Some(after) => rest = after,
        }
        expected = Some(packet.sequence.wrapping_add(1));
    }
    expected.is_some()
}

/// Whether `bytes` are commands; the last may go on beyond what is here.
fn is_command(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(packet) = Packet::read(rest) {
        if packet.sequence != 0 || !may_be_command(&packet) {
            return false;
        }
        match rest.get(packet.size()..) {
            Some([]) | None => return true,
            Some(after) => rest = after,
        }
    }
    false
}

/// Whether a packet's length and first bytes are those of a command.
fn may_be_command(packet: &Packet<'_>) -> bool {
    let Some((&command, rest)) = packet.payload.split_first() else {
        return false;
    };
    let length = packet.length;
    match command {
        code::QUERY | code::PREPARE => is_text(rest),
        code::QUIT | code::STATISTICS | 0x0a | 0x0d | code::PING | code::RESET_CONNECTION => length == 1,
        code::CLOSE | 0x1a | 0x0c => length == 5,
        code::FETCH => length == 9,
        0x1b => length == 3,
        code::EXECUTE => length >= 10 && rest.get(4).is_none_or(|&flags| flags < 16),
        code::BULK_EXECUTE | code::LONG_DATA => length >= 7,
        code::INIT_DB => (2..=257).contains(&length) && is_text(rest),
        code::CHANGE_USER => length >= 4 && rest.first().is_some_and(u8::is_ascii_graphic),
        code::BINLOG_DUMP | code::BINLOG_DUMP_GTID | code::REGISTER_SLAVE => length >= 11,
        0x00 | 0x0b | 0x0f..=0x10 | 0x13..=0x14 | 0x1d => false,
        command => length < 1024 && name(command).is_some(),
    }
}

/// Whether the first bytes are of a statement, perhaps after query attributes.
fn is_text(bytes: &[u8]) -> bool {
    let start = match bytes {
        [0, 1, rest @ ..] => rest,
        [count, 1, ..] if *count < b' ' => return true,
        _ => bytes,
    };
    start
        .iter()
        .take(8)
        .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..))
}

/// Commands that other protocols' packets are not taken for.
fn is_telling(packet: &Packet<'_>) -> bool {
    match packet.payload {
        [code::QUERY | code::PREPARE, text @ ..] => {
            let word = |byte: &u8| byte.is_ascii_alphabetic();
            is_whole(packet)
                && text
                    .trim_ascii_start()
                    .iter()
                    .take(3)
                    .filter(|byte| word(byte))
                    .count()
                    == 3
        }
        _ => is_whole(packet) && packet.length + HEADER == 5 && packet.first() == Some(code::PING),
    }
}
