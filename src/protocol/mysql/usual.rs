//! The commonest commands and replies, each alone in flight and whole in what came at once: taken at one look, without the general
//! case's questions.
//!
//! Nothing depends on it: what is left here, [`command`](super::command) and [`reply`](super::reply) take to the same effect.

use super::Mysql;
use super::capabilities::Known;
use super::command::{Sending, code};
use super::in_flight::Kind;
use super::phase::Phase;
use super::reply::{Reply, step_over_rows, transaction};
use super::result_set::{column_count, is_bare_count};
use super::wire::{CURSOR_EXISTS, Done, HEADER, LONGEST, MORE_RESULTS, Packet};
use crate::protocol::{Answer, Ask, Language, MAX_NEED, Outcome, Side, Text, Usual, Verb};

impl Mysql {
    /// Takes `bytes` if they are a usual command or reply; else nothing is changed.
    #[inline]
    pub(in crate::protocol) fn usual<'a>(&mut self, side: Side, bytes: &'a [u8]) -> Option<Usual<'a>> {
        let is_usual = self.phase == Phase::Commands
            && self.agreed.compressed != Known::Yes
            && self.sending == Sending::Commands
            && self.reply == Reply::First
            && self.names.is_none();
        match side {
            _ if !is_usual => None,
            Side::Client => self.usual_command(bytes),
            Side::Server => self.usual_reply(bytes),
        }
    }

    /// A statement's text, or an execution of a prepared one.
    #[inline]
    fn usual_command<'a>(&mut self, bytes: &'a [u8]) -> Option<Usual<'a>> {
        let packet = Packet::read(bytes)?;
        let is_whole = packet.size() == bytes.len() && bytes.len() <= MAX_NEED;
        if !is_whole || packet.sequence != 0 || !self.in_flight.is_empty() {
            return None;
        }
        let (&command, payload) = packet.payload.split_first()?;
        let (verb, text) = match command {
            code::QUERY if self.is_plain_text(payload) => (Verb::Query, plain_text(payload)),
            code::EXECUTE => (Verb::Execute, self.prepared_text(payload)),
            _ => return None,
        };
        self.client_sequence = 0;
        Some(Usual::Ask(Ask {
            id: self.in_flight.push(Kind::Statement),
            verb: Some(verb),
            text,
            waiting: false,
        }))
    }

    /// Whether a query is all text, and its first letters show that it changes nothing that is kept: no USE, no CREATE.
    #[inline]
    fn is_plain_text(&self, payload: &[u8]) -> bool {
        let &[first, second, ..] = payload else {
            return false;
        };
        let is_word = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
        let changes = matches!([first | 0x20, second | 0x20], [b'c', b'r'] | [b'u', b's']);
        is_word && !changes && self.agreed.query_attributes != Known::Yes
    }

    /// OK, or one result set.
    #[inline]
    fn usual_reply(&mut self, bytes: &[u8]) -> Option<Usual<'static>> {
        let (id, kind) = self.in_flight.front()?;
        if kind != Kind::Statement || self.unsure || self.continues {
            return None;
        }
        let packet = Packet::read(bytes)?;
        let (rows, done) = match *packet.payload {
            [0, ..] if packet.size() == bytes.len() && !is_bare_count(&packet) => {
                (0, Done::from_ok(packet.payload))
            }
            [1..=0xfa, ..] if packet.payload.len() == packet.length => {
                let (count, defined) = column_count(&packet)?;
                self.usual_rows(if defined { count } else { 0 }, packet.size(), bytes)?
            }
            _ => return None,
        };
        if done.has(MORE_RESULTS) {
            return None;
        }
        self.in_flight.pop();
        let answer = Answer {
            id,
            outcome: Some(Outcome::Ok),
            rows: Some(rows + done.affected),
            end: true,
        };
        Some(Usual::Answer(done.status.map(|_| transaction(done)), answer))
    }

    /// Steps over a result set from its so many definitions at `start` on: how many rows it has, and how it ended.
    fn usual_rows(&self, defined: u16, start: usize, bytes: &[u8]) -> Option<(u64, Done)> {
        let (has_eof, ending) = match self.agreed.deprecate_eof {
            Known::No => (true, 5),
            Known::Yes => (false, 7),
            Known::Unknown => return None,
        };
        let end = bytes.len().checked_sub(HEADER + ending)?;
        let last = Packet::read(bytes.get(end..)?)?;
        if last.length != ending || last.first() != Some(0xfe) {
            return None;
        }
        let mut at = definitions(bytes, start, defined)?;
        if has_eof {
            let packet = Packet::read(bytes.get(at..)?)?;
            let done = Done::from_end(&packet);
            if packet.length != 5 || packet.first() != Some(0xfe) || done.has(CURSOR_EXISTS) {
                return None;
            }
            at += packet.size();
        }
        let (at, rows) = step_over_rows(bytes, at);
        (at == end).then(|| (rows, Done::from_end(&last)))
    }
}

/// Where so many definitions from `at` on end.
#[inline]
fn definitions(bytes: &[u8], mut at: usize, count: u16) -> Option<usize> {
    for _ in 0..count {
        let &[a, b, c, _] = bytes.get(at..)?.first_chunk()?;
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if length == 0 || length == LONGEST {
            return None;
        }
        at += HEADER + length;
    }
    Some(at)
}

