//! What most requests and replies are made of, taken in a run without the general case's questions.
//!
//! Nothing depends on it: what is left here, [`request`](super::request) and [`reply`](super::reply) take to the same effect.

use super::Postgresql;
use super::flight::{Bind, Kind};
use super::pins::{self, Hint};
use super::reply::Reply;
use super::request::Asked;
use super::wire::{self, Header, LONGEST};
use super::{names, ready};
use crate::protocol::{MAX_NEED, Message, Messages, Side, Transaction, Verb};

/// Describe of the unnamed portal.
const DESCRIBE: &[u8] = b"D\0\0\0\x06P\0";
/// Execute of the unnamed portal to its end.
const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
const SYNC: &[u8] = b"S\0\0\0\x04";

/// `ReadyForQuery`, before its state.
const READY: &[u8] = b"Z\0\0\0\x05";

impl Postgresql {
    /// Takes a Bind of the unnamed portal that begins an ask: so do most executions of a prepared statement. What it leaves,
    /// [`Self::part`] takes.
    #[inline]
    pub(super) fn usual_bind(&mut self, bytes: &[u8], asked: &mut Asked<'_>) -> usize {
        let Some((&[b'B', _, _, _, _, 0], names)) = bytes.split_first_chunk() else {
            return 0;
        };
        let joins = self.flight.back().is_some_and(|back| back.building);
        let Ok(header) = Header::read(Side::Client, bytes) else {
            return 0;
        };
        let here = names
            .get(..header.total.min(MAX_NEED) - wire::HEADER - 1)
            .unwrap_or(names);
        let Some(handle) = names::leading_statement(here).filter(|_| !joins) else {
            return 0;
        };
        let Some(pending) = self.flight.open(Kind::Prepare, b'B') else {
            return 0;
        };
        pending.building = true;
        pending.owed = 1;
        pending.bind = Bind::Unnamed;
        pending.say_statement(handle, asked);
        self.flight.is_batch_open = true;
        self.names.bind_unnamed(false);
        header.total
    }

    /// Takes the commonest messages that go on with an ask: Bind of the unnamed statement it has parsed, Describe and Execute
    /// of the unnamed portal, Sync. What it leaves, [`Self::part`] takes.
    #[inline]
    pub(super) fn usual_rest(&mut self, bytes: Option<&[u8]>, asked: &mut Asked<'_>) -> usize {
        let is_plain = !self.copying_in;
        let Some((mut rest, back)) = bytes.zip(self.flight.back_mut().filter(|_| is_plain)) else {
            return 0;
        };
        let mut taken = 0;
        if asked.id != Some(back.id) || back.synced {
            return 0;
        }
        if let [b'B', _, _, _, _, 0, 0, ..] = rest
            && back.building
            && (back.bind, back.statement) == (Bind::No, Some(names::UNNAMED))
            && let Ok(header) = Header::read(Side::Client, rest)
        {
            back.owed = back.owed.saturating_add(1);
            back.bind = Bind::Unnamed;
            self.names.bind_unnamed(false);
            taken += header.total;
            rest = rest.get(header.total..).unwrap_or_default();
        }
        if back.building && back.bind == Bind::Unnamed {
            if let Some(after) = rest.strip_prefix(DESCRIBE) {
                back.owed = back.owed.saturating_add(1);
                taken += DESCRIBE.len();
                rest = after;
            }
            if let Some(after) = rest.strip_prefix(EXECUTE) {
                back.kind = Kind::Execute;
                back.building = false;
                asked.verb = Some(Verb::Execute);
                taken += EXECUTE.len();
                rest = after;
            }
        }
        if rest.starts_with(SYNC) && back.kind == Kind::Execute {
            back.synced = true;
            self.flight.is_batch_open = false;
            taken += SYNC.len();
        }
        taken
    }

    /// Takes the commonest messages of the commonest replies in one pass: up to a statement's end, and where `ReadyForQuery`
    /// follows that and ends the reply, those too. What it leaves, [`Self::message`] takes.
    #[inline]
    pub(super) fn usual_reply(&mut self, bytes: &[u8], reply: &mut Reply, told: &mut Messages<'_>) -> usize {
        let is_plain = self.proven && !self.unmatched;
        let Some(front) = self.flight.front().filter(|_| is_plain) else {
            return 0;
        };
        if front.refused || !matches!(front.kind, Kind::Query | Kind::Execute) {
            return 0;
        }
        let (mut taken, mut rows, mut is_done) = (0, self.rows, false);
        while let Some(rest) = bytes.get(taken..)
            && let Some((&[tag, a, b, c, d], _)) = rest.split_first_chunk()
        {
            let length = u32::from_be_bytes([a, b, c, d]);
            match (tag, length) {
                (b'D', 6..=LONGEST) => rows = rows.saturating_add(1),
                (b'2' | b'n', 4) | (b'T', 6..=LONGEST) => front.owed = front.owed.saturating_sub(1),
                (b't', 6..=LONGEST) => {}
                (b'1', 4) => {
                    front.parsing = false;
                    front.owed = front.owed.saturating_sub(1);
                }
                _ => {
                    is_done = tag == b'C';
                    break;
                }
            }
            taken += length as usize + 1;
        }
        self.rows = rows;
        if taken > 0 {
            front.begun = true;
            reply.begun = true;
            reply.id = Some(front.id);
        }
        if is_done && let Some(rest) = bytes.get(taken..) {
            taken += self.usual_end(rest, reply, told).unwrap_or(0);
        }
        taken
    }

    /// Takes the commonest end of the commonest replies: one statement done, and `ReadyForQuery`.
    #[inline]
    fn usual_end(&mut self, bytes: &[u8], reply: &mut Reply, told: &mut Messages<'_>) -> Option<usize> {
        let is_plain = self.flight.failed.is_none();
        let front = self.flight.front().filter(|_| is_plain)?;
        if !front.ends_when_ready() || !matches!(front.hint, Hint::None) {
            return None;
        }
        let header = Header::read(Side::Server, bytes).ok()?;
        let (body, after) = bytes.split_at_checked(header.total)?;
        let tag = wire::only_string(body.get(wire::HEADER..)?);
        let (ready, _) = after.split_first_chunk::<{ READY.len() + 1 }>()?;
        let state = ready::transaction(ready.strip_prefix(READY)?)
            .ok()
            .filter(|_| pins::is_plain(tag))?;
        reply.id = Some(front.id);
        let counted = (self.rows > 0).then_some(self.rows);
        reply.rows = wire::rows(tag).or(counted);
        reply.succeed();
        told.push(Message::Transaction(state));
        self.pins.complete_plain(state == Transaction::None);
        self.rows = 0;
        self.copying_in = false;
        self.end(reply);
        self.flight.loose = 0;
        Some(header.total + ready.len())
    }
}
