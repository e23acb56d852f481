//! The profile's part of a summary.

use std::collections::{BTreeMap, BTreeSet};

use super::connections::crosses_in_clear;
use super::hoard::{Hoarded, need};
use super::identity::OwnerId;
use super::life::{Extra, Life, Traits, Whole};
use super::pool::{Pool, PoolId};
use super::pools::Client;
use super::recent::{Past, Repetition};
use super::service::{Service, ServiceId, seconds};
use super::statement::Statement;
use super::what_if::Waits;
use super::{Gone, Profile};
use crate::clock::{Span, Timestamp};
use crate::exchange::{ConnectionId, StatementId};
use crate::packet::Endpoint;
use crate::protocol::Verb;
use crate::summary::{
    self, Connection, ConnectionState, Connections, InFlight, Logins, PoolClient, PoolSigns, Reason, Repeats,
    ServiceSigns, StatementRow, Vantage, WhatIf,
};

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
    /// Closed connections that are counted but found no room in the list.
    pub unlisted: u64,
    /// Statements that found no room.
    pub evicted_statements: u64,
}

/// A half-closed connection that stays so for this long is told.
const LASTS: Span = Span::from_secs(5);

/// How many connections are in each state, and what is in flight.
#[derive(Clone, Debug, Default)]
struct States {
    in_use: u64,
    idle_in_transaction: u64,
    hoarded: u64,
    pinned: u64,
    in_flight: u64,
    oldest: Span,
    reasons: BTreeMap<Reason, u64>,
    longest_idle: Option<Span>,
    close_wait: u64,
    longest_close_wait: Option<Span>,
    half_open: u64,
    clear_text: u64,
    owners: BTreeSet<OwnerId>,
}

