//! Every exchange as a line of JSON (`--exchanges`).

use std::io::{self, Write};

use crate::clock::Span;
use crate::exchange::statements::Statements;
use crate::exchange::{ConnectionId, Event, Exchange};
use crate::packet::Endpoint;
use crate::protocol::System;
use crate::summary::{ExchangeLine, ExchangeNames};

/// Writes exchanges as they end. After the first error it writes nothing more; [`ExchangeWriter::finish`] tells it.
pub struct ExchangeWriter {
    out: Box<dyn Write + Send>,
    names: Vec<Option<Names>>,
    error: Option<io::Error>,
    set_by: Span,
}

/// What an exchange does not know of its connection.
#[derive(Clone, Copy)]
struct Names {
    client: Endpoint,
    server: Endpoint,
    system: System,
}

impl ExchangeWriter {
    /// Writes to `out`, which should be buffered.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            names: Vec::new(),
            error: None,
            set_by: Span::ZERO,
        }
    }

    /// Takes note of a connection's names, and writes its exchanges.
    pub fn observe(&mut self, id: ConnectionId, event: &Event<'_>, statements: &Statements) {
        match *event {
            Event::Opened {
                client,
                server,
                system,
                ..
            } => self.name(
                id,
                Names {
                    client,
                    server,
                    system,
                },
            ),
            Event::System(system) => {
                if let Some(Some(names)) = self.names.get_mut(id.0 as usize) {
                    names.system = system;
                }
            }
            Event::Exchanged { exchange, times, .. } => {
                (0..times).for_each(|_| self.write(id, exchange, statements));
            }
            _ => {}
        }
    }

    /// Tells times of a clock that is ahead by `by` from now on.
    pub const fn shift(&mut self, by: Span) {
        self.set_by = by;
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn name(&mut self, id: ConnectionId, names: Names) {
        let slot = id.0 as usize;
        if self.names.len() <= slot {
            self.names.resize(slot + 1, None);
        }
        self.names[slot] = Some(names);
    }

    fn write(&mut self, id: ConnectionId, exchange: &Exchange, statements: &Statements) {
        let Some(Some(names)) = self.names.get(id.0 as usize) else {
            return;
        };
        let statement = exchange.statement.map(|id| statements.statement(id));
        let hash = statement.map(|statement| format!("{:016x}", statement.hash));
        let names = ExchangeNames {
            client: names.client,
            server: names.server,
            system: names.system,
            statement: statement.map(|statement| &*statement.text),
            statement_id: hash.as_deref(),
        };
        if self.error.is_none() {
            let mut line = ExchangeLine::new(exchange, names);
            line.start = line.start + self.set_by;
            self.error = write_line(&mut self.out, &line).err();
        }
    }
}

fn write_line(out: &mut dyn Write, line: &ExchangeLine<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
