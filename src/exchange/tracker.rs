//! From frames to events: one thread's whole way, run to completion.

use std::collections::HashSet;

use super::conversation::Conversation;
use super::pairing::Context;
use super::rest::Rest;
use super::statements::Statements;
use super::{Event, Observer};
use crate::capture::Frame;
use crate::capture::share::Share;
use crate::clock::{Span, Timestamp};
use crate::flow::{
    self, Chunk, Close, ConnectionId, Handler, Limits, Opening, Pattern, Rested, Servers, Side, Signal, Table,
};
use crate::packet::{self, Discard, Endpoint, LinkType, Plain, Segment};
use crate::protocol::System;
use crate::protocol::catalog::Target;

/// How often the tables are looked after, in capture time.
const TICK: Span = Span::from_millis(250);

/// Follows every watched connection and tells an [`Observer`] what happens.
pub struct Tracker<O> {
    table: Table<Conversation>,
    watch: Watch<O>,
    discards: Discards,
    next_tick: Timestamp,
    now: Timestamp,
}

/// What a conversation needs besides itself.
struct Watch<O> {
    targets: Vec<Target>,
    statements: Statements,
    observer: O,
}

/// Frames that held no TCP segment, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discards {
    /// Neither IPv4 nor IPv6.
    pub not_ip: u64,
    /// IP, but not TCP.
    pub not_tcp: u64,
    /// Parts of fragmented packets.
    pub fragments: u64,
    /// Headers that contradict themselves or run past the capture.
    pub malformed: u64,
}

impl std::iter::Sum for Discards {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            not_ip: sum.not_ip + one.not_ip,
            not_tcp: sum.not_tcp + one.not_tcp,
            fragments: sum.fragments + one.fragments,
            malformed: sum.malformed + one.malformed,
        })
    }
}

impl Discards {
    /// Counts a frame.
    pub fn count(&mut self, discard: Discard) {
        match discard {
            Discard::NotIp => self.not_ip += 1,
            Discard::NotTcp => self.not_tcp += 1,
            Discard::Fragment => self.fragments += 1,
            Discard::Malformed => self.malformed += 1,
        }
    }
}

impl<O: Observer> Tracker<O> {
    /// Watches `targets` within `limits`.
    pub fn new(targets: Vec<Target>, limits: Limits, statements: Statements, observer: O) -> Self {
        let patterns = targets.iter().map(|target| Pattern {
            address: target.address,
            port: target.port,
        });
        let table = Table::new(Servers::new(patterns.collect()), limits);
        let watch = Watch {
            targets,
            statements,
            observer,
        };
        Self {
            table,
            watch,
            discards: Discards::default(),
            next_tick: Timestamp::default(),
            now: Timestamp::default(),
        }
    }

    /// Takes the next frame. Returns whether it is of a watched connection.
    #[expect(
        clippy::inline_always,
        reason = "in its place a frame's parts stay in registers; handed over, each is written and read again"
    )]
    #[inline(always)]
    pub fn frame(&mut self, frame: &Frame<'_>) -> bool {
        if let Some(plain) = Plain::read(frame.link, frame.bytes) {
            self.advance(frame.time);
            if self.table.take_next(plain, frame.time, &mut self.watch) {
                return true;
            }
        }
        self.any_frame(frame.link, frame.bytes, frame.wire_length, frame.time)
    }

    /// The same for a frame of which it is not known that its segment is the next of a connection.
    #[inline(never)]
    fn any_frame(&mut self, link: LinkType, bytes: &[u8], wire_length: u32, at: Timestamp) -> bool {
        match packet::parse(link, bytes, wire_length) {
            // Where it was made: it is large.
            Ok(ref segment) => self.segment(segment, at),
            Err(discard) => {
                self.discards.count(discard);
                false
            }
        }
    }

    /// Takes the next segment. Returns whether it is of a watched connection.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, at: Timestamp) -> bool {
        self.advance(at);
        self.table.segment(segment, at, &mut self.watch)
    }

    /// No frame came up to `now`.
    #[inline]
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.now >= self.next_tick {
            self.tick();
        }
    }

    #[cold]
    fn tick(&mut self) {
        self.next_tick = self.now + TICK;
        self.table.tick(self.now, &mut self.watch);
    }

    /// Tells the opaque turns that look complete, before a summary is drawn.
    pub fn settle(&mut self) {
        self.settle_turns(Timestamp::MAX);
    }

    /// The same for those only of which nothing came since `before`, while the watch goes on.
    pub fn settle_turns(&mut self, before: Timestamp) {
        let (now, watch) = (self.now, &mut self.watch);
        self.table.each(Conversation::is_open, |id, conversation| {
            conversation.close_turns(before, now, watch.context(id));
        });
    }

    /// The watch is over: what is in flight ends unanswered.
    pub fn finish(&mut self) {
        self.settle();
        let (now, watch) = (self.now, &mut self.watch);
        self.table.each(Conversation::is_open, |id, conversation| {
            conversation.close(now, watch.context(id));
        });
    }

    /// The connection between `client` and `server` that the kernel knows, opened now if it was never seen.
    pub fn adopt(&mut self, client: Endpoint, server: Endpoint, at: Timestamp) -> Option<ConnectionId> {
        self.table.adopt(client, server, at, &mut self.watch)
    }

    /// The connection between `client` and `server`, if it is open.
    pub fn find(&mut self, client: Endpoint, server: Endpoint) -> Option<ConnectionId> {
        self.table.connection(client, server)
    }

    /// What the kernel knew once and does not list among `known`, silent since before `at`.
    #[must_use]
    pub fn no_longer_among(&self, known: &HashSet<ConnectionId>, at: Timestamp) -> Vec<ConnectionId> {
        self.table.no_longer_among(known, at)
    }

    /// Closes a connection that the kernel does not know any more: its end went by unseen.
    pub fn vanish(&mut self, id: ConnectionId, at: Timestamp) {
        self.table.vanished(id, at, &mut self.watch);
    }

    /// Follows only the connections in `share` from now on; see [`Table::keep`].
    pub fn keep(&mut self, share: Share, at: Timestamp) {
        self.table.keep(share, at, &mut self.watch);
    }

    /// The latest time seen.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What the flow table met.
    #[must_use]
    pub fn counters(&self) -> flow::Counters {
        self.table.counters()
    }

    /// What went by besides the watched servers.
    #[must_use]
    pub fn elsewhere(&self) -> &flow::Elsewhere {
        self.table.elsewhere()
    }

    /// Frames that were no segments.
    #[must_use]
    pub fn discards(&self) -> Discards {
        self.discards
    }

    /// The observer, which is all that is left.
    pub fn into_observer(self) -> O {
        self.watch.observer
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        &mut self.watch.observer
    }

    /// The statements and the observer, together.
    pub fn parts(&mut self) -> (&Statements, &mut O) {
        (&self.watch.statements, &mut self.watch.observer)
    }
}

