//! The commands whose replies are still to come, first to last: MySQL answers in order.

use std::collections::VecDeque;

use crate::protocol::AskId;

/// How a command's reply is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `COM_QUERY`, `COM_STMT_EXECUTE` and bulk: OK, or result sets, whose rows count.
    Statement,
    /// `COM_STMT_PREPARE`: an OK packet of its own kind, then definitions.
    Prepare,
    /// `COM_STMT_FETCH`: rows at once.
    Fetch,
    /// `COM_FIELD_LIST`: column definitions up to an EOF packet.
    FieldList,
    /// `COM_STATISTICS`: one packet of text.
    Statistics,
    /// `COM_CHANGE_USER`: authentication rounds.
    ChangeUser,
    /// `COM_RESET_CONNECTION`.
    ResetConnection,
    /// Anything else that is answered by OK, EOF, ERR or a result set.
    Command,
}

/// A bounded queue; empty and of one command it takes no memory of its own.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    first: Option<Kind>,
    #[expect(
        clippy::box_collection,
        reason = "most connections never pipeline: 8 bytes, not 32"
    )]
    rest: Option<Box<VecDeque<Kind>>>,
    /// The id of the next command.
    next: AskId,
}

impl InFlight {
    /// The most commands in flight; no client known goes beyond some hundreds.
    pub(super) const MOST: usize = 16 * 1024;

    /// Room that is kept while nothing waits.
    const KEPT: usize = 64;

    /// Bytes of those that wait behind the first.
    #[inline]
    pub(super) fn kept(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| {
            size_of::<VecDeque<Kind>>() + rest.capacity() * size_of::<Kind>()
        })
    }

    fn waiting(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether just one command is in flight.
    pub(super) fn is_single(&self) -> bool {
        self.first.is_some() && self.waiting() == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting() >= Self::MOST
    }

    /// Adds a command and names it.
    pub(super) fn push(&mut self, kind: Kind) -> AskId {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        if self.first.is_none() {
            self.first = Some(kind);
        } else {
            self.rest.get_or_insert_default().push_back(kind);
        }
        id
    }

    /// The command that is answered next. Ids are given only to what is queued, so they count down from the last.
    pub(super) fn front(&self) -> Option<(AskId, Kind)> {
        let kind = self.first?;
        let behind = self.waiting() as AskId + 1;
        Some((self.next.wrapping_sub(behind), kind))
    }

    /// The command asked last; meaningful while one is being sent.
    pub(super) fn newest(&self) -> AskId {
        self.next.wrapping_sub(1)
    }

    /// Removes the front.
    pub(super) fn pop(&mut self) {
        self.first = self.rest.as_mut().and_then(|rest| rest.pop_front());
        let worth_keeping = |rest: &VecDeque<Kind>| !rest.is_empty() || rest.capacity() <= Self::KEPT;
        if !self.rest.as_deref().is_none_or(worth_keeping) {
            self.rest = None;
        }
    }

    /// Forgets all; ids rise on.
    pub(super) fn clear(&mut self) {
        self.first = None;
        self.rest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_the_order_asked() {
        let mut queue = InFlight::default();
        assert_eq!(queue.push(Kind::Prepare), 0);
        assert_eq!(queue.push(Kind::Statement), 1);
        assert_eq!(queue.push(Kind::Command), 2);
        assert_eq!(queue.front(), Some((0, Kind::Prepare)));
        queue.pop();
        assert_eq!(queue.front(), Some((1, Kind::Statement)));
        assert_eq!(queue.push(Kind::Fetch), 3);
        queue.pop();
        queue.pop();
        assert_eq!(queue.front(), Some((3, Kind::Fetch)));
        queue.pop();
        assert!(queue.is_empty() && queue.front().is_none());
    }

    #[test]
    fn ids_rise_on_after_forgetting() {
        let mut queue = InFlight::default();
        queue.push(Kind::Statement);
        queue.push(Kind::Statement);
        queue.clear();
        assert!(queue.is_empty());
        assert_eq!(queue.push(Kind::Statement), 2);
        assert_eq!(queue.front(), Some((2, Kind::Statement)));
    }
}
