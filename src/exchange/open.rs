//! A request in flight.

use super::{Doubt, Ending, Exchange, Reply, StatementId};
use crate::clock::{Span, Timestamp};
use crate::protocol::{Answer, AskId, Outcome, Side, Verb};

/// A reply may be stamped a little before its request, on another CPU or interface. Where it is more, the clock was set back.
const SLACK: Span = Span::from_secs(1);

/// What is known so far of one exchange, or of several in a row that are alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Of the first.
    pub(super) id: AskId,
    /// How many they are.
    pub(super) times: u32,
    pub(super) verb: Verb,
    pub(super) statement: Option<StatementId>,
    pub(super) start: Timestamp,
    pub(super) request_end: Timestamp,
    /// First byte of the reply.
    pub(super) reply: Option<Timestamp>,
    /// Last byte of the reply so far.
    pub(super) last: Timestamp,
    pub(super) request_bytes: u64,
    pub(super) reply_bytes: u64,
    pub(super) rows: Option<u64>,
    pub(super) outcome: Option<Outcome>,
    pub(super) in_transaction: bool,
    pub(super) validation: bool,
    pub(super) waiting: bool,
    pub(super) doubt: Option<Doubt>,
}

impl Open {
    pub(super) fn new(id: AskId, start: Timestamp, in_transaction: bool) -> Self {
        Self {
            id,
            times: 1,
            verb: Verb::Command,
            statement: None,
            start,
            request_end: start,
            reply: None,
            last: start,
            request_bytes: 0,
            reply_bytes: 0,
            rows: None,
            outcome: None,
            in_transaction,
            validation: false,
            waiting: false,
            doubt: None,
        }
    }

    /// Whether the request of this id is it, or among them.
    #[inline]
    pub(super) fn has(&self, id: AskId) -> bool {
        id.wrapping_sub(self.id) < self.times
    }

    /// These many more bytes of `side` belong to it.
    #[inline]
    pub(super) fn count(&mut self, side: Side, bytes: u64) {
        match side {
            Side::Client => self.request_bytes += bytes,
            Side::Server => self.reply_bytes += bytes,
        }
    }

    /// The request goes on up to here, unless its reply has begun: what follows then (COPY data) is not what the reply
    /// waited for.
    pub(super) fn extend_request(&mut self, last: Timestamp) {
        if self.reply.is_none() {
            self.request_end = last;
        }
    }

    /// Takes a part of the reply; the first error stands.
    pub(super) fn answer(&mut self, answer: &Answer, first: Timestamp, last: Timestamp) {
        self.reply.get_or_insert(first);
        self.last = last;
        if let Some(rows) = answer.rows {
            self.rows = Some(self.rows.unwrap_or(0).saturating_add(rows));
        }
        if !matches!(self.outcome, Some(Outcome::Error(_))) {
            self.outcome = answer.outcome.or(self.outcome);
        }
    }

    /// What came of the reply is no answer.
    pub(super) fn forget_reply(&mut self) {
        self.reply = None;
        self.outcome = None;
    }

    /// The exchange as it ended; one in doubt has no times of a reply.
    pub(super) fn exchange(&self, outcome: Ending, opaque: bool) -> Exchange {
        let doubt = self.doubt.or(self.runs_back().then_some(Doubt::Loss));
        let trusted = self.reply.filter(|_| doubt.is_none());
        Exchange {
            statement: self.statement,
            verb: self.verb,
            start: self.start,
            request_end: self.request_end,
            reply: trusted.map(|start| Reply {
                start,
                end: self.last,
            }),
            request_bytes: self.request_bytes,
            reply_bytes: self.reply_bytes,
            rows: self.rows,
            outcome,
            in_transaction: self.in_transaction,
            validation: self.validation,
            waiting: self.waiting,
            opaque,
            doubt,
        }
    }

    /// Whether the clock was set back meanwhile, so that no length of time is known.
    fn runs_back(&self) -> bool {
        let earlier = |one: Timestamp, other: Timestamp| other.since(one) > SLACK;
        self.reply
            .is_some_and(|reply| earlier(reply, self.request_end) || earlier(self.last, reply))
            || earlier(self.request_end, self.start)
    }
}
