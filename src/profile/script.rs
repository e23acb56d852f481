//! What tests play to a profile.

use super::{Config, Listing, Picture, Profile, Scope};
use crate::clock::{Span, Timestamp};
use crate::exchange::{Close, ConnectionId, Ending, Event, Exchange, Reply, StatementId};
use crate::packet::Endpoint;
use crate::protocol::{Session, Side, System, Transaction, Verb};

/// An exchange at these nanoseconds.
pub fn exchange(start: i64, request_end: i64, reply_start: i64, reply_end: i64) -> Exchange {
    let at = Timestamp::from_nanos;
    Exchange {
        statement: None,
        verb: Verb::Query,
        start: at(start),
        request_end: at(request_end),
        reply: Some(Reply {
            start: at(reply_start),
            end: at(reply_end),
        }),
        request_bytes: 10,
        reply_bytes: 20,
        rows: None,
        outcome: Ending::Ok,
        in_transaction: false,
        validation: false,
        waiting: false,
        opaque: false,
        doubt: None,
    }
}

/// A TCP handshake of a millisecond.
pub const CONNECTED: Event<'static> = Event::Connected {
    total: Span::from_millis(1),
    server_part: Span::from_millis(1),
};

/// Plays events at whole seconds of one app at 10.0.0.9 and one server.
pub struct Script {
    /// What listens.
    pub profile: Profile,
}

impl Script {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let mut profile = Profile::new(config);
        profile.watch_from(at(0.0));
        Self { profile }
    }

    pub fn event(&mut self, id: u32, seconds: f64, event: Event<'_>) {
        self.profile.record(ConnectionId(id), at(seconds), event);
    }

    pub fn open_from(&mut self, id: u32, seconds: f64, address: &str, from_syn: bool) {
        let opened = Event::Opened {
            client: Endpoint::new(address.parse().unwrap(), 40_000 + id as u16),
            server: server(),
            system: System::Postgresql,
            from_syn,
        };
        self.event(id, seconds, opened);
    }

    /// Opened in the watch, logged in as `user`.
    pub fn login(&mut self, id: u32, seconds: f64, user: &str) {
        self.open_from(id, seconds, "10.0.0.9", true);
        self.event(id, seconds, CONNECTED);
        self.identify(id, seconds, user);
        self.event(id, seconds, Event::LoggedIn(Span::from_millis(5)));
        self.rest(id, seconds);
    }

    pub fn identify(&mut self, id: u32, seconds: f64, user: &str) {
        let session = Session {
            user: Some(user.as_bytes()),
            database: Some(b"shop"),
            application: None,
        };
        self.event(id, seconds, Event::Identified(session));
    }

    pub fn busy(&mut self, id: u32, seconds: f64) {
        self.event(id, seconds, Event::Busy { validation: false });
    }

    pub fn rest(&mut self, id: u32, seconds: f64) {
        self.event(
            id,
            seconds,
            Event::Rest {
                transaction: Transaction::None,
            },
        );
    }

    pub fn rest_in_transaction(&mut self, id: u32, seconds: f64) {
        self.event(
            id,
            seconds,
            Event::Rest {
                transaction: Transaction::Open,
            },
        );
    }

    pub fn exchanged(&mut self, id: u32, from: f64, to: f64, change: impl FnOnce(&mut Exchange)) {
        let (from, to) = (at(from).nanos(), at(to).nanos());
        let mut one = exchange(from, from, to, to);
        one.statement = Some(StatementId(1));
        change(&mut one);
        self.profile.record(
            ConnectionId(id),
            Timestamp::from_nanos(to),
            Event::Exchanged {
                exchange: &one,
                times: 1,
                rest: None,
            },
        );
    }

    /// One useful request.
    pub fn query(&mut self, id: u32, from: f64, to: f64) {
        self.busy(id, from);
        self.exchanged(id, from, to, |_| {});
        self.rest(id, to);
    }

    /// One liveness check.
    pub fn ping(&mut self, id: u32, seconds: f64) {
        self.event(id, seconds, Event::Busy { validation: true });
        self.exchanged(id, seconds, seconds + 0.001, |one| one.validation = true);
        self.rest(id, seconds + 0.001);
    }

    pub fn probe(&mut self, id: u32, seconds: f64) {
        self.event(id, seconds, Event::KeepAlive(Side::Client));
    }

    pub fn close(&mut self, id: u32, seconds: f64) {
        self.event(id, seconds, Event::Closed(Close::Finished));
    }

    pub fn picture(&self, seconds: f64) -> Picture {
        let scope = Scope {
            statements: &|_: StatementId| None,
            vantage: &|_| None,
            round_trip: &|_| None,
            connections: Listing::All,
        };
        self.profile.summarise(at(seconds), &scope)
    }
}

pub fn at(seconds: f64) -> Timestamp {
    // Rounded, since few tenths are exact in binary.
    Timestamp::from_nanos(1_000_000_000_000_000 + (seconds * 1e9).round() as i64)
}

pub fn server() -> Endpoint {
    Endpoint::new("10.0.0.5".parse().unwrap(), 5432)
}
