//! One connection's TCP state, and which segments are its own.

use super::flags::State;
use super::key::Key;
use super::reassembly::{Reassembly, ahead};
use super::{Close, ConnectionId, Handler, Side};
use crate::clock::Timestamp;
use crate::packet::{Flags, Segment};

/// A sequence number this far behind is not old data but another connection on the same ports.
const TOO_OLD: i32 = -(1 << 26);

/// What is kept of every connection, and of one not closed its [`Active`] part.
#[derive(Debug)]
pub(super) struct Flow<C> {
    pub(super) key: Key,
    pub(super) state: State,
    pub(super) next: [u32; 2],
    pub(super) last_seen: Timestamp,
    pub(super) active: Option<Box<Active<C>>>,
}

/// What only an open connection needs.
#[derive(Debug)]
pub(super) struct Active<C> {
    pub(super) sides: [Reassembly; 2],
    pub(super) syn: Option<Timestamp>,
    pub(super) syn_ack: Option<Timestamp>,
    pub(super) conversation: C,
}

impl<C> Flow<C> {
    pub(super) fn new(key: Key, client_first: bool, at: Timestamp, conversation: C) -> Self {
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

    pub(super) fn side(&self, source_first: bool) -> Side {
        if self.state.has(State::CLIENT_FIRST) == source_first {
            Side::Client
        } else {
            Side::Server
        }
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.active.is_none() && !self.state.has(State::CLOSED)
    }

    /// Whether a segment can't belong to this connection: a SYN with another number, or bytes from far behind.
    pub(super) fn is_another(&self, side: Side, segment: &Segment<'_>) -> bool {
        if !self.state.has(State::known(side)) {
            return false;
        }
        let offset = ahead(data_sequence(segment), self.next[side.index()]);
        if is_first_syn(segment) {
            return offset != 0 || !self.state.has(State::HANDSHAKE);
        }
        segment.payload_length > 0 && offset < TOO_OLD
    }

    pub(super) fn close<H: Handler<Conversation = C>>(
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
