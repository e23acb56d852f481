//! What is counted of each statement of each server.

use std::collections::HashMap;

use super::durations::Durations;
use super::recent::Repetition;
use super::service::{Legs, ServiceId};
use super::timing::Timing;
use crate::clock::Span;
use crate::exchange::{Ending, Exchange, StatementId};
use crate::protocol::Verb;

/// One statement of one server.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The server asked.
    pub service: ServiceId,
    /// Which; `None` where its text is not known.
    pub statement: Option<StatementId>,
    /// What kind of request.
    pub verb: Verb,
    next: Slot,
    /// Exchanges, whole or not.
    pub count: u64,
    /// Replies that were errors.
    pub errors: u64,
    /// Without a reply.
    pub unanswered: u64,
    /// Left out of the distributions as doubtful.
    pub doubtful: u64,
    /// Rows, where the protocol says.
    pub rows: Option<u64>,
    /// Waits by design.
    pub waiting: bool,
    /// A liveness check.
    pub validation: bool,
    /// Last byte of the request to first byte of the reply.
    pub latency: Durations,
    /// First byte of the request to last byte of the reply.
    pub duration: Durations,
    /// Where the time goes.
    pub legs: Legs,
    /// Executed over and over inside one transaction or burst.
    pub repeats: Repeats,
}

/// How often a statement was executed over and over inside one transaction or burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Transactions and bursts.
    pub bursts: u64,
    /// Executions in them.
    pub executions: u64,
    /// Nanoseconds that those took.
    pub nanos: u64,
    /// The most in one.
    pub most: u32,
}

impl Repeats {
    /// Adds one burst.
    pub fn add(&mut self, repetition: &Repetition) {
        self.bursts += 1;
        self.executions += u64::from(repetition.times);
        self.nanos += repetition.nanos;
        self.most = self.most.max(repetition.times);
    }
}

type Slot = u32;
const NO_SLOT: Slot = Slot::MAX;

/// All statements, bounded; what comes later is counted as evicted and is in the server's figures only.
#[derive(Debug)]
pub struct StatementTable {
    slots: Vec<Statement>,
    /// The first slot of each statement: slots of one statement at several servers are chained.
    first: Vec<Slot>,
    /// Slots for requests whose text is not known.
    unknown: HashMap<(ServiceId, Verb), Slot, foldhash::fast::FixedState>,
    most: usize,
    evicted: std::collections::HashSet<(ServiceId, StatementId), foldhash::fast::FixedState>,
    evictions: u64,
    most_bytes: usize,
    /// Exchanges until it is looked at how many bytes there are.
    until_weighed: usize,
}

/// Exchanges between two looks at how many bytes there are, at least: few enough that not much comes in between.
const WEIGHED: usize = 4096;

