//! The kernel's view of all connections to databases, now and without a capture: what `sockhound sockets` prints.

mod pairing;
mod text;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::{Span, Timestamp};
use crate::host::{self, Inventory, Socket, State};
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::protocol::catalog::Target;
use crate::summary::{KernelView, Vantage};
use crate::watch::kernel;

use pairing::Ends;
pub use text::draw;

/// What to show of an inventory, and in which order.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The databases.
    pub databases: Vec<Target>,
    /// Only connections on which no data went for this long.
    pub idle_after: Option<Span>,
    /// What comes first.
    pub order: Order,
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The longest idle.
    Idle,
    /// The oldest process.
    Age,
    /// By the server's address.
    Server,
    /// By the client's address.
    Client,
    /// By who holds it.
    Owner,
    /// By state.
    State,
}

/// All connections to databases that this host's kernel knows of.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SocketsView {
    /// Which version of this model it is: `sockhound.sockets.v1`.
    pub schema: &'static str,
    /// This host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The version of sockhound that wrote it.
    pub version: &'static str,
    /// When the kernel was asked.
    pub time: Timestamp,
    /// No data for this long counts as idle in `owners`.
    pub idle_after_seconds: f64,
    /// One for each connection, in the order asked for.
    pub connections: Vec<SocketLine>,
    /// One for each holder, the one with most connections first.
    pub owners: Vec<OwnerTotal>,
    /// One for each server, in the order of their addresses; only those on this host know what waits for `accept`.
    pub servers: Vec<ServerTotal>,
    /// What the kernel would not tell, in words.
    pub missing: Vec<String>,
}

/// One connection to a database.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SocketLine {
    /// The application's end.
    pub client: Endpoint,
    /// The database's end.
    pub server: Endpoint,
    /// What its port suggests is spoken.
    pub system: System,
    /// Which of its ends are on this host: `client`, `server` or `both`.
    pub vantage: Vantage,
    /// The TCP state as `ss` names it; the client's end's where both are here and neither is in `CLOSE-WAIT`.
    pub state: &'static str,
    /// Since data last went either way; keep-alive probes and acknowledgments do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<f64>,
    /// Since the process that holds it started (the later one where both ends are here): at most this old, unless the process inherited
    /// it. The kernel does not keep when a connection was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_at_most_seconds: Option<f64>,
    /// One round trip of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_rtt_seconds: Option<f64>,
    /// Whether either end has keep-alive on, and its timer is running.
    pub keepalive: bool,
    /// What is wrong with it.
    pub reasons: Vec<SocketReason>,
    /// Who holds the client's end, where that is on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Holder>,
    /// Who holds the server's end, where that is on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_owner: Option<Holder>,
    /// The client's socket, where it is on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_socket: Option<KernelView>,
    /// The server's socket, where it is on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_socket: Option<KernelView>,
}

/// What is wrong with a connection by the kernel's word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SocketReason {
    /// The other end closed, and the process here did not: a leak if it lasts.
    CloseWait,
    /// The other end does not answer keep-alive probes any more.
    HalfOpen,
    /// No data ever went either way, not even a login.
    NeverUsed,
    /// The other end's receive window is closed.
    WindowClosed,
}

/// Who holds a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Holder {
    /// The process; the first where several hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// All processes, where several hold it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<u32>,
    /// The process's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// When the process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// The systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The container's id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The Kubernetes pod's uid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The user that the socket belongs to.
    pub uid: u32,
}

/// The connections of one holder to all databases.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OwnerTotal {
    /// Who; absent for clients elsewhere and those whose holder is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Holder>,
    /// The client's address, where nobody on this host holds its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// All its connections.
    pub connections: u64,
    /// Those without data for `idle_after_seconds`.
    pub idle: u64,
    /// Those with a reason.
    pub flagged: u64,
    /// The longest time without data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_idle_seconds: Option<f64>,
}

/// The connections of one server.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ServerTotal {
    /// Its address and port.
    pub server: Endpoint,
    /// All its connections.
    pub connections: u64,
    /// Recently closed ones whose ports are kept from reuse: a sign of connecting over and over.
    pub time_wait: u64,
    /// Connections that wait for the server to accept them, and the most that may; where it listens on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_queue: Option<AcceptQueue>,
}

