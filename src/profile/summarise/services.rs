//! Servers.

use std::collections::BTreeMap;

use super::View;
use super::states::States;
use crate::clock::Span;
use crate::profile::durations::Durations;
use crate::profile::pool::PoolId;
use crate::profile::service::{Counts, Legs, Service, ServiceId};
use crate::summary::{self, Connections, ServiceSigns, WhereTimeGoes};

/// So many handshakes tell what is usual; of fewer, one that met a busy host would tell too much.
const ENOUGH: u64 = 8;

/// What a server's pools have counted together.
#[derive(Default)]
struct Served {
    states: States,
    counts: Counts,
    legs: Legs,
    latency: Durations,
}

impl View<'_> {
    pub(super) fn services(&self, states: &BTreeMap<PoolId, States>) -> Vec<summary::Service> {
        let mut served = self.served(states);
        let told = self.profile.services.iter();
        let mut services: Vec<_> = told
            .map(|(id, service)| self.service(service, &served.remove(&id).unwrap_or_default()))
            .collect();
        services.sort_by_key(|service| (std::cmp::Reverse(service.exchanges.requests), service.server));
        services
    }

    fn served(&self, states: &BTreeMap<PoolId, States>) -> BTreeMap<ServiceId, Served> {
        let mut all: BTreeMap<ServiceId, Served> = BTreeMap::new();
        for (id, pool) in self.profile.pools.iter() {
            let served = all.entry(pool.service).or_default();
            served.counts.merge(&pool.seen.counts);
            served.legs.merge_exchanges(&pool.seen.legs);
            served.latency.add(&pool.seen.latency);
            if let Some(states) = states.get(&id) {
                served.states.merge(states);
            }
        }
        all
    }

    fn service(&self, service: &Service, served: &Served) -> summary::Service {
        let (seen, states) = (&service.seen, &served.states);
        let mut legs = seen.legs;
        legs.merge_exchanges(&served.legs);
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
            exchanges: served.counts.all,
            in_flight: states.in_flight(),
            latency: served.latency.summarise(),
            duration: seen.duration.summarise(),
            network_rtt: seen.connect.summarise(),
            connect: Some(seen.connect.summarise()),
            login_failures: Some(seen.refused.count()),
            time: Some(held_up(legs.summarise(self.round_trip(service)), states)),
            retransmits: Some(seen.retransmits.iter().sum()),
            zero_windows: Some(seen.zero_windows),
            signs: service_signs(service, states),
        }
    }

    /// The network's share of a latency: what lies between here and the server.
    pub(super) fn round_trip(&self, service: &Service) -> Option<Span> {
        let parts = &service.seen.server_part;
        let seen = (parts.count() > 0).then(|| parts.quantile(0.5));
        if parts.count() >= ENOUGH {
            return seen;
        }
        let known = (self.scope.round_trip)(service.server);
        seen.into_iter().chain(known).min()
    }
}

/// With what is held up by a closed window now.
pub(super) fn held_up(time: WhereTimeGoes, states: &States) -> WhereTimeGoes {
    WhereTimeGoes {
        window_closed_seconds: time
            .window_closed_seconds
            .map(|closed| closed + states.held_up.seconds()),
        ..time
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
