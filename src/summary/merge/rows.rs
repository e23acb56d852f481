//! Services, statements and their parts added up.

use std::ops::Add;

use super::fold::How;
use super::sum::Sum;
use crate::protocol::System;
use crate::summary::{
    Connections, Exchanges, HistogramError, InFlight, Logins, Service, StatementRow, WhereTimeGoes,
};

/// Known things added; what one does not know is what the other knows.
pub fn add_known<T: Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

/// A service and its distributions while they grow.
#[derive(Debug)]
pub struct ServiceSum {
    row: Service,
    login: Sum,
    latency: Sum,
    duration: Sum,
    network_rtt: Sum,
    connect: Sum,
}

impl ServiceSum {
    /// Begins with `row`.
    pub fn new(row: Service) -> Result<Self, HistogramError> {
        let mut sum = Self {
            row: row.clone(),
            login: Sum::default(),
            latency: Sum::default(),
            duration: Sum::default(),
            network_rtt: Sum::default(),
            connect: Sum::default(),
        };
        sum.add_times(row)?;
        Ok(sum)
    }

    /// Adds what another summary says of it.
    pub fn add(&mut self, other: Service, how: How) -> Result<(), HistogramError> {
        let row = &mut self.row;
        if other.system != System::Unknown {
            row.system = other.system;
        }
        if row.vantage != other.vantage {
            row.vantage = if row.vantage.is_none() {
                other.vantage
            } else {
                None
            };
        }
        row.connections = connections(row.connections, other.connections, how);
        row.exchanges = exchanges(row.exchanges, other.exchanges);
        row.in_flight = in_flight(row.in_flight, other.in_flight, how);
        row.login_failures = add_known(row.login_failures, other.login_failures);
        row.retransmits = add_known(row.retransmits, other.retransmits);
        row.zero_windows = add_known(row.zero_windows, other.zero_windows);
        row.time = times(row.time, other.time);
        row.signs = std::mem::take(&mut row.signs).and(other.signs.clone());
        self.add_times(other)
    }

    fn add_times(&mut self, row: Service) -> Result<(), HistogramError> {
        self.login.add(row.login)?;
        self.latency.add(row.latency)?;
        self.duration.add(row.duration)?;
        self.network_rtt.add(row.network_rtt)?;
        self.connect.add(row.connect.unwrap_or_default())
    }

    /// It is not in the last summary: nothing of it is open any more.
    pub fn gone(&mut self) {
        self.row.connections = closed(self.row.connections);
        self.row.in_flight = InFlight::default();
    }

    /// The row.
    pub fn finish(self) -> Service {
        let connect = self.connect.finish();
        Service {
            login: self.login.finish(),
            latency: self.latency.finish(),
            duration: self.duration.finish(),
            network_rtt: self.network_rtt.finish(),
            connect: self
                .row
                .connect
                .as_ref()
                .map(|_| connect.clone())
                .or(Some(connect).filter(|it| it.count > 0)),
            ..self.row
        }
    }
}

/// A statement and its distributions while they grow.
#[derive(Debug)]
pub struct StatementSum {
    row: StatementRow,
    latency: Sum,
    duration: Sum,
}

impl StatementSum {
    /// Begins with `row`.
    pub fn new(row: StatementRow) -> Result<Self, HistogramError> {
        let mut sum = Self {
            row: row.clone(),
            latency: Sum::default(),
            duration: Sum::default(),
        };
        sum.add_times(row)?;
        Ok(sum)
    }

    /// Adds what another summary says of it.
    pub fn add(&mut self, other: StatementRow) -> Result<(), HistogramError> {
        let row = &mut self.row;
        row.summary = row.summary.take().or_else(|| other.summary.clone());
        row.text = row.text.take().or_else(|| other.text.clone());
        row.count += other.count;
        row.errors += other.errors;
        row.rows = add_known(row.rows, other.rows);
        row.doubtful += other.doubtful;
        row.unanswered = add_known(row.unanswered, other.unanswered);
        row.peak_repeats = row.peak_repeats.max(other.peak_repeats);
        row.repeats = match (row.repeats, other.repeats) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
        row.time = times(row.time, other.time);
        self.add_times(other)
    }

