//! One database server: what is counted of its exchanges, logins and connections.

use std::collections::BTreeMap;

use super::durations::Durations;
use super::life::Opening;
use super::timing::Timing;
use crate::clock::Span;
use crate::exchange::{Doubt, Ending, Exchange};
use crate::packet::Endpoint;
use crate::protocol::{ErrorCode, Side, System};
use crate::summary;

/// Error codes told apart; the rest is counted together.
const CODES: usize = 16;

/// A server's place in [`Services`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId(pub u16);

/// How many of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// As in the summary.
    pub all: summary::Exchanges,
}

impl Counts {
    /// Counts an exchange, with its times where it counts.
    #[inline]
    pub fn add(&mut self, exchange: &Exchange, timing: Option<&Timing>) {
        match timing.filter(|timing| timing.is_plain) {
            Some(timing) => {
                self.all.requests += u64::from(timing.times);
                self.all.replies += u64::from(timing.times);
            }
            None => self.add_any(exchange),
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        let (all, other) = (&mut self.all, &other.all);
        all.requests += other.requests;
        all.replies += other.replies;
        all.errors += other.errors;
        all.unanswered += other.unanswered;
        all.validations += other.validations;
        all.waiting += other.waiting;
        all.doubtful += other.doubtful;
    }

    #[inline(never)]
    fn add_any(&mut self, exchange: &Exchange) {
        let all = &mut self.all;
        all.requests += u64::from(exchange.doubt != Some(Doubt::Unmatched));
        all.replies += u64::from(exchange.reply.is_some());
        match exchange.outcome {
            Ending::Ok => {}
            Ending::Error(_) => all.errors += 1,
            Ending::Unanswered => all.unanswered += 1,
        }
        all.validations += u64::from(exchange.validation);
        all.waiting += u64::from(exchange.waiting);
        all.doubtful += u64::from(exchange.doubt.is_some());
    }
}

/// Where the time of exchanges goes, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Legs {
    count: u64,
    request: u64,
    latency: u64,
    reply: u64,
    thinking: u64,
    window_closed: u64,
    connect: u64,
    login: u64,
}

impl Legs {
    /// Adds an exchange that counts.
    #[inline]
    pub fn add(&mut self, timing: &Timing) {
        let times = u64::from(timing.times);
        self.count += times;
        self.request += timing.request * times;
        self.latency += timing.latency.nanos() * times;
        self.reply += timing.reply * times;
        self.window_closed += timing.window_closed * times;
    }

    /// Adds all exchanges of others.
    pub fn merge_exchanges(&mut self, other: &Self) {
        self.count += other.count;
        self.request += other.request;
        self.latency += other.latency;
        self.reply += other.reply;
        self.window_closed += other.window_closed;
    }

    /// Adds a TCP handshake.
    pub fn add_connect(&mut self, took: Span) {
        self.connect += nanos(took);
    }

    /// Adds a login.
    pub fn add_login(&mut self, took: Span) {
        self.login += nanos(took);
    }

    /// Adds time between requests inside a transaction.
    pub fn add_thinking(&mut self, span: Span) {
        self.thinking += nanos(span);
    }

    /// Takes back what was added for a connection that belongs elsewhere.
    pub fn take_back(&mut self, (connect, login): Opening) {
        self.connect = self.connect.saturating_sub(nanos(connect));
        self.login = self.login.saturating_sub(nanos(login));
    }

    /// Time spent connecting and logging in.
    #[must_use]
    pub fn opening_seconds(&self) -> f64 {
        seconds(self.connect + self.login)
    }

    /// As the summary tells it. The network has one round trip of each exchange, as far as the latency holds one.
    #[must_use]
    pub fn summarise(&self, round_trip: Option<Span>) -> summary::WhereTimeGoes {
        let network = round_trip.map(|one| nanos(one).saturating_mul(self.count).min(self.latency));
        summary::WhereTimeGoes {
            connect_seconds: Some(seconds(self.connect)),
            login_seconds: Some(seconds(self.login)),
            ..self.of_exchanges(network)
        }
    }

