//! The profile's part of a summary.

mod connections;
mod pools;
mod services;
mod statements;
mod states;

use std::collections::BTreeMap;

use super::Profile;
use super::connections::crosses_in_clear;
use super::hoard::Hoarded;
use super::life::Life;
use super::pool::PoolId;
use crate::clock::{Span, Timestamp};
use crate::exchange::StatementId;
use crate::packet::Endpoint;
use crate::summary::{self, Connection, StatementRow, Vantage};

use states::States;

/// A statement as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The fingerprint's hash.
    pub id: String,
    /// Verb and tables.
    pub summary: Option<String>,
    /// The fingerprint.
    pub text: Option<String>,
}

/// Who knows the statements.
pub trait Statements {
    /// What is known of one.
    fn describe(&self, id: StatementId) -> Option<Described>;
}

impl Statements for crate::exchange::statements::Statements {
    fn describe(&self, id: StatementId) -> Option<Described> {
        let known = self.statement(id);
        Some(Described {
            id: known.id(),
            summary: Some(known.summary.to_string()),
            text: Some(known.text.to_string()),
        })
    }
}

impl<F: Fn(StatementId) -> Option<Described>> Statements for F {
    fn describe(&self, id: StatementId) -> Option<Described> {
        self(id)
    }
}

/// Which connections are listed: `--connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Every one, closed ones too.
    All,
    /// Hoarded ones.
    Flagged,
    /// None.
    None,
}

/// What a picture needs to know from others.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Who knows the statements.
    pub statements: &'a dyn Statements,
    /// From where a server is watched, where that is known.
    pub vantage: &'a dyn Fn(Endpoint) -> Option<Vantage>,
    /// One round trip to a server, where that is known though no handshake was seen.
    pub round_trip: &'a dyn Fn(Endpoint) -> Option<Span>,
    /// Which connections are listed.
    pub connections: Listing,
}

/// The profile's part of a summary, in the summary's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// One for each server.
    pub services: Vec<summary::Service>,
    /// One for each client of a server.
    pub pools: Vec<summary::Pool>,
    /// One for each statement of a server.
    pub statements: Vec<StatementRow>,
    /// The hoarded connections.
    pub hoarded: Vec<Connection>,
    /// The connections asked for.
    pub connections: Option<Vec<Connection>>,
    /// Connections that are counted but found no room in the lists.
    pub unlisted: u64,
    /// Pools of which not every level of demand is told apart.
    pub coarse: usize,
    /// How often what is rare about a connection was given up for another's, since the watch began.
    pub extras_given_up: u64,
}
impl Profile {
    /// What came of the events so far, as of `now`.
    #[must_use]
    pub fn summarise(&self, now: Timestamp, scope: &Scope<'_>) -> Picture {
        let hoarded = self.hoarded(now);
        let states = self.states(&hoarded, now);
        let view = View {
            profile: self,
            scope,
            hoarded: &hoarded,
            now,
        };
        Picture {
            services: view.services(&states),
            pools: view.pools(&states),
            statements: view.statements(),
            hoarded: view.hoarded(),
            connections: view.connections(),
            unlisted: view.unlisted(),
            extras_given_up: self.lives.given_up(),
            coarse: self
                .pools
                .iter()
                .filter(|(_, pool)| pool.demand.is_coarse())
                .count(),
        }
    }

    /// The hoarded connections as of `now`, without their statements.
    #[must_use]
    pub fn list_hoarded(&self, now: Timestamp) -> Vec<Connection> {
        let hoarded = self.hoarded(now);
        let scope = Scope {
            statements: &|_: StatementId| None,
            vantage: &|_| None,
            round_trip: &|_| None,
            connections: Listing::Flagged,
        };
        let view = View {
            profile: self,
            scope: &scope,
            hoarded: &hoarded,
            now,
        };
        view.hoarded()
    }

    fn states(&self, hoarded: &Hoarded, now: Timestamp) -> BTreeMap<PoolId, States> {
        let mut states: BTreeMap<PoolId, States> = BTreeMap::new();
        for (id, life) in self.lives.iter() {
            let extra = self.lives.extra(id);
            let server = self.server_of(life);
            let of_pool = states.entry(life.pool).or_default();
            of_pool.add(life, hoarded.get(&id), now);
            of_pool.add_half_open(life, extra, now);
            of_pool.add_held_up(life, extra, self.interval, now);
            of_pool.owners.insert(self.identities.of(life.identity).owner);
            of_pool.clear_text +=
                u64::from(server.is_some_and(|server| crosses_in_clear(life, extra, server)));
        }
        states
    }

    fn server_of(&self, life: &Life) -> Option<Endpoint> {
        let pool = self.pools.of(life.pool)?;
        Some(self.services.of(pool.service)?.server)
    }
}

/// What the parts of a picture are drawn from.
struct View<'a> {
    profile: &'a Profile,
    scope: &'a Scope<'a>,
    hoarded: &'a Hoarded,
    now: Timestamp,
}
