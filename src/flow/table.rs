//! The flow table: finds a segment's connection and keeps its TCP state.

use hashbrown::HashTable;

use super::duplicate::Recent;
use super::elsewhere::Elsewhere;
use super::flags::State;
use super::key::{Hosts, Key};
use super::reassembly::{Held, Reassembly, ahead};
use super::{Chunk, Close, ConnectionId, Handler, Opening, Servers, Side, Signal};
use crate::clock::{Span, Timestamp};
use crate::packet::{Endpoint, Flags, Segment};

/// How long a closed connection's ports keep their last stray segments from opening a phantom.
const LINGER: Span = Span::from_secs(5);
/// How long a hole may wait for its bytes.
const PATIENCE: Span = Span::from_secs(2);
/// A sequence number this far behind is not old data but another connection on the same ports.
const TOO_OLD: i32 = -(1 << 26);

/// Hard bounds of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections kept at once.
    pub connections: usize,
}

/// What a [`Table`] met and what it cost, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments of watched connections.
    pub watched: u64,
    /// Segments of no watched server.
    pub unwatched: u64,
    /// Copies of segments seen just before.
    pub duplicates: u64,
    /// Holes given up.
    pub gaps: u64,
    /// Bytes in those holes.
    pub gap_bytes: u64,
    /// Connections dropped for the bound.
    pub evicted: u64,
}

/// All connections, their TCP state, and what the [`Handler`] keeps of each.
#[derive(Debug)]
pub struct Table<C> {
    flows: Vec<Flow<C>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    hosts: Hosts,
    recent: Recent,
    elsewhere: Elsewhere,
    servers: Servers,
    limits: Limits,
    counters: Counters,
    cursor: usize,
}

#[derive(Debug)]
struct Flow<C> {
    key: Key,
    state: State,
    next: [u32; 2],
    last_seen: Timestamp,
    active: Option<Box<Active<C>>>,
}

#[derive(Debug)]
struct Active<C> {
    sides: [Reassembly; 2],
    syn: Option<Timestamp>,
    syn_ack: Option<Timestamp>,
    conversation: C,
}

