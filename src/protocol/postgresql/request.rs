//! The client's side: what is asked.

use super::flight::{Bind, Kind, Pending};
use super::names;
use super::part::Part;
use super::pins::Hint;
use super::wire::{self, Header, Taken};
use super::{Phase, Postgresql, reply};
use crate::protocol::{Ask, AskId, Handle, Language, Message, Messages, Side, Step, Text, Verb};

/// With this many messages told, a step takes no further part: what it may still tell must fit.
const ROOM: usize = 3;

/// What one step says of one ask.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) id: Option<AskId>,
    pub(super) verb: Option<Verb>,
    text: Option<Text<'a>>,
    waiting: bool,
    statement: Option<Handle>,
    portal: Option<Handle>,
}

impl Postgresql {
    #[inline]
    pub(super) fn client<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        if self.phase == Phase::Start
            || (bytes.first() == Some(&0) || self.phase == Phase::Negotiating) && self.may_start()
        {
            return self.untagged(bytes, told);
        }
        let header = Header::read(Side::Client, bytes)?;
        if self.phase == Phase::LoggingIn && !self.proven && header.tag != b'p' {
            // The login's end is among what was lost.
            self.phase = Phase::Ready;
        }
        match header.tag {
            b'P' | b'B' | b'D' | b'E' | b'C' | b'S' | b'H' => return self.extended(bytes, told),
            b'Q' => self.query(header, bytes, told)?,
            b'F' => self.call(told)?,
            b'd' => return Ok(reply::data(bytes, header).length),
            b'c' | b'f' => self.copy_done(),
            b'X' => told.push(Message::Goodbye),
            // Passwords and SASL rounds: nothing of them is told.
            _ => {}
        }
        Ok(header.total)
    }

    fn query<'a>(&mut self, header: Header, bytes: &'a [u8], told: &mut Messages<'a>) -> Result<(), Step> {
        let body = header.body(bytes)?;
        let text = wire::only_string(body);
        let hint = self.pins.hint(text);
        let pending = self.open(Kind::Query, header.tag, told)?;
        pending.hint = hint;
        let (id, waiting) = (pending.id, pending.hint == Hint::Replication);
        let text = self.raw(text, header.is_cut());
        told.push(Message::Ask(Ask {
            id,
            verb: Some(Verb::Query),
            text,
            waiting,
        }));
        Ok(())
    }

    fn call(&mut self, told: &mut Messages<'_>) -> Result<(), Step> {
        let id = self.open(Kind::Call, b'F', told)?.id;
        let text = Text::Fixed("FUNCTION CALL");
        told.push(Message::Ask(Ask {
            id,
            verb: Some(Verb::Command),
            text,
            waiting: false,
        }));
        Ok(())
    }

    fn copy_done(&mut self) {
        self.copying_in = false;
        if let Phase::Streaming { server_done, .. } = self.phase {
            self.phase = Phase::streaming(true, server_done);
        }
    }

    pub(super) const fn raw<'a>(&self, bytes: &'a [u8], truncated: bool) -> Text<'a> {
        Text::Raw {
            language: Language::Postgresql {
                standard_strings: self.standard_strings,
            },
            bytes,
            truncated,
        }
    }

    /// Takes as many whole messages as make one ask.
    fn extended<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Taken {
        let mut asked = Asked::default();
        let mut taken = 0;
        while told.as_slice().len() < ROOM && taken < bytes.len() {
            match self.part(&bytes[taken..], taken == 0, &mut asked, told) {
                Ok(length) => taken += length,
                Err(step) if taken == 0 => return Err(step),
                Err(_) => break,
            }
        }
        asked.tell(told);
        Ok(taken)
    }

    /// Takes one message; one that is not the first in its step only where it goes on with the same ask.
    fn part<'a>(
        &mut self,
        bytes: &'a [u8],
        is_first: bool,
        asked: &mut Asked<'a>,
        told: &mut Messages<'a>,
    ) -> Taken {
        let header = Header::read(Side::Client, bytes)?;
        let part = Part::read(header, bytes)?;
        let joins = self.flight.back().is_some_and(|back| part.joins(back));
        if !is_first && !joins {
            return Err(Step::Garbage);
        }
        match part {
            Part::Sync | Part::Flush if self.copying_in => {}
            Part::Sync => self.sync(joins, asked, told)?,
            Part::Flush => self.flush(joins, asked),
            _ => self.build(part, header, joins, asked, told)?,
        }
        Ok(header.total)
    }

    /// Everything that ends with Sync has been asked. A Sync with nothing before it is a liveness check.
    fn sync(&mut self, joins: bool, asked: &mut Asked<'_>, told: &mut Messages<'_>) -> Result<(), Step> {
        let is_batch = std::mem::take(&mut self.flight.is_batch_open);
        if joins {
            self.flush(true, asked);
        } else {
            let kind = if is_batch { Kind::Quiet } else { Kind::Sync };
            let id = self.open(kind, b'S', told)?.id;
            if kind == Kind::Sync {
                asked.say(id, Verb::Ping, Some(Text::Fixed("SYNC")));
            }
        }
        if let Some(back) = self.flight.back_mut() {
            back.synced = true;
        }
        Ok(())
    }

    /// The client waits for what it asked so far: an ask without Execute is complete.
    fn flush(&mut self, joins: bool, asked: &mut Asked<'_>) {
        let Some(back) = self.flight.back_mut().filter(|_| joins) else {
            return;
        };
        asked.id = Some(back.id);
        if std::mem::take(&mut back.building) && back.bind == Bind::Unnamed {
            asked.portal = Some(names::portal(b""));
            self.names.bind_unnamed(true);
        }
    }

    /// A message that makes or goes on with an ask.
    fn build<'a>(
        &mut self,
        part: Part<'a>,
        header: Header,
        joins: bool,
        asked: &mut Asked<'a>,
        told: &mut Messages<'a>,
    ) -> Result<(), Step> {
        if !joins {
            self.open(Kind::Prepare, header.tag, told)?.building = true;
            self.flight.is_batch_open = true;
        }
        let Some(pending) = self.flight.back_mut() else {
            return Ok(());
        };
        asked.id = Some(pending.id);
        match part {
            Part::Parse { name, text } => self.parse(name, text, header.is_cut(), asked),
            Part::Bind { portal, statement } => self.bind(portal, statement, asked, told),
            Part::DescribeStatement(name) => {
                pending.owed = pending.owed.saturating_add(1);
                pending.say_statement(names::statement(name), asked);
            }
            Part::DescribePortal(name) => {
                pending.owed = pending.owed.saturating_add(1);
                if !pending.has_bound(name) {
                    asked.say(
                        pending.id,
                        Verb::Prepare,
                        self.names.executed_by(name).map(Text::Prepared),
                    );
                }
            }
            Part::Execute { portal, limited } => self.execute(portal, limited, asked),
            Part::CloseStatement(name) => self.close(Closing::Statement(name), asked, told),
            Part::ClosePortal(name) => self.close(Closing::Portal(name), asked, told),
            Part::Sync | Part::Flush => {}
        }
        Ok(())
    }

    fn parse<'a>(&mut self, name: &'a [u8], text: &'a [u8], truncated: bool, asked: &mut Asked<'a>) {
        let text_here = self.raw(text, truncated);
        let Some(pending) = self.flight.back_mut() else {
            return;
        };
        let handle = names::statement(name);
        if self.names.parse(name) {
            asked.statement = Some(handle);
            pending.parsing = !name.is_empty();
        }
        pending.owed = pending.owed.saturating_add(1);
        pending.statement = Some(handle);
        pending.hint = self.pins.hint(text);
        asked.say(pending.id, Verb::Prepare, Some(text_here));
    }

    fn bind<'a>(&mut self, portal: &[u8], statement: &[u8], asked: &mut Asked<'a>, told: &mut Messages<'a>) {
        let Some(pending) = self.flight.back_mut() else {
            return;
        };
        pending.owed = pending.owed.saturating_add(1);
        pending.say_statement(names::statement(statement), asked);
        if portal.is_empty() {
            pending.bind = Bind::Unnamed;
            self.names.bind_unnamed(false);
        } else {
            let handle = names::portal(portal);
            pending.bind = Bind::Named(handle);
            self.names.bind(handle, told);
            asked.portal = Some(handle);
        }
    }

    /// The ask is complete but for its Sync or Flush. A portal that may be executed again is told.
    fn execute(&mut self, portal: &[u8], limited: bool, asked: &mut Asked<'_>) {
        let Some(pending) = self.flight.back_mut() else {
            return;
        };
        pending.kind = Kind::Execute;
        pending.building = false;
        let has_bound = pending.has_bound(portal);
        let text = if has_bound {
            None
        } else {
            self.names.executed_by(portal).map(Text::Prepared)
        };
        asked.say(pending.id, Verb::Execute, text);
        if limited && has_bound && portal.is_empty() {
            asked.portal = Some(names::portal(b""));
            self.names.bind_unnamed(true);
        }
    }

    /// Closing belongs to the ask that is being made, else to the Execute before it; alone it is a command.
    fn close<'a>(&mut self, closing: Closing<'_>, asked: &mut Asked<'a>, told: &mut Messages<'a>) {
        let Some(pending) = self.flight.back_mut() else {
            return;
        };
        let due = if pending.building {
            &mut pending.owed
        } else {
            &mut pending.trailing
        };
        *due = due.saturating_add(1);
        if pending.is_only_closing() {
            asked.say(pending.id, Verb::Command, Some(Text::Fixed("CLOSE")));
        }
        asked.tell(told);
        match closing {
            Closing::Statement(name) => {
                self.names.forget(names::statement(name));
                told.push(Message::Closed(names::statement(name)));
            }
            Closing::Portal(b"") => self.names.bind_unnamed(false),
            Closing::Portal(name) => {
                if self.names.unbind(names::portal(name)) {
                    told.push(Message::Closed(names::portal(name)));
                }
            }
        }
    }

    /// A new ask; what was being made before it is complete. Too many in flight are given up.
    fn open(&mut self, kind: Kind, first: u8, told: &mut Messages<'_>) -> Result<&mut Pending, Step> {
        if let Some(back) = self.flight.back_mut()
            && std::mem::take(&mut back.building)
            && back.bind == Bind::Unnamed
        {
            told.push(Message::Prepared {
                id: back.id,
                handle: names::portal(b""),
            });
            self.names.bind_unnamed(true);
        }
        self.flight.open(kind, first).ok_or(Step::Garbage)
    }
}

