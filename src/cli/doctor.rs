//! `sockhound doctor`: what this host permits, and what mends the rest.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::args::{DoctorArguments, TextOrJson};
use super::exit::Failure;
use super::output;
use crate::capture::interfaces::interfaces;
use crate::capture::live::{ANY, LiveError, LiveOptions, LiveSource};
use crate::host::permits::Permits;
use crate::host::{self, Collector, Inventory, Missing, Namespace, Query, netns, offloads};
use crate::protocol::catalog;
use crate::report::doctor::{self, Capture, Diagnosis, Facts, InterfaceLine};
use crate::report::json;
use crate::report::sockets;

/// Tries what capturing takes, and says how it went.
pub fn run(arguments: &DoctorArguments) -> Result<(), Failure> {
    let diagnosis = Diagnosis::new(facts(arguments), host::name());
    let reader = output::reader(None);
    output::write(None, |out| {
        match TextOrJson::or_default(arguments.format, false) {
            TextOrJson::Text => doctor::draw(&diagnosis, reader.columns, out),
            TextOrJson::Json if reader.person => json::pretty(&diagnosis, out),
            TextOrJson::Json => json::line(&diagnosis, out),
        }
    })
}

fn facts(arguments: &DoctorArguments) -> Facts {
    let databases = catalog::well_known_targets();
    let inventory = Collector::new(Query::new(sockets::ports(&databases))).collect();
    let choice = sockets::Choice {
        databases,
        idle_after: None,
        order: sockets::Order::Idle,
    };
    let connections = sockets::SocketsView::new(&inventory, &choice, None).connections;
    let namespaces = netns::others();
    Facts {
        permits: Permits::read(),
        program: std::env::current_exe()
            .map_or_else(|_| "sockhound".to_owned(), |it| it.display().to_string()),
        capture: capture(arguments),
        sockets: without_details(&inventory),
        private_connections: private_connections(&inventory),
        namespaces: namespaces.len(),
        namespace_pid: namespaces.iter().find_map(|it| it.pid),
        interfaces: lines(arguments, &connections),
        connections: connections.len(),
    }
}

/// Opens rings as `capture` would, and closes them again.
fn capture(arguments: &DoctorArguments) -> Capture {
    let options = LiveOptions {
        interfaces: arguments.interface.clone(),
        ..LiveOptions::default()
    };
    match LiveSource::open(&options) {
        Ok(_) => Capture::Works,
        Err(LiveError::NotPermitted { .. }) => Capture::NotPermitted,
        Err(error) => Capture::Fails(error.to_string()),
    }
}

fn without_details(inventory: &Inventory) -> Option<String> {
    let lacks = |it: &&Missing| matches!(it, Missing::Sockets(_) | Missing::SocketDetails(_));
    inventory.missing.iter().find(lacks).map(ToString::to_string)
}

/// Open connections that never leave another namespace, each with two sockets there.
fn private_connections(inventory: &Inventory) -> usize {
    let private = |it: &&crate::host::Socket| it.state.is_open() && !it.has_shared_addresses();
    let ends = inventory.sockets.iter().filter(private).map(|it| {
        let Namespace::Other(id) = it.namespace else {
            return (0, it.local, it.remote);
        };
        (id, it.local.min(it.remote), it.local.max(it.remote))
    });
    ends.collect::<HashSet<_>>().len()
}

fn lines(arguments: &DoctorArguments, connections: &[sockets::SocketLine]) -> Vec<InterfaceLine> {
    let asked = &arguments.interface;
    let all = asked.is_empty() || asked.iter().any(|it| it == ANY);
    let addresses = addresses();
    let over = |name: &String| {
        let crosses = |it: &&sockets::SocketLine| route(it, &addresses) == Some(name);
        connections.iter().filter(crosses).count()
    };
    let found = interfaces().unwrap_or_default().into_iter();
    found
        .map(|it| InterfaceLine {
            connections: over(&it.name),
            watched: it.up && (all || asked.contains(&it.name)),
            merges_segments: offloads::merges_segments(&it.name),
            up: it.up,
            name: it.name,
        })
        .collect()
}

/// The addresses of this namespace's interfaces.
fn addresses() -> HashMap<IpAddr, String> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    all.filter_map(|it| {
        let address = it.address?;
        let v4 = address.as_sockaddr_in().map(|it| IpAddr::from(it.ip()));
        let v6 = || address.as_sockaddr_in6().map(|it| IpAddr::from(it.ip()));
        Some((v4.or_else(v6)?, it.interface_name))
    })
    .collect()
}

/// The interface of the end that is here; what stays on this host goes over loopback whatever its addresses.
fn route<'a>(line: &sockets::SocketLine, addresses: &'a HashMap<IpAddr, String>) -> Option<&'a String> {
    let of = |address: IpAddr| addresses.get(&address);
    match (of(line.client.address), of(line.server.address)) {
        (Some(_), Some(_)) => of(IpAddr::from([127, 0, 0, 1])),
        (client, server) => client.or(server),
    }
}
