//! What several shards tell, in the order in which one tracker would have told it: so every number, every exchange and every summary
//! is the same as with one, whatever is divided how.
//!
//! Each entry has the number of the frame that it came of, and a frame is of one connection. What came of the time alone, at whichever
//! shards, is ordered by the connections' ends, as [`Table`](crate::flow::Table) does it. A connection's id here is its shard's
//! id times the number of shards, plus the shard's index.

use super::Recorder;
use super::shard::{Batch, Batches, What};
use crate::clock::Timestamp;
use crate::exchange::statements::Statements;
use crate::exchange::{ConnectionId, Observer, StatementId};
use crate::packet::Endpoint;

/// Where all that the shards tell comes together.
pub(super) struct Merger {
    pub(super) recorder: Recorder,
    pub(super) statements: Statements,
    /// The shards' statements as they are known here.
    known: Vec<Vec<StatementId>>,
    /// When the watch began, once a shard has said so.
    pub(super) start: Option<Timestamp>,
}

/// What one shard tells.
pub(super) struct Stream {
    shard: usize,
    /// `None` where the batch at hand is the last.
    batches: Option<Batches>,
    batch: Batch,
    /// How far in the batch, and in its exchanges.
    entry: usize,
    exchange: usize,
}

impl Stream {
    /// Of shard number `shard`, as it comes.
    pub(super) fn open(shard: usize, batches: Batches) -> Self {
        Self {
            batches: Some(batches),
            ..Self::whole(shard, Batch::default())
        }
    }

    /// All of it.
    pub(super) fn whole(shard: usize, batch: Batch) -> Self {
        Self {
            shard,
            batches: None,
            batch,
            entry: 0,
            exchange: 0,
        }
    }

    /// The next entry's number, and whether that entry is here; if not, the next one's number is this or higher. `None` at the
    /// end.
    fn next(&self) -> Option<(u64, bool)> {
        match self.batch.entries.get(self.entry) {
            Some(entry) => Some((entry.number, true)),
            None => self.batches.as_ref().map(|_| (self.batch.complete + 1, false)),
        }
    }

    /// Adds what the shard told since.
    pub(super) fn add(&mut self, mut batch: Batch) {
        if self.entry == self.batch.entries.len() {
            (self.batch, self.entry, self.exchange) = (batch, 0, 0);
            return;
        }
        self.batch.entries.drain(..std::mem::take(&mut self.entry));
        self.batch.exchanges.drain(..std::mem::take(&mut self.exchange));
        self.batch.entries.append(&mut batch.entries);
        self.batch.exchanges.append(&mut batch.exchanges);
    }

    /// Waits for the next batch.
    fn refill(&mut self) {
        let Some(batches) = &self.batches else { return };
        let next = batches.full.recv();
        self.batch.entries.clear();
        self.batch.exchanges.clear();
        (self.entry, self.exchange) = (0, 0);
        match next {
            Ok(batch) => {
                // The shard may be done already.
                let _ = batches.used.send(std::mem::replace(&mut self.batch, batch));
            }
            Err(_) => self.batches = None,
        }
    }
}

impl Merger {
    /// Of so many shards, told to `recorder`. `statements` bounds those of all shards together.
    pub(super) fn new(shards: usize, recorder: Recorder, statements: Statements) -> Self {
        Self {
            recorder,
            statements,
            known: vec![vec![StatementId(0)]; shards],
            start: None,
        }
    }

    /// Takes in all that `streams` tell, one for each shard, to their ends.
    pub(super) fn merge(&mut self, streams: &mut [Stream]) {
        self.merge_before(u64::MAX, streams);
    }

    /// The same for what is numbered below `end`.
    pub(super) fn merge_before(&mut self, end: u64, streams: &mut [Stream]) {
        while let Some(((number, is_here), first)) = earliest(streams)
            && number < end
        {
            if !is_here {
                self.refill(&mut streams[first]);
            } else if number.is_multiple_of(2) {
                self.take_ties(number, streams);
            } else {
                let others = streams.iter().enumerate().filter(|(at, _)| *at != first);
                let until = others.filter_map(|(_, stream)| stream.next()).min();
                let until = until.map_or(end, |(number, _)| number.min(end));
                self.take_run(&mut streams[first], until.max(number + 1));
            }
        }
    }

