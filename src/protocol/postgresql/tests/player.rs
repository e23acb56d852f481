//! Plays recorded or made sessions to the decoder, as a feed would, and writes down what came of each exchange.
//!
//! Positions in the two streams stand for times, so that where a request or reply begins and ends can be compared.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::messages::{message, ready, startup};
use crate::protocol::postgresql::Postgresql;
use crate::protocol::{
    Answer, Ask, AskId, Decoder, Handle, MAX_NEED, Message, Messages, Outcome, Resync, Side, Step, Text, Verb,
};

/// One exchange as told; positions are offsets into its side's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) id: AskId,
    pub(super) verb: &'static str,
    pub(super) text: Option<String>,
    pub(super) waiting: bool,
    pub(super) request: (u64, u64),
    pub(super) reply: Option<(u64, u64)>,
    pub(super) outcome: String,
    pub(super) rows: Option<u64>,
}

/// What came of a session.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Exchanges in the order they ended.
    pub(super) exchanges: Vec<Exchange>,
    /// Everything else, in order.
    pub(super) asides: Vec<String>,
    /// Asks given up after a loss.
    pub(super) doubtful: usize,
    pub(super) unmatched: usize,
    pub(super) garbage: usize,
}

#[derive(Default)]
struct Stream {
    buffer: Vec<u8>,
    /// Position of the buffer's first byte.
    at: u64,
    skip: u64,
    adrift: bool,
    opaque: bool,
}

/// A decoder and its two streams.
#[derive(Default)]
pub(super) struct Player {
    pub(super) decoder: Postgresql,
    streams: [Stream; 2],
    open: Vec<Exchange>,
    prepared: HashMap<Handle, Option<String>>,
    pub(super) seen: Seen,
}

impl Player {
    pub(super) fn joined_late() -> Self {
        let mut player = Self::default();
        for side in [Side::Client, Side::Server] {
            player.decoder.lost(side);
            player.streams[side.index()].adrift = true;
        }
        player
    }

    pub(super) fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.play(Side::Client, bytes)
    }

    pub(super) fn server(&mut self, bytes: &[u8]) -> &mut Self {
        self.play(Side::Server, bytes)
    }

    pub(super) fn play(&mut self, side: Side, bytes: &[u8]) -> &mut Self {
        let mut stream = std::mem::take(&mut self.streams[side.index()]);
        let skipped = stream.skip.min(bytes.len() as u64);
        stream.skip -= skipped;
        stream.at += skipped;
        stream.buffer.extend_from_slice(&bytes[skipped as usize..]);
        while !stream.buffer.is_empty() && !stream.opaque && self.step(side, &mut stream) {}
        self.streams[side.index()] = stream;
        self
    }

    /// Whether whole messages of `side` would be understood.
    pub(super) fn understands(&self, side: Side, mut bytes: &[u8]) -> bool {
        let mut decoder = self.decoder.clone();
        while !bytes.is_empty() {
            let Step::Take(length) = decoder.decode(side, bytes, &mut Messages::new()) else {
                return false;
            };
            bytes = &bytes[length as usize..];
        }
        true
    }

    /// Bytes of `side` go missing.
    pub(super) fn lose(&mut self, side: Side, length: u64) {
        let stream = &mut self.streams[side.index()];
        if length <= stream.skip {
            stream.skip -= length;
            stream.at += length;
            return;
        }
        let gone = stream.buffer.len() as u64 + length;
        *stream = Stream {
            at: stream.at + gone,
            adrift: true,
            ..Stream::default()
        };
        self.lost(side);
    }

    fn lost(&mut self, side: Side) {
        self.decoder.lost(side);
        self.seen.doubtful += self.open.len();
        self.open.clear();
    }

    /// One step; false where nothing more can be done with what is here.
    fn step(&mut self, side: Side, stream: &mut Stream) -> bool {
        let buffer = std::mem::take(&mut stream.buffer);
        if stream.adrift {
            let Resync::At(offset) = self.decoder.resync(side, &buffer) else {
                stream.at += buffer.len() as u64;
                return false;
            };
            stream.adrift = false;
            stream.at += offset as u64;
            stream.buffer = buffer[offset..].to_vec();
            return true;
        }
        let mut told = Messages::new();
        let step = self.decoder.decode(side, &buffer, &mut told);
        if let Step::Take(length) = step {
            assert!(length > 0, "took nothing");
            let span = (stream.at, stream.at + length - 1);
            note(
                &mut self.open,
                &mut self.prepared,
                &mut self.seen,
                told.as_slice(),
                span,
            );
        }
        match step {
            Step::Take(length) => {
                let here = (length as usize).min(buffer.len());
                stream.skip = length - here as u64;
                stream.at += here as u64;
                stream.buffer = buffer[here..].to_vec();
                true
            }
            Step::Need(need) => {
                assert!(
                    need > buffer.len() && need <= MAX_NEED,
                    "needs {need} having {}",
                    buffer.len()
                );
                stream.buffer = buffer;
                false
            }
            Step::Opaque { tls } => {
                stream.opaque = true;
                self.seen.asides.push(format!("opaque {tls}"));
                false
            }
            Step::Garbage => {
                self.seen.garbage += 1;
                stream.adrift = true;
                stream.at += buffer.len() as u64;
                self.lost(side);
                false
            }
        }
    }
}

