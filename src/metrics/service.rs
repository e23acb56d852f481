//! What was counted of a database server.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::labels::label;
use super::table::{Row, Told};
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::summary::{Connections, Exchanges, InFlight, Service, WhereTimeGoes};

/// The most error codes told apart; others count under an empty code.
const CODES: usize = 32;

/// What tells servers apart.
pub type ServiceKey = Endpoint;

/// What was counted of a server.
#[derive(Clone, Debug, Default)]
pub struct ServiceTotals {
    /// What it speaks, as last known.
    pub system: Option<System>,
    /// Its connections now.
    pub connections: Connections,
    /// What is in flight now.
    pub in_flight: InFlight,
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Exchanges of each kind.
    pub exchanges: Exchanges,
    /// Replies that were errors, by code.
    pub errors: BTreeMap<String, u64>,
    /// Logins refused, by code.
    pub refusals: BTreeMap<String, u64>,
    /// Segments that clients sent again.
    pub client_retransmits: u64,
    /// Segments that the server sent again.
    pub server_retransmits: u64,
    /// Times a side closed its receive window.
    pub zero_windows: u64,
    /// SYNs sent again.
    pub syn_retries: u64,
    /// Second parts of requests and replies that waited for a delayed acknowledgment.
    pub delayed_acknowledgments: u64,
    /// Where time went.
    pub time: Legs,
    /// Last byte of the request to first byte of the reply.
    pub latency: Histogram,
    /// First byte of the request to last byte of the reply.
    pub duration: Histogram,
    /// First byte of a login to its end.
    pub login: Histogram,
    /// SYN to the ACK that completes the handshake.
    pub connect: Histogram,
    /// Round trips of the network alone.
    pub network_rtt: Histogram,
}

impl Row for ServiceTotals {
    type Told = Service;

    fn add(&mut self, told: &Service) {
        self.system = Some(told.system);
        add_states(&mut self.connections, &told.connections);
        self.in_flight.count += told.in_flight.count;
        let oldest = [self.in_flight.oldest_seconds, told.in_flight.oldest_seconds];
        self.in_flight.oldest_seconds = oldest.into_iter().flatten().reduce(f64::max);
        self.opened += told.connections.opened;
        self.closed += told.connections.closed;
        add_exchanges(&mut self.exchanges, &told.exchanges);
        add_codes(&mut self.errors, &told.signs.errors);
        add_codes(&mut self.refusals, &told.signs.refusals);
        self.client_retransmits += told.signs.client_retransmits;
        self.server_retransmits += told.signs.server_retransmits;
        self.zero_windows += told.zero_windows.unwrap_or(0);
        self.syn_retries += told.signs.syn_retries;
        self.delayed_acknowledgments += told.signs.delayed_acknowledgments;
        self.time.add(told.time.as_ref());
        self.add_distributions(told);
    }

    fn begin(&mut self) {
        self.connections = Connections::default();
        self.in_flight = InFlight::default();
    }
}

impl ServiceTotals {
    /// A summary of this process can be read; one that can't is left out.
    fn add_distributions(&mut self, told: &Service) {
        let _ = self.latency.add(&told.latency);
        let _ = self.duration.add(&told.duration);
        let _ = self.login.add(&told.login);
        let _ = self.network_rtt.add(&told.network_rtt);
        let _ = told.connect.as_ref().map(|connect| self.connect.add(connect));
    }
}

/// Seconds on each leg, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Legs([f64; Legs::NAMES.len()]);

impl Legs {
    /// What the legs are called, as in the summary's `time`.
    pub const NAMES: [&str; 9] = [
        "connect",
        "login",
        "request",
        "network",
        "server",
        "reply",
        "window_closed",
        "thinking",
        "idle",
    ];

    /// Adds an interval's; a leg that went back is taken as standing still.
    pub(super) fn add(&mut self, time: Option<&WhereTimeGoes>) {
        let Some(time) = time else { return };
        let legs = [
            time.connect_seconds,
            time.login_seconds,
            time.request_seconds,
            time.network_seconds,
            time.server_seconds,
            time.reply_seconds,
            time.window_closed_seconds,
            time.thinking_seconds,
            time.idle_seconds,
        ];
        for (sum, leg) in self.0.iter_mut().zip(legs) {
            *sum += leg.unwrap_or(0.0).max(0.0);
        }
    }

    /// Each leg's name and seconds.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        Self::NAMES.into_iter().zip(self.0)
    }
}

/// A service as its table takes it: the busiest and the most connected matter most.
pub(super) fn told(service: &Service) -> Told<'_, ServiceKey, Service> {
    Told {
        key: service.server,
        value: service.exchanges.requests as f64 + service.connections.open as f64,
        told: service,
    }
}

pub(super) fn add_states(sum: &mut Connections, told: &Connections) {
    let known = |sum: Option<u64>, told: Option<u64>| match (sum, told) {
        (Some(sum), Some(told)) => Some(sum + told),
        (sum, told) => sum.or(told),
    };
    sum.open += told.open;
    sum.in_use += told.in_use;
    sum.idle += told.idle;
    sum.idle_in_transaction += told.idle_in_transaction;
    sum.hoarded += told.hoarded;
    sum.peak_open += told.peak_open;
    sum.peak_in_use += told.peak_in_use;
    sum.needed = known(sum.needed, told.needed);
    sum.surplus = known(sum.surplus, told.surplus);
}

pub(super) const fn add_exchanges(sum: &mut Exchanges, told: &Exchanges) {
    sum.requests += told.requests;
    sum.replies += told.replies;
    sum.errors += told.errors;
    sum.unanswered += told.unanswered;
    sum.validations += told.validations;
    sum.waiting += told.waiting;
    sum.doubtful += told.doubtful;
}

/// The code `""` stands for all that found no room.
fn add_codes(sum: &mut BTreeMap<String, u64>, told: &BTreeMap<String, u64>) {
    for (code, count) in told {
        let code = label(Some(code));
        let has_room = sum.contains_key(&code) || sum.len() < CODES;
        *sum.entry(if has_room { code } else { String::new() })
            .or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bounded_and_none_is_lost() {
        let mut sum = BTreeMap::new();
        for code in 0..1000 {
            add_codes(&mut sum, &BTreeMap::from([(code.to_string(), 2)]));
        }
        assert_eq!(sum.len(), CODES + 1);
        assert_eq!(sum.values().sum::<u64>(), 2000);
        assert_eq!(sum[""], 2 * (1000 - CODES as u64));
    }

    #[test]
    fn legs_have_their_names() {
        let mut legs = Legs::default();
        let time = WhereTimeGoes {
            connect_seconds: Some(1.0),
            server_seconds: Some(5.0),
            idle_seconds: Some(9.0),
            thinking_seconds: Some(-1.0),
            ..WhereTimeGoes::default()
        };
        legs.add(Some(&time));
        legs.add(Some(&time));
        legs.add(None);
        let told: Vec<_> = legs.iter().filter(|(_, seconds)| *seconds != 0.0).collect();
        assert_eq!(told, [("connect", 2.0), ("server", 10.0), ("idle", 18.0)]);
    }
}
