//! The server's side: what is answered.

use super::flight::{Kind, Pending};
use super::pins::{Effect, Hint};
use super::session::is_aside;
use super::wire::{self, Header, Refusal, Taken};
use super::{Phase, Postgresql, ready};
use crate::protocol::{Answer, AskId, Message, Messages, Outcome, Side, Step};

/// With this many messages told, a step takes no further part: what it may still tell must fit.
const ROOM: usize = 3;

/// `duplicate_prepared_statement`: the name exists with a text that was not seen.
const DUPLICATE_STATEMENT: &str = "42P05";

/// What one step says of one reply.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) id: Option<AskId>,
    pub(super) outcome: Option<Outcome>,
    pub(super) rows: Option<u64>,
    /// The reply is complete.
    end: bool,
    /// The step is: what follows belongs to something else.
    pub(super) over: bool,
    pub(super) begun: bool,
}

/// A run of rows or COPY data.
pub(super) struct Data {
    /// All its bytes; those of the last message may not be here.
    pub(super) length: usize,
    pub(super) rows: u64,
}

/// Takes all the messages of the first one's tag in a row.
#[inline]
pub(super) fn data(bytes: &[u8], first: Header) -> Data {
    let mut data = Data {
        length: first.total,
        rows: 1,
    };
    while let Some(&[tag, a, b, c, d, ..]) = bytes.get(data.length..) {
        let length = u32::from_be_bytes([a, b, c, d]);
        if tag != first.tag || !(6..1 << 30).contains(&length) {
            break;
        }
        data.length += length as usize + 1;
        data.rows += 1;
    }
    data
}

impl Phase {
    pub(super) const fn streaming(client_done: bool, server_done: bool) -> Self {
        if client_done && server_done {
            Self::Ready
        } else {
            Self::Streaming {
                client_done,
                server_done,
            }
        }
    }
}