/// What waits for `accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AcceptQueue {
    /// Connections that wait.
    pub waiting: u32,
    /// The most that may wait.
    pub limit: u32,
}

const DEFAULT_IDLE: Span = Span::from_secs(60);

impl SocketsView {
    /// What `choice` asks for of `inventory`.
    #[must_use]
    pub fn new(inventory: &Inventory, choice: &Choice, host: Option<String>) -> Self {
        let ends = pairing::pair(&inventory.sockets, &choice.databases);
        let now = inventory.time;
        let mut connections: Vec<SocketLine> = ends.iter().map(|ends| line(ends, choice, now)).collect();
        if let Some(least) = choice.idle_after {
            connections.retain(|line| line.idle_seconds.is_some_and(|idle| idle >= least.seconds()));
        }
        sort(&mut connections, choice.order);
        let idle_after_seconds = choice.idle_after.unwrap_or(DEFAULT_IDLE).seconds();
        Self {
            schema: "sockhound.sockets.v1",
            host,
            version: env!("CARGO_PKG_VERSION"),
            time: now,
            idle_after_seconds,
            owners: owners(&connections, idle_after_seconds),
            servers: servers(&connections, &inventory.sockets, &choice.databases),
            connections,
            missing: inventory.missing.iter().map(ToString::to_string).collect(),
        }
    }
}

fn line(ends: &Ends, choice: &Choice, now: Timestamp) -> SocketLine {
    let database = choice.databases.iter().find(|it| it.is_at(ends.server));
    let first = ends.first();
    let start = |socket: Option<&Socket>| socket?.owner.as_ref()?.start;
    let idle = ends.sockets().filter_map(|it| it.idle(now)).min();
    let age = start(ends.client_socket)
        .max(start(ends.server_socket))
        .map(|it| now.since(it));
    SocketLine {
        client: ends.client,
        server: ends.server,
        system: database.and_then(|it| it.system).unwrap_or(System::Unknown),
        vantage: ends.vantage(),
        state: ends
            .sockets()
            .find(|it| it.is_leaked())
            .unwrap_or(first)
            .state
            .name(),
        idle_seconds: idle.map(Span::seconds),
        // A process that is younger than the last data inherited the connection.
        age_at_most_seconds: age
            .filter(|&age| idle.is_none_or(|idle| idle <= age))
            .map(Span::seconds),
        network_rtt_seconds: first.traffic.map(|it| it.rtt.seconds()).filter(|&rtt| rtt > 0.0),
        keepalive: ends.sockets().any(|it| it.keepalive().is_some()),
        reasons: reasons(ends),
        owner: ends.client_socket.and_then(holder),
        server_owner: ends.server_socket.and_then(holder),
        client_socket: ends.client_socket.map(|it| kernel::view(it, now)),
        server_socket: ends.server_socket.map(|it| kernel::view(it, now)),
    }
}

fn reasons(ends: &Ends) -> Vec<SocketReason> {
    let any = |is: fn(&Socket) -> bool| ends.sockets().any(is);
    let unused = |it: &Socket| it.traffic.and_then(|it| it.is_unused()) == Some(true);
    let established = |it: &Socket| it.state == State::Established;
    [
        (any(Socket::is_leaked), SocketReason::CloseWait),
        (any(Socket::is_half_open), SocketReason::HalfOpen),
        (
            ends.sockets().all(|it| established(it) && unused(it)),
            SocketReason::NeverUsed,
        ),
        (any(Socket::is_window_closed), SocketReason::WindowClosed),
    ]
    .into_iter()
    .filter_map(|(holds, reason)| holds.then_some(reason))
    .collect()
}

fn holder(socket: &Socket) -> Option<Holder> {
    let owner = socket.owner.as_ref()?;
    Some(Holder {
        pid: owner.pids.first().copied(),
        pids: if owner.pids.len() > 1 {
            owner.pids.clone()
        } else {
            Vec::new()
        },
        command: owner.command.clone(),
        start: owner.start,
        unit: owner.identity.unit.clone(),
        container: owner.identity.container.as_ref().map(|it| it.id.clone()),
        pod: owner.identity.pod.clone(),
        uid: socket.uid,
    })
}

