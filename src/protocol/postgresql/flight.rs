//! What was asked and not yet answered, in order.

use std::collections::VecDeque;

use super::pins::Hint;
use crate::protocol::{AskId, ErrorCode, Handle};

/// More in flight than this is given up as out of step.
pub(super) const MOST: usize = 4096;
/// Room for so many is what every connection takes.
const USUAL: usize = 8;

/// What kind of entry waits for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A simple Query; ends with its own `ReadyForQuery`.
    Query,
    /// A `FunctionCall`; ends with its own `ReadyForQuery`.
    Call,
    /// Parse, Bind, Describe or Close, so far without Execute.
    Prepare,
    /// All up to an Execute.
    Execute,
    /// A Sync that ends nothing else.
    Sync,
    /// No exchange; only its `ReadyForQuery` is due.
    Quiet,
}

/// One ask in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) id: AskId,
    pub(super) kind: Kind,
    /// The tag of its first message: tells how its reply may begin.
    pub(super) first: u8,
    /// May still get messages: neither Execute nor Flush nor Sync has come.
    pub(super) building: bool,
    /// A Sync ends it.
    pub(super) synced: bool,
    /// A part of its reply was seen.
    pub(super) begun: bool,
    /// Its error was seen, and it waits for what ends it.
    pub(super) refused: bool,
    /// Its Parse was told and is not confirmed.
    pub(super) parsing: bool,
    pub(super) bind: Bind,
    pub(super) hint: Hint,
    /// Replies due before Execute's own: one each for Parse, Bind, Describe, Close.
    pub(super) owed: u16,
    /// Replies due after Execute's own, for Close.
    pub(super) trailing: u16,
    /// The statement it is about, where it says so.
    pub(super) statement: Option<Handle>,
}

/// Whether an ask has bound a portal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bind {
    #[default]
    No,
    Unnamed,
    Named(Handle),
}

impl Pending {
    /// Of this kind, with a first message of this tag.
    #[inline]
    pub(super) const fn new(kind: Kind, first: u8) -> Self {
        Self {
            id: 0,
            kind,
            first,
            building: false,
            synced: false,
            begun: false,
            refused: false,
            parsing: false,
            bind: Bind::No,
            hint: Hint::None,
            owed: 0,
            trailing: 0,
            statement: None,
        }
    }

    /// Whether `ReadyForQuery` ends it.
    pub(super) fn ends_when_ready(&self) -> bool {
        self.synced || matches!(self.kind, Kind::Query | Kind::Call)
    }

    /// Whether a reply to it can begin with a message of this tag.
    pub(super) fn can_begin_with(&self, tag: u8) -> bool {
        let tags: &[u8] = match self.first {
            b'P' => b"1",
            b'B' => b"2",
            b'D' => b"tTn",
            b'C' => b"3",
            b'E' => b"DCsIGHW",
            b'Q' => b"TCIGHW",
            b'F' => b"V",
            _ => b"Z",
        };
        matches!(tag, b'E' | b'N') || tags.contains(&tag)
    }
}

/// All asks in flight, and what is left over from those that ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Flight {
    first: Option<Pending>,
    /// Those behind the first: most connections never have a second one in flight.
    rest: VecDeque<Pending>,
    next: AskId,
    /// Something was asked since the last Sync, so that a Sync alone is only its end.
    pub(super) is_batch_open: bool,
    /// Replies to Close that belong to asks that have ended.
    pub(super) loose: u32,
    /// The server skips everything up to Sync because of this.
    pub(super) failed: Option<ErrorCode>,
}

impl Flight {
    /// Nothing is in flight any more; ids go on.
    pub(super) fn clear(&mut self) {
        *self = Self {
            next: self.next,
            ..Self::default()
        };
    }

    /// Adds an ask that begins with a message of tag `first`; `None` where too many are in flight.
    pub(super) fn open(&mut self, kind: Kind, first: u8) -> Option<&mut Pending> {
        if self.rest.len() >= MOST - 1 {
            return None;
        }
        let id = self.next;
        self.next = self.next.wrapping_add(u32::from(kind != Kind::Quiet));
        let pending = Pending {
            id,
            ..Pending::new(kind, first)
        };
        if self.first.is_none() {
            return Some(self.first.insert(pending));
        }
        self.rest.push_back(pending);
        self.rest.back_mut()
    }

    /// Adds an exchange's ask where none is in flight, and names it.
    #[inline]
    pub(super) fn begin(&mut self, pending: Pending) -> AskId {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.first = Some(Pending { id, ..pending });
        id
    }

    pub(super) fn front(&mut self) -> Option<&mut Pending> {
        self.first.as_mut()
    }

    pub(super) fn back(&self) -> Option<&Pending> {
        self.rest.back().or(self.first.as_ref())
    }

    pub(super) fn back_mut(&mut self) -> Option<&mut Pending> {
        self.rest.back_mut().or(self.first.as_mut())
    }

    /// Bytes beyond those of the usual few.
    pub(super) fn kept(&self) -> usize {
        self.rest.capacity().saturating_sub(USUAL) * size_of::<Pending>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether nothing is in flight or left over.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_empty() && !self.is_batch_open && self.loose == 0 && self.failed.is_none()
    }

    /// Whether the front is all there is.
    pub(super) fn is_single(&self) -> bool {
        self.first.is_some() && self.rest.is_empty()
    }

    /// The front has ended.
    pub(super) fn pop(&mut self) -> Option<Pending> {
        let ended = self.first?;
        self.end_front();
        Some(ended)
    }

    /// The front has ended, and nobody asks what it was.
    #[inline]
    pub(super) fn end_front(&mut self) {
        if let Some(ended) = &self.first {
            self.loose = self.loose.saturating_add(u32::from(ended.trailing));
        }
        self.first = None;
        if !self.rest.is_empty() {
            self.move_up();
        }
    }

    #[inline(never)]
    fn move_up(&mut self) {
        self.first = self.rest.pop_front();
        if self.rest.is_empty() && self.rest.capacity() > 64 {
            self.rest.shrink_to(8);
        }
    }

    /// How many entries, from the front, the next Sync ends.
    pub(super) fn up_to_sync(&self) -> Option<usize> {
        self.first
            .iter()
            .chain(&self.rest)
            .position(|pending| pending.synced)
            .map(|index| index + 1)
    }
}
