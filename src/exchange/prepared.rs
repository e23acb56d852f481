//! The prepared statements of one connection.

use hashbrown::HashMap;

use super::StatementId;
use crate::protocol::Handle;

/// More than this on one connection are forgotten: their executions have no text.
const MOST: usize = 4096;

/// What each handle executes; nothing is allocated before the first one.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    statements: Option<Box<HashMap<Handle, StatementId, foldhash::fast::RandomState>>>,
    /// Bytes that they take.
    kept: usize,
}

impl Prepared {
    /// The statement behind a handle; `None` where it was prepared unseen.
    pub(super) fn find(&self, handle: Handle) -> Option<StatementId> {
        self.statements.as_ref()?.get(&handle).copied()
    }

    /// `handle` executes `statement` from now on; an unknown one is not taken for what the handle was before.
    pub(super) fn insert(&mut self, handle: Handle, statement: Option<StatementId>) {
        let Some(statement) = statement else {
            self.remove(handle);
            return;
        };
        let statements = self.statements.get_or_insert_default();
        if statements.len() >= MOST && !statements.contains_key(&handle) {
            statements.clear();
        }
        statements.insert(handle, statement);
        self.kept = size_of_val(&**statements) + statements.allocation_size();
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        if let Some(statements) = &mut self.statements {
            statements.remove(&handle);
        }
    }

    /// Bytes that they take.
    #[inline]
    pub(super) const fn kept(&self) -> usize {
        self.kept
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statements
            .as_ref()
            .is_none_or(|statements| statements.is_empty())
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
