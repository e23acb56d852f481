//! Replies, packet by packet. Rows are stepped over many at a time and only their first byte is looked at.

use super::Mysql;
use super::capabilities::Known;
use super::command::{LastPrepared, Sending};
use super::in_flight::Kind;
use super::result_set::{LONGEST_COUNT, Statement, column_count, is_bare_count, is_eof};
use super::wire::{CURSOR_EXISTS, Done, Failure, HEADER, IN_TRANSACTION, LONGEST, MORE_RESULTS, Packet};
use crate::protocol::{Answer, AskId, Handle, Message, Messages, Outcome, Step, Transaction};

/// Where in a reply the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reply {
    /// Before the first packet of a reply, or of the next result in one.
    #[default]
    First,
    /// So many column or parameter definitions are still to come.
    Definitions { left: u16, then: Then },
    /// After the last definition: an EOF packet follows unless `CLIENT_DEPRECATE_EOF` was agreed on.
    DefinitionsEnd(Then),
    /// Rows, up to EOF, OK or ERR; also the definitions of a `COM_FIELD_LIST`.
    Rows,
    /// A reply to something that was not seen; `sequence` is its last packet's.
    Stray { sequence: u8 },
}

/// What follows a list of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// A result set's rows.
    Rows,
    /// So many column definitions, after a prepared statement's parameters.
    Columns(u16),
    /// Nothing: the reply ends.
    Nothing,
}

/// What one packet is.
pub(super) enum Verdict {
    /// A part of the reply with so many rows, returned or affected; more follows.
    Part(u64),
    /// The reply's last packet.
    Last(Outcome, Done),
    /// Belongs to no reply.
    Aside,
    /// The reply was over before it.
    Over,
    /// Can't be judged before this many bytes of it are here.
    Need(usize),
    /// No packet that a server sends.
    Garbage,
}

/// What the packets taken in one step add up to.
#[derive(Default)]
struct Part {
    taken: usize,
    rows: u64,
}

impl Mysql {
    /// Judges what the server sends after the login.
    pub(super) fn reply(&mut self, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        let Some((id, kind)) = self.in_flight.front() else {
            return self.stray(bytes, told);
        };
        let mut part = Part::default();
        if self.reply == Reply::Rows && !self.continues {
            part.take_rows(bytes, kind);
        }
        while let Some(front) = bytes.get(part.taken..).filter(|front| !front.is_empty()) {
            let (packet, verdict) = match self.verdict(front, kind, told) {
                Ok(judged) => judged,
                Err(need) => return part.step(id, kind, told).unwrap_or(Step::Need(need)),
            };
            match verdict {
                Verdict::Part(rows) => part.rows = part.rows.saturating_add(rows),
                Verdict::Last(outcome, done) => {
                    part.taken += packet.size();
                    part.rows = part.rows.saturating_add(done.affected);
                    return self.last(id, kind, &part, outcome, done, told);
                }
                Verdict::Need(need) => return part.step(id, kind, told).unwrap_or(Step::Need(need)),
                Verdict::Garbage => return part.step(id, kind, told).unwrap_or(Step::Garbage),
                Verdict::Aside => {
                    let alone = Step::Take(packet.size() as u64);
                    return part.step(id, kind, told).unwrap_or(alone);
                }
                Verdict::Over => {
                    if let Some(step) = part.step(id, kind, told) {
                        return step;
                    }
                    self.settle(told);
                    return self.reply(bytes, told);
                }
            }
            self.continues = packet.continues();
            part.taken += packet.size();
            if self.reply == Reply::Rows && !self.continues {
                part.take_rows(bytes, kind);
            }
        }
        part.step(id, kind, told).unwrap_or(Step::Need(HEADER))
    }