impl<O: Observer> Watch<O> {
    #[inline]
    fn context(&mut self, id: ConnectionId) -> Context<'_, O> {
        Context {
            id,
            statements: &mut self.statements,
            observer: &mut self.observer,
        }
    }
}

impl<O: Observer> Handler for Watch<O> {
    type Conversation = Conversation;

    fn opened(&mut self, id: ConnectionId, at: Timestamp, opening: &Opening) -> Conversation {
        let target = self.targets[usize::from(opening.pattern)];
        let event = Event::Opened {
            client: opening.client,
            server: opening.server,
            system: target.system.unwrap_or(System::Unknown),
            from_syn: opening.from_syn,
        };
        self.context(id).emit(at, event);
        Conversation::new(target, opening.pattern, opening.from_syn)
    }

    #[inline]
    fn chunk(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        with: &mut Conversation,
        side: Side,
        chunk: Chunk<'_>,
    ) -> isize {
        with.chunk(side, chunk, at, self.context(id))
    }

    fn bytes(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        with: &mut Conversation,
        side: Side,
        bytes: &[u8],
    ) -> isize {
        let taken = with.usual(side, bytes, at, self.context(id));
        taken.unwrap_or_else(|| self.chunk(id, at, with, side, Chunk::Bytes(bytes)))
    }

    fn signal(&mut self, id: ConnectionId, at: Timestamp, with: &mut Conversation, signal: Signal) {
        let mut context = self.context(id);
        match signal {
            Signal::Connected { total, server_part } => {
                context.emit(at, Event::Connected { total, server_part });
            }
            Signal::KeepAlive(side) => context.emit(at, Event::KeepAlive(side)),
            Signal::Retransmitted(side) => context.emit(at, Event::Retransmitted(side)),
            Signal::ZeroWindow(side, closed) => context.emit(at, Event::ZeroWindow(side, closed)),
            Signal::Finished(side) => {
                with.finished(side, at, context.reborrow());
                context.emit(at, Event::HalfClosed(side));
            }
        }
    }

    fn closed(&mut self, id: ConnectionId, at: Timestamp, with: &mut Conversation, how: Close) {
        let mut context = self.context(id);
        if how.may_live_on() {
            with.lose(at, context.reborrow());
        }
        with.close(at, context.reborrow());
        context.emit(at, Event::Closed(how));
    }

    #[inline]
    fn buffered(&self, with: &Conversation) -> usize {
        with.buffered()
    }

    fn shed(&mut self, id: ConnectionId, at: Timestamp, with: &mut Conversation) {
        with.shed(at, self.context(id));
    }

    fn rest(&mut self, with: &Conversation) -> Option<Rested> {
        with.rest()?.pack()
    }

    fn expect(&mut self, id: ConnectionId) {
        self.observer.expect(id);
    }

    fn wake(&mut self, rested: Rested) -> Conversation {
        let rest = Rest::unpack(rested);
        Conversation::wake(rest, self.targets[usize::from(rest.pattern)])
    }

    fn is_busy(&self, with: &Conversation) -> bool {
        with.is_busy()
    }
}
