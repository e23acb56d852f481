//! Pairs requests with replies on one connection: what a decoder tells becomes exchanges and the connection's states.
//!
//! Decoders number their asks, so pairing is by number for every protocol. After a loss, or in the middle of a connection, what
//! is in flight gets a doubt, never a guess.

use super::in_flight::InFlight;
use super::open::Open;
use super::prepared::Prepared;
use super::statements::Statements;
use super::{ConnectionId, Doubt, Ending, Event, Observer, StatementId};
use crate::clock::{Span, Timestamp};
use crate::protocol::feed::{Listener, Part};
use crate::protocol::{Answer, Ask, AskId, Message, Outcome, Side, Text, Transaction, Usual, Verb};

/// The most requests in flight on one connection; beyond it they are given up as lost.
pub(super) const MOST_OPEN: usize = 16 * 1024;
/// After a late joining, pipelined replies are trusted again once the connection was quiet for so long.
const QUIET: Span = Span::from_millis(10);

/// What is in flight on one connection, and what is known of its session.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    pub(super) open: InFlight,
    pub(super) prepared: Prepared,
    pub(super) transaction: Transaction,
    pub(super) login: Option<Timestamp>,
    /// What each side said last belongs to this ask.
    pub(super) current: [Option<AskId>; 2],
    /// The last byte of what each side said last is still to come; for the server, whether it ends a reply.
    pub(super) pending: [Option<bool>; 2],
    /// Why the next exchanges may be matched wrongly.
    pub(super) unsettled: Option<Unsettled>,
    pub(super) busy: Busy,
    pub(super) opaque: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Unsettled {
    doubt: Doubt,
    /// More than one request was seen in flight at once.
    pipelined: bool,
    /// When the last reply ended.
    pub(super) rested: Timestamp,
}

/// What was last told of the connection's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Busy {
    #[default]
    Resting,
    Validating,
    Useful,
}

/// Where exchanges and states go, and what names statements.
pub(super) struct Context<'c, O> {
    pub(super) id: ConnectionId,
    pub(super) statements: &'c mut Statements,
    pub(super) observer: &'c mut O,
}

impl<O: Observer> Context<'_, O> {
    /// Tells what is not told of every request.
    #[inline(never)]
    pub(super) fn emit(&mut self, at: Timestamp, event: Event<'_>) {
        self.tell(at, event);
    }

    #[expect(
        clippy::inline_always,
        reason = "in its place an event is never put together; handed over, each is written and read again"
    )]
    #[inline(always)]
    fn tell(&mut self, at: Timestamp, event: Event<'_>) {
        self.observer.observe(self.id, at, event, self.statements);
    }

    /// The same, lent for a while.
    pub(super) fn reborrow(&mut self) -> Context<'_, O> {
        Context {
            id: self.id,
            statements: self.statements,
            observer: self.observer,
        }
    }
}

impl Pairing {
    /// A connection whose requests so far were not seen.
    pub(super) fn joined_late() -> Self {
        let mut pairing = Self::default();
        pairing.unsettle(Doubt::JoinedLate, Timestamp::default());
        pairing
    }

    /// What is known of the transaction, where that is all there is to know; `None` where something goes on, or statements are
    /// prepared. Ids of asks begin anew after a rest, here as in the decoder.
    pub(super) fn rest(&self) -> Option<Transaction> {
        let at_rest = self.open.is_empty()
            && self.prepared.is_empty()
            && self.login.is_none()
            && self.pending == [None; 2]
            && self.unsettled.is_none()
            && self.busy == Busy::Resting
            && !self.opaque;
        at_rest.then_some(self.transaction)
    }

    /// Goes on after a rest.
    pub(super) fn wake(&mut self, transaction: Transaction) {
        self.transaction = transaction;
    }

    /// Whether anything asked is not over.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Bytes that are kept beyond what every connection takes: of pipelines and of prepared statements.
    #[inline]
    pub(super) fn kept(&self) -> usize {
        self.open.kept() + self.prepared.kept()
    }

    /// Gives back the room of a pipeline that is over.
    pub(super) fn give_room_back(&mut self) {
        if self.open.is_empty() {
            self.open = InFlight::default();
        }
    }