impl<C> Table<C> {
    /// An empty table that watches `servers`.
    #[must_use]
    pub fn new(servers: Servers, limits: Limits) -> Self {
        Self {
            flows: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            hosts: Hosts::default(),
            recent: Recent::new(),
            elsewhere: Elsewhere::new(),
            servers,
            limits,
            counters: Counters::default(),
            cursor: 0,
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

    /// The ports that most segments went to besides the watched servers' ones, with how many.
    #[must_use]
    pub fn elsewhere(&self) -> Vec<(u16, u64)> {
        self.elsewhere.busiest(8)
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
        if !self.servers.has_port(segment.source.port) && !self.servers.has_port(segment.destination.port) {
            return self.pass_over(segment);
        }
        let (key, source_first) = Key::of(segment, &mut self.hosts);
        let Some(slot) = self
            .find(&key)
            .or_else(|| self.open(key, source_first, segment, at, handler))
        else {
            return self.pass_over(segment);
        };
        self.counters.watched += 1;
        let side = self.flows[slot as usize].side(source_first);
        if self.recent.is_copy(slot, side == Side::Client, segment, at) {
            self.counters.duplicates += 1;
            return true;
        }
        if let Some(slot) = self.renew(slot, side, source_first, segment, at, handler) {
            let flow = &mut self.flows[slot as usize];
            let mut step = Step {
                id: ConnectionId(slot),
                at,
                side,
                counters: &mut self.counters,
            };
            step.run(flow, segment, handler);
        }
        true
    }

    fn pass_over(&mut self, segment: &Segment<'_>) -> bool {
        self.counters.unwatched += 1;
        self.elsewhere
            .count([segment.source.port, segment.destination.port]);
        false
    }

    /// Looks after a part of the table: frees what closed a while ago and gives up holes that do not fill. Call it
    /// several times a second of capture time.
    pub fn tick<H: Handler<Conversation = C>>(&mut self, now: Timestamp, handler: &mut H) {
        for _ in 0..(self.flows.len() / 8 + 256).min(self.flows.len()) {
            self.cursor = if self.cursor + 1 < self.flows.len() {
                self.cursor + 1
            } else {
                0
            };
            self.look_after(self.cursor as u32, now, handler);
        }
        self.tidy_hosts();
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
        if let Some(flow) = self.flows.get_mut(id.0 as usize) {
            flow.close(id, at, Close::Vanished, handler);
        }
    }

    /// Calls `visit` with every open connection's conversation.
    pub fn each(&mut self, mut visit: impl FnMut(ConnectionId, &mut C)) {
        for (slot, flow) in self.flows.iter_mut().enumerate() {
            if let Some(active) = &mut flow.active {
                visit(ConnectionId(slot as u32), &mut active.conversation);
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
        source_first: bool,
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
        flow.close(ConnectionId(slot), at, Close::Replaced, handler);
        let key = flow.key;
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
        if self.len() >= self.limits.connections {
            self.evict(at, handler);
        }
        let slot = self.free.pop().unwrap_or(self.flows.len() as u32);
        let opening = Opening {
            client: key.end(!client_first, &self.hosts),
            server: key.end(client_first, &self.hosts),
            pattern,
            from_syn,
        };
        let conversation = handler.opened(ConnectionId(slot), at, &opening);
        let flow = Flow::new(key, client_first, at, conversation);
        if (slot as usize) < self.flows.len() {
            self.flows[slot as usize] = flow;
        } else {
            self.flows.push(flow);
        }
        let (flows, hasher) = (&self.flows, &self.hasher);
        self.index.insert_unique(key.hash(hasher), slot, |&other| {
            flows[other as usize].key.hash(hasher)
        });
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

    /// Makes room: of a sample, a closed connection goes first, then the one idle for longest, one with something in flight only
    /// where there is no other.
    fn evict<H: Handler<Conversation = C>>(&mut self, at: Timestamp, handler: &mut H) {
        const SAMPLE: usize = 64;
        let count = self.flows.len();
        let slots = (0..count.min(SAMPLE)).map(|step| (self.cursor + step) % count);
        let worth = |&slot: &usize| {
            let flow = &self.flows[slot];
            let busy = flow
                .active
                .as_ref()
                .is_some_and(|active| handler.is_busy(&active.conversation));
            (!flow.state.has(State::CLOSED), busy, flow.last_seen)
        };
        let Some(slot) = slots
            .filter(|&slot| !self.flows[slot].is_vacant())
            .min_by_key(worth)
        else {
            return;
        };
        self.cursor = (self.cursor + SAMPLE) % count;
        let flow = &mut self.flows[slot];
        if !flow.state.has(State::CLOSED) {
            self.counters.evicted += 1;
            flow.close(ConnectionId(slot as u32), at, Close::Evicted, handler);
        }
        self.release(slot as u32);
    }

    fn look_after<H: Handler<Conversation = C>>(&mut self, slot: u32, now: Timestamp, handler: &mut H) {
        let flow = &mut self.flows[slot as usize];
        if flow.is_vacant() {
            return;
        }
        if flow.state.has(State::CLOSED) {
            if now.since(flow.last_seen) > LINGER {
                self.release(slot);
            }
            return;
        }
        for side in [Side::Client, Side::Server] {
            let waiting = flow
                .active
                .as_ref()
                .and_then(|a| a.sides[side.index()].waiting_since_before(now - PATIENCE));
            if let Some(until) = waiting {
                let mut step = Step {
                    id: ConnectionId(slot),
                    at: now,
                    side,
                    counters: &mut self.counters,
                };
                step.give_up(flow, until, handler);
            }
        }
    }

    fn release(&mut self, slot: u32) {
        let hash = self.flows[slot as usize].key.hash(&self.hasher);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        let flow = &mut self.flows[slot as usize];
        flow.active = None;
        flow.state = State::default();
        self.free.push(slot);
    }

    /// IPv6 hosts of connections long gone are forgotten once they are the greater part.
    fn tidy_hosts(&mut self) {
        if self.hosts.len() < 1024 || self.hosts.len() < 4 * self.len() {
            return;
        }
        let flows = self.flows.iter().filter(|flow| !flow.is_vacant());
        let used: hashbrown::HashSet<u32> =
            flows.filter_map(|flow| flow.key.ipv6_hosts()).flatten().collect();
        self.hosts.retain(|number| used.contains(&number));
    }
}

/// A SYN that opens a connection.
fn is_first_syn(segment: &Segment<'_>) -> bool {
    segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK)
}

/// The sequence number of a segment's first payload byte: a SYN takes a number of its own.
fn data_sequence(segment: &Segment<'_>) -> u32 {
    segment
        .sequence
        .wrapping_add(u32::from(segment.flags.has(Flags::SYN)))
}

impl<C> Flow<C> {
    fn new(key: Key, client_first: bool, at: Timestamp, conversation: C) -> Self {
        let mut state = State::default();
        state.set(State::CLIENT_FIRST, client_first);
        let active = Active {
            sides: Default::default(),
            syn: None,
            syn_ack: None,
            conversation,
        };
        Self {
            key,
            state,
            next: [0; 2],
            last_seen: at,
            active: Some(Box::new(active)),
        }
    }

    fn side(&self, source_first: bool) -> Side {
        if self.state.has(State::CLIENT_FIRST) == source_first {
            Side::Client
        } else {
            Side::Server
        }
    }

    fn is_vacant(&self) -> bool {
        self.active.is_none() && !self.state.has(State::CLOSED)
    }

    /// Whether a segment can't belong to this connection: a SYN with another number, or bytes from far behind.
    fn is_another(&self, side: Side, segment: &Segment<'_>) -> bool {
        if !self.state.has(State::known(side)) {
            return false;
        }
        let offset = ahead(data_sequence(segment), self.next[side.index()]);
        if is_first_syn(segment) {
            return offset != 0 || !self.state.has(State::HANDSHAKE);
        }
        segment.payload_length > 0 && offset < TOO_OLD
    }

    fn close<H: Handler<Conversation = C>>(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        how: Close,
        handler: &mut H,
    ) {
        if let Some(mut active) = self.active.take() {
            handler.closed(id, at, &mut active.conversation, how);
            self.last_seen = at;
            self.state.set(State::CLOSED, true);
        }
    }
}

/// One segment's way through its connection.
struct Step<'t> {
    id: ConnectionId,
    at: Timestamp,
    side: Side,
    counters: &'t mut Counters,
}

impl Step<'_> {
    fn run<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        segment: &Segment<'_>,
        handler: &mut H,
    ) {
        flow.last_seen = flow.last_seen.max(self.at);
        if segment.flags.has(Flags::RST) {
            self.flush(flow, handler);
            flow.close(self.id, self.at, Close::Reset(self.side), handler);
            return;
        }
        self.learn_sequence(flow, segment);
        if segment.flags.has(Flags::SYN) || flow.state.has(State::HANDSHAKE) {
            self.handshake(flow, segment, handler);
        }
        if segment.flags.has(Flags::ACK) {
            self.acknowledged(flow, segment.acknowledgment, handler);
        }
        if !segment.flags.has(Flags::SYN) {
            self.window(flow, segment, handler);
        }
        if segment.payload_length > 0 || ahead(segment.sequence, flow.next[self.side.index()]) == -1 {
            self.payload(flow, segment, handler);
        }
        if segment.flags.has(Flags::FIN) {
            let end = data_sequence(segment).wrapping_add(segment.payload_length);
            if let Some(active) = &mut flow.active {
                active.sides[self.side.index()].end = Some(end);
            }
        }
        self.finish(flow, handler);
    }

    /// Where a stream starts: after its SYN, where the other side's acknowledgment says, or wherever it is first seen. A
    /// first sight of a keep-alive probe says one too few.
    fn learn_sequence<C>(&self, flow: &mut Flow<C>, segment: &Segment<'_>) {
        let known = State::known(self.side);
        let next = &mut flow.next[self.side.index()];
        let silent = !flow.state.has(State::spoken(self.side));
        let after_probe = silent && segment.payload_length > 1 && ahead(data_sequence(segment), *next) == 1;
        if !flow.state.has(known) || after_probe {
            *next = data_sequence(segment);
            flow.state.set(known, true);
        }
    }

    fn handshake<C, H: Handler<Conversation = C>>(
        &self,
        flow: &mut Flow<C>,
        segment: &Segment<'_>,
        handler: &mut H,
    ) {
        let Some(active) = &mut flow.active else { return };
        let (syn, ack) = (segment.flags.has(Flags::SYN), segment.flags.has(Flags::ACK));
        let again = match self.side {
            Side::Client if syn => active.syn.replace(active.syn.unwrap_or(self.at)).is_some(),
            Side::Server if syn => active
                .syn_ack
                .replace(active.syn_ack.unwrap_or(self.at))
                .is_some(),
            _ => false,
        };
        if syn {
            flow.state.set(State::HANDSHAKE, true);
            if again {
                handler.signal(
                    self.id,
                    self.at,
                    &mut active.conversation,
                    Signal::Retransmitted(self.side),
                );
            }
        } else if ack {
            flow.state.set(State::HANDSHAKE, false);
            if let (Some(syn), Some(syn_ack)) = (active.syn, active.syn_ack) {
                let signal = Signal::Connected {
                    total: self.at.since(syn),
                    server_part: syn_ack.since(syn),
                };
                handler.signal(self.id, self.at, &mut active.conversation, signal);
            }
        }
    }

    /// The sender has received everything before `number`: a hole before it in the other stream will not fill.
    fn acknowledged<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        number: u32,
        handler: &mut H,
    ) {
        let other = self.side.other();
        let Some(active) = &mut flow.active else { return };
        let stream = &mut active.sides[other.index()];
        stream.acknowledge(number);
        if !flow.state.has(State::known(other)) {
            flow.state.set(State::known(other), true);
            flow.next[other.index()] = number;
        }
        if !stream.is_empty() {
            Step {
                side: other,
                id: self.id,
                at: self.at,
                counters: &mut *self.counters,
            }
            .drain(flow, handler);
        }
    }

