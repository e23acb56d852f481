//! One connection's TCP state, and which segments are its own.

use super::flags::State;
use super::key::Key;
use super::reassembly::{Reassembly, ahead};
use super::{Chunk, Close, ConnectionId, Handler, Rested, Side};
use crate::clock::Timestamp;
use crate::packet::{Flags, Segment};

/// A sequence number this far behind is not old data but another connection on the same ports.
const TOO_OLD: i32 = -(1 << 26);

/// How far an answer to a SYN may be from the number after it: behind where data went with the SYN (RFC 7413), before where the
/// capture lost what lay between.
const NEAR: std::ops::RangeInclusive<i32> = -1460..=1 << 24;

/// What is kept of every connection, and of one not closed its [`Active`] part.
#[derive(Debug)]
pub(super) struct Flow<C> {
    pub(super) key: Key,
    pub(super) state: State,
    pub(super) next: [u32; 2],
    pub(super) last_seen: Timestamp,
    /// Its conversation, as long as [`State::RESTING`] says.
    rested: Rested,
    pub(super) active: Option<Box<Active<C>>>,
}

/// What only an open connection needs.
#[derive(Debug)]
pub(super) struct Active<C> {
    /// Present as long as [`State::UNSETTLED`] says.
    pub(super) unsettled: Option<Box<Unsettled>>,
    pub(super) conversation: C,
}

/// What is out of the ordinary: a handshake, holes, the end.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    pub(super) sides: [Reassembly; 2],
    pub(super) syn: Option<Timestamp>,
    pub(super) syn_ack: Option<Timestamp>,
}

/// The order in which connections go where there is no room: first what is least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    open: bool,
    busy: bool,
    last_seen: Timestamp,
}

impl Worth {
    /// Something is in flight.
    pub(super) fn is_in_flight(self) -> bool {
        self.busy
    }
}

impl<C> Flow<C> {
    pub(super) fn new(key: Key, client_first: bool, at: Timestamp, conversation: C) -> Self {
        let mut state = State::default();
        state.set(State::CLIENT_FIRST, client_first);
        let active = Active {
            unsettled: None,
            conversation,
        };
        Self {
            key,
            state,
            next: [0; 2],
            last_seen: at,
            rested: Rested::default(),
            active: Some(Box::new(active)),
        }
    }

    /// Lets the conversation rest, if nothing goes on in it; whether it is kept whole.
    pub(super) fn rest<H: Handler<Conversation = C>>(&mut self, handler: &mut H) -> bool {
        if self.state.has(State::UNSETTLED) && !self.state.has(State::HANDSHAKE) {
            self.settle(true);
        }
        let Some(active) = &self.active else { return false };
        let Some(rested) = handler
            .rest(&active.conversation)
            .filter(|_| active.unsettled.is_none())
        else {
            return true;
        };
        self.active = None;
        self.rested = rested;
        self.state.set(State::RESTING, true);
        false
    }

    /// Goes on with a conversation that was put to rest.
    #[inline(never)]
    pub(super) fn wake<H: Handler<Conversation = C>>(&mut self, handler: &mut H) {
        let active = Active {
            unsettled: None,
            conversation: handler.wake(self.rested),
        };
        self.active = Some(Box::new(active));
        self.state.set(State::RESTING, false);
    }

    /// Whether a segment is the next of its side and nothing is to be done but to hand its bytes on. What it acknowledges was
    /// seen, so that it says nothing of holes.
    #[inline]
    pub(super) fn is_next(&self, side: Side, segment: &Segment<'_>) -> bool {
        const UNUSUAL: u8 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0 | Flags::ACK.0;
        self.state.is_settled()
            && segment.flags.0 & UNUSUAL == Flags::ACK.0
            && segment.window > 0
            && segment.sequence == self.next[side.index()]
            && ahead(segment.acknowledgment, self.next[side.other().index()]) <= 0
    }

