//! The flow table: finds a segment's connection and keeps its TCP state.

mod room;

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::connection::{Flow, is_first_syn};
use super::counters::Counters;
use super::directions::Directions;
use super::duplicate::Recent;
use super::elsewhere::Elsewhere;
use super::flags::State;
use super::key::{Hosts, Key};
use super::step::Step;
use super::{Close, ConnectionId, Handler, Opening, Servers, Side};
use crate::capture::share::Share;
use crate::clock::{Span, Timestamp};
use crate::host::huge::{self, HugePages};
use crate::packet::{Endpoint, Flags, Plain, Segment};

/// How long a closed connection's ports keep their last stray segments from opening a phantom.
const LINGER: Span = Span::from_secs(5);
/// How long a hole may wait for its bytes.
const PATIENCE: Span = Span::from_secs(2);

/// So many connections ahead, who may be put to rest is brought into the cache.
const SOON: usize = 8;

/// Hard bounds of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections kept at once.
    pub connections: usize,
    /// The most bytes for them: [`Limits::RESTING`] for each and [`Limits::IPV6`] besides, [`Limits::WHOLE`] for each whose conversation
    /// is kept whole.
    pub bytes: usize,
    /// So many conversations are kept whole though nothing goes on in them: their next segment comes soon, most likely. It
    /// changes what is kept, and nothing that is told.
    pub awake: usize,
    /// The most bytes kept until more come, of all connections together: of segments behind a hole, and of messages not all here.
    /// Beyond them, those kept for longest are given up.
    pub buffered: usize,
}

impl Limits {
    /// Conversations kept whole, as a rule: a few megabytes of them.
    pub const AWAKE: usize = 4096;
    /// Bytes of a connection at rest, here and in a profile (121 by `benches/memory`).
    pub const RESTING: usize = 128;
    /// Bytes of one of IPv6 besides, for its addresses.
    pub const IPV6: usize = 420;
    /// Bytes of one kept whole, with a request in flight (1,091 by `benches/memory`; more over TLS and HTTP).
    pub const WHOLE: usize = 1_500;
}

/// All connections, their TCP state, and what the [`Handler`] keeps of each.
#[derive(Debug)]
pub struct Table<C> {
    flows: huge::Table<Flow<C>>,
    free: Vec<u32>,
    directions: Directions,
    index: HashTable<u32, HugePages>,
    hasher: foldhash::fast::RandomState,
    hosts: Hosts,
    recent: Recent,
    elsewhere: Elsewhere,
    servers: Servers,
    limits: Limits,
    /// No connection outside it is kept.
    share: Share,
    counters: Counters,
    cursor: usize,
    /// Slots that may be looked at for a connection with nothing in flight.
    patience: usize,
    /// How many conversations are kept whole.
    whole: usize,
    /// How many connections are of IPv6.
    ipv6: usize,
    /// The connections whose conversations are kept whole, the one awake for longest first; some may have gone meanwhile.
    awake: VecDeque<u32>,
    /// Bytes kept until more come, of all connections.
    buffered: usize,
    /// The connections that keep such bytes, or did; the one that began first is the first.
    stalled: VecDeque<u32>,
}

impl<C> Table<C> {
    /// An empty table that watches `servers`.
    #[must_use]
    pub fn new(servers: Servers, limits: Limits) -> Self {
        Self {
            flows: huge::Table::new_in(HugePages),
            free: Vec::new(),
            directions: Directions::new(),
            index: HashTable::new_in(HugePages),
            hasher: foldhash::fast::RandomState::default(),
            hosts: Hosts::default(),
            recent: Recent::new(),
            elsewhere: Elsewhere::new(),
            servers,
            limits,
            share: Share::ALL,
            counters: Counters::default(),
            cursor: 0,
            patience: usize::MAX,
            whole: 0,
            ipv6: 0,
            awake: VecDeque::new(),
            buffered: 0,
            stalled: VecDeque::new(),
        }
    }

