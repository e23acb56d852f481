//! How clients, pools and reasons are called.

use crate::summary::{Connection, Owner, Pool, PoolClient, Reason};

use crate::report::wrap::{cut, plain};

const NAME_COLUMNS: usize = 32;

/// `shop.service java[4711]`, `container 9f2b6d1c0a7e celery[801 +3]`, `10.0.0.9 billing`.
pub fn client(client: &PoolClient) -> String {
    let container = client
        .container
        .as_deref()
        .map(|id| format!("container {}", short(id)));
    let named = client.process.is_some() || client.unit.is_some() || client.container.is_some();
    let parts = [
        client.unit.clone(),
        container,
        client
            .process
            .as_deref()
            .map(|process| process_and_pids(process, &client.pids)),
        client
            .address
            .filter(|_| !named)
            .map(|address| address.to_string()),
        client
            .application
            .as_deref()
            .filter(|_| !named)
            .map(name_of_its_own),
    ];
    joined(parts, "unknown client")
}

/// The client, its server, and as whom.
pub fn pool(pool: &Pool) -> String {
    let login = match (&pool.user, &pool.database) {
        (Some(user), Some(database)) => format!(" as {user}/{database}"),
        (Some(user), None) => format!(" as {user}"),
        (None, Some(database)) => format!(" in {database}"),
        (None, None) => String::new(),
    };
    plain(&format!("{} to {}{login}", client(&pool.client), pool.server)).into_owned()
}

/// Who holds a connection, or what the application calls itself.
pub fn owner(connection: &Connection) -> String {
    let own = connection
        .application
        .as_deref()
        .or(connection.user.as_deref())
        .map(name_of_its_own)
        .unwrap_or_default();
    let Owner {
        pid,
        command,
        unit,
        container,
        ..
    } = connection.owner.clone().unwrap_or_default();
    let pids: Vec<u32> = pid.into_iter().collect();
    let parts = [
        unit,
        container.as_deref().map(|id| format!("container {}", short(id))),
        command.as_deref().map(|command| process_and_pids(command, &pids)),
    ];
    joined(parts, &own)
}

/// A reason as a person would say it.
pub const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NeverUsed => "never used",
        Reason::Idle => "idle",
        Reason::ValidationOnly => "only checked",
        Reason::KeepaliveOnly => "only kept alive",
        Reason::IdleInTransaction => "idle in transaction",
        Reason::HalfOpen => "half open",
    }
}

/// An application's name for itself; some take their whole command line for one.
fn name_of_its_own(name: &str) -> String {
    cut(&plain(name), NAME_COLUMNS).into_owned()
}

fn process_and_pids(process: &str, pids: &[u32]) -> String {
    match pids {
        [] => process.to_owned(),
        [pid] => format!("{process}[{pid}]"),
        [pid, rest @ ..] => format!("{process}[{pid} +{}]", rest.len()),
    }
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

fn joined<const N: usize>(parts: [Option<String>; N], otherwise: &str) -> String {
    let known: Vec<String> = parts.into_iter().flatten().collect();
    let name = if known.is_empty() {
        otherwise.to_owned()
    } else {
        known.join(" ")
    };
    plain(&name).into_owned()
}