fn plain_text(bytes: &[u8]) -> Text<'_> {
    Text::Raw {
        language: Language::Mysql,
        bytes,
        truncated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Decoder, Messages, Step};

    /// A decoder after a login at which `deprecate_eof` was agreed on or not, to which all this was said.
    fn after(deprecate_eof: bool, said: &[(Side, &[u8])]) -> Mysql {
        let mut decoder = Mysql::new();
        decoder.phase = Phase::Commands;
        decoder.agreed.deprecate_eof = deprecate_eof.into();
        decoder.agreed.compressed = Known::No;
        for (side, bytes) in said {
            take(&mut decoder, *side, bytes);
        }
        decoder
    }

    fn take(decoder: &mut Mysql, side: Side, bytes: &[u8]) -> String {
        let mut told = Messages::new();
        assert_eq!(
            decoder.decode(side, bytes, &mut told),
            Step::Take(bytes.len() as u64)
        );
        format!("{:?}", told.as_slice())
    }

    /// Whether it is usual, once it was made sure that the general case has it so too, and is left the same.
    fn is_usual(deprecate_eof: bool, said: &[(Side, &[u8])], side: Side, bytes: &[u8]) -> bool {
        let (mut decoder, mut general) = (after(deprecate_eof, said), after(deprecate_eof, said));
        let usual = decoder.usual(side, bytes);
        let is_usual = usual.is_some();
        if let Some(usual) = usual {
            let mut told = Messages::new();
            usual.tell(&mut told);
            assert_eq!(format!("{:?}", told.as_slice()), take(&mut general, side, bytes));
        }
        assert_eq!(format!("{decoder:?}"), format!("{general:?}"));
        is_usual
    }

    fn packets(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (sequence, payload) in (1..).zip(payloads) {
            bytes.extend([payload.len() as u8, 0, 0, sequence]);
            bytes.extend(*payload);
        }
        bytes
    }

    fn command(payload: &[u8]) -> Vec<u8> {
        let mut bytes = packets(&[payload]);
        bytes[3] = 0;
        bytes
    }

    const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];
    const END: &[u8] = &[0xfe, 0, 0, 3, 0, 0, 0];

    #[test]
    fn usual_commands_are_what_they_are_in_general() {
        for payload in [
            &b"\x03SELECT 1"[..],
            b"\x03update t set a = 1",
            b"\x17\x05\0\0\0\0\x01\0\0\0",
        ] {
            assert!(is_usual(false, &[], Side::Client, &command(payload)));
            let whole = command(payload);
            for length in 0..whole.len() {
                assert!(!is_usual(false, &[], Side::Client, &whole[..length]), "cut");
            }
            assert!(
                !is_usual(false, &[(Side::Client, &whole)], Side::Client, &whole),
                "in flight"
            );
        }
        for payload in [
            &b"\x03use app"[..],
            b"\x03 SELECT 1",
            b"\x03create temporary table t (a int)",
            b"\x0e",
            b"\x16SELECT ?",
        ] {
            assert!(!is_usual(false, &[], Side::Client, &command(payload)));
        }
    }

    #[test]
    fn usual_replies_are_what_they_are_in_general() {
        let query = command(b"\x03SELECT 1");
        let said = [(Side::Client, &query[..])];
        let replies = [
            (false, packets(&[&[0, 3, 0, 2, 0, 0, 0]])),
            (false, packets(&[&[0, 1, 0]])),
            (false, packets(&[&[2], b"def a", b"def b", EOF, EOF])),
            (false, packets(&[&[1], b"def a", EOF, b"\x011", b"\x012", EOF])),
            (true, packets(&[&[1], b"def a", b"\x011", b"\x012", END])),
            (true, packets(&[&[1], b"def a", END])),
            (true, packets(&[&[2, 0], b"\x011\x012", END])),
            (false, packets(&[&[2, 0], EOF, b"\x011\x012", EOF])),
            (
                false,
                packets(&[&[2, 1], b"def a", b"def b", EOF, b"\x011\x012", EOF]),
            ),
        ];
        for (deprecate_eof, reply) in replies {
            assert!(is_usual(deprecate_eof, &said, Side::Server, &reply), "{reply:?}");
            assert!(!is_usual(deprecate_eof, &[], Side::Server, &reply), "not asked");
            for length in 0..reply.len() {
                assert!(
                    !is_usual(deprecate_eof, &said, Side::Server, &reply[..length]),
                    "cut"
                );
            }
        }
    }

    #[test]
    fn what_the_general_case_must_judge_is_not_usual() {
        let query = command(b"\x03SELECT 1");
        let said = [(Side::Client, &query[..])];
        let more = &[0xfe, 0, 0, 8, 0];
        let cursor = &[0xfe, 0, 0, 0x40, 0];
        for reply in [
            packets(&[&[0xff, 0x10, 4, b'n', b'o']]),
            packets(&[&[0, 1, 0, 8, 0, 0, 0]]),
            packets(&[&[1], b"def a", EOF, b"\x011", more]),
            packets(&[&[1], b"def a", cursor]),
            packets(&[&[1], b"def a", EOF, b"\x011", b"\xff\x10\x04", EOF]),
            packets(&[&[0, 1], b"\x011", EOF]),
        ] {
            let mut decoder = after(false, &said);
            assert!(decoder.usual(Side::Server, &reply).is_none(), "{reply:?}");
        }
    }
}
