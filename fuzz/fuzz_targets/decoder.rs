//! Any bytes on both sides of a connection of each protocol, in any pieces, with holes; and where there are no holes, what
//! is told does not depend on the pieces.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use sockhound::clock::Timestamp;
use sockhound::flow::Chunk;
use sockhound::protocol::catalog::CATALOG;
use sockhound::protocol::feed::{Feed, Listener, Part};
use sockhound::protocol::{AskId, Message, Outcome, Side};
use sockhound_fuzz::{Input, side};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let choice = input.byte();
    let protocol = &CATALOG[usize::from(choice & 0x1f) % CATALOG.len()];
    let script = turns(&mut input);
    let joined_late = choice & 0x20 != 0;
    let new = || match joined_late {
        true => Feed::joined_late(protocol.decoder()),
        false => Feed::new(protocol.decoder()),
    };
    let whole = play(new(), &script, usize::MAX);
    let holes = script.iter().any(|turn| turn.hole.is_some());
    // Where a message begins is looked for by segment; turns are told by segments.
    if holes || joined_late || new().decoder().is_turns() || whole.astray {
        return;
    }
    for size in [1, 7] {
        let pieces = play(new(), &script, size);
        assert!(
            pieces.astray || whole.told == pieces.told,
            "{:?} is {:?} in pieces of {size}",
            whole.told,
            pieces.told
        );
    }
});

struct Turn<'a> {
    side: Side,
    bytes: &'a [u8],
    /// A hole before the bytes; whether its time is known.
    hole: Option<(u64, bool)>,
}

/// Turns of up to 255 bytes: a byte of flags, one of length, then the bytes.
fn turns<'a>(input: &mut Input<'a>) -> Vec<Turn<'a>> {
    let mut turns = Vec::new();
    while !input.is_empty() {
        let flags = input.byte();
        let length = usize::from(input.byte());
        turns.push(Turn {
            side: side(flags),
            bytes: input.bytes(length),
            hole: (flags & 0xe0 == 0xe0).then_some((u64::from(flags & 0x1e) * 50 + 1, flags & 0x10 != 0)),
        });
    }
    turns
}

#[derive(Default)]
struct Told {
    told: Vec<String>,
    /// Outcome and rows of replies that have not ended: in how many parts they come depends on the pieces.
    parts: HashMap<AskId, (Option<Outcome>, Option<u64>)>,
    /// Something was no message.
    astray: bool,
}

fn play(mut feed: Feed, turns: &[Turn<'_>], size: usize) -> Told {
    let mut told = Told::default();
    for (at, turn) in turns.iter().enumerate() {
        let at = Timestamp::from_nanos(at as i64 * 1000);
        let hole = turn.hole.map(|(length, is_cut)| match is_cut {
            true => Chunk::Cut(length),
            false => Chunk::Lost(length),
        });
        if let Some(hole) = hole {
            feed.chunk(turn.side, hole, at, &mut told);
        }
        for piece in turn.bytes.chunks(size) {
            feed.chunk(turn.side, Chunk::Bytes(piece), at, &mut told);
        }
    }
    for side in [Side::Client, Side::Server] {
        feed.finished(side, Timestamp::from_nanos(i64::from(u32::MAX)), &mut told);
    }
    told
}

impl Told {
    fn hear(&mut self, side: Side, message: Message<'_>) {
        if let Some(message) = self.whole(message) {
            self.told.push(format!("{side:?} {message:?}"));
        }
    }

    /// Takes the parts of a reply as one, told with the last; an error is not overwritten.
    fn whole<'a>(&mut self, message: Message<'a>) -> Option<Message<'a>> {
        let Message::Answer(mut answer) = message else {
            return Some(message);
        };
        let (outcome, rows) = self.parts.entry(answer.id).or_default();
        if !matches!(outcome, Some(Outcome::Error(_))) {
            *outcome = answer.outcome.or(*outcome);
        }
        if let Some(more) = answer.rows {
            *rows = Some(rows.unwrap_or(0).saturating_add(more));
        }
        if !answer.end {
            return None;
        }
        (answer.outcome, answer.rows) = self.parts.remove(&answer.id)?;
        Some(Message::Answer(answer))
    }
}

impl Listener for Told {
    fn told(&mut self, side: Side, messages: &[Message<'_>], _part: Part) {
        for message in messages {
            match message {
                Message::Asks(asks) => asks
                    .each()
                    .for_each(|(ask, _)| self.hear(side, Message::Ask(ask))),
                Message::Answers(answers) => {
                    answers
                        .each()
                        .for_each(|(answer, _)| self.hear(side, Message::Answer(answer)));
                }
                message => self.hear(side, *message),
            }
        }
    }
    fn skipped(&mut self, _side: Side, _bytes: u64) {}
    fn completed(&mut self, _side: Side, _last: Timestamp) {}
    fn spoilt(&mut self, side: Side) {
        self.told.push(format!("{side:?} spoilt"));
    }
    fn lost(&mut self, side: Side) {
        self.astray = true;
        self.told.push(format!("{side:?} lost"));
    }
    fn opaque(&mut self, tls: bool) {
        self.astray = true;
        self.told.push(format!("opaque, TLS {tls}"));
    }
}
