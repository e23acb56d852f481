//! The trackers of a watch in hand, for what the kernel knows of their connections: no frame is taken meanwhile.

use std::collections::HashSet;
use std::sync::MutexGuard;

use super::Recorder;
use super::kernel::Known;
use super::merge::{global, local};
use super::seat::Seat;
use crate::clock::Timestamp;
use crate::exchange::ConnectionId;
use crate::exchange::tracker::Tracker;
use crate::flow::Shard;
use crate::packet::Endpoint;

/// All trackers.
pub(super) enum Hold<'a> {
    One(&'a mut Tracker<Recorder>),
    Several(Vec<MutexGuard<'a, Seat>>),
}

impl Hold<'_> {
    /// See [`Tracker::adopt`].
    pub(super) fn adopt(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        at: Timestamp,
    ) -> Option<ConnectionId> {
        match self {
            Self::One(tracker) => tracker.adopt(client, server, at),
            Self::Several(seats) => of(seats, client, server, |seat| {
                seat.tracker.adopt(client, server, at)
            }),
        }
    }

    /// See [`Tracker::find`].
    pub(super) fn find(&mut self, client: Endpoint, server: Endpoint) -> Option<ConnectionId> {
        match self {
            Self::One(tracker) => tracker.find(client, server),
            Self::Several(seats) => of(seats, client, server, |seat| seat.tracker.find(client, server)),
        }
    }

    /// Tells the profile what the kernel knows of a connection.
    pub(super) fn tell(&mut self, id: ConnectionId, known: Known) {
        match self {
            Self::One(tracker) => known.tell(id, tracker.observer().profile()),
            Self::Several(seats) => on(seats, id, |seat, id| seat.tracker.observer().tell(id, known)),
        }
    }

    /// See [`Tracker::no_longer_among`].
    pub(super) fn no_longer_among(&self, known: &HashSet<ConnectionId>, at: Timestamp) -> Vec<ConnectionId> {
        match self {
            Self::One(tracker) => tracker.no_longer_among(known, at),
            Self::Several(seats) => no_longer_among(seats, known, at),
        }
    }

    /// See [`Tracker::vanish`].
    pub(super) fn vanish(&mut self, id: ConnectionId, at: Timestamp) {
        match self {
            Self::One(tracker) => tracker.vanish(id, at),
            Self::Several(seats) => on(seats, id, |seat, id| seat.tracker.vanish(id, at)),
        }
    }
}

/// What the shard of a connection knows of it.
fn of(
    seats: &mut [MutexGuard<'_, Seat>],
    client: Endpoint,
    server: Endpoint,
    ask: impl FnOnce(&mut Seat) -> Option<ConnectionId>,
) -> Option<ConnectionId> {
    let shards = seats.len();
    let shard = Shard::index_of(client, server, shards as u32) as usize;
    let id = ask(seats.get_mut(shard)?)?;
    Some(global(id, shard, shards))
}

/// Does something to a connection at its shard.
fn on(seats: &mut [MutexGuard<'_, Seat>], id: ConnectionId, work: impl FnOnce(&mut Seat, ConnectionId)) {
    let (shard, id) = local(id, seats.len());
    if let Some(seat) = seats.get_mut(shard) {
        work(seat, id);
    }
}

fn no_longer_among(
    seats: &[MutexGuard<'_, Seat>],
    known: &HashSet<ConnectionId>,
    at: Timestamp,
) -> Vec<ConnectionId> {
    let (none, shards) = (HashSet::new(), seats.len());
    let of_shard = |(shard, seat): (usize, &MutexGuard<'_, Seat>)| {
        let silent = seat.tracker.no_longer_among(&none, at);
        let here = silent.into_iter().map(move |id| global(id, shard, shards));
        here.collect::<Vec<_>>()
    };
    let silent = seats.iter().enumerate().flat_map(of_shard);
    silent.filter(|id| !known.contains(id)).collect()
}
