//! From sockets to connections: which end is the server's, and which two sockets are one connection.

use std::collections::{HashMap, HashSet};

use crate::host::{Namespace, Socket, State};
use crate::packet::Endpoint;
use crate::protocol::catalog::Target;
use crate::summary::Vantage;

/// A connection with those of its ends that are on this host: at least one.
#[derive(Debug)]
pub(super) struct Ends<'a> {
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) client_socket: Option<&'a Socket>,
    pub(super) server_socket: Option<&'a Socket>,
    /// Any of the two, the client's first.
    any: &'a Socket,
}

impl<'a> Ends<'a> {
    pub(super) fn sockets(&self) -> impl Iterator<Item = &'a Socket> + use<'a> {
        self.client_socket.into_iter().chain(self.server_socket)
    }

    pub(super) fn first(&self) -> &'a Socket {
        self.client_socket.unwrap_or(self.any)
    }

    pub(super) fn vantage(&self) -> Vantage {
        match (self.client_socket, self.server_socket) {
            (Some(_), Some(_)) => Vantage::Both,
            (Some(_), None) => Vantage::Client,
            _ => Vantage::Server,
        }
    }
}

/// Tells connections apart: loopback addresses mean another host in each namespace.
type Key = (Endpoint, Endpoint, Option<Namespace>);

/// The connections to `databases` that are not over yet.
pub(super) fn pair<'a>(sockets: &'a [Socket], databases: &[Target]) -> Vec<Ends<'a>> {
    let listening: HashSet<(Namespace, u16)> = sockets
        .iter()
        .filter(|it| it.state == State::Listen)
        .map(|it| (it.namespace, it.local.port))
        .collect();
    let mut connections: Vec<Ends> = Vec::new();
    let mut known: HashMap<Key, usize> = HashMap::new();
    for socket in sockets.iter().filter(|it| is_connection(it.state)) {
        let Some(is_server) = is_server(socket, databases, &listening) else {
            continue;
        };
        let (client, server) = if is_server {
            (socket.remote, socket.local)
        } else {
            (socket.local, socket.remote)
        };
        let private = (!socket.has_shared_addresses()).then_some(socket.namespace);
        let at = *known.entry((client, server, private)).or_insert_with(|| {
            connections.push(Ends {
                client,
                server,
                client_socket: None,
                server_socket: None,
                any: socket,
            });
            connections.len() - 1
        });
        if let Some(ends) = connections.get_mut(at) {
            let end = if is_server {
                &mut ends.server_socket
            } else {
                &mut ends.client_socket
            };
            *end = Some(socket);
        }
    }
    connections
}

const fn is_connection(state: State) -> bool {
    !matches!(state, State::Listen | State::TimeWait | State::Close)
}

/// Whether the socket is a database's; `None` where neither end is one. Where both ends could be (an ephemeral port that is a database's
/// too) the one that is listened on is.
fn is_server(socket: &Socket, databases: &[Target], listening: &HashSet<(Namespace, u16)>) -> Option<bool> {
    let is_database = |end| databases.iter().any(|it| it.is_at(end));
    match (is_database(socket.local), is_database(socket.remote)) {
        (false, false) => None,
        (local, remote) if local != remote => Some(local),
        _ => Some(listening.contains(&(socket.namespace, socket.local.port))),
    }
}
