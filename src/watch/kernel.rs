//! What the kernel knows joined with what the wire shows: connections that never sent a byte since the watch began, true idle
//! ages, who holds them, and which are gone.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::Session;
use super::hold::Hold;
use crate::capture::share::Share;
use crate::clock::{Span, Timestamp};
use crate::exchange::ConnectionId;
use crate::host::{Inventory, Namespace, Socket, State};
use crate::packet::Endpoint;
use crate::profile::Profile;
use crate::protocol::Side;
use crate::protocol::catalog::Target;
use crate::summary::{Connection, KernelView, Owner, Vantage};

/// The latest inventory, by connection.
#[derive(Default)]
pub struct Kernel {
    taken: Timestamp,
    ends: BTreeMap<Ends, Sides>,
    missing: Vec<String>,
    /// Whether what is not listed is gone.
    complete: bool,
    /// Connections that the inventory lacks for the first time. A dump of a table that changes meanwhile may skip a socket, so
    /// that only what the next one lacks too is gone.
    lacking: HashSet<ConnectionId>,
}

/// What to do with connections that the wire has not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// They were open before the watch and silent since.
    Open,
    /// They may be younger than what was watched.
    Ignore,
}

/// Client and server.
type Ends = (Endpoint, Endpoint);

/// A connection's sockets on this host.
#[derive(Default)]
struct Sides {
    client: Option<Socket>,
    server: Option<Socket>,
}

impl Sides {
    /// Whether a process may still hold it.
    fn is_open(&self) -> bool {
        let mut sockets = self.client.iter().chain(&self.server);
        sockets.any(|socket| socket.state.is_open())
    }
}

/// Whether this end has closed and waits for the other: the connection is not over.
const fn is_closing(socket: &Socket) -> bool {
    matches!(socket.state, State::FinWait1 | State::FinWait2 | State::Closing)
}

impl Kernel {
    /// Sorts an inventory by connection to one of `targets`. Sockets of other network namespaces whose addresses may mean
    /// another connection here are left out.
    #[must_use]
    pub fn new(inventory: Inventory, targets: &[Target]) -> Self {
        let mut kernel = Self {
            taken: inventory.time,
            complete: inventory.is_complete(),
            ..Self::default()
        };
        kernel.missing = inventory.missing.iter().map(ToString::to_string).collect();
        let here = Here::new(&inventory);
        let serves = |socket: &Socket| targets.iter().any(|target| target.is_at(socket.local));
        let lives = |socket: &Socket| socket.state.is_open() || is_closing(socket);
        let ours = |socket: &Socket| {
            lives(socket) && socket.has_shared_addresses() && here.may_see(socket, serves(socket))
        };
        for socket in inventory.sockets.into_iter().filter(ours) {
            kernel.add(socket, targets);
        }
        kernel
    }

    /// Whether connections are lacking that the next inventory must lack too before they are gone.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        !self.lacking.is_empty()
    }

    /// One round trip to `server`, by the sockets of its clients here: the middle of their shortest. Beside the server a latency
    /// has no network in it.
    #[must_use]
    pub fn round_trip(&self, server: Endpoint) -> Option<Span> {
        let sides = || self.ends.iter().filter(|((_, other), _)| *other == server);
        let here = |socket: &Socket| socket.namespace == Namespace::Own;
        if sides().any(|(_, sides)| sides.server.as_ref().is_some_and(here)) {
            return Some(Span::ZERO);
        }
        let clients = sides().filter_map(|(_, sides)| sides.client.as_ref());
        let mut shortest: Vec<Span> = clients.filter_map(|socket| socket.traffic?.min_rtt).collect();
        shortest.sort_unstable();
        shortest.get(shortest.len() / 2).copied()
    }

    /// How many connections are open that are not in `share`; `None` before the first inventory.
    #[must_use]
    pub fn outside(&self, share: Share) -> Option<u64> {
        let is_outside = |&(&(client, server), sides): &(&Ends, &Sides)| {
            sides.is_open() && !share.holds(client.port, server.port)
        };
        let known = self.taken != Timestamp::default();
        known.then(|| self.ends.iter().filter(is_outside).count() as u64)
    }

    /// What is lacking is another's place by now, perhaps.
    pub fn forget_lacking(&mut self) {
        self.lacking.clear();
    }

    /// What could not be learnt, in words.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// From where `server` is seen: which ends of its connections are on this host.
    #[must_use]
    pub fn vantage(&self, server: Endpoint) -> Option<Vantage> {
        let here = || self.ends.iter().filter(|((_, other), _)| *other == server);
        let client = here().any(|(_, sides)| sides.client.is_some());
        match (client, here().any(|(_, sides)| sides.server.is_some())) {
            (true, true) => Some(Vantage::Both),
            (true, false) => Some(Vantage::Client),
            (false, true) => Some(Vantage::Server),
            (false, false) => None,
        }
    }

    /// Adds the kernel's word to a listed connection.
    pub fn describe(&self, connection: &mut Connection) {
        let sides = self.ends.get(&(connection.client, connection.server));
        let socket = sides.and_then(|sides| sides.client.as_ref().or(sides.server.as_ref()));
        connection.kernel = socket.map(|socket| view(socket, self.taken));
    }

    /// Tells `session` what the kernel knows: opens what it never saw, closes what is gone, as the inventory `before` lacked it
    /// too.
    pub fn join(&mut self, session: &mut Session, strangers: Strangers, before: &Self) {
        let mut alive = HashSet::with_capacity(self.ends.len());
        let mut hold = session.shards().hold();
        for (&(client, server), sides) in &self.ends {
            let known = match strangers {
                Strangers::Open if sides.is_open() => hold.adopt(client, server, self.taken),
                Strangers::Open | Strangers::Ignore => hold.find(client, server),
            };
            let Some(id) = known else { continue };
            alive.insert(id);
            hold.tell(id, Known::of(sides));
        }
        if self.complete {
            self.close_lacking(&mut hold, &alive, before);
        } else {
            self.lacking.clone_from(&before.lacking);
        }
        drop(hold);
        session.shards().settle();
    }

    fn close_lacking(&mut self, hold: &mut Hold<'_>, alive: &HashSet<ConnectionId>, before: &Self) {
        for id in hold.no_longer_among(alive, self.taken) {
            if before.lacking.contains(&id) {
                hold.vanish(id, self.taken);
            } else {
                self.lacking.insert(id);
            }
        }
    }

    fn add(&mut self, socket: Socket, targets: &[Target]) {
        let serves = |end: Endpoint| targets.iter().any(|target| target.is_at(end));
        let (local, remote) = (socket.local, socket.remote);
        if serves(remote) {
            put(&mut self.ends.entry((local, remote)).or_default().client, socket);
        } else if serves(local) && socket.state != State::Listen {
            put(&mut self.ends.entry((remote, local)).or_default().server, socket);
        }
    }
}