    /// The same for a statement, which has no connections of its own.
    #[must_use]
    pub fn summarise_exchanges(&self, round_trip: Option<Span>) -> summary::WhereTimeGoes {
        let network = round_trip.map(|one| nanos(one).saturating_mul(self.count).min(self.latency));
        self.of_exchanges(network)
    }

    fn of_exchanges(&self, network: Option<u64>) -> summary::WhereTimeGoes {
        summary::WhereTimeGoes {
            request_seconds: Some(seconds(self.request)),
            network_seconds: network.map(seconds),
            server_seconds: network.map(|network| seconds(self.latency - network)),
            reply_seconds: Some(seconds(self.reply)),
            window_closed_seconds: Some(seconds(self.window_closed)),
            thinking_seconds: Some(seconds(self.thinking)),
            ..summary::WhereTimeGoes::default()
        }
    }
}

fn nanos(span: Span) -> u64 {
    u64::try_from(span.nanos()).unwrap_or(0)
}

/// Nanoseconds in seconds.
#[must_use]
pub fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// How many there are, and the most there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    /// Now.
    pub now: u32,
    /// The most at once.
    pub peak: u32,
}

impl Gauge {
    /// One more.
    pub fn rise(&mut self) {
        self.now += 1;
        self.peak = self.peak.max(self.now);
    }

    /// One less.
    pub fn fall(&mut self) {
        self.now = self.now.saturating_sub(1);
    }

    /// A new interval begins.
    pub fn turn(&mut self) {
        self.peak = self.now;
    }
}

/// How often each error code came.
#[derive(Clone, Debug, Default)]
pub struct Codes {
    told: Vec<(ErrorCode, u64)>,
    others: u64,
}

impl Codes {
    /// Counts one.
    pub fn add(&mut self, code: ErrorCode) {
        if let Some((_, count)) = self.told.iter_mut().find(|(told, _)| *told == code) {
            *count += 1;
        } else if self.told.len() < CODES {
            self.told.push((code, 1));
        } else {
            self.others += 1;
        }
    }

    /// As the summary tells it; what is not told apart has an empty name.
    #[must_use]
    pub fn summarise(&self) -> BTreeMap<String, u64> {
        let others = (self.others > 0).then(|| (String::new(), self.others));
        let told = self
            .told
            .iter()
            .map(|(code, count)| (code.as_str().to_owned(), *count));
        let mut all = BTreeMap::new();
        for (code, count) in told.chain(others) {
            *all.entry(code).or_default() += count;
        }
        all
    }

    /// All counted, with any code or none.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.told.iter().map(|(_, count)| count).sum::<u64>() + self.others
    }
}

/// One server.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its address and port.
    pub server: Endpoint,
    /// What it speaks, as last told.
    pub system: System,
    /// Its connections.
    pub open: Gauge,
    /// Those held.
    pub held: Gauge,
    /// What is counted and begins anew with each interval.
    pub seen: Seen,
}

impl Service {
    /// One of its connections speaks this. What can't be read on one says nothing of the others.
    pub fn learn(&mut self, system: System) {
        if system != System::Unknown {
            self.system = system;
        }
    }
}

/// What is counted and begins anew with each interval. Exchanges by kind, their latencies and where their time goes are its pools'.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Where the time goes besides exchanges.
    pub legs: Legs,
    /// First byte of the request to last byte of the reply.
    pub duration: Durations,
    /// SYN to ACK.
    pub connect: Durations,
    /// First byte of the login to its end.
    pub login: Durations,
    /// SYN to SYN-ACK: the round trip between here and the server, which is the network's part of a latency.
    pub server_part: Durations,
    /// Logins refused, by code.
    pub refused: Codes,
    /// Errors of exchanges, by code.
    pub errors: Codes,
    /// Segments sent again by the client and by the server.
    pub retransmits: [u64; 2],
    /// SYNs sent again.
    pub syn_retries: u64,
    /// Connections closed on which requests could be read by others.
    pub clear_text: u64,
    /// Times that a side closed its window.
    pub zero_windows: u64,
    /// Requests or replies that took as long as an acknowledgment is delayed.
    pub delayed_acknowledgments: u64,
}

