//! The commonest requests and replies, each alone in flight and whole in what came at once: taken at one look, without the general
//! case's questions.
//!
//! Nothing depends on it: what is left here, [`request`](super::request) and [`reply`](super::reply) take to the same effect.

use super::flight::{Bind, Kind, Pending};
use super::pins::{self, Hint};
use super::wire::{self, HEADER, Header, LONGEST};
use super::{Phase, Postgresql, names, ready};
use crate::protocol::{Answer, Ask, MAX_NEED, Outcome, Side, Text, Transaction, Usual, Verb};

/// Describe of the unnamed portal, Execute of it to its end, Sync.
const REST: &[u8] = b"D\0\0\0\x06P\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04";
/// The same without Describe.
const REST_UNDESCRIBED: &[u8] = b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04";
/// Bind of the unnamed portal to the unnamed statement, after its length.
const UNNAMED: [u8; 2] = [0, 0];

/// `ReadyForQuery`, before its state.
const READY: &[u8] = b"Z\0\0\0\x05";

impl Postgresql {
    /// Takes `bytes` if they are a usual request or reply; else nothing is changed.
    #[inline]
    pub(in crate::protocol) fn usual<'a>(&mut self, side: Side, bytes: &'a [u8]) -> Option<Usual<'a>> {
        match (side, self.phase) {
            (Side::Client, Phase::Ready) if self.flight.is_empty() && !self.copying_in => {
                self.usual_request(bytes)
            }
            (Side::Server, Phase::Ready) if self.proven && !self.unmatched => self.usual_reply(bytes),
            _ => None,
        }
    }

    #[inline]
    fn usual_request<'a>(&mut self, bytes: &'a [u8]) -> Option<Usual<'a>> {
        match bytes.first()? {
            b'Q' => self.usual_query(bytes),
            b'B' => self.usual_execution(bytes),
            b'P' => self.usual_unnamed(bytes),
            _ => None,
        }
    }

    #[inline]
    fn usual_query<'a>(&mut self, bytes: &'a [u8]) -> Option<Usual<'a>> {
        let body = whole(bytes).filter(|_| bytes.len() <= MAX_NEED)?;
        let text = wire::only_string(body);
        let hint = self.pins.hint(text);
        let id = self.flight.begin(Pending {
            hint,
            ..Pending::new(Kind::Query, b'Q')
        });
        Some(Usual::Ask(Ask {
            id,
            verb: Some(Verb::Query),
            text: self.raw(text, false),
            waiting: hint == Hint::Replication,
        }))
    }

    /// An execution of a prepared statement, by way of the unnamed portal.
    #[inline]
    fn usual_execution<'a>(&mut self, bytes: &'a [u8]) -> Option<Usual<'a>> {
        let (&[_, _, _, _, _, 0], _) = bytes.split_first_chunk()? else {
            return None;
        };
        let (bind, rest) = bytes.split_at_checked(Header::read(Side::Client, bytes).ok()?.total)?;
        let described = is_described(rest)?;
        let names = bind.get(HEADER + 1..bind.len().min(MAX_NEED))?;
        let handle = names::leading_statement(names)?;
        let id = self.execute_usual(Pending {
            statement: Some(handle),
            owed: 1 + u16::from(described),
            ..Pending::new(Kind::Execute, b'B')
        });
        Some(Usual::Ask(Ask {
            id,
            verb: Some(Verb::Execute),
            text: Text::Prepared(handle),
            waiting: false,
        }))
    }

    /// An execution of the unnamed statement that comes with it.
    #[inline]
    fn usual_unnamed<'a>(&mut self, bytes: &'a [u8]) -> Option<Usual<'a>> {
        let (parse, rest) = bytes.split_at_checked(Header::read(Side::Client, bytes).ok()?.total)?;
        let (0, text) = parse
            .get(HEADER..)
            .filter(|_| parse.len() <= MAX_NEED)?
            .split_first()?
        else {
            return None;
        };
        let (&[b'B', a, b, c, d, ..], _) = rest.split_first_chunk::<{ HEADER + 2 }>()? else {
            return None;
        };
        let (bind, rest) = rest.split_at_checked(u32::from_be_bytes([a, b, c, d]) as usize + 1)?;
        if bind.get(HEADER..HEADER + 2)? != UNNAMED || bind.len() <= 12 {
            return None;
        }
        let described = is_described(rest)?;
        let text = wire::string(text).map_or(text, |(text, _)| text);
        let id = self.execute_usual(Pending {
            hint: self.pins.hint(text),
            statement: Some(names::UNNAMED),
            owed: 2 + u16::from(described),
            ..Pending::new(Kind::Execute, b'P')
        });
        let ask = Ask {
            id,
            verb: Some(Verb::Execute),
            text: self.raw(text, false),
            waiting: false,
        };
        Some(Usual::Prepared(ask, names::UNNAMED))
    }

    /// Everything up to Sync was asked at once.
    #[inline]
    fn execute_usual(&mut self, pending: Pending) -> u32 {
        self.flight.is_batch_open = false;
        self.names.bind_unnamed(false);
        self.flight.begin(Pending {
            synced: true,
            bind: Bind::Unnamed,
            ..pending
        })
    }

    /// One statement's reply, done without an error, and `ReadyForQuery`.
    #[inline]
    fn usual_reply(&mut self, bytes: &[u8]) -> Option<Usual<'static>> {
        let (rest, ready) = bytes.split_last_chunk::<{ READY.len() + 1 }>()?;
        let state = ready::transaction(ready.strip_prefix(READY)?).ok()?;
        let is_plain = self.flight.failed.is_none();
        let front = self.flight.front().filter(|_| is_plain)?;
        let ends = front.kind == Kind::Query || front.kind == Kind::Execute && front.synced;
        if !ends || front.refused || !matches!(front.hint, Hint::None) {
            return None;
        }
        let id = front.id;
        let (complete, rows) = rows(rest)?;
        let tag = wire::only_string(whole(complete)?);
        if !pins::is_plain(tag) {
            return None;
        }
        let rows = self.rows.saturating_add(rows);
        self.pins.complete_plain(state == Transaction::None);
        self.rows = 0;
        self.copying_in = false;
        self.flight.end_front();
        self.flight.loose = 0;
        let answer = Answer {
            id,
            outcome: Some(Outcome::Ok),
            rows: wire::rows(tag).or((rows > 0).then_some(rows)),
            end: true,
        };
        Some(Usual::Answer(Some(state), answer))
    }
}