impl StatementTable {
    /// For at most this many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            slots: Vec::new(),
            first: Vec::new(),
            unknown: HashMap::default(),
            most,
            evicted: std::collections::HashSet::default(),
            evictions: 0,
            most_bytes: usize::MAX,
            until_weighed: WEIGHED,
        }
    }

    /// The same within so many bytes: beyond them, statements executed least are evicted.
    #[must_use]
    pub fn within(mut self, most_bytes: usize) -> Self {
        self.most_bytes = most_bytes;
        self
    }

    /// Counts an exchange; with its times where it counts.
    #[inline]
    pub fn add(&mut self, service: ServiceId, exchange: &Exchange, timing: Option<&Timing>) {
        if let Some(statement) = self.find(service, exchange.statement, exchange.verb) {
            statement.add(exchange, timing);
        }
        self.until_weighed -= 1;
        if self.until_weighed == 0 {
            self.weigh();
        }
    }

    /// Notes that a statement was executed over and over.
    pub fn tell(&mut self, service: Option<ServiceId>, repetition: &Repetition) {
        let slot = service.and_then(|service| self.slot_of(service, repetition.statement));
        if let Some(statement) = slot.and_then(|slot| self.slots.get_mut(slot as usize)) {
            statement.repeats.add(repetition);
        }
    }

    /// Notes that the client paused inside a transaction after this statement.
    pub fn think(&mut self, service: Option<ServiceId>, statement: StatementId, pause: Span) {
        let slot = service.and_then(|service| self.slot_of(service, statement));
        if let Some(statement) = slot.and_then(|slot| self.slots.get_mut(slot as usize)) {
            statement.legs.add_thinking(pause);
        }
    }

    /// Keeps at most this many from now on.
    pub fn bound(&mut self, most: usize) {
        self.most = most;
    }

    /// All that were executed.
    pub fn iter(&self) -> impl Iterator<Item = &Statement> {
        self.slots.iter().filter(|statement| statement.count > 0)
    }

    /// Statements that found no room: each counted once, as far as they are remembered.
    #[must_use]
    pub const fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Begins an interval: all counts begin anew, and the room is free for other statements.
    pub fn turn(&mut self) {
        self.slots.clear();
        self.first.clear();
        self.unknown.clear();
        self.evicted.clear();
    }

    #[inline]
    fn find(&mut self, service: ServiceId, id: Option<StatementId>, verb: Verb) -> Option<&mut Statement> {
        let slot = match id {
            Some(id) => match self.slot_of(service, id) {
                Some(slot) => slot,
                None => self.chain(service, id, verb)?,
            },
            None => self.unknown_slot(service, verb),
        };
        self.slots.get_mut(slot as usize)
    }

    #[inline]
    fn slot_of(&self, service: ServiceId, id: StatementId) -> Option<Slot> {
        let mut slot = *self.first.get(id.0 as usize)?;
        loop {
            let statement = self.slots.get(slot as usize)?;
            if statement.service == service {
                return Some(slot);
            }
            slot = statement.next;
        }
    }

    #[cold]
    fn chain(&mut self, service: ServiceId, id: StatementId, verb: Verb) -> Option<Slot> {
        // Remembered only up to as many as are kept: beyond that the count is a lower bound.
        let remembers = self.evicted.len() < self.most;
        let evicted = !self.evicted.is_empty() && (!remembers || self.evicted.contains(&(service, id)));
        if evicted || self.slots.len() >= self.most {
            self.evictions += u64::from(remembers && self.evicted.insert((service, id)));
            return None;
        }
        let index = id.0 as usize;
        if index >= self.first.len() {
            self.first.resize(index + 1, NO_SLOT);
        }
        let slot = self.slots.len() as Slot;
        let mut fresh = Statement::new(service, Some(id), verb);
        fresh.next = std::mem::replace(&mut self.first[index], slot);
        self.slots.push(fresh);
        Some(slot)
    }

    /// Where there are too many bytes, the half that was executed least is given up.
    #[cold]
    fn weigh(&mut self) {
        self.until_weighed = WEIGHED.max(self.slots.len());
        if self.slots.iter().map(Statement::bytes).sum::<usize>() > self.most_bytes {
            self.evict_half();
        }
    }

    fn evict_half(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.sort_by_key(|statement| (statement.statement.is_some(), std::cmp::Reverse(statement.count)));
        let gone = slots.split_off(slots.len().div_ceil(2)).into_iter();
        for (service, id) in gone.filter_map(|gone| gone.statement.map(|id| (gone.service, id))) {
            self.evictions += u64::from(self.evicted.insert((service, id)));
        }
        slots.shrink_to_fit();
        self.slots = slots;
        self.chain_anew();
    }

    fn chain_anew(&mut self) {
        self.first.fill(NO_SLOT);
        self.unknown.clear();
        for (slot, statement) in (0..).zip(&mut self.slots) {
            match statement.statement {
                Some(id) => {
                    let first = self.first.get_mut(id.0 as usize);
                    statement.next = first.map_or(NO_SLOT, |first| std::mem::replace(first, slot));
                }
                None => drop(self.unknown.insert((statement.service, statement.verb), slot)),
            }
        }
    }

    #[inline(never)]
    fn unknown_slot(&mut self, service: ServiceId, verb: Verb) -> Slot {
        if let Some(&slot) = self.unknown.get(&(service, verb)) {
            return slot;
        }
        let slot = self.slots.len() as Slot;
        self.unknown.insert((service, verb), slot);
        self.slots.push(Statement::new(service, None, verb));
        slot
    }
}

