//! Exchanges and logins.

use super::Profile;
use super::identity::Identities;
use super::life::Traits;
use super::recent::{Ended, Past};
use super::service::ServiceId;
use super::timing::Timing;
use crate::clock::{Span, Timestamp};
use crate::exchange::{ConnectionId, Ending, Exchange};
use crate::protocol::{ErrorCode, Session, System, Transaction};

impl Profile {
    /// So many alike are over, and the connection may rest then.
    pub(super) fn exchanged(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        exchange: &Exchange,
        times: u32,
        rest: Option<Transaction>,
    ) {
        let at_once = times == 1 || exchange.counts() && exchange.outcome == Ending::Ok && self.held_up == 0;
        if !at_once {
            (1..times).for_each(|_| self.exchanged(id, at, exchange, 1, None));
        }
        self.count_exchanges(id, at, exchange, if at_once { times } else { 1 });
        if let Some(transaction) = rest {
            self.rest(id, at, transaction);
        }
    }

    #[inline]
    fn count_exchanges(&mut self, id: ConnectionId, at: Timestamp, exchange: &Exchange, times: u32) {
        let Some(life) = self.lives.of_mut(id) else { return };
        if exchange.validation {
            life.validations = life.validations.saturating_add(1);
            life.traits = life.traits.with(Traits::VALIDATED);
        } else {
            life.worked(at, exchange);
        }
        if !exchange.opaque {
            life.traits = life.traits.with(Traits::READ);
        }
        let pool_id = life.pool;
        match life.exchanges.checked_add(times) {
            Some(count) => life.exchanges = count,
            None => self.lives.count_exchanges(id, times),
        }
        let closed = self.take_closed_windows(id);
        let timing = Timing::of(exchange, closed, times);
        let timing = timing.as_ref();
        let Some(pool) = self.pools.of_mut(pool_id) else {
            return;
        };
        pool.seen.add(exchange, timing);
        let service = pool.service;
        if let Some(service) = self.services.of_mut(service) {
            service.seen.add(exchange, timing);
        }
        self.statements.add(service, exchange, timing);
        if !exchange.validation
            && !exchange.opaque
            && let Some(ended) = self.recents.add(id, exchange, times)
        {
            self.tell(&ended);
        }
    }

    /// For how long the windows were closed while this connection's request was in flight; nearly always nobody's were.
    #[inline]
    fn take_closed_windows(&mut self, id: ConnectionId) -> [Span; 2] {
        if self.held_up == 0 || self.lives.extra(id).is_none() {
            return [Span::ZERO; 2];
        }
        let closed = std::mem::take(&mut self.lives.extra_mut(id).held_up);
        self.held_up -= usize::from(closed != [Span::ZERO; 2]);
        closed
    }

    /// Counts what was repeated, and keeps what is not remembered elsewhere any more.
    pub(super) fn tell(&mut self, ended: &Ended) {
        if let Some(pause) = &ended.pause {
            let service = self.service_of(pause.id);
            self.statements.think(service, pause.after, pause.length);
        }
        for one in &ended.repetitions {
            let service = self.service_of(one.id);
            self.statements.tell(service, one);
        }
        if let Some(past) = ended.displaced {
            self.keep_past(past);
        }
    }

    /// Keeps the past of a silent transaction.
    pub(super) fn keep_past(&mut self, past: Past) {
        if self
            .lives
            .of(past.id)
            .is_some_and(|life| life.traits.has(Traits::TRANSACTION))
        {
            let extra = self.lives.extra_mut(past.id);
            extra.last_statement = past.last;
            extra.transaction = past.transaction;
        }
    }

    pub(super) fn service_of(&self, id: ConnectionId) -> Option<ServiceId> {
        let life = self.lives.of(id)?;
        self.pools.of(life.pool).map(|pool| pool.service)
    }

    pub(super) fn connected(&mut self, id: ConnectionId, at: Timestamp, took: Span, server_part: Span) {
        self.lives.connected(id, took);
        let mut logs_in = true;
        self.count(id, |service, pool| {
            service.seen.connect.record(took);
            service.seen.server_part.record(server_part);
            service.seen.legs.add_connect(took);
            pool.seen.legs.add_connect(took);
            logs_in = matches!(
                service.system,
                System::Postgresql | System::Mysql | System::Mariadb
            );
        });
        let done = if logs_in { Traits::NONE } else { Traits::HANDSHAKE };
        self.change(id, at, Traits::NONE, done);
    }

    pub(super) fn logged_in(&mut self, id: ConnectionId, at: Timestamp, took: Span) {
        self.lives.logged_in(id, took);
        self.count(id, |service, pool| {
            service.seen.login.record(took);
            service.seen.legs.add_login(took);
            pool.seen.legs.add_login(took);
            pool.seen.logins += 1;
        });
        self.change(id, at, Traits::NONE, Traits::HANDSHAKE);
        if let Some(life) = self.lives.of_mut(id).filter(|life| !life.is_held()) {
            // Idle begins when the session can be used.
            life.mark = life.mark.max(at);
        }
        self.regroup(id, at, Identities::settle);
    }

    pub(super) fn login_failed(&mut self, id: ConnectionId, code: ErrorCode) {
        if self.lives.of(id).is_some() {
            self.count(id, |service, pool| {
                service.seen.refused.add(code);
                pool.seen.refused += 1;
            });
        }
    }

    pub(super) fn identified(&mut self, id: ConnectionId, at: Timestamp, session: &Session<'_>) {
        self.regroup(id, at, |identities, known| identities.learn(known, session));
    }
}
