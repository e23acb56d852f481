//! Feeds a decoder both sides' bytes in order, in whatever pieces, as the feed does: keeps leftovers, skips, unwraps,
//! and gathers what is told into a log that does not depend on the pieces.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::super::Mysql;
use crate::protocol::{
    Answer, Ask, AskId, Decoder, MAX_NEED, Message, Messages, Outcome, Resync, Side, Step, Text, Verb,
};

/// A request and its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) id: AskId,
    pub(super) verb: &'static str,
    pub(super) text: String,
    pub(super) rows: Option<u64>,
    /// `ok`, an error's code, or empty while it is open.
    pub(super) outcome: String,
    /// The pieces that its request's first and last bytes came in.
    pub(super) request: (usize, usize),
    /// The pieces that its reply's first and last bytes came in.
    pub(super) reply: Option<(usize, usize)>,
}

/// One side's bytes that are not dealt with yet.
#[derive(Default)]
struct Stream {
    wrapped: Vec<u8>,
    wrapped_pieces: Pieces,
    plain: Vec<u8>,
    plain_pieces: Pieces,
    /// Bytes still to skip, and the exchange that they belong to.
    skip: u64,
    about: Option<AskId>,
    lost: bool,
    dead: bool,
}

/// Which piece bytes came in: (how many, piece), first to last.
#[derive(Default)]
struct Pieces(VecDeque<(u64, usize)>);

impl Pieces {
    fn add(&mut self, count: usize, piece: usize) {
        self.0.push_back((count as u64, piece));
    }

    /// Says which pieces the first and the last of the next `count` bytes came in, and drops these.
    fn take(&mut self, mut count: u64) -> (usize, usize) {
        let mut first = None;
        let mut last = 0;
        while let Some((left, piece)) = self.0.front_mut().filter(|_| count > 0) {
            let now = count.min(*left);
            if now > 0 {
                first.get_or_insert(*piece);
                last = *piece;
            }
            *left -= now;
            count -= now;
            if *left == 0 {
                self.0.pop_front();
            }
        }
        (first.unwrap_or(last), last)
    }
}

enum Told {
    Log(String),
    Ask(AskId, Option<&'static str>, Option<String>),
    Answer(Answer),
    Ended(AskId),
}

#[derive(Default)]
pub(super) struct Drive {
    pub(super) decoder: Mysql,
    streams: [Stream; 2],
    pub(super) piece: usize,
    open: Vec<Exchange>,
    wrapped: bool,
    /// Finished exchanges, in the order they ended.
    pub(super) exchanges: Vec<Exchange>,
    /// All else that was told, and where exchanges began and ended among it.
    pub(super) log: Vec<String>,
}

impl Drive {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A connection that is first seen in its middle.
    pub(super) fn joined_late() -> Self {
        let mut it = Self::default();
        it.lose(Side::Client);
        it.lose(Side::Server);
        it
    }

    /// Bytes of `side` were lost here.
    pub(super) fn lose(&mut self, side: Side) {
        self.decoder.lost(side);
        self.open.clear();
        let stream = &mut self.streams[side as usize];
        *stream = Stream {
            lost: true,
            ..Stream::default()
        };
    }

    /// Whether `side`'s next piece is searched for a boundary.
    pub(super) fn is_lost(&self, side: Side) -> bool {
        self.streams[side as usize].lost
    }

    pub(super) fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.feed(Side::Client, bytes)
    }

    pub(super) fn server(&mut self, bytes: &[u8]) -> &mut Self {
        self.feed(Side::Server, bytes)
    }

    /// One piece of `side`'s stream.
    pub(super) fn feed(&mut self, side: Side, bytes: &[u8]) -> &mut Self {
        let piece = self.piece;
        self.piece += 1;
        if self.streams[side as usize].lost {
            match self.decoder.resync(side, bytes) {
                Resync::At(offset) => {
                    self.wrapped = self.decoder.wrapped(side);
                    self.streams[side as usize].lost = false;
                    return self.append(side, &bytes[offset..], piece);
                }
                Resync::NotHere => return self,
            }
        }
        self.append(side, bytes, piece)
    }