/// The body of the one message of its side that `bytes` are, of a tag whose least length is 5.
#[inline]
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (&[_, a, b, c, d], body) = bytes.split_first_chunk()?;
    let length = u32::from_be_bytes([a, b, c, d]);
    (length as usize + 1 == bytes.len() && (5..=LONGEST).contains(&length)).then_some(body)
}

/// Whether an execution up to Sync begins with Describe; `None` where it is another one.
#[inline]
fn is_described(rest: &[u8]) -> Option<bool> {
    if rest == REST {
        return Some(true);
    }
    (rest == REST_UNDESCRIBED).then_some(false)
}

/// Steps over what comes before a statement's `CommandComplete`, from which on the rest is given, and counts its rows.
#[inline]
fn rows(mut bytes: &[u8]) -> Option<(&[u8], u64)> {
    let mut rows = 0;
    loop {
        let (&[tag, a, b, c, d], _) = bytes.split_first_chunk()?;
        let length = u32::from_be_bytes([a, b, c, d]);
        match (tag, length) {
            (b'D', 6..=LONGEST) => rows += 1,
            (b'1' | b'2' | b'n', 4) | (b'T' | b't', 6..=LONGEST) => {}
            (b'C', _) => return Some((bytes, rows)),
            _ => return None,
        }
        bytes = bytes.get(length as usize + 1..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Decoder, Messages, Step};

    const READY_IDLE: &[u8] = b"Z\0\0\0\x05I";
    const BIND: &[u8] = b"B\0\0\0\x0c\0\0\0\0\0\0\0\0";

    /// A decoder after its login, to which all this was said.
    fn after(said: &[(Side, &[u8])]) -> Postgresql {
        let mut decoder = Postgresql::new();
        decoder.lost(Side::Client);
        take(&mut decoder, Side::Client, b"S\0\0\0\x04");
        take(&mut decoder, Side::Server, READY_IDLE);
        for (side, bytes) in said {
            take(&mut decoder, *side, bytes);
        }
        decoder
    }

    fn take(decoder: &mut Postgresql, side: Side, bytes: &[u8]) -> String {
        let mut told = Messages::new();
        assert_eq!(
            decoder.decode(side, bytes, &mut told),
            Step::Take(bytes.len() as u64)
        );
        format!("{:?}", told.as_slice())
    }

    /// What a usual one means, once it was made sure that the general case has it so too, and is left the same.
    fn usual(said: &[(Side, &[u8])], side: Side, bytes: &[u8]) -> Option<String> {
        let (mut decoder, mut general) = (after(said), after(said));
        let told = decoder.usual(side, bytes).map(|usual| {
            let mut told = Messages::new();
            usual.tell(&mut told);
            format!("{:?}", told.as_slice())
        });
        if let Some(told) = &told {
            assert_eq!(*told, take(&mut general, side, bytes));
        }
        assert_eq!(format!("{decoder:?}"), format!("{general:?}"));
        told
    }

    fn named_bind() -> Vec<u8> {
        b"B\0\0\0\x0f\0S_1\0\0\0\0\0\0\0".to_vec()
    }

    fn requests() -> Vec<Vec<u8>> {
        let parse = b"P\0\0\0\x10\0SELECT 1\0\0\0";
        let started = b"Q\0\0\0\x20CREATE TEMP TABLE t (a int)\0".to_vec();
        let mut all = vec![b"Q\0\0\0\x0dSELECT 1\0".to_vec(), started];
        for rest in [REST, REST_UNDESCRIBED] {
            all.push([&named_bind()[..], rest].concat());
            all.push([BIND, rest].concat());
            all.push([&parse[..], BIND, rest].concat());
        }
        all
    }

    #[test]
    fn usual_requests_are_what_they_are_in_general() {
        for request in requests() {
            assert!(
                usual(&[], Side::Client, &request).is_some(),
                "{}",
                request.escape_ascii()
            );
        }
    }

    #[test]
    fn usual_replies_are_what_they_are_in_general() {
        let row = b"D\0\0\0\x0b\0\x01\0\0\0\x011";
        let columns = b"T\0\0\0\x06\0\0";
        let replies = [
            [&columns[..], row, row, b"C\0\0\0\x0dSELECT 2\0", READY_IDLE].concat(),
            [
                &b"1\0\0\0\x042\0\0\0\x04"[..],
                columns,
                row,
                b"C\0\0\0\x0dSELECT 1\0",
                READY_IDLE,
            ]
            .concat(),
            [&b"2\0\0\0\x04n\0\0\0\x04C\0\0\0\x0fINSERT 0 1\0"[..], READY_IDLE].concat(),
            b"C\0\0\0\x0aBEGIN\0Z\0\0\0\x05T".to_vec(),
            b"C\0\0\0\x0bCOMMIT\0Z\0\0\0\x05E".to_vec(),
        ];
        let asked: Vec<_> = requests();
        for request in asked
            .iter()
            .filter(|request| !request.starts_with(b"Q\0\0\0\x20"))
        {
            for reply in &replies {
                let told = usual(&[(Side::Client, request)], Side::Server, reply);
                assert!(told.is_some(), "{}", reply.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_is_not_usual() {
        for request in requests() {
            for length in 0..request.len() {
                let mut decoder = after(&[]);
                assert!(decoder.usual(Side::Client, &request[..length]).is_none());
            }
            let mut decoder = after(&[]);
            let more = [&request[..], b"S\0\0\0\x04"].concat();
            assert!(decoder.usual(Side::Client, &more).is_none());
        }
        let reply = [&b"C\0\0\0\x0dSELECT 2\0"[..], READY_IDLE].concat();
        let query = b"Q\0\0\0\x0dSELECT 1\0";
        for length in 0..reply.len() {
            let mut decoder = after(&[(Side::Client, query)]);
            assert!(decoder.usual(Side::Server, &reply[..length]).is_none());
        }
    }

    #[test]
    fn what_the_general_case_must_judge_is_not_usual() {
        let query: &[u8] = b"Q\0\0\0\x0dSELECT 1\0";
        let done: &[u8] = b"C\0\0\0\x0dSELECT 2\0Z\0\0\0\x05I";
        assert_eq!(
            usual(&[(Side::Client, query)], Side::Client, query),
            None,
            "in flight"
        );
        assert_eq!(usual(&[], Side::Server, done), None, "nothing was asked");
        let listening: &[u8] = b"C\0\0\0\x0bLISTEN\0Z\0\0\0\x05I";
        assert_eq!(
            usual(&[(Side::Client, query)], Side::Server, listening),
            None,
            "pins"
        );
        let refused: &[u8] = b"E\0\0\0\x0cC42P01\0\0";
        let said = [(Side::Client, query), (Side::Server, refused)];
        assert_eq!(usual(&said, Side::Server, done), None, "after an error");
    }
}
