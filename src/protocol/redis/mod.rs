//! Redis and Valkey: RESP2, RESP3 and inline commands
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>). See `docs/protocols/redis.md`.

mod command;
mod flight;
mod names;
mod published;
mod reply;
mod request;
mod resp;
mod rest;
mod resync;
mod seen;
mod sent;
mod shape;
#[cfg(test)]
mod tests;

pub use self::resync::recognise;

use self::command::Kind;
use self::flight::{Expect, Flight};
use self::names::Names;
use self::request::{Command, Front, Rest};
use self::seen::{Open, Seen};
use self::sent::{Plan, Sent};
use super::turns::tls;
use super::{
    Ask, AskId, Asks, Decoder, Language, Login, Message, Messages, Resync, Side, Step, Text, Usual, Verb,
};

/// What a step takes that skips the rest of a stream.
const FOR_EVER: Step = Step::Take(1 << 62);

/// Reads a connection of the Redis protocol.
#[derive(Debug, Default)]
pub struct Redis {
    sent: Sent,
    seen: Seen,
    flight: Flight,
    names: Names,
    /// The command whose end is still to come.
    unfinished: Option<Unfinished>,
    /// The reply whose end is still to come.
    open: Option<Box<Open>>,
    /// Nothing but replication follows, from both sides.
    replicating: bool,
    /// A command was done: the login is over.
    used: bool,
    /// Of the commands or replies that were told together last.
    sizes: Vec<u16>,
}

/// The most commands or replies that are told together.
const MOST_TOGETHER: usize = 1024;

/// A command whose end is still to come.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    /// Its ask, unless it is a login or was forgotten.
    id: Option<AskId>,
    waiting: bool,
    silent: bool,
    rest: Rest,
}

impl Redis {
    /// At a connection's first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn client<'a>(&'a mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        if let Some(unfinished) = self.unfinished {
            return self.go_on(unfinished, bytes, told);
        }
        match request::front(bytes) {
            Front::Command(command) => self.command(&command, bytes, told),
            Front::Need(needed) => Step::Need(needed),
            Front::Empty(size) => Step::Take(size as u64),
            Front::Garbage => Step::Garbage,
        }
    }

    fn command<'a>(&'a mut self, command: &Command<'a>, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        let kind = Kind::of(command.name);
        if self.sent.is_plain(kind) && command.rest == Rest::Nothing {
            let taken = self.take_together(command, bytes);
            self.plain(command, kind, bytes).tell(told);
            return Step::Take(taken);
        }
        let mut plan = self
            .sent
            .plan(kind, command.words.clone(), command.count, command.truncated);
        if plan.replica {
            return self.replicate(told);
        }
        if plan.expect == Expect::Login && self.used {
            // The connection's login is over: this changes its user, and the client waits for it as for any command.
            plan.expect = Expect::Learn;
        }
        let id = self.put_in_flight(&mut plan);
        let silent = plan.expect == Expect::Silent;
        let asks = plan.expect != Expect::Login;
        if asks {
            told.push(Message::Ask(ask(id, &plan, command)));
        } else if !silent {
            told.push(Message::Login(Login::Begun));
        }
        let unfinished = Unfinished {
            id: asks.then_some(id),
            waiting: plan.waiting,
            silent,
            rest: command.rest,
        };
        self.leave_unfinished(unfinished, told);
        Step::Take(command.taken)
    }

    /// Takes plain commands: whole, with one reply each, and none but such in flight.
    #[inline]
    fn usual_commands<'a>(&'a mut self, bytes: &'a [u8]) -> Option<Usual<'a>> {
        let Front::Command(command) = request::front(bytes) else {
            return None;
        };
        let kind = Kind::of(command.name);
        let is_plain = self.sent.is_plain(kind) && command.rest == Rest::Nothing && !command.truncated;
        if !is_plain || !self.flight.is_plain() || self.take_together(&command, bytes) != bytes.len() as u64 {
            return None;
        }
        Some(self.plain(&command, kind, bytes))
    }

    /// Most commands: whole, and with one reply; with those that follow and are alike, by [`Redis::take_together`].
    #[inline]
    fn plain<'a>(&'a mut self, command: &Command<'a>, kind: Kind, bytes: &'a [u8]) -> Usual<'a> {
        let times = self.sizes.len().max(1) as u32;
        let id = self.flight.push_plain(times).unwrap_or_else(|| {
            self.overflow();
            self.flight.push_plain(times).unwrap_or_default()
        });
        let verb = if kind == Kind::Ping {
            Verb::Ping
        } else {
            Verb::Command
        };
        let first = Ask {
            id,
            verb: Some(verb),
            text: text(command),
            waiting: false,
        };
        if times == 1 {
            return Usual::Ask(first);
        }
        Usual::Asks(Asks {
            first,
            bytes,
            sizes: &self.sizes,
        })
    }

    /// Notes the sizes of this command and those after it that are alike, none where it is alone; returns where they end.
    #[inline]
    fn take_together(&mut self, command: &Command<'_>, bytes: &[u8]) -> u64 {
        self.sizes.clear();
        let after = bytes.get(command.text.len()..).unwrap_or_default();
        if command.front.is_empty() || command.truncated || !after.starts_with(command.front) {
            return command.taken;
        }
        match request::alike(bytes, command, &mut self.sizes, MOST_TOGETHER) {
            _ if self.sizes.len() < 2 => command.taken,
            taken => taken as u64,
        }
    }

    fn put_in_flight(&mut self, plan: &mut Plan) -> AskId {
        let expect = plan.expect;
        let id = self.flight.push(expect).unwrap_or_else(|| {
            self.overflow();
            self.flight.push(expect).unwrap_or_default()
        });
        if let Some(learnt) = plan.learnt.take().filter(|_| expect != Expect::Silent) {
            self.names.remember(id, learnt);
        }
        id
    }

    /// Too many commands are in flight to remember.
    fn overflow(&mut self) {
        self.flight.clear();
        self.names.clear();
    }

    fn leave_unfinished(&mut self, unfinished: Unfinished, told: &mut Messages<'_>) {
        self.unfinished = (unfinished.rest != Rest::Nothing).then_some(unfinished);
        if let (None, true, Some(id)) = (self.unfinished, unfinished.silent, unfinished.id) {
            told.push(Message::NoReply(id));
        }
    }

    /// More of a command whose head was told.
    fn go_on(&mut self, unfinished: Unfinished, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        let (taken, rest) = match unfinished.rest {
            Rest::Line => match memchr::memchr(b'\n', bytes) {
                Some(end) => (end as u64 + 1, Rest::Nothing),
                None => (bytes.len() as u64, Rest::Line),
            },
            Rest::Elements(left) => match request::skip(bytes, 0, left) {
                Some((0, _)) => return Step::Need(bytes.len() + 1),
                Some((taken, 0)) => (taken, Rest::Nothing),
                Some((taken, left)) => (taken, Rest::Elements(left)),
                None => return Step::Garbage,
            },
            Rest::Nothing => return Step::Garbage,
        };
        if let Some(id) = unfinished.id {
            told.push(Message::Ask(Ask {
                id,
                verb: None,
                text: Text::Same,
                waiting: unfinished.waiting,
            }));
        }
        self.leave_unfinished(Unfinished { rest, ..unfinished }, told);
        Step::Take(taken)
    }

    /// Replication has no requests and replies: it is skipped, as it is at work for ever.
    fn replicate(&mut self, told: &mut Messages<'_>) -> Step {
        self.replicating = true;
        told.push(Message::Pinned(true));
        FOR_EVER
    }
}

