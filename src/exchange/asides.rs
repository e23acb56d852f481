//! What a decoder tells besides requests and replies: logins, prepared statements, the session's state, and what became of asks.

use super::open::Open;
use super::pairing::{Busy, Ear};
use super::{Doubt, Ending, Event, Observer};
use crate::clock::Timestamp;
use crate::protocol::feed::Part;
use crate::protocol::{Answer, AskId, ErrorCode, Login, Message, Outcome, Side, Transaction};

impl<O: Observer> Ear<'_, O> {
    /// Takes what is neither a request nor a part of a reply.
    pub(super) fn aside(&mut self, side: Side, message: &Message<'_>, part: Part) {
        let at = part.last.unwrap_or(part.first);
        match *message {
            Message::Ask(_) | Message::Answer(_) | Message::Asks(_) | Message::Answers(_) => {}
            Message::Ended(id) => self.ended(id),
            Message::Skipped { first, last, code } => self.skipped_asks(first, last, code, part),
            Message::NoReply(id) => self.no_reply(id, at),
            Message::Unmatched => self.unmatched(part),
            Message::Prepared { id, handle } => {
                let index = self.pairing.open.find(id);
                let open = index.and_then(|index| self.pairing.open.get(index));
                let statement = open.and_then(|open| open.statement);
                self.pairing.prepared.insert(handle, statement);
            }
            Message::Closed(handle) => self.pairing.prepared.remove(handle),
            Message::ClosedAll => self.pairing.prepared.clear(),
            Message::Session(session) => self.emit(at, Event::Identified(session)),
            Message::Login(login) => self.login(login, part),
            Message::Transaction(transaction) => self.change_transaction(transaction, part),
            Message::Pinned(pinned) => self.emit(at, Event::Pinned(pinned)),
            Message::System(system) => self.emit(at, Event::System(system)),
            Message::Goodbye => self.pairing.current[side.index()] = None,
        }
    }

    /// The transaction's state from now on.
    #[inline]
    pub(super) fn change_transaction(&mut self, transaction: Transaction, part: Part) {
        let changed = std::mem::replace(&mut self.pairing.transaction, transaction) != transaction;
        if changed && self.pairing.busy == Busy::Resting {
            self.emit(part.last.unwrap_or(part.first), Event::Rest { transaction });
        }
    }

    fn ended(&mut self, id: AskId) {
        let Some(index) = self.pairing.open.find(id) else {
            return;
        };
        if let Some(open) = self.pairing.open.get(index) {
            self.close(index, open.last);
        }
    }

    /// Asks that the server passed over after an error: these bytes are their only reply.
    fn skipped_asks(&mut self, first: AskId, last: AskId, code: ErrorCode, part: Part) {
        let at = part.last.unwrap_or(part.first);
        while let Some(index) = self.pairing.open.find_first(first..=last) {
            let outcome = Some(Outcome::Error(code));
            if let Some(open) = self.pairing.open.get_mut(index) {
                let id = open.id;
                let answer = Answer {
                    id,
                    outcome,
                    rows: None,
                    end: true,
                };
                open.answer(&answer, part.first, at);
            }
            self.close(index, at);
        }
    }

    fn no_reply(&mut self, id: AskId, at: Timestamp) {
        if let Some(index) = self.pairing.open.find(id) {
            self.pairing.open.remove(index);
            self.rest_if_done(at);
        }
    }

    /// A reply to nothing that was seen: it is counted, with no numbers of its own.
    fn unmatched(&mut self, part: Part) {
        let mut open = Open::new(0, part.first, self.pairing.transaction.is_open());
        open.doubt = Some(Doubt::Unmatched);
        open.reply_bytes = part.bytes;
        let exchange = open.exchange(Ending::Ok, self.pairing.opaque);
        let event = Event::Exchanged {
            exchange: &exchange,
            times: 1,
            rest: None,
        };
        self.emit(part.first, event);
        if let Some(unsettled) = &mut self.pairing.unsettled {
            unsettled.rested = part.last.unwrap_or(part.first);
        }
    }

    fn login(&mut self, login: Login, part: Part) {
        let at = part.last.unwrap_or(part.first);
        match login {
            Login::Begun => {
                self.pairing.login.get_or_insert(part.first);
            }
            Login::Done => {
                if let Some(begun) = self.pairing.login.take() {
                    self.emit(at, Event::LoggedIn(at.since(begun)));
                }
            }
            Login::Failed(code) => self.emit(at, Event::LoginFailed(code)),
        }
    }
}
