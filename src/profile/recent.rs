//! What connections did last: their last statement, when their transaction began, and which statements they repeat.
//!
//! Only so many connections are remembered; one that takes another's place makes it forget its burst. A silent
//! transaction is never forgotten: what was known of it is handed to the caller.

use crate::clock::{Span, Timestamp};
use crate::exchange::{ConnectionId, Exchange, StatementId};
use crate::protocol::Verb;

/// Connections remembered, a power of two.
const PLACES: usize = 1024;
/// Different statements of one burst that are counted.
const STATEMENTS: usize = 4;
/// Executions that make a repetition.
pub const REPEATED: u32 = 10;
/// What statements beyond the bound share is no single statement ([`crate::exchange::statements`]).
const OTHERS: StatementId = StatementId(0);
/// A pause outside of transactions that ends a burst.
const PAUSE: Span = Span::from_millis(100);
/// What goes on for longer is no burst but a load.
const LOAD: Span = Span::from_secs(10);

/// One connection's recent past.
#[derive(Clone, Copy, Debug)]
struct Recent {
    id: ConnectionId,
    last: Option<StatementId>,
    transaction: Option<Timestamp>,
    begin: Timestamp,
    end: Timestamp,
    counted: [Counted; STATEMENTS],
    /// Different statements that found no place in `counted`.
    uncounted: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    statement: u32,
    times: u32,
    nanos: u64,
}

/// A statement that was executed over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// On which connection.
    pub id: ConnectionId,
    /// Which statement.
    pub statement: StatementId,
    /// How often.
    pub times: u32,
    /// How long the executions took in all, in nanoseconds.
    pub nanos: u64,
}

/// What a connection in a transaction was last known to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Which connection.
    pub id: ConnectionId,
    /// Its last useful statement.
    pub last: Option<StatementId>,
    /// When its transaction began.
    pub transaction: Option<Timestamp>,
}

/// What ended or was displaced by something new.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// What was repeated.
    pub repetitions: Vec<Repetition>,
    /// Whose past is not remembered here any more.
    pub displaced: Option<Past>,
    /// The client's pause inside a transaction that ended.
    pub pause: Option<Pause>,
}

impl Ended {
    fn of_pause(pause: Pause) -> Self {
        Self {
            pause: Some(pause),
            ..Self::default()
        }
    }
}

/// The time that a client let pass inside a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// On which connection.
    pub id: ConnectionId,
    /// After which statement.
    pub after: StatementId,
    /// From its reply to the next request.
    pub length: Span,
}

/// The recent past of many connections.
#[derive(Debug, Default)]
pub struct Recents {
    places: Vec<Option<Recent>>,
}

impl Recents {
    /// Takes in a useful exchange, or so many that are alike; tells what ended with it, which mostly is nothing.
    #[inline]
    pub fn add(&mut self, id: ConnectionId, exchange: &Exchange, times: u32) -> Option<Ended> {
        match self.places.get_mut(index(id)) {
            Some(Some(place)) if place.id == id && !place.pauses_before(exchange) => {
                let pause = place.pause(exchange.start);
                place.add(exchange, times);
                pause.map(Ended::of_pause)
            }
            _ => Some(self.add_anew(id, exchange, times)),
        }
    }

    /// On a connection that was not remembered, or after a pause.
    #[inline(never)]
    fn add_anew(&mut self, id: ConnectionId, exchange: &Exchange, times: u32) -> Ended {
        let (place, displaced) = self.place(id, exchange.start);
        let mut ended = displaced.map_or_else(Ended::default, Recent::displaced);
        ended.pause = place.pause(exchange.start);
        if place.pauses_before(exchange) {
            ended.repetitions.extend(place.restart(exchange.start));
        }
        place.add(exchange, times);
        ended
    }

    /// A transaction has begun or ended; what was repeated until then.
    pub fn transaction(&mut self, id: ConnectionId, open: bool, at: Timestamp) -> Ended {
        if !open && self.find(id).is_none() {
            return Ended::default();
        }
        let (place, displaced) = self.place(id, at);
        let mut ended = displaced.map_or_else(Ended::default, Recent::displaced);
        if open != place.transaction.is_some() {
            ended.repetitions.extend(place.restart(at));
            place.transaction = open.then_some(at);
        }
        ended
    }

    /// What is known of a connection.
    #[must_use]
    pub fn past(&self, id: ConnectionId) -> Option<Past> {
        self.find(id).map(Recent::past)
    }

    /// What a connection repeats in a burst that goes on.
    pub fn ongoing(&self) -> impl Iterator<Item = Repetition> {
        self.places.iter().flatten().flat_map(Recent::repetitions)
    }