    /// What was met so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many connections are kept, those just closed among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows.len() - self.free.len()
    }

    /// Whether no connection is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What went by besides the watched servers.
    #[must_use]
    pub fn elsewhere(&self) -> &Elsewhere {
        &self.elsewhere
    }

    /// Takes one segment, in capture order, and tells `handler` what it means. Returns whether it is of a watched
    /// connection.
    #[inline]
    pub fn segment<H: Handler<Conversation = C>>(
        &mut self,
        segment: &Segment<'_>,
        at: Timestamp,
        handler: &mut H,
    ) -> bool {
        let Some((slot, side)) = self
            .directions
            .find(segment)
            .or_else(|| self.look_up(segment, at, handler))
        else {
            return self.pass_over(segment);
        };
        self.counters.watched += 1;
        let is_next = match self.flows.get(slot as usize) {
            Some(flow) if segment.payload_length > 0 && flow.is_next(side, segment) => {
                self.recent.remember(slot, side, segment, at);
                true
            }
            _ => self.is_next_after_all((slot, side), segment, at, handler),
        };
        if is_next && let Some(flow) = self.flows.get_mut(slot as usize) {
            let grown = flow.take_next((ConnectionId(slot), side), at, segment, handler);
            if grown != 0 {
                self.account(slot, grown, at, handler);
            }
        }
        true
    }

    /// Takes a segment as [`Table::segment`] does, if it is simply the next of its side of a connection seen lately. Returns whether
    /// it was taken; if not, nothing is changed.
    #[expect(
        clippy::inline_always,
        reason = "in its place a frame's parts stay in registers; handed over, each is written and read again"
    )]
    #[inline(always)]
    pub fn take_next<H: Handler<Conversation = C>>(
        &mut self,
        plain: Plain<'_>,
        at: Timestamp,
        handler: &mut H,
    ) -> bool {
        let Some((slot, side)) = self.directions.find_plain(plain) else {
            return false;
        };
        let Some(flow) = self.flows.get_mut(slot as usize) else {
            return false;
        };
        let segment = plain.segment();
        if !flow.is_next(side, &segment) {
            return false;
        }
        self.counters.watched += 1;
        self.recent.remember(slot, side, &segment, at);
        let grown = flow.take_next((ConnectionId(slot), side), at, &segment, handler);
        if grown != 0 {
            self.account(slot, grown, at, handler);
        }
        true
    }

    /// The connection of a segment and the side that sent it; opened where it is a watched server's and not known.
    #[inline(never)]
    fn look_up<H: Handler<Conversation = C>>(
        &mut self,
        segment: &Segment<'_>,
        at: Timestamp,
        handler: &mut H,
    ) -> Option<(u32, Side)> {
        if !self.servers.has_port(segment.source.port) && !self.servers.has_port(segment.destination.port) {
            return None;
        }
        let (key, source_first) = Key::of(segment, &mut self.hosts);
        let slot = self
            .find(&key)
            .or_else(|| self.open(key, source_first, segment, at, handler))?;
        let side = self.flows[slot as usize].side(source_first);
        self.directions.remember(segment, slot, side);
        Some((slot, side))
    }

    /// Looks closer at a segment that brings nothing new, or not simply the next bytes of its side. Takes it, unless its connection
    /// had only to be woken, or it has no bytes: then it is as the next.
    #[inline(never)]
    fn is_next_after_all<H: Handler<Conversation = C>>(
        &mut self,
        (slot, side): (u32, Side),
        segment: &Segment<'_>,
        at: Timestamp,
        handler: &mut H,
    ) -> bool {
        if self.recent.is_copy(slot, side, segment, at) {
            self.counters.duplicates += 1;
            return false;
        }
        if self.flows[slot as usize].is_resting() {
            self.wake(slot, handler);
        }
        let flow = &self.flows[slot as usize];
        if flow.is_next(side, segment) {
            return true;
        }
        let before = flow.buffered(handler);
        self.step((slot, side), segment, at, handler);
        self.recount(slot, before, at, handler);
        false
    }

    /// Counts what a connection that kept `before` bytes keeps now.
    fn recount<H: Handler<Conversation = C>>(
        &mut self,
        slot: u32,
        before: usize,
        at: Timestamp,
        handler: &mut H,
    ) {
        let after = self.flows[slot as usize].buffered(handler);
        if after != before {
            self.account(slot, after.cast_signed() - before.cast_signed(), at, handler);
        }
    }

    /// Closes a connection; what it kept is gone.
    fn close<H: Handler<Conversation = C>>(&mut self, slot: u32, at: Timestamp, how: Close, handler: &mut H) {
        let flow = &mut self.flows[slot as usize];
        self.buffered = self.buffered.saturating_sub(flow.buffered(handler));
        self.whole -= usize::from(flow.active.is_some());
        flow.close(ConnectionId(slot), at, how, handler);
    }

    /// Goes on with a connection that was put to rest, and lets others rest for it.
    #[inline(never)]
    fn wake<H: Handler<Conversation = C>>(&mut self, slot: u32, handler: &mut H) {
        handler.expect(ConnectionId(slot));
        self.flows[slot as usize].wake(handler);
        self.whole += 1;
        self.keep_awake(slot, handler);
    }

    /// Beyond [`Limits::awake`] connections, of those awake for longest two are looked at for each new one: they rest, unless
    /// something goes on.
    fn keep_awake<H: Handler<Conversation = C>>(&mut self, slot: u32, handler: &mut H) {
        self.awake.push_back(slot);
        if let Some(&soon) = self.awake.get(SOON) {
            huge::fetch(&self.flows[soon as usize]);
        }
        for _ in 0..2 {
            if self.awake.len() <= self.limits.awake {
                return;
            }
            let Some(longest) = self.awake.pop_front() else {
                return;
            };
            if longest == slot {
                self.awake.push_back(longest);
                continue;
            }
            let flow = &mut self.flows[longest as usize];
            let (was_whole, kept) = (flow.active.is_some(), flow.buffered(handler));
            if flow.rest(handler) {
                self.awake.push_back(longest);
            } else if was_whole {
                self.whole -= 1;
                self.buffered = self.buffered.saturating_sub(kept);
            }
        }
    }

    /// Takes a segment that is not simply the next of its connection.
    #[inline(never)]
    fn step<H: Handler<Conversation = C>>(
        &mut self,
        (slot, side): (u32, Side),
        segment: &Segment<'_>,
        at: Timestamp,
        handler: &mut H,
    ) {
        if let Some(slot) = self.renew(slot, side, segment, at, handler) {
            let flow = &mut self.flows[slot as usize];
            if flow.is_of_the_last(side, segment) {
                return;
            }
            let mut step = Step {
                id: ConnectionId(slot),
                at,
                side,
                counters: &mut self.counters,
            };
            let was_whole = flow.active.is_some();
            step.run(flow, segment, handler);
            self.whole -= usize::from(was_whole && flow.active.is_none());
        }
    }

    #[cfg(test)]
    pub(super) fn check_for_tests(&self) {
        let whole = self.flows.iter().filter(|flow| flow.active.is_some());
        assert_eq!(self.whole, whole.count());
    }

    #[cfg(test)]
    pub(super) fn buffered_for_tests(&self) -> usize {
        self.buffered
    }

    #[cfg(test)]
    pub(super) fn limits_for_tests(&mut self) -> &mut Limits {
        &mut self.limits
    }

    fn pass_over(&mut self, segment: &Segment<'_>) -> bool {
        if !self.share.holds(segment.source.port, segment.destination.port) {
            self.counters.outside += 1;
            return false;
        }
        self.counters.unwatched += 1;
        self.elsewhere
            .count([segment.source.port, segment.destination.port]);
        false
    }

    /// Looks after the table: frees what closed a while ago, in a part of it, and gives up holes that do not fill. Call it
    /// several times a second of capture time.
    pub fn tick<H: Handler<Conversation = C>>(&mut self, now: Timestamp, handler: &mut H) {
        for _ in 0..(self.flows.len() / 8 + 256).min(self.flows.len()) {
            self.cursor = if self.cursor + 1 < self.flows.len() {
                self.cursor + 1
            } else {
                0
            };
            self.look_after(self.cursor as u32, now);
        }
        self.give_up_holes(now, handler);
        self.tidy_hosts();
    }

    /// Gives up holes that do not fill, in the order of their connections' ends: which else is in the table changes nothing.
    fn give_up_holes<H: Handler<Conversation = C>>(&mut self, now: Timestamp, handler: &mut H) {
        let flows = &mut self.flows;
        self.stalled.retain(|&slot| {
            let flow = &mut flows[slot as usize];
            let keeps = flow.buffered(handler) > 0;
            flow.state.set(State::STALLED, keeps);
            keeps
        });
        let mut late: Vec<u32> = self.stalled.iter().copied().collect();
        late.retain(|&slot| flows[slot as usize].has_waited(now - PATIENCE));
        self.sort(&mut late);
        for slot in late {
            let before = self.flows[slot as usize].buffered(handler);
            for side in [Side::Client, Side::Server] {
                self.give_up(slot, side, now, handler);
            }
            self.recount(slot, before, now, handler);
        }
    }

    fn give_up<H: Handler<Conversation = C>>(
        &mut self,
        slot: u32,
        side: Side,
        now: Timestamp,
        handler: &mut H,
    ) {
        let flow = &mut self.flows[slot as usize];
        let Some(until) = flow.waits(side, now - PATIENCE) else {
            return;
        };
        let mut step = Step {
            id: ConnectionId(slot),
            at: now,
            side,
            counters: &mut self.counters,
        };
        let was_whole = flow.active.is_some();
        step.give_up(flow, until, handler);
        self.whole -= usize::from(was_whole && flow.active.is_none());
    }

    /// Puts connections in the order of their ends, each once.
    fn sort(&self, slots: &mut Vec<u32>) {
        if slots.len() > 1 {
            slots.sort_by_cached_key(|&slot| self.ends(slot));
            slots.dedup();
        }
    }

    /// Client and server.
    fn ends(&self, slot: u32) -> (Endpoint, Endpoint) {
        let flow = &self.flows[slot as usize];
        let client_first = flow.state.has(State::CLIENT_FIRST);
        let end = |second| flow.key.end(second, &self.hosts);
        (end(!client_first), end(client_first))
    }

    /// The connection between `client` and `server`, opened now if it was never seen: the kernel knows it, though it sent
    /// nothing since the watch began. `None` where `server` is not watched.
    pub fn adopt<H: Handler<Conversation = C>>(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        at: Timestamp,
        handler: &mut H,
    ) -> Option<ConnectionId> {
        if !self.share.holds(client.port, server.port) {
            return None;
        }
        let pattern = self.servers.find(server)?;
        let (key, client_first) = Key::between(client, server, &mut self.hosts);
        let known = self.find(&key);
        let slot = known.unwrap_or_else(|| self.add(key, client_first, pattern, false, at, handler));
        let flow = &mut self.flows[slot as usize];
        if flow.state.has(State::CLOSED) {
            return None;
        }
        flow.state.set(State::IN_KERNEL, true);
        Some(ConnectionId(slot))
    }

    /// Keeps only the connections in `share` from now on. All others are forgotten at once: they are not over, and what is in
    /// flight on them can't be told.
    pub fn keep<H: Handler<Conversation = C>>(&mut self, share: Share, at: Timestamp, handler: &mut H) {
        self.share = share;
        for slot in 0..self.flows.len() {
            let flow = &self.flows[slot];
            let [one, other] = flow.key.ports();
            if flow.is_vacant() || flow.state.has(State::CLOSED) || share.holds(one, other) {
                continue;
            }
            self.counters.forgotten += 1;
            self.close(slot as u32, at, Close::Forgotten, handler);
            self.release(slot as u32);
        }
    }

    /// The open connection between `client` and `server`.
    pub fn connection(&mut self, client: Endpoint, server: Endpoint) -> Option<ConnectionId> {
        let (key, _) = Key::between(client, server, &mut self.hosts);
        let slot = self.find(&key)?;
        let open = !self.flows[slot as usize].state.has(State::CLOSED);
        open.then_some(ConnectionId(slot))
    }

    /// The connections that the kernel knew once and knows no longer, silent since before `at`.
    #[must_use]
    pub fn no_longer_among(
        &self,
        known: &std::collections::HashSet<ConnectionId>,
        at: Timestamp,
    ) -> Vec<ConnectionId> {
        let slots = self.flows.iter().enumerate().filter(|(slot, flow)| {
            let gone = flow.state.has(State::IN_KERNEL) && !flow.state.has(State::CLOSED);
            gone && flow.last_seen < at && !known.contains(&ConnectionId(*slot as u32))
        });
        slots.map(|(slot, _)| ConnectionId(slot as u32)).collect()
    }

    /// The kernel no longer knows this connection.
    pub fn vanished<H: Handler<Conversation = C>>(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        handler: &mut H,
    ) {
        if self.flows.len() > id.0 as usize {
            self.close(id.0, at, Close::Vanished, handler);
        }
    }

    /// Calls `visit` with the conversations that are `meant`, in the order of their connections' ends.
    pub fn each(&mut self, meant: impl Fn(&C) -> bool, mut visit: impl FnMut(ConnectionId, &mut C)) {
        let is_meant = |flow: &Flow<C>| {
            flow.active
                .as_ref()
                .is_some_and(|active| meant(&active.conversation))
        };
        let flows = (0..).zip(&self.flows).filter(|(_, flow)| is_meant(flow));
        let mut slots: Vec<u32> = flows.map(|(slot, _)| slot).collect();
        self.sort(&mut slots);
        for slot in slots {
            if let Some(active) = &mut self.flows[slot as usize].active {
                visit(ConnectionId(slot), &mut active.conversation);
            }
        }
    }

    fn find(&self, key: &Key) -> Option<u32> {
        let hash = key.hash(&self.hasher);
        self.index
            .find(hash, |&slot| self.flows[slot as usize].key == *key)
            .copied()
    }

    /// A SYN on ports that are still known means a new connection; anything else on closed ports is a stray.
    /// Returns the slot to go on with.
    fn renew<H: Handler<Conversation = C>>(
        &mut self,
        slot: u32,
        side: Side,
        segment: &Segment<'_>,
        at: Timestamp,
        handler: &mut H,
    ) -> Option<u32> {
        let flow = &mut self.flows[slot as usize];
        let closed = flow.state.has(State::CLOSED);
        let renewed = flow.is_another(side, segment) || closed && is_first_syn(segment);
        if !renewed {
            return (!closed).then_some(slot);
        }
        let key = flow.key;
        let source_first = flow.state.has(State::CLIENT_FIRST) == (side == Side::Client);
        self.close(slot, at, Close::Replaced, handler);
        self.release(slot);
        self.open(key, source_first, segment, at, handler)
    }

    fn open<H: Handler<Conversation = C>>(
        &mut self,
        key: Key,
        source_first: bool,
        segment: &Segment<'_>,
        at: Timestamp,
        handler: &mut H,
    ) -> Option<u32> {
        if segment.flags.has(Flags::RST) || segment.flags.has(Flags::FIN) && segment.payload_length == 0 {
            return None;
        }
        if !self.share.holds(segment.source.port, segment.destination.port) {
            return None;
        }
        let (pattern, client_is_source) = self.roles(segment)?;
        let client_first = client_is_source == source_first;
        let from_syn = segment.flags.has(Flags::SYN);
        Some(self.add(key, client_first, pattern, from_syn, at, handler))
    }

    /// Takes a new connection in, making room if need be.
    fn add<H: Handler<Conversation = C>>(
        &mut self,
        key: Key,
        client_first: bool,
        pattern: u16,
        from_syn: bool,
        at: Timestamp,
        handler: &mut H,
    ) -> u32 {
        while self.is_full() && self.evict(at, handler) {}
        let slot = self.free.pop().unwrap_or(self.flows.len() as u32);
        let opening = Opening {
            client: key.end(!client_first, &self.hosts),
            server: key.end(client_first, &self.hosts),
            pattern,
            from_syn,
        };
        let conversation = handler.opened(ConnectionId(slot), at, &opening);
        let flow = Flow::new(key, client_first, at, conversation);
        self.whole += 1;
        self.ipv6 += usize::from(key.is_ipv6());
        if (slot as usize) < self.flows.len() {
            self.flows[slot as usize] = flow;
        } else {
            self.flows.push(flow);
        }
        let (flows, hasher) = (&self.flows, &self.hasher);
        self.index.insert_unique(key.hash(hasher), slot, |&other| {
            flows[other as usize].key.hash(hasher)
        });
        self.keep_awake(slot, handler);
        slot
    }

    /// Which end is the server: the SYN tells, else the one that matches a pattern, else the lower port. Returns its pattern
    /// and whether the segment comes from the client.
    fn roles(&self, segment: &Segment<'_>) -> Option<(u16, bool)> {
        let to = self.servers.find(segment.destination);
        let from = self.servers.find(segment.source);
        if segment.flags.has(Flags::SYN) {
            let from_client = !segment.flags.has(Flags::ACK);
            let server = if from_client { to } else { from };
            return server.map(|pattern| (pattern, from_client));
        }
        match (to, from) {
            (Some(_), Some(from)) if segment.source.port < segment.destination.port => Some((from, false)),
            (Some(to), _) => Some((to, true)),
            (None, from) => from.map(|pattern| (pattern, false)),
        }
    }

    fn look_after(&mut self, slot: u32, now: Timestamp) {
        let flow = &self.flows[slot as usize];
        if flow.state.has(State::CLOSED) && now.since(flow.last_seen) > LINGER {
            self.release(slot);
        }
    }

    fn release(&mut self, slot: u32) {
        let key = self.flows[slot as usize].key;
        self.directions
            .forget(key.end(false, &self.hosts), key.end(true, &self.hosts));
        self.ipv6 -= usize::from(key.is_ipv6());
        let hash = key.hash(&self.hasher);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        let flow = &mut self.flows[slot as usize];
        flow.active = None;
        flow.state = State::default();
        self.free.push(slot);
    }

    /// IPv6 hosts of connections long gone are forgotten once they may be the greater part.
    fn tidy_hosts(&mut self) {
        if !self.hosts.have_doubled() {
            return;
        }
        let flows = self.flows.iter().filter(|flow| !flow.is_vacant());
        let used: hashbrown::HashSet<u32> =
            flows.filter_map(|flow| flow.key.ipv6_hosts()).flatten().collect();
        self.hosts.retain(|number| used.contains(&number));
    }
}
