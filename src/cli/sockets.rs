//! `sockhound sockets`: the kernel's own view, without a capture.

use super::args::{SocketsArguments, SocketsOrder, TextOrJson};
use super::exit::{Exit, Failure};
use super::output;
use crate::host::{self, Collector, Missing, Query};
use crate::protocol::catalog;
use crate::report::json;
use crate::report::sockets::{self, Choice, Order, SocketsView};

/// Asks the kernel once and prints what it says.
pub fn run(arguments: &SocketsArguments) -> Result<(), Failure> {
    let choice = choice(arguments)?;
    let query = Query::new(sockets::ports(&choice.databases));
    let inventory = Collector::new(query).collect();
    let refused = |it: &&Missing| matches!(it, Missing::Sockets(_));
    if let Some(why) = inventory.missing.iter().find(refused) {
        return Err(Failure::message(Exit::NotPermitted, why).advice("mount /proc in this sandbox"));
    }
    let view = SocketsView::new(&inventory, &choice, host::name());
    let to = arguments.output.as_deref();
    let format = TextOrJson::or_default(arguments.format, to.is_some());
    let reader = output::reader(to);
    output::write(to, |out| match format {
        TextOrJson::Text => sockets::draw(&view, reader.columns, out),
        TextOrJson::Json if reader.person => json::pretty(&view, out),
        TextOrJson::Json => json::line(&view, out),
    })
}

fn choice(arguments: &SocketsArguments) -> Result<Choice, Failure> {
    Ok(Choice {
        databases: databases(arguments)?,
        idle_after: arguments.idle_after.map(Into::into),
        order: match arguments.sort {
            SocketsOrder::Idle => Order::Idle,
            SocketsOrder::Age => Order::Age,
            SocketsOrder::Server => Order::Server,
            SocketsOrder::Client => Order::Client,
            SocketsOrder::Owner => Order::Owner,
            SocketsOrder::State => Order::State,
        },
    })
}

/// The databases that are asked for, else every well-known port.
fn databases(arguments: &SocketsArguments) -> Result<Vec<catalog::Target>, Failure> {
    if arguments.target.is_empty() {
        return Ok(catalog::well_known_targets());
    }
    let mut databases = Vec::new();
    for target in &arguments.target {
        let target = target.clone().resolve();
        let target = target.map_err(|error| Failure::new(Exit::Nothing, error))?;
        databases.extend(target.watched());
    }
    Ok(databases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::System;
    use clap::Parser as _;

    fn databases_of(arguments: &[&str]) -> Vec<catalog::Target> {
        let line = ["sockhound", "sockets"].iter().chain(arguments);
        let parsed = super::super::args::Arguments::try_parse_from(line).expect("parsed");
        let super::super::args::Command::Sockets(arguments) = parsed.command else {
            panic!("not sockets")
        };
        databases(&arguments).expect("resolved")
    }

    #[test]
    fn a_target_is_looked_for_at_its_ports_and_addresses() {
        let at = |text: &str| {
            let found = databases_of(&["-t", text]);
            found
                .into_iter()
                .map(|it| (it.system, it.address, it.port))
                .collect::<Vec<_>>()
        };
        let here = Some([10, 0, 0, 5].into());
        assert_eq!(at("mysql://10.0.0.5"), [(Some(System::Mysql), here, 3306)]);
        assert_eq!(at(":7777"), [(None, None, 7777)]);
        assert_eq!(at("3306"), [(Some(System::Mysql), None, 3306)]);
        assert_eq!(at("redis://:7777"), [(Some(System::Redis), None, 7777)]);
        assert!(at("10.0.0.5").contains(&(Some(System::Postgresql), here, 5432)));
        assert_eq!(databases_of(&[]), catalog::well_known_targets());
    }
}