    /// A connection is gone; what it repeated.
    pub fn forget(&mut self, id: ConnectionId) -> Ended {
        let repetitions = self
            .find(id)
            .map_or_else(Vec::new, |recent| recent.repetitions().collect());
        if let Some(place) = self.places.get_mut(index(id)) {
            place.take_if(|recent| recent.id == id);
        }
        Ended {
            repetitions,
            ..Ended::default()
        }
    }

    /// Begins all bursts anew: what was repeated until now has been told.
    pub fn turn(&mut self) {
        for place in self.places.iter_mut().flatten() {
            place.restart(place.end);
        }
    }

    fn place(&mut self, id: ConnectionId, at: Timestamp) -> (&mut Recent, Option<Recent>) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        let place = &mut self.places[index(id)];
        let other = place.filter(|recent| recent.id != id);
        if other.is_some() {
            *place = None;
        }
        (place.get_or_insert_with(|| Recent::new(id, at)), other)
    }

    fn find(&self, id: ConnectionId) -> Option<&Recent> {
        self.places
            .get(index(id))?
            .as_ref()
            .filter(|recent| recent.id == id)
    }
}

const fn index(id: ConnectionId) -> usize {
    id.0 as usize & (PLACES - 1)
}

impl Recent {
    fn new(id: ConnectionId, at: Timestamp) -> Self {
        Self {
            id,
            last: None,
            transaction: None,
            begin: at,
            end: at,
            counted: [Counted::default(); STATEMENTS],
            uncounted: 0,
        }
    }

    fn pause(&self, until: Timestamp) -> Option<Pause> {
        let length = until.since(self.end);
        let after = self
            .last
            .filter(|_| self.transaction.is_some() && length > Span::ZERO)?;
        Some(Pause {
            id: self.id,
            after,
            length,
        })
    }

    /// Whether a burst ended before this exchange.
    fn pauses_before(&self, exchange: &Exchange) -> bool {
        exchange.start.since(self.end) > PAUSE && self.transaction.is_none()
    }

    #[inline]
    fn add(&mut self, exchange: &Exchange, times: u32) {
        self.add_one(exchange);
        for _ in 1..times {
            if exchange.start < self.end {
                // Sent before the reply to the first: nothing more to learn.
                break;
            }
            self.add_one(exchange);
        }
    }

    /// Preparing a statement is not executing it, and what is sent before the last reply came waits for no round trip.
    #[inline]
    fn add_one(&mut self, exchange: &Exchange) {
        let end = exchange.reply.map_or(exchange.request_end, |reply| reply.end);
        let pipelined = exchange.start < self.end;
        self.end = self.end.max(end);
        let Some(statement) = exchange.statement.filter(|id| *id != OTHERS) else {
            return;
        };
        self.last = Some(statement);
        if pipelined || exchange.verb == Verb::Prepare {
            return;
        }
        let nanos = u64::try_from(exchange.duration().unwrap_or_default().nanos()).unwrap_or(0);
        let same = |counted: &&mut Counted| counted.times == 0 || counted.statement == statement.0;
        match self.counted.iter_mut().find(same) {
            Some(counted) => {
                counted.statement = statement.0;
                counted.times = counted.times.saturating_add(1);
                counted.nanos += nanos;
            }
            None => self.replace_the_rarest(statement, nanos),
        }
    }

    #[inline(never)]
    fn replace_the_rarest(&mut self, statement: StatementId, nanos: u64) {
        self.uncounted = self.uncounted.saturating_add(1);
        if let Some(rarest) = self.counted.iter_mut().min_by_key(|counted| counted.times)
            && rarest.times < REPEATED
        {
            *rarest = Counted {
                statement: statement.0,
                times: 1,
                nanos,
            };
        }
    }

    fn is_load(&self) -> bool {
        self.end.since(self.begin) > LOAD && self.transaction.is_none()
    }

    /// What is executed over and over beside something that is not: a lone statement in a loop is a load, a
    /// statement for each row of another is a loop in the wrong place.
    fn repetitions(&self) -> impl Iterator<Item = Repetition> + use<> {
        let others = self.uncounted > 0
            || self
                .counted
                .iter()
                .any(|one| one.times > 0 && one.times < REPEATED);
        let told = (others || self.transaction.is_some()) && !self.is_load();
        let (id, counted) = (self.id, self.counted);
        let repeated = counted
            .into_iter()
            .filter(move |one| told && one.times >= REPEATED);
        repeated.map(move |one| Repetition {
            id,
            statement: StatementId(one.statement),
            times: one.times,
            nanos: one.nanos,
        })
    }

    fn restart(&mut self, at: Timestamp) -> Vec<Repetition> {
        let told = self.repetitions().collect();
        self.counted = [Counted::default(); STATEMENTS];
        self.uncounted = 0;
        (self.begin, self.end) = (at, at);
        told
    }

    const fn past(&self) -> Past {
        Past {
            id: self.id,
            last: self.last,
            transaction: self.transaction,
        }
    }

