//! Turn-taking: for TLS and for protocols that are not recognised, a client's burst and the server's that follows it
//! make one exchange. What is inside stays unread; only [`tls`] records are told apart.

#[cfg(test)]
pub(crate) mod replay;
#[cfg(test)]
mod tests;
pub mod tls;

use self::tls::{Content, HEADER, Handshake, Record};
use super::{Answer, Ask, AskId, Decoder, Message, Messages, Outcome, Resync, Side, Step, Text, Verb};

/// Reads a connection as turns.
#[derive(Debug, Default)]
pub struct Turns {
    /// For TLS, how far its handshake is.
    handshake: Option<Handshake>,
    next: AskId,
    turn: Turn,
    /// Who spoke last since the start or a loss.
    speaker: Option<Side>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// Nobody has spoken since the start, a loss or the end of the last exchange.
    #[default]
    Open,
    /// The client speaks.
    Asking(AskId),
    /// The server answers.
    Answering(AskId),
}

/// Whether the first bytes of `side` begin a TLS connection or are records of one.
#[must_use]
pub fn recognise(_side: Side, bytes: &[u8]) -> bool {
    tls::recognise(bytes)
}

impl Turns {
    /// Reads TLS records, or any bytes at all until a side begins its turn with TLS. A TLS connection that does not begin
    /// with a handshake was joined late.
    #[must_use]
    pub fn new(tls: bool) -> Self {
        Self {
            handshake: tls.then(Handshake::default),
            ..Self::default()
        }
    }

    fn client(&mut self, told: &mut Messages<'_>) {
        if let Turn::Answering(id) = self.turn {
            told.push(Message::Ended(id));
        }
        if let Turn::Asking(id) = self.turn {
            told.push(ask(id, None, Text::Same));
        } else {
            let id = self.next;
            self.next = id.wrapping_add(1);
            self.turn = Turn::Asking(id);
            told.push(ask(id, Some(Verb::Turn), Text::Fixed("(turn)")));
        }
    }

    /// What the server says first, or by itself after a loss, answers nothing.
    fn server(&mut self, told: &mut Messages<'_>) {
        if let Turn::Asking(id) | Turn::Answering(id) = self.turn {
            self.turn = Turn::Answering(id);
            told.push(Message::Answer(Answer {
                id,
                outcome: Some(Outcome::Ok),
                rows: None,
                end: false,
            }));
        }
    }

    fn speak(&mut self, side: Side, told: &mut Messages<'_>) {
        self.speaker = Some(side);
        match side {
            Side::Client => self.client(told),
            Side::Server => self.server(told),
        }
    }

    fn record(&mut self, side: Side, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        let (Some(header), Some(&first)) = (bytes.first_chunk::<HEADER>(), bytes.get(HEADER)) else {
            return Step::Need(HEADER + 1);
        };
        let (Some(record), Some(handshake)) = (Record::parse(*header), &mut self.handshake) else {
            return Step::Garbage;
        };
        match handshake.judge(side, record, first, self.turn != Turn::Open) {
            Content::Data => self.speak(side, told),
            Content::Housekeeping => {}
            Content::Mistaken => {
                self.forsake(told);
                self.speak(side, told);
            }
        }
        Step::Take(record.size())
    }

    /// Whether `bytes`, with which `side` takes its turn, begin TLS; `None` where it takes more of them to say.
    fn turns_to_tls(&self, side: Side, bytes: &[u8]) -> Option<bool> {
        let begins = self.speaker != Some(side) && (side == Side::Client || self.turn == Turn::Open);
        if begins {
            tls::begins_turn(bytes)
        } else {
            Some(false)
        }
    }

    /// What seemed to be session tickets must have been the reply: its times are lost, so the request is taken back.
    fn forsake(&mut self, told: &mut Messages<'_>) {
        if let Turn::Asking(id) = self.turn {
            self.turn = Turn::Open;
            told.push(Message::NoReply(id));
        }
    }
}

fn ask(id: AskId, verb: Option<Verb>, text: Text<'_>) -> Message<'_> {
    Message::Ask(Ask {
        id,
        verb,
        text,
        waiting: false,
    })
}

impl Decoder for Turns {
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        if self.handshake.is_some() {
            return self.record(side, bytes, told);
        }
        match self.turns_to_tls(side, bytes) {
            Some(false) => {
                self.speak(side, told);
                Step::Take(bytes.len() as u64)
            }
            Some(true) => {
                self.handshake = Some(Handshake::default());
                self.record(side, bytes, told)
            }
            None => Step::Need(tls::ENOUGH),
        }
    }

    fn lost(&mut self, _side: Side) {
        self.turn = Turn::Open;
        self.speaker = None;
        if let Some(handshake) = &mut self.handshake {
            handshake.joined_late();
        }
    }

    fn resync(&mut self, _side: Side, bytes: &[u8]) -> Resync {
        if self.handshake.is_none() || tls::recognise(bytes) {
            return Resync::At(0);
        }
        Resync::NotHere
    }

    fn finished(&mut self, side: Side, told: &mut Messages<'_>) {
        if let (Side::Server, Turn::Answering(id)) = (side, self.turn) {
            self.turn = Turn::Open;
            told.push(Message::Ended(id));
        }
    }
}