    /// Judges the packet at the front, or says how many bytes that takes.
    fn verdict<'a>(
        &mut self,
        front: &'a [u8],
        kind: Kind,
        told: &mut Messages<'_>,
    ) -> Result<(Packet<'a>, Verdict), usize> {
        let packet = Packet::read(front).ok_or(HEADER)?;
        if self.continues {
            return Ok((packet, Verdict::Part(0)));
        }
        if !packet.holds(1) {
            return Err(HEADER + 1);
        }
        let verdict = match self.reply {
            Reply::Rows => self.row(&packet, kind),
            Reply::Definitions { left, then } => self.definition(left, then),
            Reply::DefinitionsEnd(then) => self.definitions_end(&packet, then, kind),
            Reply::First | Reply::Stray { .. } => self.first(&packet, kind, told),
        };
        Ok((packet, verdict))
    }

    /// A reply's first packet, or the first of the next result in it.
    fn first(&mut self, packet: &Packet<'_>, kind: Kind, told: &mut Messages<'_>) -> Verdict {
        if self.unsure && !self.is_first(packet) {
            return Verdict::Aside;
        }
        self.unsure = false;
        match (packet.first(), kind) {
            (Some(0xff), _) => failure(packet),
            (_, Kind::Statistics) => Verdict::Last(Outcome::Ok, Done::default()),
            (_, Kind::Fetch | Kind::FieldList) => {
                self.reply = Reply::Rows;
                self.row(packet, kind)
            }
            (Some(0), Kind::Prepare) => self.prepared(packet, told),
            (Some(0), _) if !is_bare_count(packet) => self.ending(packet, Done::from_ok(packet.payload)),
            (_, Kind::ChangeUser) => {
                self.sending = Sending::Authentication;
                Verdict::Part(0)
            }
            (Some(0xfe), _) => self.ending(packet, Done::from_end(packet)),
            (Some(0xfb), _) => {
                self.sending = Sending::File { inside: false };
                Verdict::Part(0)
            }
            _ => self.columns(packet),
        }
    }

    /// Whether the sequence is that of a reply's first packet: one more than its command's last.
    pub(super) fn is_first(&self, packet: &Packet<'_>) -> bool {
        packet.sequence == 1 || packet.sequence == self.client_sequence.wrapping_add(1)
    }

    /// A result set's column count, with or without the flag that says whether definitions follow.
    fn columns(&mut self, packet: &Packet<'_>) -> Verdict {
        if !packet.holds(LONGEST_COUNT) {
            return Verdict::Need(packet.size().min(HEADER + LONGEST_COUNT));
        }
        let Some((count, defined)) = column_count(packet) else {
            return Verdict::Garbage;
        };
        self.reply = match (defined, self.agreed.deprecate_eof) {
            (true, _) => Reply::Definitions {
                left: count,
                then: Then::Rows,
            },
            (false, Known::Yes) => Reply::Rows,
            (false, _) => Reply::DefinitionsEnd(Then::Rows),
        };
        Verdict::Part(0)
    }

    fn definition(&mut self, left: u16, then: Then) -> Verdict {
        if left > 1 {
            let left = left - 1;
            self.reply = Reply::Definitions { left, then };
            return Verdict::Part(0);
        }
        if self.agreed.deprecate_eof == Known::Yes {
            return self.go_on(then);
        }
        self.reply = Reply::DefinitionsEnd(then);
        Verdict::Part(0)
    }

    fn go_on(&mut self, then: Then) -> Verdict {
        self.reply = match then {
            Then::Rows => Reply::Rows,
            Then::Columns(left) => Reply::Definitions {
                left,
                then: Then::Nothing,
            },
            Then::Nothing => return Verdict::Last(Outcome::Ok, Done::default()),
        };
        Verdict::Part(0)
    }

    /// The packet after the definitions: whether it is an EOF tells what was agreed on at a login that was not seen.
    fn definitions_end(&mut self, packet: &Packet<'_>, then: Then, kind: Kind) -> Verdict {
        if !is_eof(packet) {
            return self.no_definitions_end(packet, then, kind);
        }
        if !packet.holds_ending() {
            return Verdict::Need(packet.ending_need());
        }
        self.agreed.deprecate_eof = Known::No;
        let done = Done::from_end(packet);
        if then == Then::Rows && done.has(CURSOR_EXISTS) {
            return self.ending(packet, done);
        }
        self.go_on(then)
    }

    fn no_definitions_end(&mut self, packet: &Packet<'_>, then: Then, kind: Kind) -> Verdict {
        if self.agreed.deprecate_eof == Known::Unknown && then != Then::Nothing {
            self.agreed.deprecate_eof = Known::Yes;
        }
        match then {
            // What comes next must then be judged in the same step: what is told must not wait for more bytes.
            Then::Nothing if !packet.holds_ending() => Verdict::Need(packet.ending_need()),
            Then::Nothing => Verdict::Over,
            Then::Columns(left) => self.definition(left, Then::Nothing),
            Then::Rows => {
                self.reply = Reply::Rows;
                self.row(packet, kind)
            }
        }
    }

    /// A row, or what ends the rows. A row begins with 0xfe only where its first value has 16 MiB or more; with
    /// EOF packets in use those are shorter than any such row, else the OK packet is shorter than a full packet.
    fn row(&mut self, packet: &Packet<'_>, kind: Kind) -> Verdict {
        match packet.first() {
            Some(0xff) => failure(packet),
            Some(0xfe) if self.is_rows_end(packet) => self.ending(packet, Done::from_end(packet)),
            _ if kind == Kind::FieldList => Verdict::Part(0),
            _ => Verdict::Part(1),
        }
    }

    fn is_rows_end(&self, packet: &Packet<'_>) -> bool {
        packet.length < 9 || (packet.length < LONGEST && self.agreed.deprecate_eof != Known::No)
    }

    /// An OK or EOF packet: the reply's last unless it says that more results follow.
    fn ending(&mut self, packet: &Packet<'_>, done: Done) -> Verdict {
        if !packet.holds_ending() {
            return Verdict::Need(packet.ending_need());
        }
        if done.has(MORE_RESULTS) {
            self.reply = Reply::First;
            return Verdict::Part(done.affected);
        }
        Verdict::Last(Outcome::Ok, done)
    }
}

