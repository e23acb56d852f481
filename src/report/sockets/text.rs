//! The view for a person at a terminal.

use std::io::{self, Write};

use super::{Holder, SocketLine, SocketReason, SocketsView};
use crate::report::style::{BAD, FAINT, PLAIN, TITLE, paint};
use crate::report::table::{Cell, Column, Table};
use crate::report::units::{counted, duration, thousands};
use crate::report::wrap::{lines, plain};
use crate::summary::{KernelView, Vantage};

/// Draws the view for a terminal of this many columns.
pub fn draw(view: &SocketsView, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns.max(80);
    let count = counted(view.connections.len() as u64, "connection", "connections");
    let host = view.host.as_deref().unwrap_or("this host");
    writeln!(out, "{count} to databases, by the kernel of {} now", plain(host))?;
    if !view.connections.is_empty() {
        connections(view, columns, out)?;
        owners(view, columns, out)?;
    }
    if !view.servers.is_empty() {
        servers(view, columns, out)?;
    }
    missing(view, columns, out)
}

fn section(title: &str, aside: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}  {}", paint(TITLE, title), paint(FAINT, aside))
}

fn connections(view: &SocketsView, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    section(
        "CONNECTIONS",
        "idle is without data; < is since the process started",
        out,
    )?;
    let mut table = Table::new(
        [
            Column::right("idle"),
            Column::right("age").dispensable(4),
            Column::left("state"),
            Column::left("timer").dispensable(1),
            Column::right("unread").dispensable(6),
            Column::right("unsent").dispensable(6),
            Column::right("rtt").dispensable(5),
            Column::left("client"),
            Column::left("server"),
            Column::left("wrong"),
            Column::rest("held by"),
        ],
        2,
    );
    view.connections.iter().for_each(|line| table.row(row(line)));
    table.draw(columns, out)
}

fn row(line: &SocketLine) -> [Cell; 11] {
    let style = if line.reasons.iter().any(|&it| is_bad(it)) {
        BAD
    } else {
        PLAIN
    };
    let known = |seconds: Option<f64>| seconds.map_or_else(|| "?".to_owned(), duration);
    let first = line.client_socket.as_ref().or(line.server_socket.as_ref());
    let queue =
        |of: fn(&KernelView) -> Option<u64>| first.and_then(of).map_or_else(String::new, bytes_unless_none);
    [
        Cell::new(known(line.idle_seconds), style),
        line.age_at_most_seconds
            .map_or_else(String::new, |it| format!("< {}", duration(it)))
            .into(),
        Cell::new(line.state, style),
        timer(line).into(),
        queue(|it| it.receive_queue).into(),
        queue(|it| it.send_queue).into(),
        line.network_rtt_seconds.map_or_else(String::new, duration).into(),
        line.client.to_string().into(),
        line.server.to_string().into(),
        Cell::new(wrong(line), style),
        held_by(line).into(),
    ]
}

const fn is_bad(reason: SocketReason) -> bool {
    !matches!(reason, SocketReason::NeverUsed)
}

fn bytes_unless_none(bytes: u64) -> String {
    if bytes == 0 {
        String::new()
    } else {
        thousands(bytes)
    }
}

/// The client's timer, or else the server's.
fn timer(line: &SocketLine) -> String {
    let of = |socket: &Option<KernelView>| socket.as_ref().and_then(told);
    let server = || {
        of(&line.server_socket).map(|timer| match line.vantage {
            Vantage::Both => format!("server's {timer}"),
            _ => timer,
        })
    };
    of(&line.client_socket).or_else(server).unwrap_or_default()
}

fn told(socket: &KernelView) -> Option<String> {
    let name = match socket.timer.as_deref()? {
        "retransmit" => "sends again",
        "persist" => "asks for window",
        other => other,
    };
    let when = socket
        .timer_seconds
        .map_or_else(String::new, |it| format!(" in {}", duration(it)));
    let unanswered = socket.retransmits.filter(|&count| count > 0);
    let unanswered = unanswered.map_or_else(String::new, |count| format!(", {count} unanswered"));
    Some(format!("{name}{when}{unanswered}"))
}

fn wrong(line: &SocketLine) -> String {
    let names: Vec<&str> = line.reasons.iter().map(|reason| reason.words()).collect();
    names.join(", ")
}

impl SocketReason {
    const fn words(self) -> &'static str {
        match self {
            Self::CloseWait => "leaked",
            Self::HalfOpen => "peer is gone",
            Self::NeverUsed => "never used",
            Self::WindowClosed => "peer is slow",
        }
    }
}

/// The client's holder; where the client is elsewhere, the server's.
pub(super) fn held_by(line: &SocketLine) -> String {
    line.owner
        .as_ref()
        .or(line.server_owner.as_ref())
        .map(named)
        .unwrap_or_default()
}

/// `shop.service java[4711]`, `container 9f2b6d1c0a7e celery[801 +3]`.
fn named(holder: &Holder) -> String {
    let container = holder
        .container
        .as_ref()
        .map(|id| format!("container {}", id.get(..12).unwrap_or(id)));
    let pod = holder
        .pod
        .as_ref()
        .filter(|_| container.is_none())
        .map(|uid| format!("pod {uid}"));
    let process = match (&holder.command, holder.pid, holder.pids.len()) {
        (Some(command), Some(pid), more @ 2..) => Some(format!("{command}[{pid} +{}]", more - 1)),
        (Some(command), Some(pid), _) => Some(format!("{command}[{pid}]")),
        _ => None,
    };
    let parts = [holder.unit.clone(), container, pod, process];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    plain(&known.join(" ")).into_owned()
}

fn owners(view: &SocketsView, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let idle = format!(
        "idle is {} or more without data",
        duration(view.idle_after_seconds)
    );
    section("BY CLIENT", &idle, out)?;
    let mut table = Table::new(
        [
            Column::right("connections"),
            Column::right("idle"),
            Column::right("wrong"),
            Column::right("longest idle"),
            Column::rest("client"),
        ],
        2,
    );
    for total in &view.owners {
        let elsewhere = || {
            total
                .address
                .map_or_else(|| "unknown process".to_owned(), |it| it.to_string())
        };
        table.row([
            thousands(total.connections).into(),
            thousands(total.idle).into(),
            thousands(total.flagged).into(),
            total
                .longest_idle_seconds
                .map_or_else(|| "?".to_owned(), duration)
                .into(),
            Cell::from(total.owner.as_ref().map_or_else(elsewhere, named)),
        ]);
    }
    table.draw(columns, out)
}

fn servers(view: &SocketsView, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    section(
        "BY SERVER",
        "just closed is TIME-WAIT; to accept is waiting for a server on this host",
        out,
    )?;
    let mut table = Table::new(
        [
            Column::right("connections"),
            Column::right("just closed"),
            Column::right("to accept"),
            Column::rest("server"),
        ],
        2,
    );
    for total in &view.servers {
        let queue = total
            .accept_queue
            .map(|it| format!("{} of {}", it.waiting, it.limit));
        table.row([
            thousands(total.connections).into(),
            thousands(total.time_wait).into(),
            queue.unwrap_or_default().into(),
            Cell::from(total.server.to_string()),
        ]);
    }
    table.draw(columns, out)
}

fn missing(view: &SocketsView, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    if view.missing.is_empty() {
        return Ok(());
    }
    section("NOT SEEN", "sockhound doctor says how to see it", out)?;
    let wrapped = view.missing.iter().flat_map(|it| lines(it, columns - 2));
    wrapped.into_iter().try_for_each(|line| writeln!(out, "  {line}"))
}
