//! A small stand-in for the feed, for tests: drives a decoder with a script cut anywhere and says what was told in a form
//! that must not depend on the cuts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::protocol::{
    Answer, Ask, AskId, Decoder, Login, MAX_NEED, Message, Messages, Resync, Side, Step, Text,
};

/// Who says what, in order.
pub type Script = Vec<(Side, Vec<u8>)>;

/// One exchange as told; offsets count in the stream of the side that sent the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Verb, statement, and `waiting`.
    pub ask: String,
    /// Where the request begins and ends.
    pub request: (u64, u64),
    /// Where the reply begins and ends.
    pub reply: Option<(u64, u64)>,
    /// How it went.
    pub outcome: String,
    /// The reply is known to be complete.
    pub ended: bool,
    /// There will be no reply.
    pub no_reply: bool,
}

/// All that was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The exchanges by their ids.
    pub exchanges: BTreeMap<AskId, Told>,
    /// Everything else in order.
    pub said: Vec<String>,
}

impl Heard {
    /// One line an exchange: request, offsets of the reply's ends, outcome.
    pub fn lines(&self) -> Vec<String> {
        self.exchanges.values().map(Told::line).collect()
    }
}

impl Told {
    fn line(&self) -> String {
        let mut line = format!("{} [{}..{}]", self.ask, self.request.0, self.request.1);
        match self.reply {
            Some((start, end)) => _ = write!(line, " -> {} [{start}..{end}]", self.outcome),
            None if self.no_reply => line.push_str(" -> none"),
            None => line.push_str(" -> ?"),
        }
        if self.reply.is_some() && !self.ended {
            line.push_str(" open");
        }
        line
    }
}

/// One side's stream.
#[derive(Default)]
struct Stream {
    held: Vec<u8>,
    at: u64,
    skip: u64,
    need: usize,
    lost: bool,
    opaque: Option<bool>,
}

/// Drives one decoder.
pub struct Replay<'d, D: Decoder> {
    decoder: &'d mut D,
    streams: [Stream; 2],
    heard: Heard,
}

impl<'d, D: Decoder> Replay<'d, D> {
    /// Begins with a connection's first bytes.
    pub fn new(decoder: &'d mut D) -> Self {
        Self {
            decoder,
            streams: Default::default(),
            heard: Heard::default(),
        }
    }

    /// Some bytes of one side.
    pub fn bytes(&mut self, side: Side, bytes: &[u8]) {
        self.streams[side as usize].held.extend_from_slice(bytes);
        while self.step(side) {}
    }

    /// A hole in one side's stream.
    pub fn gap(&mut self, side: Side, length: u64) {
        let stream = &mut self.streams[side as usize];
        if stream.skip >= length {
            stream.skip -= length;
            stream.at += length;
            return;
        }
        stream.at += length + stream.held.len() as u64;
        (stream.skip, stream.need, stream.lost) = (0, 0, true);
        stream.held.clear();
        self.decoder.lost(side);
    }

    /// The connection is first seen in its middle.
    pub fn joined_late(&mut self) {
        for side in [Side::Client, Side::Server] {
            self.streams[side as usize].lost = true;
            self.decoder.lost(side);
        }
    }

    /// One side has said its last.
    pub fn finished(&mut self, side: Side) {
        let mut told = Messages::new();
        self.decoder.finished(side, &mut told);
        let at = self.streams[side as usize].at;
        for message in told.as_slice() {
            self.heard.hear(side, message, at, at);
        }
    }

    /// What was heard, and the sides that can't be read any more (and whether that is TLS).
    pub fn end(self) -> (Heard, [Option<bool>; 2]) {
        let [client, server] = self.streams;
        (self.heard, [client.opaque, server.opaque])
    }

    fn step(&mut self, side: Side) -> bool {
        let stream = &mut self.streams[side as usize];
        let skipped = stream.skip.min(stream.held.len() as u64);
        stream.held.drain(..skipped as usize);
        stream.skip -= skipped;
        stream.at += skipped;
        if stream.held.is_empty() || stream.held.len() < stream.need || stream.opaque.is_some() {
            return false;
        }
        if stream.lost && !self.found(side) {
            return false;
        }
        self.judge(side)
    }

    fn found(&mut self, side: Side) -> bool {
        let stream = &mut self.streams[side as usize];
        let step = match self.decoder.resync(side, &stream.held) {
            Resync::At(offset) => {
                stream.lost = false;
                offset
            }
            Resync::NotHere => stream.held.len(),
        };
        stream.held.drain(..step);
        stream.at += step as u64;
        !stream.lost && !stream.held.is_empty()
    }

