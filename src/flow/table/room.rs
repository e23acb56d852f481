//! Who goes, and what is given up, where the [`Limits`] leave no more room.

use super::{Limits, Table};
use crate::clock::Timestamp;
use crate::flow::flags::State;
use crate::flow::step::Step;
use crate::flow::{Close, ConnectionId, Handler, Side};

impl<C> Table<C> {
    pub(super) fn is_full(&self) -> bool {
        let more = Limits::WHOLE - Limits::RESTING;
        self.len() >= self.limits.connections
            || (self.len() + 1) * Limits::RESTING + (self.whole + 1) * more + self.ipv6 * Limits::IPV6
                > self.limits.bytes
    }

    /// Makes room; false where there is nobody to go.
    pub(super) fn evict<H: Handler<Conversation = C>>(&mut self, at: Timestamp, handler: &mut H) -> bool {
        let Some(slot) = self.least_worth(handler) else {
            return false;
        };
        if !self.flows[slot].state.has(State::CLOSED) {
            self.counters.evicted += 1;
            self.close(slot as u32, at, Close::Evicted, handler);
        }
        self.release(slot as u32);
        true
    }

    /// Of a sample, a closed connection goes first, then the one idle for longest. Where all of a sample have something in flight
    /// more are looked at, all of them if need be; only a table that is nearly full of such connections is not searched through
    /// each time.
    fn least_worth<H: Handler<Conversation = C>>(&mut self, handler: &H) -> Option<usize> {
        const SAMPLE: usize = 64;
        let count = self.flows.len();
        self.patience = self.patience.saturating_add(8 * SAMPLE).min(count);
        let (mut least, mut looked) = (None, 0);
        while looked < count {
            let sample = (0..SAMPLE.min(count - looked)).map(|step| (self.cursor + step) % count);
            let occupied = sample.filter(|&slot| !self.flows[slot].is_vacant());
            let found = occupied.map(|slot| (self.flows[slot].worth(handler), slot)).min();
            least = [least, found].into_iter().flatten().min();
            looked += SAMPLE;
            self.cursor = (self.cursor + SAMPLE) % count;
            match least {
                Some((worth, _)) if !worth.is_in_flight() || self.patience < SAMPLE => break,
                Some(_) => self.patience -= SAMPLE,
                None => {}
            }
        }
        least.map(|(_, slot)| slot)
    }

    /// Counts what a connection keeps now, `grown` bytes more than before. Where that is too much in all, some give theirs up.
    #[inline(never)]
    pub(super) fn account<H: Handler<Conversation = C>>(
        &mut self,
        slot: u32,
        grown: isize,
        at: Timestamp,
        handler: &mut H,
    ) {
        let flow = &mut self.flows[slot as usize];
        self.buffered = self.buffered.saturating_add_signed(grown);
        if flow.buffered(handler) > 0 && !flow.state.has(State::STALLED) {
            flow.state.set(State::STALLED, true);
            self.stalled.push_back(slot);
        }
        while self.buffered > self.limits.buffered
            && let Some(least) = self.least_valuable(handler)
        {
            self.shed(least, at, handler);
        }
    }

    /// Of the connections that have kept bytes for longest the one silent for longest, one with something in flight only where
    /// there is no other.
    fn least_valuable<H: Handler<Conversation = C>>(&mut self, handler: &H) -> Option<u32> {
        const SAMPLE: usize = 16;
        let worth = |&(_, &slot): &(usize, &u32)| {
            let flow = &self.flows[slot as usize];
            (flow.is_busy(handler), flow.last_seen)
        };
        let (place, _) = self.stalled.iter().take(SAMPLE).enumerate().min_by_key(worth)?;
        self.stalled.remove(place)
    }

    fn shed<H: Handler<Conversation = C>>(&mut self, slot: u32, at: Timestamp, handler: &mut H) {
        let flow = &mut self.flows[slot as usize];
        flow.state.set(State::STALLED, false);
        let before = flow.buffered(handler);
        if before == 0 {
            return;
        }
        self.counters.shed += 1;
        let mut step = Step {
            id: ConnectionId(slot),
            at,
            side: Side::Client,
            counters: &mut self.counters,
        };
        step.give_up_all(flow, handler);
        if let Some(active) = &mut flow.active {
            handler.shed(ConnectionId(slot), at, &mut active.conversation);
        }
        self.whole -= usize::from(flow.active.is_none());
        let after = flow.buffered(handler);
        self.buffered = (self.buffered + after).saturating_sub(before);
    }
}
