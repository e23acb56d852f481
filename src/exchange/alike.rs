//! Pipelined requests that are alike: one record and one event for all, as long as nothing tells them apart.

use super::open::Open;
use super::pairing::{Ear, MOST_OPEN};
use super::{Observer, StatementId};
use crate::protocol::feed::Part;
use crate::protocol::{Answer, Answers, Asks, Side, Text, Verb};

impl<O: Observer> Ear<'_, O> {
    /// Takes requests that are alike.
    pub(super) fn asks(&mut self, asks: &Asks<'_>, part: Part) {
        if let Some(statement) = self.shared_statement(asks) {
            return self.ask_alike(asks, statement, part);
        }
        for (ask, bytes) in asks.each() {
            if let Some(open) = self.ask(&ask, Part { bytes, ..part }) {
                open.count(Side::Client, bytes);
            }
        }
    }

    /// Their statement, where they can share a record.
    fn shared_statement(&self, asks: &Asks<'_>) -> Option<StatementId> {
        let Text::Raw { language, bytes, .. } = asks.first.text else {
            return None;
        };
        let has_room = self.pairing.open.len() + asks.sizes.len() <= MOST_OPEN;
        let can_share = has_room && self.pairing.unsettled.is_none() && !self.context.observer.tells_bytes();
        let statements = &self.context.statements;
        can_share.then(|| statements.by_first_word(language, bytes))?
    }

    fn ask_alike(&mut self, asks: &Asks<'_>, statement: StatementId, part: Part) {
        let validation = self.context.statements.statement(statement).validation;
        let mut open = Open {
            times: asks.sizes.len() as u32,
            verb: asks.first.verb.unwrap_or(Verb::Command),
            statement: Some(statement),
            waiting: asks.first.waiting,
            validation,
            ..Open::new(asks.first.id, part.first, self.pairing.transaction.is_open())
        };
        open.extend_request(part.last.unwrap_or(part.first));
        open.request_bytes = asks.sizes.first().copied().map_or(0, u64::from);
        self.pairing.open.push(open);
        self.pairing.current[Side::Client.index()] = Some(asks.last());
        self.pairing.pending[Side::Client.index()] = None;
        self.busy(validation, part.first);
    }

    /// Takes whole replies to requests in a row.
    pub(super) fn answers(&mut self, answers: &Answers<'_>, part: Part) {
        let (mut id, mut sizes) = (answers.first.id, answers.sizes);
        while let Some(&bytes) = sizes.first() {
            let alike = self.pairing.open.find_alike(id, sizes.len() as u32);
            if let Some((index, _)) = alike {
                let answer = Answer { id, ..answers.first };
                self.answer_at(index, &answer, part, (Side::Server, u64::from(bytes)));
            }
            let answered = alike.map_or(1, |(_, times)| times);
            id = id.wrapping_add(answered);
            sizes = sizes.get(answered as usize..).unwrap_or_default();
        }
        self.pairing.current[Side::Server.index()] = Some(id.wrapping_sub(1));
    }
}
