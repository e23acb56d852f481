//! `ReadyForQuery`: the transaction's state, and the end of all that was asked up to a Query or Sync.

use super::Postgresql;
use super::flight::Kind;
use super::reply::Reply;
use crate::protocol::{AskId, ErrorCode, Message, Messages, Outcome, Step, Transaction};

/// The state that `ReadyForQuery` carries.
pub(super) fn transaction(body: &[u8]) -> Result<Transaction, Step> {
    match body {
        b"I" => Ok(Transaction::None),
        b"T" => Ok(Transaction::Open),
        b"E" => Ok(Transaction::Failed),
        _ => Err(Step::Garbage),
    }
}

impl Postgresql {
    /// All up to a Query, `FunctionCall` or Sync is answered.
    pub(super) fn ready(
        &mut self,
        state: Transaction,
        reply: &mut Reply,
        told: &mut Messages<'_>,
    ) -> Result<(), Step> {
        let failed = self.flight.failed;
        let is_due = match failed {
            Some(_) => self.flight.up_to_sync().is_some(),
            None => self.flight.front().is_none_or(|front| front.ends_when_ready()),
        };
        if !is_due && !self.unmatched {
            return Err(Step::Garbage);
        }
        let is_asked = self.own(b'Z', reply, told)?.is_some();
        let was_pinned = self.pins.is_pinned();
        if state == Transaction::None {
            self.pins.settle();
        }
        told.push(Message::Transaction(state));
        self.tell_pins(was_pinned, told);
        self.rows = 0;
        self.copying_in = false;
        self.unmatched = false;
        reply.over = true;
        if is_asked {
            self.end_batch(failed, reply, told);
        }
        self.proven |= self.flight.is_empty();
        Ok(())
    }

    /// Ends what `ReadyForQuery` ends: the front, or after an error all that was skipped up to Sync.
    fn end_batch(&mut self, failed: Option<ErrorCode>, reply: &mut Reply, told: &mut Messages<'_>) {
        match (failed, self.flight.up_to_sync()) {
            (Some(code), Some(count)) if count > 1 => self.skip(count, code, reply, told),
            (Some(code), _) => {
                reply.outcome = Some(Outcome::Error(code));
                self.end(reply);
            }
            (None, _) => {
                reply.succeed();
                self.end(reply);
            }
        }
        self.flight.failed = None;
        self.flight.loose = 0;
    }

    fn skip(&mut self, count: usize, code: ErrorCode, reply: &mut Reply, told: &mut Messages<'_>) {
        let mut skipped: Option<(AskId, AskId)> = None;
        for _ in 0..count {
            let Some(mut pending) = self.flight.pop() else {
                break;
            };
            if let Some(statement) = pending.unparsed() {
                self.names.forget(statement);
            }
            if pending.kind != Kind::Quiet {
                let first = skipped.map_or(pending.id, |(first, _)| first);
                skipped = Some((first, pending.id));
            }
        }
        reply.id = None;
        if let Some((first, last)) = skipped {
            told.push(Message::Skipped { first, last, code });
        }
    }
}