    fn append(&mut self, side: Side, bytes: &[u8], piece: usize) -> &mut Self {
        let stream = &mut self.streams[side as usize];
        stream.wrapped.extend_from_slice(bytes);
        stream.wrapped_pieces.add(bytes.len(), piece);
        while self.unwrap(side) {
            while self.step(side) {}
        }
        self
    }

    /// Moves bytes from wrapped to plain; false when none are left that can be.
    fn unwrap(&mut self, side: Side) -> bool {
        let stream = &mut self.streams[side as usize];
        if stream.wrapped.is_empty() || stream.dead {
            return false;
        }
        if !self.decoder.wrapped(side) {
            stream.plain.append(&mut stream.wrapped);
            stream.plain_pieces.0.append(&mut stream.wrapped_pieces.0);
            return true;
        }
        let before = stream.plain.len();
        let step = self.decoder.open(side, &stream.wrapped, &mut stream.plain);
        let added = stream.plain.len() - before;
        assert!(added <= 64 * 1024);
        let here = stream.wrapped.len();
        match step {
            Step::Take(taken) => {
                assert!((1..=here as u64).contains(&taken));
                stream.wrapped.drain(..taken as usize);
                let (first, last) = stream.wrapped_pieces.take(taken);
                if added > 0 {
                    stream.plain_pieces.add(1, first);
                    stream.plain_pieces.add(added - 1, last);
                }
                true
            }
            Step::Need(need) => {
                assert!(need > here && need <= MAX_NEED && added == 0);
                false
            }
            Step::Opaque { .. } | Step::Garbage => {
                self.log.push(format!("{side:?} wrapped garbage"));
                self.lose(side);
                false
            }
        }
    }

    fn step(&mut self, side: Side) -> bool {
        let stream = &mut self.streams[side as usize];
        if stream.skip > 0 {
            let now = stream.skip.min(stream.plain.len() as u64);
            stream.plain.drain(..now as usize);
            stream.skip -= now;
            let (_, last) = stream.plain_pieces.take(now);
            if stream.skip > 0 {
                return false;
            }
            self.complete(side, last);
            return true;
        }
        if stream.plain.is_empty() || stream.dead {
            return false;
        }
        let mut told = Messages::new();
        let plain = std::mem::take(&mut stream.plain);
        let step = self.decoder.decode(side, &plain, &mut told);
        let told: Vec<Told> = told.as_slice().iter().map(owned).collect();
        let stream = &mut self.streams[side as usize];
        match step {
            Step::Need(need) => {
                assert!(
                    need > plain.len() && need <= MAX_NEED,
                    "needs {need} of {}",
                    plain.len()
                );
                stream.plain = plain;
                false
            }
            Step::Take(count) => {
                assert!(count >= 1);
                let now = count.min(plain.len() as u64);
                stream.plain = plain[now as usize..].to_vec();
                stream.skip = count - now;
                let (first, last) = stream.plain_pieces.take(now);
                let whole = stream.skip == 0;
                self.tell(side, told, (first, last));
                self.switch();
                whole
            }
            Step::Opaque { tls } => {
                stream.dead = true;
                self.log.push(format!("{side:?} opaque tls={tls}"));
                false
            }
            Step::Garbage => {
                self.log.push(format!("{side:?} garbage"));
                self.lose(side);
                false
            }
        }
    }

    /// What follows the step that began compression is wrapped.
    fn switch(&mut self) {
        if self.wrapped || !self.decoder.wrapped(Side::Client) {
            return;
        }
        self.wrapped = true;
        for stream in &mut self.streams {
            stream.plain.append(&mut stream.wrapped);
            std::mem::swap(&mut stream.plain, &mut stream.wrapped);
            stream.plain_pieces.0.append(&mut stream.wrapped_pieces.0);
            std::mem::swap(&mut stream.plain_pieces, &mut stream.wrapped_pieces);
        }
    }

    fn tell(&mut self, side: Side, told: Vec<Told>, at: (usize, usize)) {
        self.streams[side as usize].about = None;
        for told in told {
            match told {
                Told::Log(line) => self.log.push(line),
                Told::Ask(id, verb, text) => {
                    self.streams[side as usize].about = Some(id);
                    self.ask(id, verb, text, at);
                }
                Told::Answer(answer) => {
                    self.streams[side as usize].about = Some(answer.id);
                    self.answer(answer, at);
                }
                Told::Ended(id) => {
                    let end = self.open(id).reply.expect("a reply begun").1;
                    self.end(id, end);
                }
            }
        }
    }