fn ask<'a>(id: AskId, plan: &Plan, command: &Command<'a>) -> Ask<'a> {
    Ask {
        id,
        verb: Some(plan.verb),
        text: plan.fixed.map_or(text(command), Text::Fixed),
        waiting: plan.waiting,
    }
}

fn text<'a>(command: &Command<'a>) -> Text<'a> {
    Text::Raw {
        language: Language::Redis,
        bytes: command.text,
        truncated: command.truncated,
    }
}

impl Redis {
    /// Takes `bytes` if they are plain commands, or the commonest replies to such; else nothing is changed.
    #[inline]
    pub(super) fn usual<'a>(&'a mut self, side: Side, bytes: &'a [u8]) -> Option<Usual<'a>> {
        if self.replicating || self.unfinished.is_some() || self.open.is_some() {
            return None;
        }
        match side {
            Side::Client => self.usual_commands(bytes),
            Side::Server => self.usual_replies(bytes),
        }
    }
}

impl Decoder for Redis {
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        if self.replicating {
            return FOR_EVER;
        }
        if matches!(bytes, [20..=23, ..]) && self.unfinished.is_none() && self.open.is_none() {
            return opaque(bytes);
        }
        match side {
            Side::Client => self.client(bytes, told),
            Side::Server => self.server(bytes, told),
        }
    }

    fn lost(&mut self, side: Side) {
        self.flight.clear();
        self.names.clear();
        match side {
            Side::Client => {
                self.sent = Sent::default();
                self.unfinished = None;
            }
            Side::Server => self.open = None,
        }
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.id = None;
        }
        self.seen.lost(self.open.as_deref_mut());
    }

    #[inline]
    fn kept(&self) -> usize {
        self.flight.kept() + self.names.kept()
    }

    fn resync(&mut self, side: Side, bytes: &[u8]) -> Resync {
        if self.replicating {
            return Resync::At(0);
        }
        resync::resync(side, bytes)
    }
}

/// Bytes that no command or reply begins with: TLS, or nothing that is known.
fn opaque(bytes: &[u8]) -> Step {
    if bytes.len() < 3 {
        return Step::Need(3);
    }
    if tls::begins(bytes) {
        return Step::Opaque { tls: true };
    }
    Step::Garbage
}