/// What a Close closes.
#[derive(Clone, Copy)]
enum Closing<'a> {
    Statement(&'a [u8]),
    Portal(&'a [u8]),
}

impl Pending {
    /// It is about the statement of this handle, if that was not said by its Parse.
    pub(super) fn say_statement(&mut self, handle: Handle, asked: &mut Asked<'_>) {
        if self.statement != Some(handle) {
            self.statement = Some(handle);
            asked.say(self.id, Verb::Prepare, Some(Text::Prepared(handle)));
        }
    }

    pub(super) fn is_only_closing(&self) -> bool {
        self.first == b'C' && self.building && self.statement.is_none() && self.bind == Bind::No
    }

    fn has_bound(&self, portal: &[u8]) -> bool {
        match self.bind {
            Bind::No => false,
            Bind::Unnamed => portal.is_empty(),
            Bind::Named(handle) => handle == names::portal(portal),
        }
    }
}

impl<'a> Asked<'a> {
    fn say(&mut self, id: AskId, verb: Verb, text: Option<Text<'a>>) {
        self.id = Some(id);
        self.verb = Some(verb);
        self.text = text.or(self.text);
    }

    fn tell(&mut self, told: &mut Messages<'a>) {
        let Self {
            id: Some(id),
            verb,
            text,
            waiting,
            statement,
            portal,
        } = std::mem::take(self)
        else {
            return;
        };
        told.push(Message::Ask(Ask {
            id,
            verb,
            text: text.unwrap_or(Text::Same),
            waiting,
        }));
        for handle in [statement, portal].into_iter().flatten() {
            told.push(Message::Prepared { id, handle });
        }
    }
}