    /// Takes a segment that [`Flow::is_next`]. Returns by how many bytes what is kept until more come has grown.
    #[expect(
        clippy::inline_always,
        reason = "as `Table::take_next`, of which it is a part"
    )]
    #[inline(always)]
    pub(super) fn take_next<H: Handler<Conversation = C>>(
        &mut self,
        (id, side): (ConnectionId, Side),
        at: Timestamp,
        segment: &Segment<'_>,
        handler: &mut H,
    ) -> isize {
        self.last_seen = self.last_seen.max(at);
        if segment.payload_length == 0 {
            return 0;
        }
        let Some(active) = &mut self.active else { return 0 };
        self.next[side.index()] = segment.sequence.wrapping_add(segment.payload_length);
        self.state.set(State::spoken(side), true);
        let with = &mut active.conversation;
        let cut = u64::from(segment.payload_length).saturating_sub(segment.payload.len() as u64);
        if cut == 0 {
            return handler.bytes(id, at, with, side, segment.payload);
        }
        let mut tell = |chunk| handler.chunk(id, at, with, side, chunk);
        let mut grown = 0;
        if !segment.payload.is_empty() {
            grown += tell(Chunk::Bytes(segment.payload));
        }
        grown + tell(Chunk::Cut(cut))
    }

    /// How many bytes are kept for it until more come.
    #[inline]
    pub(super) fn buffered<H: Handler<Conversation = C>>(&self, handler: &H) -> usize {
        self.active.as_ref().map_or(0, |active| {
            let sides = active.unsettled.iter().flat_map(|unsettled| &unsettled.sides);
            handler.buffered(&active.conversation) + sides.map(Reassembly::size).sum::<usize>()
        })
    }

    /// Whether something is in flight.
    pub(super) fn is_busy<H: Handler<Conversation = C>>(&self, handler: &H) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| handler.is_busy(&active.conversation))
    }

    /// What is lost with it where there is no room for all.
    pub(super) fn worth<H: Handler<Conversation = C>>(&self, handler: &H) -> Worth {
        Worth {
            open: !self.state.has(State::CLOSED),
            busy: self.is_busy(handler),
            last_seen: self.last_seen,
        }
    }

    /// A segment comes that is not simply the next.
    pub(super) fn unsettle(&mut self) {
        if let Some(active) = &mut self.active {
            active.unsettled.get_or_insert_default();
            self.state.set(State::UNSETTLED, true);
        }
    }

    /// Whether all is in order again is seen: what says nothing any more goes. The times of a handshake stay until either side
    /// speaks, or unless told otherwise: up to then its segments may come again.
    pub(super) fn settle(&mut self, forget_handshake: bool) {
        let Some(active) = &mut self.active else { return };
        let spoken =
            self.state.has(State::spoken(Side::Client)) || self.state.has(State::spoken(Side::Server));
        let settled = active.unsettled.as_mut().is_none_or(|unsettled| {
            let [client, server] = &mut unsettled.sides;
            client.settle(self.next[0]) & server.settle(self.next[1])
                && (spoken || forget_handshake || unsettled.syn.is_none())
        });
        if settled && !self.state.has(State::HANDSHAKE) {
            active.unsettled = None;
            self.state.set(State::UNSETTLED, false);
        }
    }

    /// What is kept of `side`'s stream besides its next number.
    pub(super) fn stream(&mut self, side: Side) -> Option<&mut Reassembly> {
        let unsettled = self.active.as_mut()?.unsettled.as_mut()?;
        Some(&mut unsettled.sides[side.index()])
    }

    /// Whether anything is held since before `then`.
    pub(super) fn has_waited(&mut self, then: Timestamp) -> bool {
        [Side::Client, Side::Server]
            .into_iter()
            .any(|side| self.waits(side, then).is_some())
    }

    /// Where the lowest that is held of `side`'s stream begins, if any is since before `then`.
    pub(super) fn waits(&mut self, side: Side, then: Timestamp) -> Option<u32> {
        self.stream(side)?.waiting_since_before(then)
    }

    pub(super) fn side(&self, source_first: bool) -> Side {
        if self.state.has(State::CLIENT_FIRST) == source_first {
            Side::Client
        } else {
            Side::Server
        }
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.active.is_none() && !self.is_resting() && !self.state.has(State::CLOSED)
    }

    #[inline]
    pub(super) fn is_resting(&self) -> bool {
        self.state.has(State::RESTING)
    }

    /// Whether a segment can't belong to this connection: a SYN with another number, bytes from far behind, or a SYN where the
    /// kernel alone told of the connection so far, which it does of established ones.
    pub(super) fn is_another(&self, side: Side, segment: &Segment<'_>) -> bool {
        if !self.state.has(State::known(side)) {
            return is_first_syn(segment) && self.state.has(State::IN_KERNEL);
        }
        let offset = ahead(data_sequence(segment), self.next[side.index()]);
        if is_first_syn(segment) {
            return offset != 0 || !self.state.has(State::HANDSHAKE);
        }
        segment.payload_length > 0 && offset < TOO_OLD
    }

    /// Whether a segment is of the connection that had these ports before: of this one only a SYN was seen, and it does not go with
    /// that (RFC 9293 section 3.10.7.3). A server that still knows the old one challenges the SYN (RFC 5961 section 4), the
    /// client resets what it does not know, and its SYN comes again.
    pub(super) fn is_of_the_last(&self, side: Side, segment: &Segment<'_>) -> bool {
        let unsettled = self.active.as_ref().and_then(|active| active.unsettled.as_ref());
        let asks = unsettled.is_some_and(|times| times.syn.is_some() && times.syn_ack.is_none());
        if !asks || !self.state.has(State::HANDSHAKE) || segment.flags.has(Flags::SYN) {
            return false;
        }
        let number = match side {
            Side::Client => segment.sequence,
            Side::Server if segment.flags.has(Flags::ACK) => segment.acknowledgment,
            Side::Server => return true,
        };
        !NEAR.contains(&ahead(number, self.next[Side::Client.index()]))
    }

    pub(super) fn close<H: Handler<Conversation = C>>(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        how: Close,
        handler: &mut H,
    ) {
        if self.is_resting() {
            self.wake(handler);
        }
        if let Some(mut active) = self.active.take() {
            handler.closed(id, at, &mut active.conversation, how);
            self.last_seen = at;
            self.state.set(State::CLOSED, true);
        }
    }
}

/// A SYN that opens a connection.
pub(super) fn is_first_syn(segment: &Segment<'_>) -> bool {
    segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK)
}

/// The sequence number of a segment's first payload byte: a SYN takes a number of its own.
pub(super) fn data_sequence(segment: &Segment<'_>) -> u32 {
    segment
        .sequence
        .wrapping_add(u32::from(segment.flags.has(Flags::SYN)))
}