    /// Whether anything is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.busy != Busy::Resting
    }

    /// Listens to a feed on behalf of `context`.
    pub(super) fn listen<'p, O: Observer>(
        &'p mut self,
        at: Timestamp,
        context: Context<'p, O>,
    ) -> Ear<'p, O> {
        Ear {
            pairing: self,
            at,
            context,
        }
    }

    /// Whether the connection rests now, and in what: where nothing is in flight any more.
    #[inline]
    fn rest_if_done(&mut self, at: Timestamp) -> Option<Transaction> {
        if !self.open.is_empty() {
            return None;
        }
        match &mut self.unsettled {
            Some(unsettled) if unsettled.pipelined => unsettled.rested = at,
            _ => self.unsettled = None,
        }
        self.rest_now()
    }

    #[inline]
    fn rest_now(&mut self) -> Option<Transaction> {
        let was = std::mem::replace(&mut self.busy, Busy::Resting);
        (was != Busy::Resting).then_some(self.transaction)
    }

    fn unsettle(&mut self, doubt: Doubt, at: Timestamp) {
        self.unsettled = Some(Unsettled {
            doubt,
            pipelined: false,
            rested: at,
        });
    }
}

/// A [`Pairing`] at work.
pub(super) struct Ear<'p, O> {
    pub(super) pairing: &'p mut Pairing,
    at: Timestamp,
    pub(super) context: Context<'p, O>,
}

impl<O: Observer> Listener for Ear<'_, O> {
    #[inline]
    fn told(&mut self, side: Side, messages: &[Message<'_>], part: Part) {
        match (side, messages) {
            // The commonest of all: one request, whose bytes these are.
            (Side::Client, [Message::Ask(ask)]) => return self.only_ask(ask, part),
            (_, [Message::Asks(asks)]) => return self.asks(asks, part),
            (_, [Message::Answers(answers)]) => return self.answers(answers, part),
            _ => {}
        }
        let mut bytes = part.bytes;
        for message in messages {
            match message {
                Message::Ask(ask) => {
                    self.ask(ask, part);
                }
                Message::Answer(answer) => self.answer(answer, part, (side, std::mem::take(&mut bytes))),
                other => self.aside(side, other, part),
            }
        }
        if bytes > 0 {
            self.count(side, self.pairing.current[side.index()], bytes);
        }
    }

    fn skipped(&mut self, side: Side, bytes: u64) {
        self.count(side, self.pairing.current[side.index()], bytes);
    }

    fn completed(&mut self, side: Side, last: Timestamp) {
        let Some(end) = self.pairing.pending[side.index()].take() else {
            return;
        };
        let Some(index) = self.current(side) else { return };
        let Some(open) = self.pairing.open.get_mut(index) else {
            return;
        };
        match side {
            Side::Client => open.extend_request(last),
            Side::Server => open.last = last,
        }
        if end {
            self.close(index, last);
        }
    }

    fn spoilt(&mut self, side: Side) {
        let Some(end) = self.pairing.pending[side.index()].take() else {
            return;
        };
        let Some(index) = self.current(side) else { return };
        if let Some(open) = self.pairing.open.get_mut(index) {
            open.doubt = Some(Doubt::Loss);
        }
        if end {
            self.close(index, self.at);
        }
    }

    fn lost(&mut self, side: Side) {
        // Replies to what was pipelined may still come, and must not be taken for those of later asks.
        let pipelined = self.pairing.open.len() > 1;
        self.give_up(Doubt::Loss);
        if side == Side::Client {
            self.pairing.prepared.clear();
        }
        self.pairing.transaction = Transaction::Unknown;
        self.pairing.unsettle(Doubt::Loss, self.at);
        if let Some(unsettled) = &mut self.pairing.unsettled {
            unsettled.pipelined = pipelined;
        }
    }

    fn opaque(&mut self, tls: bool) {
        self.give_up(Doubt::Unmatched);
        self.follow_turns();
        if tls {
            self.emit(self.at, Event::Tls);
        }
    }
}