    fn add_times(&mut self, row: StatementRow) -> Result<(), HistogramError> {
        self.latency.add(row.latency)?;
        self.duration.add(row.duration)
    }

    /// The row.
    pub fn finish(self) -> StatementRow {
        StatementRow {
            latency: self.latency.finish(),
            duration: self.duration.finish(),
            ..self.row
        }
    }
}

/// Connections counted together. `needed` and `surplus` are pools' and left as they are in `one`.
pub fn connections(one: Connections, other: Connections, how: How) -> Connections {
    let state = |one: u64, other: u64| match how {
        How::Later => other,
        How::Beside { .. } => one + other,
    };
    let peak = |one: u64, other: u64| match how {
        How::Beside { overlapping: true } => one + other,
        How::Beside { overlapping: false } | How::Later => one.max(other),
    };
    Connections {
        open: state(one.open, other.open),
        in_use: state(one.in_use, other.in_use),
        idle: state(one.idle, other.idle),
        idle_in_transaction: state(one.idle_in_transaction, other.idle_in_transaction),
        hoarded: state(one.hoarded, other.hoarded),
        opened: one.opened + other.opened,
        closed: one.closed + other.closed,
        peak_open: peak(one.peak_open, other.peak_open),
        peak_in_use: peak(one.peak_in_use, other.peak_in_use),
        needed: one.needed,
        surplus: one.surplus,
    }
}

/// The same where none is open any more.
pub fn closed(of: Connections) -> Connections {
    let Connections {
        opened,
        closed,
        peak_open,
        peak_in_use,
        needed,
        ..
    } = of;
    let surplus = of.surplus.map(|_| 0);
    Connections {
        opened,
        closed,
        peak_open,
        peak_in_use,
        needed,
        surplus,
        ..Connections::default()
    }
}

/// Exchanges added.
pub const fn exchanges(one: Exchanges, other: Exchanges) -> Exchanges {
    Exchanges {
        requests: one.requests + other.requests,
        replies: one.replies + other.replies,
        errors: one.errors + other.errors,
        unanswered: one.unanswered + other.unanswered,
        validations: one.validations + other.validations,
        waiting: one.waiting + other.waiting,
        doubtful: one.doubtful + other.doubtful,
    }
}

fn in_flight(one: InFlight, other: InFlight, how: How) -> InFlight {
    match how {
        How::Later => other,
        How::Beside { .. } => InFlight {
            count: one.count + other.count,
            oldest_seconds: [one.oldest_seconds, other.oldest_seconds]
                .into_iter()
                .flatten()
                .reduce(f64::max),
        },
    }
}

/// Times added.
pub fn times(one: Option<WhereTimeGoes>, other: Option<WhereTimeGoes>) -> Option<WhereTimeGoes> {
    let (Some(one), Some(other)) = (one, other) else {
        return one.or(other);
    };
    Some(WhereTimeGoes {
        connect_seconds: add_known(one.connect_seconds, other.connect_seconds),
        login_seconds: add_known(one.login_seconds, other.login_seconds),
        request_seconds: add_known(one.request_seconds, other.request_seconds),
        network_seconds: add_known(one.network_seconds, other.network_seconds),
        server_seconds: add_known(one.server_seconds, other.server_seconds),
        reply_seconds: add_known(one.reply_seconds, other.reply_seconds),
        window_closed_seconds: add_known(one.window_closed_seconds, other.window_closed_seconds),
        thinking_seconds: add_known(one.thinking_seconds, other.thinking_seconds),
        idle_seconds: add_known(one.idle_seconds, other.idle_seconds),
    })
}

/// Logins added; how many a request can't be told from the sums alone.
pub fn logins(one: Option<Logins>, other: Option<Logins>) -> Option<Logins> {
    let (Some(one), Some(other)) = (one, other) else {
        return one.or(other);
    };
    Some(Logins {
        count: one.count + other.count,
        failures: one.failures + other.failures,
        seconds: one.seconds + other.seconds,
        per_request: None,
    })
}