fn note(
    open: &mut Vec<Exchange>,
    prepared: &mut HashMap<Handle, Option<String>>,
    seen: &mut Seen,
    messages: &[Message<'_>],
    span: (u64, u64),
) {
    for message in messages {
        match message {
            Message::Ask(ask) => note_ask(open, prepared, ask, span),
            Message::Answer(answer) => note_answer(open, seen, answer, span),
            Message::Skipped { first, last, code } => {
                assert!(
                    open.iter().any(|open| open.id == *first) && open.iter().any(|open| open.id == *last)
                );
                for id in *first..=*last {
                    let outcome = Some(Outcome::Error(*code));
                    note_answer(
                        open,
                        seen,
                        &Answer {
                            id,
                            outcome,
                            rows: None,
                            end: true,
                        },
                        span,
                    );
                }
            }
            Message::Ended(id) => end(open, seen, *id),
            Message::Unmatched => seen.unmatched += 1,
            Message::Prepared { id, handle } => {
                let text = open
                    .iter()
                    .find(|open| open.id == *id)
                    .expect("an open ask")
                    .text
                    .clone();
                prepared.insert(*handle, text);
            }
            Message::Closed(handle) => drop(prepared.remove(handle)),
            Message::ClosedAll => prepared.clear(),
            other => seen.asides.push(aside(other)),
        }
    }
}

fn aside(message: &Message<'_>) -> String {
    match message {
        Message::Session(session) => {
            let mut line = String::from("session");
            for (name, value) in [
                ("user", session.user),
                ("database", session.database),
                ("application", session.application),
            ] {
                if let Some(value) = value {
                    write!(line, " {name}={}", String::from_utf8_lossy(value)).expect("a string");
                }
            }
            line
        }
        other => format!("{other:?}"),
    }
}

fn note_ask(
    open: &mut Vec<Exchange>,
    prepared: &HashMap<Handle, Option<String>>,
    ask: &Ask<'_>,
    span: (u64, u64),
) {
    let index = open.iter().position(|open| open.id == ask.id).unwrap_or_else(|| {
        assert!(ask.verb.is_some(), "an ask of no verb begins nothing");
        assert!(open.last().is_none_or(|last| last.id < ask.id), "ids rise");
        open.push(Exchange {
            id: ask.id,
            verb: "",
            text: None,
            waiting: false,
            request: span,
            reply: None,
            outcome: String::new(),
            rows: None,
        });
        open.len() - 1
    });
    let exchange = &mut open[index];
    exchange.verb = ask.verb.map_or(exchange.verb, Verb::name);
    exchange.waiting |= ask.waiting;
    if exchange.reply.is_none() {
        exchange.request.1 = span.1;
    }
    match ask.text {
        Text::Same => {}
        Text::Raw { bytes, truncated, .. } => {
            exchange.text = Some(format!(
                "{}{}",
                String::from_utf8_lossy(bytes),
                if truncated { "..." } else { "" }
            ));
        }
        Text::Prepared(handle) => exchange.text = prepared.get(&handle).cloned().flatten(),
        Text::Fixed(name) => exchange.text = Some(name.to_string()),
    }
}

fn note_answer(open: &mut Vec<Exchange>, seen: &mut Seen, answer: &Answer, span: (u64, u64)) {
    let exchange = open
        .iter_mut()
        .find(|open| open.id == answer.id)
        .expect("an open ask is answered");
    let reply = exchange.reply.get_or_insert(span);
    reply.1 = span.1;
    if let Some(rows) = answer.rows {
        exchange.rows = Some(exchange.rows.unwrap_or(0) + rows);
    }
    match answer.outcome {
        Some(Outcome::Error(code)) if !exchange.outcome.starts_with("error") => {
            exchange.outcome = format!("error {}", code.as_str());
        }
        Some(Outcome::Ok) if exchange.outcome.is_empty() => exchange.outcome = "ok".to_string(),
        _ => {}
    }
    if answer.end {
        end(open, seen, answer.id);
    }
}

fn end(open: &mut Vec<Exchange>, seen: &mut Seen, id: AskId) {
    let index = open
        .iter()
        .position(|open| open.id == id)
        .expect("an open ask ends");
    seen.exchanges.push(open.remove(index));
}

impl Seen {
    /// One line an exchange: `verb [text] outcome rows`.
    pub(super) fn lines(&self) -> Vec<String> {
        self.exchanges
            .iter()
            .map(|it| {
                let rows = it.rows.map_or(String::new(), |rows| format!(" {rows}"));
                let text = it.text.as_deref().unwrap_or("?");
                let waiting = if it.waiting { " waiting" } else { "" };
                format!("{} [{text}] {}{rows}{waiting}", it.verb, it.outcome)
            })
            .collect()
    }
}

/// Splits a recording (see `fixtures/record.py`) into what was said by whom.
pub(super) fn recording(mut bytes: &[u8]) -> Vec<(Side, Vec<u8>)> {
    let mut said = Vec::new();
    while let Some((&[side, a, b, c, d], rest)) = bytes.split_first_chunk() {
        let (data, rest) = rest.split_at(u32::from_be_bytes([a, b, c, d]) as usize);
        said.push((
            if side == b'C' { Side::Client } else { Side::Server },
            data.to_vec(),
        ));
        bytes = rest;
    }
    said
}

/// Plays a session whole, or cut into pieces whose lengths repeat.
pub(super) fn play(said: &[(Side, Vec<u8>)], cuts: &[usize]) -> Seen {
    let mut player = Player::default();
    let mut cuts = cuts.iter().cycle();
    for (side, bytes) in said {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let length = cuts.next().map_or(rest.len(), |&cut| cut.clamp(1, rest.len()));
            player.play(*side, &rest[..length]);
            rest = &rest[length..];
        }
    }
    player.seen
}

/// A session that is logged in.
pub(super) fn session() -> Player {
    let mut player = Player::default();
    player.client(&startup(3 << 16, &["user", "u"]));
    player.server(&[message(b'R', &[0; 4]), ready(b'I')].concat());
    player.seen.asides.clear();
    player
}

/// [`Seen::lines`] of a session in which all was understood.
pub(super) fn lines(player: &Player) -> Vec<String> {
    assert_eq!(player.seen.garbage, 0);
    player.seen.lines()
}