impl<O: Observer> Ear<'_, O> {
    /// Takes a usual request or reply: as what it says one by one. Returns by how much [`Pairing::kept`] has grown.
    #[inline]
    pub(super) fn usual(&mut self, usual: &Usual<'_>, part: Part) -> isize {
        match usual {
            Usual::Ask(ask) => self.only_ask(ask, part),
            Usual::Answer(state, answer) => {
                if let Some(state) = state {
                    self.change_transaction(*state, part);
                }
                self.answer(answer, part, (Side::Server, part.bytes));
            }
            Usual::Prepared(..) | Usual::Asks(_) | Usual::Answers(_) => return self.usual_many(usual, part),
        }
        0
    }

    /// The same for what changes more than one request, or what is prepared.
    #[inline(never)]
    fn usual_many(&mut self, usual: &Usual<'_>, part: Part) -> isize {
        let before = self.pairing.kept().cast_signed();
        match usual {
            &Usual::Prepared(ref ask, handle) => {
                self.only_ask(ask, part);
                self.aside(Side::Client, &Message::Prepared { id: ask.id, handle }, part);
            }
            Usual::Asks(asks) => self.asks(asks, part),
            Usual::Answers(answers) => self.answers(answers, part),
            Usual::Ask(_) | Usual::Answer(..) => {}
        }
        self.pairing.kept().cast_signed() - before
    }

    /// Only turns can be told from the first byte on.
    pub(super) fn follow_turns(&mut self) {
        self.pairing.opaque = true;
        self.pairing.unsettled = None;
    }

    /// The connection is over: what is in flight will not be answered any more.
    pub(super) fn close_all(&mut self) {
        while let Some(open) = self.pairing.open.get_mut(0) {
            let answered = self.pairing.opaque && open.reply.is_some();
            let ended = if answered { open.last } else { self.at };
            if !answered {
                open.forget_reply();
            }
            self.close(0, ended);
        }
    }

    /// The reply of an opaque turn is over as far as can be told.
    pub(super) fn close_turns(&mut self, before: Timestamp) {
        let is_told = |open: &&Open| open.reply.is_some() && open.last < before;
        while self.pairing.opaque
            && let Some(open) = self.pairing.open.front().filter(is_told)
        {
            self.close(0, open.last);
        }
    }

    /// Takes a request, or a part of one, whose bytes these are.
    #[inline]
    fn only_ask(&mut self, ask: &Ask<'_>, part: Part) {
        if let Some(verb) = ask.verb
            && self.pairing.open.is_empty()
        {
            return self.begin_alone(ask, verb, part);
        }
        match self.ask(ask, part) {
            Some(open) => open.count(Side::Client, part.bytes),
            None => self.count(
                Side::Client,
                self.pairing.current[Side::Client.index()],
                part.bytes,
            ),
        }
    }

    /// Begins a request while none is in flight: to the same effect as [`Self::ask`], in one go.
    #[inline]
    fn begin_alone(&mut self, ask: &Ask<'_>, verb: Verb, part: Part) {
        let statement = self.statement(&ask.text);
        let validation = self.is_validation(verb, statement);
        let mut open = Open {
            verb,
            statement,
            waiting: ask.waiting,
            validation,
            request_end: part.last.unwrap_or(part.first),
            request_bytes: part.bytes,
            ..Open::new(ask.id, part.first, self.pairing.transaction.is_open())
        };
        if self.pairing.unsettled.is_some() {
            open.doubt = self.doubt(part.first);
        }
        self.pairing.open.push(open);
        self.pairing.current[Side::Client.index()] = Some(ask.id);
        self.pairing.pending[Side::Client.index()] = part.last.is_none().then_some(false);
        self.busy(validation, part.first);
    }

    #[inline]
    fn is_validation(&self, verb: Verb, statement: Option<StatementId>) -> bool {
        let named = statement.map(|id| self.context.statements.statement(id).validation);
        matches!(verb, Verb::Ping | Verb::Reset) || named.unwrap_or(false)
    }

    /// Takes a request or a part of one; the request, where it is known what is asked.
    pub(super) fn ask(&mut self, ask: &Ask<'_>, part: Part) -> Option<&mut Open> {
        let statement = self.statement(&ask.text);
        let named = !matches!(ask.text, Text::Same);
        let index = match self.pairing.open.find(ask.id) {
            Some(index) => index,
            None if ask.verb.is_none() => return None,
            None => self.begin(ask.id, part.first),
        };
        let open = self.pairing.open.get_mut(index)?;
        if let Some(verb) = ask.verb {
            open.verb = verb;
        }
        if named {
            open.statement = statement;
        }
        open.waiting |= ask.waiting;
        open.extend_request(part.last.unwrap_or(part.first));
        let (verb, statement, start) = (open.verb, open.statement, open.start);
        let validation = self.is_validation(verb, statement);
        self.pairing.open.get_mut(index)?.validation = validation;
        self.pairing.current[Side::Client.index()] = Some(ask.id);
        self.pairing.pending[Side::Client.index()] = part.last.is_none().then_some(false);
        self.busy(validation, start);
        self.pairing.open.get_mut(index)
    }

    /// A new request is in flight; one in too many means that the replies go unseen.
    fn begin(&mut self, id: AskId, at: Timestamp) -> usize {
        if self.pairing.open.len() >= MOST_OPEN {
            self.give_up(Doubt::Loss);
            self.pairing.unsettle(Doubt::Loss, at);
        }
        let mut open = Open::new(id, at, self.pairing.transaction.is_open());
        if let Some(doubt) = self.doubt(at) {
            open.doubt = Some(doubt);
        }
        self.pairing.open.push(open)
    }

    /// Whether a request that begins now may be given another one's reply.
    fn doubt(&mut self, at: Timestamp) -> Option<Doubt> {
        let unsettled = self.pairing.unsettled.as_mut()?;
        let alone = self.pairing.open.is_empty();
        if alone && unsettled.pipelined && at.since(unsettled.rested) > QUIET {
            self.pairing.unsettled = None;
            return None;
        }
        unsettled.pipelined |= !alone;
        if !unsettled.pipelined {
            return None;
        }
        let doubt = unsettled.doubt;
        for open in self.pairing.open.iter_mut() {
            open.doubt.get_or_insert(doubt);
        }
        Some(doubt)
    }

    /// Takes a part of a reply; its bytes are so many of `side`.
    #[inline]
    fn answer(&mut self, answer: &Answer, part: Part, (side, bytes): (Side, u64)) {
        self.pairing.current[Side::Server.index()] = Some(answer.id);
        if let Some(index) = self.pairing.open.find(answer.id) {
            self.answer_at(index, answer, part, (side, bytes));
        }
    }

    /// The same for the record at `index`.
    #[inline]
    pub(super) fn answer_at(
        &mut self,
        index: usize,
        answer: &Answer,
        part: Part,
        (side, bytes): (Side, u64),
    ) {
        let Some(open) = self.pairing.open.get_mut(index) else {
            return;
        };
        open.count(side, bytes);
        open.answer(answer, part.first, part.last.unwrap_or(part.first));
        self.pairing.pending[Side::Server.index()] = part.last.is_none().then_some(answer.end);
        match part.last {
            Some(last) if answer.end => self.close(index, last),
            _ if self.pairing.opaque => self.rest_now(part.first),
            _ => {}
        }
    }

    /// The statement that a text names, where it is known.
    #[inline]
    fn statement(&mut self, text: &Text<'_>) -> Option<StatementId> {
        match *text {
            Text::Same => None,
            Text::Raw {
                language,
                bytes,
                truncated,
            } => Some(self.context.statements.resolve(language, bytes, truncated)),
            Text::Prepared(handle) => self.pairing.prepared.find(handle),
            Text::Fixed(name) => Some(self.context.statements.fixed(name)),
        }
    }

    fn count(&mut self, side: Side, id: Option<AskId>, bytes: u64) {
        if let Some(index) = id.and_then(|id| self.pairing.open.find(id))
            && let Some(open) = self.pairing.open.get_mut(index)
        {
            open.count(side, bytes);
        }
    }

    fn current(&mut self, side: Side) -> Option<usize> {
        let id = self.pairing.current[side.index()]?;
        self.pairing.open.find(id)
    }

    /// The rest goes by unseen.
    pub(super) fn lose(&mut self) {
        self.give_up(Doubt::Loss);
    }

    /// Everything in flight ends in doubt.
    fn give_up(&mut self, doubt: Doubt) {
        for open in self.pairing.open.iter_mut() {
            open.doubt.get_or_insert(doubt);
            open.forget_reply();
        }
        while !self.pairing.open.is_empty() {
            self.close(0, self.at);
        }
        self.pairing.pending = [None; 2];
    }

    #[inline]
    pub(super) fn close(&mut self, index: usize, at: Timestamp) {
        let Some(open) = self.pairing.open.get(index) else {
            return;
        };
        let ending = match open.outcome {
            Some(Outcome::Error(code)) => Ending::Error(code),
            Some(Outcome::Ok) => Ending::Ok,
            None if open.reply.is_some() => Ending::Ok,
            None => Ending::Unanswered,
        };
        let (exchange, times) = (open.exchange(ending, self.pairing.opaque), open.times);
        self.pairing.open.remove(index);
        let event = Event::Exchanged {
            exchange: &exchange,
            times,
            rest: self.pairing.rest_if_done(at),
        };
        self.context.tell(at, event);
    }

    pub(super) fn rest_if_done(&mut self, at: Timestamp) {
        if let Some(transaction) = self.pairing.rest_if_done(at) {
            self.emit(at, Event::Rest { transaction });
        }
    }

    fn rest_now(&mut self, at: Timestamp) {
        if let Some(transaction) = self.pairing.rest_now() {
            self.emit(at, Event::Rest { transaction });
        }
    }

    #[inline]
    pub(super) fn busy(&mut self, validation: bool, at: Timestamp) {
        let now = if validation {
            Busy::Validating
        } else {
            Busy::Useful
        };
        let was = self.pairing.busy;
        if was == Busy::Resting || was == Busy::Validating && now == Busy::Useful {
            self.pairing.busy = now;
            self.context.tell(at, Event::Busy { validation });
        }
    }

    pub(super) fn emit(&mut self, at: Timestamp, event: Event<'_>) {
        self.context.emit(at, event);
    }
}