    fn window<C, H: Handler<Conversation = C>>(
        &self,
        flow: &mut Flow<C>,
        segment: &Segment<'_>,
        handler: &mut H,
    ) {
        let flag = State::zero_window(self.side);
        let closed = segment.window == 0;
        if flow.state.has(flag) != closed {
            flow.state.set(flag, closed);
            self.signal(flow, Signal::ZeroWindow(self.side, closed), handler);
        }
    }

    fn payload<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        segment: &Segment<'_>,
        handler: &mut H,
    ) {
        let sequence = data_sequence(segment);
        let offset = ahead(sequence, flow.next[self.side.index()]);
        if offset == -1 && segment.payload_length <= 1 && !segment.flags.has(Flags::FIN) {
            if !flow.state.has(State::zero_window(self.side.other())) {
                self.signal(flow, Signal::KeepAlive(self.side), handler);
            }
            return;
        }
        if offset < 0 {
            self.signal(flow, Signal::Retransmitted(self.side), handler);
        }
        if offset > 0 {
            let bytes = segment.payload.into();
            let held = Held {
                sequence,
                at: self.at,
                length: segment.payload_length,
                bytes,
            };
            if let Some(active) = &mut flow.active {
                active.sides[self.side.index()].hold(held);
            }
        } else {
            self.deliver(flow, sequence, segment.payload, segment.payload_length, handler);
        }
        self.drain(flow, handler);
    }

    /// Hands on what is new of a segment that begins at or before the next number.
    fn deliver<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        sequence: u32,
        bytes: &[u8],
        length: u32,
        handler: &mut H,
    ) {
        let Some(active) = &mut flow.active else { return };
        let next = &mut flow.next[self.side.index()];
        let old = next.wrapping_sub(sequence);
        if old >= length {
            return;
        }
        *next = sequence.wrapping_add(length);
        flow.state.set(State::spoken(self.side), true);
        let fresh = bytes.get(old as usize..).unwrap_or_default();
        if !fresh.is_empty() {
            handler.chunk(
                self.id,
                self.at,
                &mut active.conversation,
                self.side,
                Chunk::Bytes(fresh),
            );
        }
        let cut = u64::from(length - old) - fresh.len() as u64;
        if cut > 0 {
            handler.chunk(
                self.id,
                self.at,
                &mut active.conversation,
                self.side,
                Chunk::Cut(cut),
            );
        }
    }

    /// Hands on what was held and is in order now, giving up holes that will not fill. What a hole held back came when the
    /// hole was filled; behind a hole given up, bytes keep the time they were seen.
    fn drain<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, handler: &mut H) {
        let now = self.at;
        loop {
            let next = flow.next[self.side.index()];
            let Some(active) = &mut flow.active else { break };
            let stream = &mut active.sides[self.side.index()];
            if let Some(held) = stream.take(next) {
                self.at = self.at.max(held.at);
                self.deliver(flow, held.sequence, &held.bytes, held.length, handler);
            } else if let Some(until) = stream.lost_until() {
                self.lose(flow, until, handler);
            } else {
                break;
            }
        }
        self.at = now;
    }

    /// Gives up the hole before `until`, then goes on with what was held.
    fn give_up<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, until: u32, handler: &mut H) {
        self.lose(flow, until, handler);
        self.drain(flow, handler);
        self.finish(flow, handler);
    }

    /// Gives up the hole before `until`; the time is that of what was held behind it.
    fn lose<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, until: u32, handler: &mut H) {
        let next = &mut flow.next[self.side.index()];
        let length = u64::from(until.wrapping_sub(*next));
        *next = until;
        self.counters.gaps += 1;
        self.counters.gap_bytes += length;
        if let Some(active) = &mut flow.active {
            let held_since = active.sides[self.side.index()].first_time();
            self.at = held_since.unwrap_or(self.at);
            handler.chunk(
                self.id,
                self.at,
                &mut active.conversation,
                self.side,
                Chunk::Lost(length),
            );
        }
    }

    /// Both streams end now: what is still held goes on, with its holes.
    fn flush<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, handler: &mut H) {
        for side in [Side::Client, Side::Server] {
            let mut step = Step {
                side,
                id: self.id,
                at: self.at,
                counters: &mut *self.counters,
            };
            while let Some(first) = flow.active.as_ref().and_then(|a| a.sides[side.index()].first()) {
                step.lose(flow, first, handler);
                step.drain(flow, handler);
            }
        }
    }

    /// Once a side's stream has arrived up to its FIN, it is over; once both have, the connection is.
    fn finish<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, handler: &mut H) {
        for side in [Side::Client, Side::Server] {
            let Some(active) = &mut flow.active else { return };
            let stream = &active.sides[side.index()];
            let Some(end) = stream.end else { continue };
            let arrived = ahead(flow.next[side.index()], end) >= 0;
            let missed = !arrived && stream.is_empty() && stream.covers(end.wrapping_add(1));
            if flow.state.has(State::finished(side)) || !arrived && !missed {
                continue;
            }
            flow.state.set(State::finished(side), true);
            if missed {
                Step {
                    side,
                    id: self.id,
                    at: self.at,
                    counters: &mut *self.counters,
                }
                .lose(flow, end, handler);
            }
            flow.next[side.index()] = end.wrapping_add(1);
            self.signal(flow, Signal::Finished(side), handler);
        }
        if flow.state.has(State::finished(Side::Client)) && flow.state.has(State::finished(Side::Server)) {
            flow.close(self.id, self.at, Close::Finished, handler);
        }
    }

    fn signal<C, H: Handler<Conversation = C>>(&self, flow: &mut Flow<C>, signal: Signal, handler: &mut H) {
        if let Some(active) = &mut flow.active {
            handler.signal(self.id, self.at, &mut active.conversation, signal);
        }
    }
}