    /// The last byte of what was told last has come.
    fn complete(&mut self, side: Side, last: usize) {
        let about = self.streams[side as usize].about.take();
        let known = self.open.iter_mut().chain(&mut self.exchanges);
        if let Some(exchange) = known.filter(|known| Some(known.id) == about).last() {
            match (side, &mut exchange.reply) {
                (Side::Client, _) => exchange.request.1 = last,
                (Side::Server, Some(reply)) => reply.1 = last,
                (Side::Server, None) => {}
            }
        }
    }

    fn open(&mut self, id: AskId) -> &mut Exchange {
        self.open
            .iter_mut()
            .find(|open| open.id == id)
            .expect("an open exchange")
    }

    fn ask(&mut self, id: AskId, verb: Option<&'static str>, text: Option<String>, at: (usize, usize)) {
        let Some(verb) = verb else {
            self.open(id).request.1 = at.1;
            return;
        };
        assert!(self.open.iter().all(|open| open.id < id), "ids rise");
        let text = text.unwrap_or_default();
        self.log.push(format!("ask {id} {verb} {text}"));
        self.open.push(Exchange {
            id,
            verb,
            text,
            rows: None,
            outcome: String::new(),
            request: at,
            reply: None,
        });
    }

    fn answer(&mut self, answer: Answer, at: (usize, usize)) {
        let open = self.open(answer.id);
        open.reply = Some((open.reply.map_or(at.0, |(first, _)| first), at.1));
        if let Some(rows) = answer.rows {
            open.rows = Some(open.rows.unwrap_or(0) + rows);
        }
        match answer.outcome {
            Some(Outcome::Ok) => open.outcome = "ok".into(),
            Some(Outcome::Error(code)) => open.outcome = code.as_str().into(),
            None => {}
        }
        if answer.end {
            self.end(answer.id, at.1);
        }
    }

    fn end(&mut self, id: AskId, last: usize) {
        let open = self.open(id);
        open.reply = open.reply.map(|(first, _)| (first, last));
        let index = self.open.iter().position(|open| open.id == id).unwrap_or(0);
        let done = self.open.remove(index);
        let mut line = format!("answer {id} {}", done.outcome);
        if let Some(rows) = done.rows {
            let _ = write!(line, " rows={rows}");
        }
        self.log.push(line);
        self.exchanges.push(done);
    }

    /// Ends both streams, and names what is still open.
    pub(super) fn finish(&mut self) -> &mut Self {
        for side in [Side::Client, Side::Server] {
            let mut told = Messages::new();
            self.decoder.finished(side, &mut told);
            let told: Vec<Told> = told.as_slice().iter().map(owned).collect();
            let at = (self.piece, self.piece);
            self.tell(side, told, at);
        }
        for open in std::mem::take(&mut self.open) {
            self.log.push(format!("open {}", open.id));
        }
        self
    }
}

fn owned(message: &Message<'_>) -> Told {
    match *message {
        Message::Ask(Ask { id, verb, text, .. }) => Told::Ask(id, verb.map(Verb::name), written(text)),
        Message::Answer(answer) => Told::Answer(answer),
        Message::Ended(id) => Told::Ended(id),
        Message::Session(session) => {
            let name = |name: Option<&[u8]>| name.map_or("-".into(), String::from_utf8_lossy).into_owned();
            let [user, database, application] =
                [session.user, session.database, session.application].map(name);
            Told::Log(format!("session {user} {database} {application}"))
        }
        other => Told::Log(format!("{other:?}")),
    }
}

fn written(text: Text<'_>) -> Option<String> {
    match text {
        Text::Same => None,
        Text::Raw { bytes, truncated, .. } => {
            let more = if truncated { ".." } else { "" };
            Some(format!("{}{more}", String::from_utf8_lossy(bytes)))
        }
        Text::Prepared(handle) => Some(format!("#{handle}")),
        Text::Fixed(name) => Some(name.into()),
    }
}