/// What is unknown comes last.
fn sort(lines: &mut [SocketLine], order: Order) {
    let most = |seconds: Option<f64>| std::cmp::Reverse(seconds.map_or(-1, |it| (it * 1e9) as i64));
    let place = |a: &SocketLine, b: &SocketLine| match order {
        Order::Idle => most(a.idle_seconds).cmp(&most(b.idle_seconds)),
        Order::Age => most(a.age_at_most_seconds).cmp(&most(b.age_at_most_seconds)),
        Order::Server => a.server.cmp(&b.server),
        Order::State => a.state.cmp(b.state),
        Order::Client | Order::Owner => Ordering::Equal,
    };
    lines.sort_by(|a, b| place(a, b).then_with(|| (a.client, a.server).cmp(&(b.client, b.server))));
    if order == Order::Owner {
        lines.sort_by_cached_key(text::held_by);
    }
}

fn owners(lines: &[SocketLine], idle_after: f64) -> Vec<OwnerTotal> {
    let mut totals: BTreeMap<(Option<Holder>, Option<IpAddr>), OwnerTotal> = BTreeMap::new();
    for line in lines {
        let elsewhere = line.client_socket.is_none().then_some(line.client.address);
        let total = totals
            .entry((line.owner.clone(), elsewhere))
            .or_insert_with(|| OwnerTotal {
                owner: line.owner.clone(),
                address: elsewhere,
                connections: 0,
                idle: 0,
                flagged: 0,
                longest_idle_seconds: None,
            });
        total.connections += 1;
        total.idle += u64::from(line.idle_seconds.is_some_and(|idle| idle >= idle_after));
        total.flagged += u64::from(!line.reasons.is_empty());
        total.longest_idle_seconds = longer(total.longest_idle_seconds, line.idle_seconds);
    }
    let mut totals: Vec<OwnerTotal> = totals.into_values().collect();
    totals.sort_by_key(|it| std::cmp::Reverse(it.connections));
    totals
}

fn longer(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

fn servers(lines: &[SocketLine], sockets: &[Socket], databases: &[Target]) -> Vec<ServerTotal> {
    let mut totals = Totals::default();
    for line in lines {
        totals.of(line.server).connections += 1;
    }
    let is_database = |end: &Endpoint| databases.iter().any(|it| it.is_at(*end));
    for socket in sockets.iter().filter(|it| it.state == State::TimeWait) {
        if let Some(&server) = [socket.local, socket.remote].iter().find(|end| is_database(end)) {
            totals.of(server).time_wait += 1;
        }
    }
    for socket in sockets
        .iter()
        .filter(|it| it.state == State::Listen && is_database(&it.local))
    {
        totals.listens(socket);
    }
    totals.0.into_values().collect()
}

#[derive(Default)]
struct Totals(BTreeMap<Endpoint, ServerTotal>);

impl Totals {
    fn of(&mut self, server: Endpoint) -> &mut ServerTotal {
        self.0.entry(server).or_insert(ServerTotal {
            server,
            connections: 0,
            time_wait: 0,
            accept_queue: None,
        })
    }

    /// What listens on every address does so on those that have connections; it has a line of its own only where there are none.
    fn listens(&mut self, socket: &Socket) {
        let queue = AcceptQueue {
            waiting: socket.receive_queue,
            limit: socket.send_queue,
        };
        let everywhere = socket.local.address.is_unspecified();
        let mut known = self
            .0
            .values_mut()
            .filter(|it| it.server.port == socket.local.port)
            .peekable();
        if everywhere && known.peek().is_some() {
            known
                .filter(|it| it.accept_queue.is_none())
                .for_each(|it| it.accept_queue = Some(queue));
        } else {
            self.of(socket.local).accept_queue = Some(queue);
        }
    }
}

/// The ports to ask the kernel for.
#[must_use]
pub fn ports(databases: &[Target]) -> host::PortFilter {
    host::PortFilter::of(databases.iter().map(|it| it.port))
}

#[cfg(test)]
mod tests;
