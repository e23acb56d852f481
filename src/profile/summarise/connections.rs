//! Connections.

use std::cmp::Reverse;

use super::{Listing, View};
use crate::clock::{Span, Timestamp};
use crate::exchange::ConnectionId;
use crate::profile::Gone;
use crate::profile::life::Whole;
use crate::profile::recent::Past;
use crate::summary::{Connection, ConnectionState};

impl View<'_> {
    pub(super) fn hoarded(&self) -> Vec<Connection> {
        let idle = |id| self.profile.lives.of(id).map(|life| life.idle(self.now));
        let mut ids: Vec<_> = self.hoarded.keys().map(|&id| (Reverse(idle(id)), id)).collect();
        ids.sort_by_cached_key(|&(idle, id)| (idle, self.profile.ends(id)));
        ids.truncate(self.profile.config.bounds.listed);
        ids.into_iter()
            .filter_map(|(_, id)| self.open_connection(id))
            .collect()
    }

    /// How many connections, hoarded ones or all that are asked for, found no room in their list.
    pub(super) fn unlisted(&self) -> u64 {
        let listed = self.profile.config.bounds.listed;
        match self.scope.connections {
            Listing::All => {
                let kept = self.profile.lives.open() + self.profile.gone.len();
                kept.saturating_sub(listed) as u64 + self.profile.gone_uncounted
            }
            Listing::Flagged | Listing::None => self.hoarded.len().saturating_sub(listed) as u64,
        }
    }

    pub(super) fn connections(&self) -> Option<Vec<Connection>> {
        match self.scope.connections {
            Listing::None => None,
            Listing::Flagged => Some(self.hoarded()),
            Listing::All => {
                let open = self.by_age().into_iter();
                let open = open.filter_map(|id| self.open_connection(id));
                let gone = self
                    .profile
                    .gone
                    .iter()
                    .filter_map(|gone| self.gone_connection(gone));
                Some(open.chain(gone).take(self.profile.config.bounds.listed).collect())
            }
        }
    }

    /// The open connections, the one first seen first. What ids they have changes nothing.
    fn by_age(&self) -> Vec<ConnectionId> {
        let open = self.profile.lives.iter();
        let mut open: Vec<_> = open.map(|(id, life)| (life.opened, id)).collect();
        open.sort_by_cached_key(|&(opened, id)| (opened, self.profile.ends(id)));
        open.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn open_connection(&self, id: ConnectionId) -> Option<Connection> {
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

    pub(super) fn past(&self, id: ConnectionId, whole: &Whole<'_>) -> Past {
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

    pub(super) fn gone_connection(&self, gone: &Gone) -> Option<Connection> {
        let whole = Whole {
            life: &gone.life,
            extra: Some(&gone.extra),
        };
        self.connection(&whole, gone.at)
    }

    /// A connection as of `until`, when it was closed or the watch ended.
    pub(super) fn connection(&self, whole: &Whole<'_>, until: Timestamp) -> Option<Connection> {
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
