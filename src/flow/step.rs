//! One segment's way through its connection: handshake, acknowledgment, window, payload, FIN.

use super::connection::{Flow, data_sequence};
use super::counters::Counters;
use super::flags::State;
use super::reassembly::{Held, ahead};
use super::{Chunk, Close, ConnectionId, Handler, Side, Signal};
use crate::clock::Timestamp;
use crate::packet::{Flags, Segment};

/// One segment's way through its connection.
pub(super) struct Step<'t> {
    pub(super) id: ConnectionId,
    pub(super) at: Timestamp,
    pub(super) side: Side,
    pub(super) counters: &'t mut Counters,
}

impl Step<'_> {
    pub(super) fn run<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        segment: &Segment<'_>,
        handler: &mut H,
    ) {
        flow.last_seen = flow.last_seen.max(self.at);
        flow.unsettle();
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
            if let Some(stream) = flow.stream(self.side) {
                stream.end = Some(end);
            }
        }
        self.finish(flow, handler);
        flow.settle(false);
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
        let times = active.unsettled.get_or_insert_default();
        let (syn, ack) = (segment.flags.has(Flags::SYN), segment.flags.has(Flags::ACK));
        let again = match self.side {
            Side::Client if syn => times.syn.replace(times.syn.unwrap_or(self.at)).is_some(),
            Side::Server if syn => times.syn_ack.replace(times.syn_ack.unwrap_or(self.at)).is_some(),
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
            if let (Some(syn), Some(syn_ack)) = (times.syn, times.syn_ack) {
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
        let Some(stream) = flow.stream(other) else { return };
        stream.acknowledge(number);
        let (is_empty, is_endless) = (stream.is_empty(), stream.end.is_none());
        // Of a side that was silent so far, a keep-alive probe was the first sight: it said one too few.
        let after_probe = !flow.state.has(State::spoken(other))
            && ahead(number, flow.next[other.index()]) == 1
            && is_endless;
        let known = flow.state.has(State::known(other));
        if !known || after_probe {
            flow.state.set(State::known(other), true);
            flow.next[other.index()] = number;
        }
        if known && after_probe {
            self.signal(flow, Signal::KeepAlive(other), handler);
        }
        if !is_empty {
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
        // A FIN sent again delays nobody.
        if offset < 0 && segment.payload_length > 0 {
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
            if let Some(stream) = flow.stream(self.side) {
                stream.hold(held);
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
            let Some(stream) = flow.stream(self.side) else {
                break;
            };
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
    pub(super) fn give_up<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        until: u32,
        handler: &mut H,
    ) {
        self.lose(flow, until, handler);
        self.drain(flow, handler);
        self.finish(flow, handler);
        flow.settle(false);
    }

    /// Gives up all holes, so that nothing is held.
    pub(super) fn give_up_all<C, H: Handler<Conversation = C>>(
        &mut self,
        flow: &mut Flow<C>,
        handler: &mut H,
    ) {
        self.flush(flow, handler);
        self.finish(flow, handler);
        flow.settle(false);
    }

    /// Gives up the hole before `until`; the time is that of what was held behind it.
    fn lose<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, until: u32, handler: &mut H) {
        let next = &mut flow.next[self.side.index()];
        let length = u64::from(until.wrapping_sub(*next));
        *next = until;
        self.counters.gaps += 1;
        self.counters.gap_bytes += length;
        let held_since = flow.stream(self.side).and_then(|stream| stream.first_time());
        self.at = held_since.unwrap_or(self.at);
        if let Some(active) = &mut flow.active {
            handler.chunk(
                self.id,
                self.at,
                &mut active.conversation,
                self.side,
                Chunk::Lost(length),
            );
        }
    }

    /// No hole fills any more: what is still held goes on, with its holes.
    fn flush<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, handler: &mut H) {
        for side in [Side::Client, Side::Server] {
            let mut step = Step {
                side,
                id: self.id,
                at: self.at,
                counters: &mut *self.counters,
            };
            while let Some(first) = flow.stream(side).and_then(|stream| stream.first()) {
                step.lose(flow, first, handler);
                step.drain(flow, handler);
            }
        }
    }

    /// Once a side's stream has arrived up to its FIN, it is over; once both have, the connection is.
    fn finish<C, H: Handler<Conversation = C>>(&mut self, flow: &mut Flow<C>, handler: &mut H) {
        for side in [Side::Client, Side::Server] {
            let next = flow.next[side.index()];
            let Some(stream) = flow.stream(side) else { return };
            let Some(end) = stream.end else { continue };
            let arrived = ahead(next, end) >= 0;
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