    fn judge(&mut self, side: Side) -> bool {
        let stream = &mut self.streams[side as usize];
        let mut told = Messages::new();
        let at = stream.at;
        match self.decoder.decode(side, &stream.held, &mut told) {
            Step::Need(n) => {
                assert!(
                    n > stream.held.len() && n <= MAX_NEED,
                    "need {n} of {}",
                    stream.held.len()
                );
                stream.need = n;
                return false;
            }
            Step::Take(n) => {
                assert!(n > 0);
                for message in told.as_slice() {
                    self.heard.hear(side, message, at, at + n);
                }
                stream.skip = n;
                stream.need = 0;
            }
            Step::Opaque { tls } => stream.opaque = Some(tls),
            Step::Garbage => {
                self.heard.said.push(format!("garbage from {side:?} at {at}"));
                stream.held.remove(0);
                stream.at += 1;
                stream.lost = true;
                stream.need = 0;
                self.decoder.lost(side);
            }
        }
        true
    }
}

impl Heard {
    fn hear(&mut self, side: Side, message: &Message<'_>, start: u64, end: u64) {
        match message {
            Message::Ask(ask) => self.ask(ask, start, end),
            Message::Answer(answer) => self.answer(answer, start, end),
            Message::Asks(asks) => {
                let mut at = start;
                for (ask, size) in asks.each() {
                    self.ask(&ask, at, at + size);
                    at += size;
                }
                assert_eq!(at, end);
            }
            Message::Answers(answers) => {
                let mut at = start;
                for (answer, size) in answers.each() {
                    self.answer(&answer, at, at + size);
                    at += size;
                }
                assert_eq!(at, end);
            }
            Message::Ended(id) => self.exchanges.entry(*id).or_default().ended = true,
            Message::NoReply(id) => self.exchanges.entry(*id).or_default().no_reply = true,
            Message::Session(session) => self.said.push(format!(
                "session user={} database={} application={}",
                lossy(session.user),
                lossy(session.database),
                lossy(session.application)
            )),
            Message::Unmatched | Message::Login(Login::Begun) => {
                self.said.push(format!("{message:?} at {side:?} {start}"));
            }
            other => self.said.push(format!("{other:?} at {side:?} {end}")),
        }
    }

    fn ask(&mut self, ask: &Ask<'_>, start: u64, end: u64) {
        let told = self.exchanges.entry(ask.id).or_insert_with(|| Told {
            request: (start, end),
            ..Told::default()
        });
        told.request.1 = end;
        if let Some(verb) = ask.verb {
            let waiting = if ask.waiting { " waiting" } else { "" };
            told.ask = format!("{}{waiting} {}", verb.name(), text(&ask.text));
        }
    }

    fn answer(&mut self, answer: &Answer, start: u64, end: u64) {
        let told = self.exchanges.entry(answer.id).or_default();
        let first = told.reply.map_or(start, |(first, _)| first);
        told.reply = Some((first, end));
        if let Some(outcome) = answer.outcome {
            told.outcome = format!("{outcome:?}");
        }
        assert!(!told.ended, "answered after its end");
        told.ended = answer.end;
    }
}

fn lossy(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |b| String::from_utf8_lossy(b).into_owned())
}

fn text(text: &Text<'_>) -> String {
    match text {
        Text::Same => "same".to_owned(),
        Text::Raw { bytes, truncated, .. } => {
            format!("{}{}", bytes.escape_ascii(), if *truncated { "..." } else { "" })
        }
        Text::Prepared(handle) => format!("prepared {handle}"),
        Text::Fixed(name) => (*name).to_owned(),
    }
}

/// Plays a script with each run cut into pieces whose lengths `cut` gives, then ends both streams.
pub fn play<D: Decoder>(decoder: &mut D, script: &Script, mut cut: impl FnMut() -> usize) -> Heard {
    let mut replay = Replay::new(decoder);
    for (side, run) in script {
        let mut rest = run.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cut().clamp(1, rest.len()));
            replay.bytes(*side, piece);
            rest = after;
        }
    }
    replay.finished(Side::Client);
    replay.finished(Side::Server);
    replay.end().0
}

/// Plays a script run by run.
pub fn whole<D: Decoder>(decoder: &mut D, script: &Script) -> Heard {
    play(decoder, script, || usize::MAX)
}

/// Reads a script: a line a run, `C ` or `S ` and the bytes with `\r`, `\n`, `\xNN` and the like escaped.
pub fn script(text: &str) -> Script {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (who, run) = line.trim_start().split_at(2);
            let side = if who == "C " { Side::Client } else { Side::Server };
            (side, unescape(run.as_bytes()))
        })
        .collect()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                rest = after;
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(match escaped {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b't' => b'\t',
                    other => *other,
                });
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// The law of cutting, for a decoder made by `new`: any cuts tell the same.
pub fn assert_cutting_changes_nothing<D: Decoder>(new: impl Fn() -> D, script: &Script, cuts: &[usize]) {
    let uncut = whole(&mut new(), script);
    let mut sizes = cuts.iter().copied().cycle();
    let cut = play(&mut new(), script, || sizes.next().unwrap_or(1));
    assert_eq!(uncut, cut, "cut by {cuts:?}");
}