    fn refill(&mut self, stream: &mut Stream) {
        stream.refill();
        if let Some(start) = stream.batch.start.take() {
            self.start.get_or_insert(start);
            self.recorder.profile().watch_from(start);
        }
    }

    /// Takes the entries of one stream before number `until`, up to the next one of the time alone. Two shards' frames may have one
    /// time, and then come in the order of the shards.
    fn take_run(&mut self, stream: &mut Stream, until: u64) {
        while let Some((number, true)) = stream.next()
            && number < until
            && !number.is_multiple_of(2)
        {
            self.take(stream);
        }
    }

    /// Takes what came of the time alone at one time: each stream has it in the order of the connections' ends.
    fn take_ties(&mut self, number: u64, streams: &mut [Stream]) {
        loop {
            let ends = |stream: &Stream| self.ends_of_next(number, stream);
            let next = streams
                .iter()
                .enumerate()
                .filter_map(|(at, stream)| Some((ends(stream)?, at)));
            let Some((_, first)) = next.min() else {
                break;
            };
            let stream = &mut streams[first];
            while self.take(stream) == Taken::Statement {}
        }
        // Statements of which nothing came yet.
        for stream in streams {
            while stream.next() == Some((number, true)) {
                self.take(stream);
            }
        }
    }

    /// The ends of the connection of the next event with this number; `None` where there is no such event.
    fn ends_of_next(&self, number: u64, stream: &Stream) -> Option<Ends> {
        let entries = stream.batch.entries.get(stream.entry..)?;
        let mut tied = entries.iter().take_while(|entry| entry.number == number);
        let event = tied.find(|entry| !matches!(entry.what, What::Statement(_)))?;
        let id = global(event.id, stream.shard, self.known.len());
        Some(Ends(self.recorder.recorded().ends(id)))
    }

    /// Takes the next entry of a stream.
    #[inline]
    fn take(&mut self, stream: &mut Stream) -> Taken {
        let Some(entry) = stream.batch.entries.get(stream.entry) else {
            return Taken::Event;
        };
        stream.entry += 1;
        let id = global(entry.id, stream.shard, self.known.len());
        let known = &mut self.known[stream.shard];
        let event = match &entry.what {
            What::Statement(statement) => {
                known.push(self.statements.learn(Clone::clone(statement)));
                return Taken::Statement;
            }
            What::Known(known) => {
                known.tell(id, self.recorder.profile());
                return Taken::Event;
            }
            What::Event(owned) => owned.event(),
        };
        if let Some(event) = event {
            self.recorder.observe(id, entry.at, event, &self.statements);
        } else if let Some(exchanged) = stream.batch.exchanges.get_mut(stream.exchange) {
            stream.exchange += 1;
            let here = |id: StatementId| known.get(id.0 as usize).copied().unwrap_or(StatementId(0));
            exchanged.exchange.statement = exchanged.exchange.statement.map(here);
            self.recorder
                .observe(id, entry.at, exchanged.event(), &self.statements);
        }
        Taken::Event
    }
}

/// Client and server, where the connection is known already.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ends(Option<(Endpoint, Endpoint)>);

#[derive(PartialEq, Eq)]
enum Taken {
    Event,
    Statement,
}

/// The stream whose next entry comes first; one that has yet to tell comes before one that has told.
fn earliest(streams: &[Stream]) -> Option<((u64, bool), usize)> {
    let next = |(at, stream): (usize, &Stream)| Some((stream.next()?, at));
    streams.iter().enumerate().filter_map(next).min()
}

/// What a shard's connection is called here.
pub(super) fn global(id: ConnectionId, shard: usize, shards: usize) -> ConnectionId {
    ConnectionId(id.0.wrapping_mul(shards as u32).wrapping_add(shard as u32))
}

/// The shard of a connection called so here, and what it is called there.
pub(super) fn local(id: ConnectionId, shards: usize) -> (usize, ConnectionId) {
    let shards = shards as u32;
    ((id.0 % shards) as usize, ConnectionId(id.0 / shards))
}