/// What the kernel knows of a connection, for the profile.
#[derive(Debug, PartialEq)]
pub(super) struct Known {
    owner: Option<Owner>,
    last_data: Option<Timestamp>,
    /// The other side does not answer any more.
    half_open: bool,
    /// Who has closed while the other has not.
    closed_by: [Option<Side>; 2],
}

impl Known {
    fn of(sides: &Sides) -> Self {
        let sockets = || sides.client.iter().chain(&sides.server);
        // Of an end in another namespace it is not sure that it is this connection's.
        let own = || sockets().filter(|socket| socket.namespace == Namespace::Own);
        let last_data = own().filter_map(Socket::last_data).max();
        let leaked = |socket: &Option<Socket>| socket.as_ref().is_some_and(Socket::is_leaked);
        Self {
            owner: sides.client.as_ref().and_then(owner),
            last_data: last_data.or_else(|| sockets().filter_map(Socket::last_data).max()),
            half_open: sockets().any(Socket::is_half_open),
            closed_by: [
                leaked(&sides.client).then_some(Side::Server),
                leaked(&sides.server).then_some(Side::Client),
            ],
        }
    }

    /// Tells `profile` of connection `id`.
    pub(super) fn tell(&self, id: ConnectionId, profile: &mut Profile) {
        if let Some(owner) = &self.owner {
            profile.attribute(id, owner);
        }
        if let Some(last_data) = self.last_data {
            profile.known_idle(id, last_data);
        }
        profile.peer_gone(id, self.half_open);
        for side in self.closed_by.into_iter().flatten() {
            profile.closed_by(id, side);
        }
    }
}

/// What is here goes before what has the same addresses elsewhere.
fn put(side: &mut Option<Socket>, socket: Socket) {
    if side.is_none() || socket.namespace == Namespace::Own {
        *side = Some(socket);
    }
}

/// This network namespace: its addresses, and its sockets by both ends.
struct Here {
    addresses: HashSet<IpAddr>,
    sockets: HashSet<Ends>,
}

impl Here {
    fn new(inventory: &Inventory) -> Self {
        let own = inventory
            .sockets
            .iter()
            .filter(|it| it.namespace == Namespace::Own && it.state.is_open());
        Self {
            addresses: inventory.addresses.iter().copied().collect(),
            sockets: own.map(|it| (it.local, it.remote)).collect(),
        }
    }

    /// Whether frames of this socket's connection may pass here. Those of another namespace that bear an address of this one, as
    /// networks of their own often do, can't: unless it is the other end of a socket here.
    fn may_see(&self, socket: &Socket, serves: bool) -> bool {
        if socket.namespace == Namespace::Own {
            return true;
        }
        let comes_from_here = self.addresses.contains(&socket.remote.address);
        // A client in a container may reach another container by this host's address and port, which are translated.
        !self.addresses.contains(&socket.local.address)
            && (!comes_from_here || !serves || self.sockets.contains(&(socket.remote, socket.local)))
    }
}

/// A socket in the summary's words.
#[must_use]
pub fn view(socket: &Socket, now: Timestamp) -> KernelView {
    let since = |time: Option<Timestamp>| time.map(|time| now.since(time).seconds());
    KernelView {
        state: socket.state.name().to_owned(),
        timer: socket.timer.map(|timer| timer.kind.name().to_owned()),
        timer_seconds: socket.timer.map(|timer| timer.expires.seconds()),
        retransmits: socket.timer.map(|timer| u64::from(timer.retransmits)),
        receive_queue: Some(u64::from(socket.receive_queue)),
        send_queue: Some(u64::from(socket.send_queue)),
        last_sent_seconds: since(socket.last_sent),
        last_received_seconds: since(socket.last_received),
        inode: socket.inode.map(u64::from),
    }
}

fn owner(socket: &Socket) -> Option<Owner> {
    let owner = socket.owner.as_ref()?;
    Some(Owner {
        pid: owner.pids.first().copied(),
        command: owner.command.clone(),
        unit: owner.identity.unit.clone(),
        container: owner
            .identity
            .container
            .as_ref()
            .map(|container| container.id.clone()),
        pod: owner.identity.pod.clone(),
        uid: Some(socket.uid),
    })
}