impl States {
    fn add(&mut self, life: &Life, hoarded: Option<&Vec<Reason>>, now: Timestamp) {
        match life.state() {
            ConnectionState::InUse => self.in_use += 1,
            ConnectionState::IdleInTransaction => self.idle_in_transaction += 1,
            _ => {}
        }
        self.hoarded += u64::from(hoarded.is_some());
        for reason in hoarded.into_iter().flatten() {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        if !life.is_held() {
            self.longest_idle = self.longest_idle.max(Some(life.idle(now)));
        }
        self.pinned += u64::from(life.is_pinned());
        if life.is_in_flight() {
            self.in_flight += 1;
            self.oldest = self.oldest.max(now.since(life.mark));
        }
    }

    /// A close takes a while to be answered: only what lasts is told.
    fn add_half_open(&mut self, life: &Life, extra: Option<&Extra>, now: Timestamp) {
        let closed = extra
            .and_then(|extra| extra.half_closed)
            .map(|since| now.since(since));
        let lasts = closed.is_some_and(|lasted| lasted >= LASTS);
        if life.traits.has(Traits::SERVER_CLOSED) && lasts {
            self.close_wait += 1;
            self.longest_close_wait = self.longest_close_wait.max(closed);
        }
        let left = life.traits.has(Traits::DEAD_PEER) || (life.traits.has(Traits::CLIENT_CLOSED) && lasts);
        self.half_open += u64::from(left);
    }

    fn merge(&mut self, other: &Self) {
        self.in_use += other.in_use;
        self.idle_in_transaction += other.idle_in_transaction;
        self.hoarded += other.hoarded;
        self.pinned += other.pinned;
        self.in_flight += other.in_flight;
        self.oldest = self.oldest.max(other.oldest);
        self.clear_text += other.clear_text;
    }

    /// Whatever is neither in use nor in a transaction is idle, connections that still log in too.
    fn connections(&self, open: super::service::Gauge) -> Connections {
        let open_now = u64::from(open.now);
        Connections {
            open: open_now,
            in_use: self.in_use,
            idle: open_now.saturating_sub(self.in_use + self.idle_in_transaction),
            idle_in_transaction: self.idle_in_transaction,
            hoarded: self.hoarded,
            peak_open: u64::from(open.peak),
            ..Connections::default()
        }
    }

    fn in_flight(&self) -> InFlight {
        InFlight {
            count: self.in_flight,
            oldest_seconds: (self.in_flight > 0).then(|| self.oldest.seconds()),
        }
    }
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
            unlisted: self.gone_uncounted,
            evicted_statements: self.statements.evictions(),
        }
    }

    fn states(&self, hoarded: &Hoarded, now: Timestamp) -> BTreeMap<PoolId, States> {
        let mut states: BTreeMap<PoolId, States> = BTreeMap::new();
        for (id, life) in self.lives.iter() {
            let extra = self.lives.extra(id);
            let server = self.server_of(life);
            let of_pool = states.entry(life.pool).or_default();
            of_pool.add(life, hoarded.get(&id), now);
            of_pool.add_half_open(life, extra, now);
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

/// What is repeated in bursts that go on, by server and statement.
type Ongoing = BTreeMap<(ServiceId, StatementId), Vec<Repetition>>;

struct View<'a> {
    profile: &'a Profile,
    scope: &'a Scope<'a>,
    hoarded: &'a Hoarded,
    now: Timestamp,
}

impl View<'_> {
    fn services(&self, states: &BTreeMap<PoolId, States>) -> Vec<summary::Service> {
        let mut by_service: BTreeMap<ServiceId, States> = BTreeMap::new();
        for (pool, states) in states {
            if let Some(pool) = self.profile.pools.of(*pool) {
                by_service.entry(pool.service).or_default().merge(states);
            }
        }
        let told = self.profile.services.iter();
        let mut services: Vec<_> = told
            .map(|(id, service)| self.service(service, &by_service.get(&id).cloned().unwrap_or_default()))
            .collect();
        services.sort_by_key(|service| (std::cmp::Reverse(service.exchanges.requests), service.server));
        services
    }

    fn service(&self, service: &Service, states: &States) -> summary::Service {
        let seen = &service.seen;
        summary::Service {
            host: None,
            server: service.server,
            system: service.system,
            vantage: (self.scope.vantage)(service.server),
            connections: Connections {
                opened: seen.opened,
                closed: seen.closed,
                peak_in_use: u64::from(service.held.peak),
                ..states.connections(service.open)
            },
            login: seen.login.summarise(),
            exchanges: seen.counts.all,
            in_flight: states.in_flight(),
            latency: seen.latency.summarise(),
            duration: seen.duration.summarise(),
            network_rtt: seen.connect.summarise(),
            connect: Some(seen.connect.summarise()),
            login_failures: Some(seen.refused.count()),
            time: Some(seen.legs.summarise(Self::round_trip(service))),
            retransmits: Some(seen.retransmits.iter().sum()),
            zero_windows: Some(seen.zero_windows),
            signs: service_signs(service, states),
        }
    }

    /// The network's share of a latency: what lies between here and the server.
    fn round_trip(service: &Service) -> Option<Span> {
        let parts = &service.seen.server_part;
        (parts.count() > 0).then(|| parts.quantile(0.5))
    }

    fn pools(&self, states: &BTreeMap<PoolId, States>) -> Vec<summary::Pool> {
        let told = self.profile.pools.iter().filter(|(_, pool)| !pool.is_void());
        let mut pools: Vec<_> = told
            .filter_map(|(id, pool)| self.pool(pool, &states.get(&id).cloned().unwrap_or_default()))
            .collect();
        pools.sort_by_key(|pool| std::cmp::Reverse((pool.connections.surplus, pool.connections.open)));
        pools
    }

    fn pool(&self, pool: &Pool, states: &States) -> Option<summary::Pool> {
        let service = self.profile.services.of(pool.service)?;
        let mut pool = pool.clone();
        pool.pass(self.now);
        pool.demand.pass(self.now);
        let (needed, surplus) = need(&pool, &self.profile.config);
        let name = |id| self.profile.identities.name(id).map(str::to_owned);
        let waits = pool.waits(self.now);
        let mut time = pool.seen.legs.summarise(Self::round_trip(service));
        time.idle_seconds = Some(pool.seen.idle as f64 / 1e9);
        Some(summary::Pool {
            host: None,
            client: self.client(&pool, states),
            server: service.server,
            system: service.system,
            user: name(pool.key.user),
            database: name(pool.key.database),
            connections: Connections {
                opened: pool.seen.opened,
                closed: pool.seen.closed,
                peak_in_use: u64::from(pool.held_peak),
                needed: Some(u64::from(needed)),
                surplus: Some(u64::from(surplus)),
                ..states.connections(pool.open)
            },
            observed_seconds: pool.demand.observed().seconds(),
            demand: pool
                .demand
                .levels()
                .into_iter()
                .map(|(level, span)| (level, span.seconds()))
                .collect(),
            recommended_size: recommend(&waits),
            what_if: waits.iter().map(what_if).collect(),
            idle_connection_seconds: pool.seen.idle as f64 / 1e9,
            latency: pool.seen.latency.summarise(),
            exchanges: Some(pool.seen.counts.all),
            logins: Some(logins(&pool)),
            time: Some(time),
            pinned: Some(states.pinned),
            signs: pool_signs(&pool, states, self.now),
        })
    }

    fn client(&self, pool: &Pool, states: &States) -> PoolClient {
        let application = self
            .profile
            .identities
            .name(pool.key.application)
            .map(str::to_owned);
        let named = PoolClient {
            application,
            ..PoolClient::default()
        };
        match self.profile.pools.client(pool).clone() {
            Client::Address(address) => PoolClient {
                address: Some(address),
                ..named
            },
            Client::Container(container) => self.owned(
                states,
                PoolClient {
                    container: Some(container),
                    ..named
                },
            ),
            Client::Unit(unit) => self.owned(
                states,
                PoolClient {
                    unit: Some(unit),
                    ..named
                },
            ),
            Client::Process(pid, command) => PoolClient {
                process: Some(command).filter(|command| !command.is_empty()),
                pids: vec![pid],
                ..named
            },
            Client::Others => named,
        }
    }

    /// Adds the processes of a unit or container that hold connections of the pool.
    fn owned(&self, states: &States, client: PoolClient) -> PoolClient {
        let known = states
            .owners
            .iter()
            .filter_map(|&id| self.profile.identities.owner(id));
        let (mut pids, mut commands) = (BTreeSet::new(), BTreeSet::new());
        for owner in known {
            pids.extend(owner.pid);
            commands.extend(owner.command.clone());
        }
        PoolClient {
            pids: pids.into_iter().collect(),
            process: commands.pop_first().filter(|_| commands.is_empty()),
            ..client
        }
    }

    fn statements(&self) -> Vec<StatementRow> {
        let ongoing = self.ongoing();
        let mut rows: Vec<(u128, StatementRow)> = self
            .profile
            .statements
            .iter()
            .filter_map(|one| self.statement(one, &ongoing))
            .collect();
        rows.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.id.cmp(&other.1.id)));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn statement(&self, one: &Statement, ongoing: &Ongoing) -> Option<(u128, StatementRow)> {
        let service = self.profile.services.of(one.service)?;
        let known = one.statement.and_then(|id| self.scope.statements.describe(id));
        if known.is_none() && matches!(one.verb, Verb::Turn | Verb::Ping | Verb::Reset) {
            return None;
        }
        let unknown = Described {
            id: one
                .statement
                .map_or("unknown".to_owned(), |id| format!("unknown-{}", id.0)),
            ..Described::default()
        };
        let known = known.unwrap_or(unknown);
        let mut repeats = one.repeats;
        let going_on = one.statement.and_then(|id| ongoing.get(&(one.service, id)));
        going_on
            .into_iter()
            .flatten()
            .for_each(|repetition| repeats.add(repetition));
        let row = StatementRow {
            host: None,
            server: service.server,
            system: service.system,
            id: known.id,
            summary: known.summary,
            text: known.text,
            verb: one.verb.name().to_owned(),
            count: one.count,
            errors: one.errors,
            rows: one.rows,
            latency: one.latency.summarise(),
            duration: one.duration.summarise(),
            doubtful: one.doubtful,
            unanswered: Some(one.unanswered),
            waiting: one.waiting,
            validation: one.validation,
            repeats: (repeats.bursts > 0).then(|| Repeats {
                bursts: repeats.bursts,
                executions: repeats.executions,
                seconds: seconds(repeats.nanos),
            }),
            peak_repeats: Some(u64::from(repeats.most)).filter(|&most| most > 0),
            time: Some(one.legs.summarise_exchanges(Self::round_trip(service))),
        };
        Some((one.duration.sum(), row))
    }

    /// What is repeated in bursts that go on.
    fn ongoing(&self) -> Ongoing {
        let mut ongoing = Ongoing::new();
        for repetition in self.profile.recents.ongoing() {
            if let Some(service) = self.profile.service_of(repetition.id) {
                ongoing
                    .entry((service, repetition.statement))
                    .or_default()
                    .push(repetition);
            }
        }
        ongoing
    }

    fn hoarded(&self) -> Vec<Connection> {
        let ids = self.hoarded.keys().copied();
        let mut told: Vec<Connection> = ids.filter_map(|id| self.open_connection(id)).collect();
        let idle = |one: &Connection| one.idle_seconds.unwrap_or(0.0);
        told.sort_by(|one, other| {
            idle(other)
                .total_cmp(&idle(one))
                .then_with(|| (one.client, one.server).cmp(&(other.client, other.server)))
        });
        told
    }

    fn connections(&self) -> Option<Vec<Connection>> {
        match self.scope.connections {
            Listing::None => None,
            Listing::Flagged => Some(self.hoarded()),
            Listing::All => {
                let open = self
                    .profile
                    .lives
                    .iter()
                    .filter_map(|(id, _)| self.open_connection(id));
                let gone = self
                    .profile
                    .gone
                    .iter()
                    .filter_map(|gone| self.gone_connection(gone));
                Some(open.chain(gone).collect())
            }
        }
    }

    fn open_connection(&self, id: ConnectionId) -> Option<Connection> {
        let whole = Whole {
            life: self.profile.lives.of(id)?,
            extra: self.profile.lives.extra(id),
        };
        let life = whole.life;
        let past = self.past(id, &whole);
        let in_transaction = life.is_in_transaction();
        Some(Connection {
            state: life.state(),
            idle_seconds: Some(life.idle(self.now).seconds()),
            reasons: self.hoarded.get(&id).cloned().unwrap_or_default(),
            last_statement: past
                .last
                .and_then(|id| self.scope.statements.describe(id))
                .map(|known| known.id),
            transaction_seconds: past
                .transaction
                .filter(|_| in_transaction)
                .map(|begun| self.now.since(begun).seconds()),
            ..self.connection(&whole, self.now)?
        })
    }

    fn past(&self, id: ConnectionId, whole: &Whole<'_>) -> Past {
        let recent = self.profile.recents.past(id);
        Past {
            id,
            last: recent
                .and_then(|past| past.last)
                .or(whole.extra.and_then(|extra| extra.last_statement)),
            transaction: recent
                .and_then(|past| past.transaction)
                .or(whole.extra.and_then(|extra| extra.transaction)),
        }
    }

    fn gone_connection(&self, gone: &Gone) -> Option<Connection> {
        let whole = Whole {
            life: &gone.life,
            extra: Some(&gone.extra),
        };
        self.connection(&whole, gone.at)
    }

    /// A connection as of `until`, when it was closed or the watch ended.
    fn connection(&self, whole: &Whole<'_>, until: Timestamp) -> Option<Connection> {
        let life = whole.life;
        let pool = self.profile.pools.of(life.pool)?;
        let service = self.profile.services.of(pool.service)?;
        let identity = self.profile.identities.of(life.identity);
        let name = |known| self.profile.identities.name(known).map(str::to_owned);
        let since = life.opened.min(life.mark);
        Some(Connection {
            host: None,
            client: whole.client(),
            server: service.server,
            system: service.system,
            user: name(identity.user),
            database: name(identity.database),
            application: name(identity.application),
            owner: self.profile.identities.owner(identity.owner).cloned(),
            opened: life.is_from_syn().then_some(life.opened),
            state: ConnectionState::Closed,
            tls: life.is_encrypted(),
            age_seconds: Some(until.since(since).seconds()),
            idle_seconds: None,
            connect_seconds: whole.connect().map(Span::seconds),
            login_seconds: whole.login().map(Span::seconds),
            exchanges: whole.exchanges(),
            validations: u64::from(life.validations),
            keepalive_probes: u64::from(life.probes),
            in_use_seconds: life.in_use(until).seconds(),
            reasons: Vec::new(),
            observed_seconds: Some(until.since(life.opened).seconds()),
            pinned: life.is_pinned(),
            last_statement: None,
            transaction_seconds: None,
            network_rtt_seconds: None,
            retransmits: whole.extra.map(|extra| u64::from(extra.retransmits)),
            kernel: None,
        })
    }
}