/// How long Linux delays an acknowledgment at least (`TCP_DELACK_MIN`, `include/net/tcp.h`), and what may come on top.
const DELAYED: std::ops::RangeInclusive<u64> = 38_000_000..=48_000_000;

impl Seen {
    /// Adds an exchange; one that counts with its times.
    #[inline]
    pub fn add(&mut self, exchange: &Exchange, timing: Option<&Timing>) {
        if let Ending::Error(code) = exchange.outcome {
            self.errors.add(code);
        }
        if let Some(timing) = timing {
            self.duration.record_values(timing.duration, timing.times);
            if is_delayed(exchange, timing) {
                self.delayed_acknowledgments += u64::from(timing.times);
            }
        }
    }

    /// A side sent a segment again.
    pub fn retransmitted(&mut self, side: Side) {
        self.retransmits[super::life::index(side)] += 1;
    }
}

/// Nagle's algorithm holds back only what does not fill a segment: two parts of Ethernet's 1,460 bytes are no more than this.
const TWO_PARTS: u64 = 2 * 1460;

/// Whether a request or a reply looks sent in two small parts, the second only after the first's delayed acknowledgment.
fn is_delayed(exchange: &Exchange, timing: &Timing) -> bool {
    let held_back = |span: u64, bytes: u64| DELAYED.contains(&span) && bytes <= TWO_PARTS;
    held_back(timing.sending, exchange.request_bytes) || held_back(timing.receiving, exchange.reply_bytes)
}

/// All servers, bounded; further ones are counted with the last.
#[derive(Debug)]
pub struct Services {
    most: usize,
    all: Vec<Service>,
    ids: std::collections::HashMap<Endpoint, ServiceId, foldhash::fast::RandomState>,
    last: Option<(Endpoint, ServiceId)>,
}

impl Services {
    /// The most servers told apart.
    pub const MOST: usize = 4096;

    /// None yet, and at most so many.
    #[must_use]
    pub fn within(most: usize) -> Self {
        Self {
            most: most.clamp(1, Self::MOST),
            all: Vec::new(),
            ids: std::collections::HashMap::default(),
            last: None,
        }
    }

    /// The id of a server, new or known.
    pub fn id(&mut self, server: Endpoint, system: System) -> ServiceId {
        if let Some((_, id)) = self.last.filter(|(last, _)| *last == server) {
            return id;
        }
        let id = match self.ids.get(&server) {
            Some(&id) => id,
            None if self.all.len() < self.most => self.add(server, system),
            None => ServiceId((self.most - 1) as u16),
        };
        self.last = Some((server, id));
        id
    }

    fn add(&mut self, server: Endpoint, system: System) -> ServiceId {
        let id = ServiceId(self.all.len() as u16);
        self.all.push(Service {
            server,
            system,
            open: Gauge::default(),
            held: Gauge::default(),
            seen: Seen::default(),
        });
        self.ids.insert(server, id);
        id
    }

    /// The server with this id.
    pub fn of_mut(&mut self, id: ServiceId) -> Option<&mut Service> {
        self.all.get_mut(usize::from(id.0))
    }

    /// The server with this id.
    #[must_use]
    pub fn of(&self, id: ServiceId) -> Option<&Service> {
        self.all.get(usize::from(id.0))
    }

    /// All of them, by rising id.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        (0..).map(ServiceId).zip(&self.all)
    }

    /// Begins an interval.
    pub fn turn(&mut self) {
        for service in &mut self.all {
            service.seen = Seen::default();
            service.open.turn();
            service.held.turn();
        }
    }
}

#[cfg(test)]
mod tests;