    fn displaced(self) -> Ended {
        Ended {
            repetitions: self.repetitions().collect(),
            displaced: Some(self.past()),
            pause: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::script::exchange;

    const ID: ConnectionId = ConnectionId(5);

    fn run(recents: &mut Recents, statement: u32, millis: i64) -> Ended {
        let start = millis * 1_000_000;
        let one = Exchange {
            statement: Some(StatementId(statement)),
            ..exchange(start, start + 1, start + 500_000, start + 500_001)
        };
        recents.add(ID, &one, 1).unwrap_or_default()
    }

    #[test]
    fn a_statement_for_each_row_of_another_is_a_repetition() {
        let mut recents = Recents::default();
        run(&mut recents, 1, 0);
        (0..20).for_each(|n| assert!(run(&mut recents, 2, 1 + n).repetitions.is_empty()));
        let ended = run(&mut recents, 3, 500).repetitions;
        assert_eq!(ended.len(), 1);
        assert_eq!(
            (ended[0].statement, ended[0].times, ended[0].nanos),
            (StatementId(2), 20, 20 * 500_001)
        );
    }

    #[test]
    fn a_statement_in_a_loop_is_a_load_outside_a_transaction_and_a_repetition_in_one() {
        let mut recents = Recents::default();
        (0..50).for_each(|n| assert!(run(&mut recents, 2, n).repetitions.is_empty()));
        assert!(recents.forget(ID).repetitions.is_empty());
        run(&mut recents, 1, 0);
        recents.transaction(ID, true, Timestamp::from_nanos(0));
        (0..50).for_each(|n| assert!(run(&mut recents, 2, 10 + n).repetitions.is_empty()));
        let ended = recents
            .transaction(ID, false, Timestamp::from_nanos(100_000_000))
            .repetitions;
        assert_eq!(ended.iter().map(|one| one.times).collect::<Vec<_>>(), [50]);
    }

    #[test]
    fn ten_are_a_repetition_and_nine_are_not() {
        for (times, found) in [(9, 0), (10, 1)] {
            let mut recents = Recents::default();
            run(&mut recents, 1, 0);
            (0..times).for_each(|n| drop(run(&mut recents, 2, 1 + n)));
            assert_eq!(recents.ongoing().count(), found);
        }
    }

    #[test]
    fn what_is_prepared_or_sent_together_is_not_repeated() {
        let of = |verb, start: i64, end: i64| Exchange {
            statement: Some(StatementId(2)),
            verb,
            ..exchange(start, start + 1, end - 1, end)
        };
        let mut recents = Recents::default();
        run(&mut recents, 1, 0);
        for n in 0..20 {
            let start = 1_000_000 * (1 + n);
            recents.add(ID, &of(Verb::Prepare, start, start + 10), 1);
        }
        assert_eq!(recents.ongoing().count(), 0);
        // Twenty in one packet; their replies come one after the other.
        for n in 0..20 {
            recents.add(ID, &of(Verb::Execute, 50_000_000, 51_000_000 + n), 1);
        }
        assert_eq!(recents.ongoing().count(), 0);
    }

    #[test]
    fn what_goes_on_for_long_is_a_load() {
        let mut recents = Recents::default();
        run(&mut recents, 1, 0);
        let ended = (0..400)
            .map(|n| run(&mut recents, 2, 1 + n * 50).repetitions.len())
            .sum::<usize>();
        assert_eq!(ended, 0);
    }

    #[test]
    fn a_pause_in_a_transaction_belongs_to_the_statement_before_it() {
        let mut recents = Recents::default();
        assert_eq!(run(&mut recents, 7, 0).pause, None);
        assert_eq!(run(&mut recents, 8, 50).pause, None, "no transaction");
        recents.transaction(ID, true, Timestamp::from_nanos(50_500_001));
        let pause = run(&mut recents, 9, 80).pause.unwrap();
        assert_eq!((pause.after, pause.length.nanos()), (StatementId(8), 29_499_999));
        assert_eq!(run(&mut recents, 9, 80).pause, None, "pipelined");
        recents.transaction(ID, false, Timestamp::from_nanos(81_000_000));
        assert_eq!(run(&mut recents, 7, 90).pause, None);
    }

    #[test]
    fn a_displaced_transaction_is_handed_over() {
        let mut recents = Recents::default();
        run(&mut recents, 7, 0);
        recents.transaction(ID, true, Timestamp::from_nanos(3));
        let other = ConnectionId(ID.0 + 1024);
        let ended = recents.add(other, &exchange(5, 6, 7, 8), 1).unwrap();
        let past = ended.displaced.unwrap();
        assert_eq!((past.id, past.last), (ID, Some(StatementId(7))));
        assert_eq!(past.transaction, Some(Timestamp::from_nanos(3)));
        assert!(recents.past(ID).is_none() && recents.past(other).is_some());
    }
}