impl Postgresql {
    #[inline]
    pub(super) fn server<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        match self.phase {
            Phase::Ready => self.reply(bytes, told),
            Phase::Start | Phase::LoggingIn => self.logging_in(bytes, told),
            Phase::Negotiating => self.negotiated(bytes, told),
            Phase::Streaming { client_done, .. } => self.streamed(bytes, client_done),
        }
    }

    /// Replication: data for ever, or until both sides are done.
    fn streamed(&mut self, bytes: &[u8], client_done: bool) -> Taken {
        let header = Header::read(Side::Server, bytes)?;
        match header.tag {
            b'd' => return Ok(data(bytes, header).length),
            b'c' => self.phase = Phase::streaming(client_done, true),
            b'E' => self.phase = Phase::Ready,
            _ => {}
        }
        Ok(header.total)
    }

    /// Takes as many messages as belong to one reply.
    fn reply<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        let mut reply = Reply::default();
        let mut taken = 0;
        while !reply.over && told.as_slice().len() < ROOM && taken < bytes.len() {
            match self.message(&bytes[taken..], &mut reply, told) {
                Ok(length) => taken += length,
                Err(step) if taken == 0 => return Err(step),
                Err(_) => break,
            }
            reply.begun = true;
        }
        reply.tell(told);
        Ok(taken)
    }

    /// Takes one message; one that belongs elsewhere only where it is the first of the step.
    #[inline]
    fn message<'a>(&mut self, bytes: &'a [u8], reply: &mut Reply, told: &mut Messages<'a>) -> Taken {
        let header = Header::read(Side::Server, bytes)?;
        if self.is_by_itself(header.tag) {
            if reply.begun {
                return Err(Step::Garbage);
            }
            reply.over = true;
            return self.aside(header, bytes, told);
        }
        let body = if matches!(header.tag, b'C' | b'E' | b'Z') {
            header.body(bytes)?
        } else {
            &[]
        };
        if !reply.begun {
            self.drop_ended(told);
        }
        match header.tag {
            b'C' => self.complete(body, reply, told)?,
            b'E' => self.refuse(Refusal::read(body), reply, told)?,
            b'Z' => self.ready(ready::transaction(body)?, reply, told)?,
            b'D' | b'd' => {
                self.own(header.tag, reply, told)?;
                let data = data(bytes, header);
                self.rows = self.rows.saturating_add(data.rows);
                return Ok(data.length);
            }
            b's' | b'I' => self.end_execute(header.tag, reply, told)?,
            b'W' => self.stream(reply, told)?,
            tag => self.confirm(tag, reply, told)?,
        }
        Ok(header.total)
    }

    /// Whether a message of the server answers nothing that is in flight.
    #[inline]
    fn is_by_itself(&mut self, tag: u8) -> bool {
        match tag {
            b'N' => self.unmatched || self.flight.front().is_none_or(|front| front.kind == Kind::Quiet),
            b'E' => self.proven && !self.unmatched && self.flight.is_empty(),
            b'3' => self.flight.loose > 0 && self.flight.front().is_none_or(|front| !front.begun),
            _ => is_aside(tag),
        }
    }

    /// The ask that a message of this tag answers; `None` where it was not seen asked.
    #[inline]
    pub(super) fn own(
        &mut self,
        tag: u8,
        reply: &mut Reply,
        told: &mut Messages<'_>,
    ) -> Result<Option<&mut Pending>, Step> {
        let proven = self.proven;
        let is_matched = !self.unmatched && !self.flight.is_empty();
        let Some(front) = self.flight.front().filter(|_| is_matched) else {
            if !std::mem::replace(&mut self.unmatched, true) {
                told.push(Message::Unmatched);
            }
            return Ok(None);
        };
        let is_late = front.refused && !matches!(tag, b'Z' | b'N' | b'E');
        let is_another = !front.begun && !proven && !front.can_begin_with(tag);
        if is_late || is_another {
            return Err(Step::Garbage);
        }
        front.begun = true;
        reply.id = (front.kind != Kind::Quiet).then_some(front.id);
        Ok(Some(front))
    }

    /// The front may turn out to have ended only now.
    fn drop_ended(&mut self, told: &mut Messages<'_>) {
        let is_single = self.flight.is_single();
        let ended = self
            .flight
            .front()
            .is_some_and(|front| front.is_confirmed() || front.is_left_refused(is_single));
        if let Some(pending) = ended.then(|| self.flight.pop()).flatten() {
            told.push(Message::Ended(pending.id));
        }
    }

    /// A part that says little: Parse, Bind, Describe or Close done, COPY begun, a notice of what is running.
    fn confirm(&mut self, tag: u8, reply: &mut Reply, told: &mut Messages<'_>) -> Result<(), Step> {
        let Some(front) = self.own(tag, reply, told)? else {
            return Ok(());
        };
        match tag {
            b'1' => front.parsing = false,
            b'G' if front.kind == Kind::Execute => front.synced = false,
            _ => {}
        }
        if matches!(tag, b'1' | b'2' | b'3' | b'T' | b'n') {
            front.owed = front.owed.saturating_sub(1);
        }
        let ended = front.is_confirmed();
        self.copying_in |= tag == b'G';
        if ended {
            reply.succeed();
            self.end(reply);
        }
        Ok(())
    }

    fn complete(&mut self, body: &[u8], reply: &mut Reply, told: &mut Messages<'_>) -> Result<(), Step> {
        let tag = wire::only_string(body);
        let counted = (self.rows > 0).then_some(self.rows);
        let hint = self.flight.front().map_or(Hint::None, |front| front.hint);
        self.end_execute(b'C', reply, told)?;
        if let Some(rows) = wire::rows(tag).or(counted) {
            reply.rows = Some(reply.rows.unwrap_or(0).saturating_add(rows));
        }
        let was_pinned = self.pins.is_pinned();
        match self.pins.complete(tag, hint) {
            Effect::None => {}
            Effect::StatementGone(handle) => {
                self.names.forget(handle);
                told.push(Message::Closed(handle));
            }
            Effect::StatementsGone => {
                self.names.forget_all();
                told.push(Message::ClosedAll);
            }
        }
        self.tell_pins(was_pinned, told);
        Ok(())
    }

    /// A statement is done; an Execute that is not its Sync's last ends with it.
    fn end_execute(&mut self, tag: u8, reply: &mut Reply, told: &mut Messages<'_>) -> Result<(), Step> {
        let rows = std::mem::take(&mut self.rows);
        let Some(front) = self.own(tag, reply, told)? else {
            return Ok(());
        };
        let ends = match front.kind {
            Kind::Execute => !front.synced,
            Kind::Query | Kind::Call | Kind::Quiet => false,
            Kind::Prepare | Kind::Sync => return Err(Step::Garbage),
        };
        reply.succeed();
        if tag == b's' {
            reply.rows = Some(reply.rows.unwrap_or(0).saturating_add(rows));
        }
        if ends {
            self.end(reply);
        }
        Ok(())
    }

    /// An error: the server skips all up to the next Sync, which may be a part of this very ask and still to come.
    fn refuse(&mut self, refusal: Refusal, reply: &mut Reply, told: &mut Messages<'_>) -> Result<(), Step> {
        self.rows = 0;
        self.copying_in = false;
        let is_single = self.flight.is_single();
        let Some(front) = self.own(b'E', reply, told)? else {
            return Ok(());
        };
        reply.outcome = Some(Outcome::Error(refusal.code));
        let is_skipping = matches!(front.kind, Kind::Prepare | Kind::Execute);
        let ends = is_skipping && !front.synced && !is_single;
        front.refused = true;
        if let Some(statement) = front.unparsed() {
            self.names.forget(statement);
            if refusal.code.as_str() == DUPLICATE_STATEMENT {
                told.push(Message::Closed(statement));
            }
        }
        if is_skipping {
            self.flight.failed = Some(refusal.code);
        }
        if ends || refusal.is_fatal {
            self.end(reply);
        }
        Ok(())
    }

    /// `CopyBoth`: the request is answered, and what follows is no reply to anything.
    fn stream(&mut self, reply: &mut Reply, told: &mut Messages<'_>) -> Result<(), Step> {
        if let Some(front) = self.own(b'W', reply, told)? {
            if !matches!(front.kind, Kind::Query | Kind::Execute) {
                return Err(Step::Garbage);
            }
            front.kind = Kind::Quiet;
            front.synced = true;
        }
        let was_pinned = self.pins.is_pinned();
        self.pins.replicate();
        self.tell_pins(was_pinned, told);
        self.phase = Phase::streaming(false, false);
        reply.succeed();
        reply.end = true;
        reply.over = true;
        Ok(())
    }

    pub(super) fn end(&mut self, reply: &mut Reply) {
        self.flight.end_front();
        reply.end = true;
        reply.over = true;
    }

    pub(super) fn tell_pins(&self, was_pinned: bool, told: &mut Messages<'_>) {
        if self.pins.is_pinned() != was_pinned {
            told.push(Message::Pinned(!was_pinned));
        }
    }
}

impl Pending {
    /// Without Execute or Sync it ends when all its parts are confirmed.
    fn is_confirmed(&self) -> bool {
        self.kind == Kind::Prepare && !self.building && !self.synced && self.begun && self.owed == 0
    }

    /// It was refused, and what was asked after it shows that no Sync of its own will end it.
    fn is_left_refused(&self, is_single: bool) -> bool {
        self.refused && !is_single && !self.ends_when_ready()
    }

    /// The statement whose Parse was not confirmed.
    pub(super) fn unparsed(&mut self) -> Option<u64> {
        self.statement.filter(|_| std::mem::take(&mut self.parsing))
    }
}

impl Reply {
    pub(super) fn succeed(&mut self) {
        self.outcome.get_or_insert(Outcome::Ok);
    }

    fn tell(self, told: &mut Messages<'_>) {
        let Self {
            id: Some(id),
            outcome,
            rows,
            end,
            ..
        } = self
        else {
            return;
        };
        told.push(Message::Answer(Answer {
            id,
            outcome,
            rows,
            end,
        }));
    }
}