impl Mysql {
    /// `COM_STMT_PREPARE`'s own OK packet.
    fn prepared(&mut self, packet: &Packet<'_>, told: &mut Messages<'_>) -> Verdict {
        if !packet.holds(13) {
            return Verdict::Need(packet.size().min(HEADER + 13));
        }
        let Some(statement) = Statement::read(packet.payload) else {
            return Verdict::Garbage;
        };
        let then = match statement.columns {
            0 => Then::Nothing,
            columns => Then::Columns(columns),
        };
        self.last_prepared = LastPrepared::Is(statement.handle);
        if let Some((id, _)) = self.in_flight.front() {
            let handle = Handle::from(statement.handle);
            told.push(Message::Prepared { id, handle });
        }
        if statement.parameters == 0 {
            return self.go_on(then);
        }
        let left = statement.parameters;
        self.reply = Reply::Definitions { left, then };
        Verdict::Part(0)
    }

    /// Ends a reply that was over before the packet at the front, or before the client's next command.
    pub(super) fn settle(&mut self, told: &mut Messages<'_>) {
        let Some((id, _)) = self.in_flight.front() else {
            return;
        };
        if self.reply == Reply::DefinitionsEnd(Then::Nothing) {
            if self.agreed.deprecate_eof == Known::Unknown {
                self.agreed.deprecate_eof = Known::Yes;
            }
            told.push(Message::Ended(id));
            self.in_flight.pop();
            self.reply = Reply::First;
        }
    }

    /// Tells what the last packet of a reply means.
    fn last(
        &mut self,
        id: AskId,
        kind: Kind,
        part: &Part,
        outcome: Outcome,
        done: Done,
        told: &mut Messages<'_>,
    ) -> Step {
        self.in_flight.pop();
        self.reply = Reply::First;
        if outcome == Outcome::Ok {
            self.agree(id, kind, told);
        }
        if kind == Kind::ChangeUser {
            self.sending = Sending::Commands;
        }
        if outcome != Outcome::Ok || done.status.is_some() {
            told.push(Message::Transaction(transaction(done)));
        }
        told.push(Message::Answer(Answer {
            id,
            outcome: Some(outcome),
            rows: part
                .counted(kind)
                .filter(|&rows| rows > 0 || outcome == Outcome::Ok),
            end: true,
        }));
        Step::Take(part.taken as u64)
    }

    /// The server did what changes the session.
    fn agree(&mut self, id: AskId, kind: Kind, told: &mut Messages<'_>) {
        if matches!(kind, Kind::ChangeUser | Kind::ResetConnection) {
            self.last_prepared = LastPrepared::Lost;
            told.push(Message::ClosedAll);
        }
        if let Some(names) = self.names.as_mut().filter(|names| names.ask == id) {
            names.agreed = true;
        }
    }
}

impl Part {
    /// Takes the packets in a row that are rows whatever was agreed on.
    fn take_rows(&mut self, bytes: &[u8], kind: Kind) {
        let (end, rows) = step_over_rows(bytes, self.taken);
        self.taken = end;
        if kind != Kind::FieldList {
            self.rows = self.rows.saturating_add(rows);
        }
    }

    fn counted(&self, kind: Kind) -> Option<u64> {
        matches!(kind, Kind::Statement | Kind::Fetch).then_some(self.rows)
    }

    /// Tells what was taken so far, if anything.
    fn step(&self, id: AskId, kind: Kind, told: &mut Messages<'_>) -> Option<Step> {
        if self.taken == 0 {
            return None;
        }
        told.push(Message::Answer(Answer {
            id,
            outcome: None,
            rows: self.counted(kind).filter(|&rows| rows > 0),
            end: false,
        }));
        Some(Step::Take(self.taken as u64))
    }
}

impl Verdict {
    pub(super) const fn is_aside(&self) -> bool {
        matches!(self, Self::Aside)
    }
}

/// Steps over the packets from `at` on that are rows whatever was agreed on: neither the first byte nor the length is special. Where
/// the last one ends, be it beyond these bytes, and how many they are.
#[inline]
pub(super) fn step_over_rows(bytes: &[u8], mut at: usize) -> (usize, u64) {
    let mut rows = 0;
    while let Some(&[a, b, c, d, first]) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let length = (u32::from_le_bytes([a, b, c, d]) & 0xff_ffff) as usize;
        if first >= 0xfe || length.wrapping_sub(1) >= LONGEST - 1 {
            break;
        }
        at += HEADER + length;
        rows += 1;
    }
    (at, rows)
}

/// What the status flags say of transactions.
pub(super) fn transaction(done: Done) -> Transaction {
    match done.status {
        None => Transaction::Unknown,
        Some(status) if status & IN_TRANSACTION != 0 => Transaction::Open,
        Some(_) => Transaction::None,
    }
}

pub(super) fn failure(packet: &Packet<'_>) -> Verdict {
    if !packet.holds(3) {
        return Verdict::Need(packet.size().min(HEADER + 3));
    }
    match Failure::from_err(packet.payload) {
        Failure::Progress => Verdict::Aside,
        Failure::Error(code) => Verdict::Last(Outcome::Error(code), Done::default()),
    }
}