impl Statement {
    fn new(service: ServiceId, statement: Option<StatementId>, verb: Verb) -> Self {
        Self {
            service,
            statement,
            verb,
            next: NO_SLOT,
            count: 0,
            errors: 0,
            unanswered: 0,
            doubtful: 0,
            rows: None,
            waiting: false,
            validation: false,
            latency: Durations::default(),
            duration: Durations::default(),
            legs: Legs::default(),
            repeats: Repeats::default(),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.latency.kept() + self.duration.kept()
    }

    #[cold]
    fn begin_anew(&mut self, verb: Verb) {
        let next = self.next;
        *self = Self::new(self.service, self.statement, verb);
        self.next = next;
    }

    /// What preparing took says nothing of executing: it is told only of statements that were not executed.
    #[inline]
    fn add(&mut self, exchange: &Exchange, timing: Option<&Timing>) {
        match (self.verb, exchange.verb) {
            (Verb::Prepare, Verb::Prepare) => {}
            (Verb::Prepare, verb) => self.begin_anew(verb),
            (_, Verb::Prepare) => return,
            _ => {}
        }
        let times = u64::from(timing.map_or(1, |timing| timing.times));
        self.count += times;
        if let Some(rows) = exchange.rows {
            self.rows = Some(self.rows.unwrap_or(0).saturating_add(rows.saturating_mul(times)));
        }
        if let Some(timing) = timing {
            self.latency.record_values(timing.latency, timing.times);
            self.duration.record_values(timing.duration, timing.times);
            self.legs.add(timing);
        }
        if timing.is_none_or(|timing| !timing.is_plain) {
            self.add_rare(exchange);
        }
    }

    #[inline(never)]
    fn add_rare(&mut self, exchange: &Exchange) {
        self.errors += u64::from(matches!(exchange.outcome, Ending::Error(_)));
        self.unanswered += u64::from(exchange.outcome == Ending::Unanswered);
        self.doubtful += u64::from(exchange.doubt.is_some());
        self.waiting |= exchange.waiting;
        self.validation |= exchange.validation;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::script::exchange;

    fn of(id: u32) -> Exchange {
        Exchange {
            statement: Some(StatementId(id)),
            rows: Some(2),
            ..exchange(0, 1, 5, 6)
        }
    }

    #[test]
    fn servers_are_told_apart() {
        let mut table = StatementTable::new(10);
        for service in [0, 1, 0] {
            table.add(
                ServiceId(service),
                &of(7),
                Timing::of(&of(7), [Span::ZERO; 2], 1).as_ref(),
            );
        }
        table.add(ServiceId(0), &exchange(0, 1, 2, 3), None);
        let told: Vec<_> = table
            .iter()
            .map(|one| (one.service.0, one.statement, one.count, one.rows))
            .collect();
        assert_eq!(
            told,
            [
                (0, Some(StatementId(7)), 2, Some(4)),
                (1, Some(StatementId(7)), 1, Some(2)),
                (0, None, 1, None)
            ]
        );
    }

    #[test]
    fn preparing_is_not_executing() {
        let mut table = StatementTable::new(10);
        let prepare = Exchange {
            verb: Verb::Prepare,
            ..of(7)
        };
        let told = |table: &StatementTable| table.iter().map(|one| (one.verb, one.count)).collect::<Vec<_>>();
        table.add(
            ServiceId(0),
            &prepare,
            Timing::of(&prepare, [Span::ZERO; 2], 1).as_ref(),
        );
        assert_eq!(told(&table), [(Verb::Prepare, 1)]);
        for exchange in [of(7), prepare, of(7)] {
            table.add(
                ServiceId(0),
                &exchange,
                Timing::of(&exchange, [Span::ZERO; 2], 1).as_ref(),
            );
        }
        assert_eq!(told(&table), [(Verb::Query, 2)]);
    }

    #[test]
    fn beyond_its_bytes_the_least_executed_go() {
        let mut table = StatementTable::new(10_000).within(1000 * size_of::<Statement>());
        let add = |table: &mut StatementTable, id: u32, service| {
            let one = of(id);
            table.add(service, &one, Timing::of(&one, [Span::ZERO; 2], 1).as_ref());
        };
        for id in 0..2000 {
            let times = if id % 100 == 0 { 50 } else { 2 };
            (0..times).for_each(|_| add(&mut table, id, ServiceId(0)));
        }
        add(&mut table, 0, ServiceId(1));
        let told = table.iter().count() as u64;
        assert!(
            told < 1500 && table.evictions() >= 500,
            "{told}, {}",
            table.evictions()
        );
        for id in (0..2000).step_by(100) {
            let often: Vec<u64> = table
                .iter()
                .filter(|one| one.statement == Some(StatementId(id)) && one.service == ServiceId(0))
                .map(|one| one.count)
                .collect();
            assert_eq!(often, [50], "{id}");
        }
        let evicted = table.evictions();
        (0..2000).for_each(|id| add(&mut table, id, ServiceId(0)));
        let counts = |count| table.iter().filter(|one| one.count == count).count();
        assert_eq!(
            counts(1),
            1,
            "what was given up does not come again as if it were new: only that of another server"
        );
        assert_eq!(table.evictions(), evicted);
    }

    #[test]
    fn what_finds_no_room_is_counted_once() {
        let mut table = StatementTable::new(3);
        for id in [0, 1, 2, 3, 3, 4, 0] {
            table.add(
                ServiceId(0),
                &of(id),
                Timing::of(&of(id), [Span::ZERO; 2], 1).as_ref(),
            );
        }
        assert_eq!((table.iter().count(), table.evictions()), (3, 2));
        table.turn();
        table.add(
            ServiceId(0),
            &of(4),
            Timing::of(&of(4), [Span::ZERO; 2], 1).as_ref(),
        );
        assert_eq!(
            (table.iter().count(), table.evictions()),
            (1, 2),
            "room again, the count stays"
        );
    }
}
