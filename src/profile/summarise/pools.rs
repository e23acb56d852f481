//! Pools.

use std::collections::{BTreeMap, BTreeSet};

use super::View;
use super::services::held_up;
use super::states::States;
use crate::clock::{Span, Timestamp};
use crate::profile::hoard::need;
use crate::profile::pool::{Pool, PoolId};
use crate::profile::pools::Client;
use crate::profile::what_if::Waits;
use crate::summary::{self, Connections, Logins, PoolClient, PoolSigns, WhatIf};

impl View<'_> {
    pub(super) fn pools(&self, states: &BTreeMap<PoolId, States>) -> Vec<summary::Pool> {
        let told = self.profile.pools.iter().filter(|(_, pool)| !pool.is_void());
        let mut pools: Vec<_> = told
            .filter_map(|(id, pool)| self.pool(pool, &states.get(&id).cloned().unwrap_or_default()))
            .collect();
        pools.sort_by_key(|pool| std::cmp::Reverse((pool.connections.surplus, pool.connections.open)));
        pools
    }

    pub(super) fn pool(&self, pool: &Pool, states: &States) -> Option<summary::Pool> {
        let service = self.profile.services.of(pool.service)?;
        let mut pool = pool.clone();
        pool.pass(self.now);
        pool.demand.pass(self.now);
        let (needed, surplus) = need(&pool, &self.profile.config);
        let name = |id| self.profile.identities.name(id).map(str::to_owned);
        let waits = pool.waits(self.now);
        let mut time = held_up(pool.seen.legs.summarise(self.round_trip(service)), states);
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

    pub(super) fn client(&self, pool: &Pool, states: &States) -> PoolClient {
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
    pub(super) fn owned(&self, states: &States, client: PoolClient) -> PoolClient {
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
