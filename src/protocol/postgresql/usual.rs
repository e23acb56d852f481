//! What most requests and replies are made of, taken in a run without the general case's questions.
//!
//! Nothing depends on it: what is left here, [`request`](super::request) and [`reply`](super::reply) take to the same effect.

use super::Postgresql;
use super::flight::{Bind, Kind};
use super::pins::{self, Hint};
use super::reply::{Reply, data};
use super::request::Asked;
use super::wire::{self, Header};
use super::{names, ready};
use crate::protocol::{Message, Messages, Side, Transaction, Verb};

/// Describe of the unnamed portal.
const DESCRIBE: &[u8] = b"D\0\0\0\x06P\0";
/// Execute of the unnamed portal to its end.
const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
const SYNC: &[u8] = b"S\0\0\0\x04";

/// `ReadyForQuery`, before its state.
const READY: &[u8] = b"Z\0\0\0\x05";

impl Postgresql {
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

    /// Takes the commonest parts of the commonest replies at once: those that come before a statement's end. What it
    /// leaves, [`Self::message`] takes.
    #[inline]
    pub(super) fn usual_parts(&mut self, bytes: &[u8], reply: &mut Reply) -> usize {
        let is_plain = self.proven && !self.unmatched;
        let Some(front) = self.flight.front().filter(|_| is_plain) else {
            return 0;
        };
        if front.refused || !matches!(front.kind, Kind::Query | Kind::Execute) {
            return 0;
        }
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..)
            && let Ok(header) = Header::read(Side::Server, rest)
        {
            match header.tag {
                b'1' => front.parsing = false,
                b'2' | b'T' | b'n' | b't' => {}
                b'D' => {
                    let data = data(rest, header);
                    self.rows = self.rows.saturating_add(data.rows);
                    taken += data.length;
                    continue;
                }
                _ => break,
            }
            front.owed = front.owed.saturating_sub(u16::from(header.tag != b't'));
            taken += header.total;
        }
        if taken > 0 {
            front.begun = true;
            reply.begun = true;
            reply.id = Some(front.id);
        }
        taken
    }

    /// Takes the commonest end of the commonest replies: one statement done, and `ReadyForQuery`.
    #[inline]
    pub(super) fn usual_end(
        &mut self,
        bytes: &[u8],
        reply: &mut Reply,
        told: &mut Messages<'_>,
    ) -> Option<usize> {
        let is_plain = self.proven && !self.unmatched && self.flight.failed.is_none();
        let front = self.flight.front().filter(|_| is_plain)?;
        let is_usual = front.ends_when_ready() && matches!(front.kind, Kind::Query | Kind::Execute);
        let header = Header::read(Side::Server, bytes).ok()?;
        if !is_usual || front.refused || front.hint != Hint::None || header.tag != b'C' {
            return None;
        }
        let tag = wire::only_string(bytes.get(wire::HEADER..header.total)?);
        let ready = bytes.get(header.total..)?.strip_prefix(READY)?;
        let state = ready::transaction(ready.get(..1)?)
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
        Some(header.total + READY.len() + 1)
    }
}