fn service_signs(service: &Service, states: &States) -> ServiceSigns {
    let seen = &service.seen;
    let [client, server] = seen.retransmits;
    ServiceSigns {
        refusals: seen.refused.summarise(),
        errors: seen.errors.summarise(),
        syn_retries: seen.syn_retries,
        client_retransmits: client,
        server_retransmits: server,
        delayed_acknowledgments: seen.delayed_acknowledgments,
        clear_text_connections: seen.clear_text + states.clear_text,
    }
}

fn pool_signs(pool: &Pool, states: &States, now: Timestamp) -> PoolSigns {
    let full = pool.full(now);
    PoolSigns {
        full_seconds: full.total.seconds(),
        longest_full_seconds: full.longest.seconds(),
        full_times: full.times,
        reasons: states
            .reasons
            .iter()
            .map(|(reason, count)| (reason.name().to_owned(), *count))
            .collect(),
        longest_idle_seconds: states.longest_idle.map(Span::seconds),
        open_history: pool
            .history
            .samples()
            .iter()
            .map(|&open| u64::from(open))
            .collect(),
        open_history_seconds: pool.history.every().seconds(),
        close_wait: states.close_wait,
        longest_close_wait_seconds: states.longest_close_wait.map(Span::seconds),
        half_open: states.half_open,
    }
}

fn what_if(waits: &Waits) -> WhatIf {
    WhatIf {
        size: u64::from(waits.size),
        wait_p99_seconds: waits.p99.seconds(),
        waited_share: waits.share,
        wait_max_seconds: Some(waits.max.seconds()),
    }
}

/// The smallest size at which 99 of 100 requests would have been served at once.
fn recommend(waits: &[Waits]) -> Option<u64> {
    waits
        .iter()
        .find(|one| one.p99 == Span::ZERO)
        .map(|one| u64::from(one.size))
}

fn logins(pool: &Pool) -> Logins {
    let all = pool.seen.counts.all;
    let useful = all.requests.saturating_sub(all.validations);
    Logins {
        count: pool.seen.logins,
        failures: pool.seen.refused,
        seconds: pool.seen.legs.opening_seconds(),
        per_request: (useful > 0).then(|| pool.seen.logins as f64 / useful as f64),
    }
}
