//! Names of prepared statements and portals, kept as hashes and bounded.

use crate::protocol::{Handle, Message, Messages, Side};

/// Statements that are remembered to exist; the oldest beyond these is forgotten.
const MOST_STATEMENTS: usize = 512;
/// Named portals whose statement can still be told; the oldest beyond these is closed.
const MOST_PORTALS: usize = 16;

/// The handle of the unnamed statement.
pub(super) const UNNAMED: Handle = 0xcbf2_9ce4_8422_2325;

/// The handle of a prepared statement. Names are hashed (FNV-1a, 64 bits): the same name is the same handle, always.
#[inline]
pub(super) fn statement(name: &[u8]) -> Handle {
    hash(UNNAMED, name)
}

/// The handle of a portal: never a statement's.
#[inline]
pub(super) fn portal(name: &[u8]) -> Handle {
    hash(0x9ae1_6a3b_2f90_404f, name)
}

/// The handle of the statement whose name, with the NUL that ends it, is at the front.
#[inline]
pub(super) fn leading_statement(bytes: &[u8]) -> Option<Handle> {
    let mut handle = UNNAMED;
    for &byte in bytes {
        if byte == 0 {
            return Some(handle);
        }
        handle = add(handle, byte);
    }
    None
}

#[inline]
fn hash(basis: u64, name: &[u8]) -> Handle {
    name.iter().fold(basis, |hash, &byte| add(hash, byte))
}

#[inline]
const fn add(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// What is remembered of a connection's names; nothing is allocated before the first one.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    held: Option<Box<Held>>,
    /// The unnamed portal's statement was told under [`portal`]'s handle.
    is_unnamed_portal_told: bool,
}

#[derive(Clone, Debug, Default)]
struct Held {
    statements: Vec<Handle>,
    portals: Vec<Handle>,
}

impl Names {
    /// Bytes of `side` are missing. The client's may have closed or replaced any name; the server's may have refused one.
    pub(super) fn lost(&mut self, side: Side) {
        match (side, &mut self.held) {
            (Side::Server, Some(held)) => held.statements.clear(),
            _ => *self = Self::default(),
        }
    }

    /// Bytes that they take.
    #[inline]
    pub(super) fn kept(&self) -> usize {
        let names = |held: &Held| held.statements.capacity() + held.portals.capacity();
        self.held
            .as_ref()
            .map_or(0, |held| size_of::<Held>() + names(held) * size_of::<Handle>())
    }

    /// Where no names are remembered, whether the unnamed portal's statement was told.
    pub(super) fn rest(&self) -> Option<bool> {
        let held = self.held.as_ref();
        let none = held.is_none_or(|held| held.statements.is_empty() && held.portals.is_empty());
        none.then_some(self.is_unnamed_portal_told)
    }

    /// No names are remembered.
    pub(super) fn wake(is_unnamed_portal_told: bool) -> Self {
        Self {
            held: None,
            is_unnamed_portal_told,
        }
    }

    /// Remembers that a statement of this name exists; false where it did already, so that parsing it again is refused
    /// and its text stays. The unnamed statement is replaced each time.
    pub(super) fn parse(&mut self, name: &[u8]) -> bool {
        if name.is_empty() {
            return true;
        }
        let handle = statement(name);
        let statements = &mut self.held.get_or_insert_default().statements;
        if statements.contains(&handle) {
            return false;
        }
        if statements.len() >= MOST_STATEMENTS {
            statements.remove(0);
        }
        statements.push(handle);
        true
    }

    /// The statement does not exist.
    pub(super) fn forget(&mut self, handle: Handle) {
        if let Some(held) = &mut self.held {
            held.statements.retain(|&held| held != handle);
        }
    }

    /// No statement exists.
    pub(super) fn forget_all(&mut self) {
        if let Some(held) = &mut self.held {
            held.statements.clear();
        }
    }

    /// A named portal can be executed from now on; one that was remembered for too long is told as closed.
    pub(super) fn bind(&mut self, handle: Handle, told: &mut Messages<'_>) {
        let portals = &mut self.held.get_or_insert_default().portals;
        if portals.contains(&handle) {
            return;
        }
        if portals.len() >= MOST_PORTALS {
            told.push(Message::Closed(portals.remove(0)));
        }
        portals.push(handle);
    }

    /// A named portal is gone; whether it was known.
    pub(super) fn unbind(&mut self, handle: Handle) -> bool {
        let Some(held) = &mut self.held else { return false };
        let before = held.portals.len();
        held.portals.retain(|&held| held != handle);
        held.portals.len() < before
    }

    /// The unnamed portal was bound anew; whether its statement was told.
    pub(super) fn bind_unnamed(&mut self, told: bool) {
        self.is_unnamed_portal_told = told;
    }

    /// What executes a portal that an earlier ask bound, where that was told.
    pub(super) fn executed_by(&self, name: &[u8]) -> Option<Handle> {
        (!name.is_empty() || self.is_unnamed_portal_told).then(|| portal(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_never_change() {
        assert_eq!(statement(b""), UNNAMED);
        assert_eq!(statement(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(statement(b"S_1"), portal(b"S_1"));
        assert_eq!(leading_statement(b"S_1\0S_2\0"), Some(statement(b"S_1")));
        assert_eq!(leading_statement(b"\0"), Some(UNNAMED));
        assert_eq!(leading_statement(b"S_1"), None);
    }

    #[test]
    fn a_named_statement_keeps_its_text_until_it_is_gone() {
        let mut names = Names::default();
        assert!(names.parse(b"S_1"));
        assert!(!names.parse(b"S_1"));
        names.forget(statement(b"S_1"));
        assert!(names.parse(b"S_1"));
        assert!(names.parse(b"") && names.parse(b""));
    }

    #[test]
    fn names_are_bounded() {
        let mut names = Names::default();
        for number in 0..10_000_u32 {
            names.parse(&number.to_be_bytes());
            names.bind(portal(&number.to_be_bytes()), &mut Messages::new());
        }
        let held = names.held.expect("some");
        assert_eq!(
            (held.statements.len(), held.portals.len()),
            (MOST_STATEMENTS, MOST_PORTALS)
        );
    }

    #[test]
    fn an_old_portal_is_closed_rather_than_mistaken() {
        let mut names = Names::default();
        let mut told = Messages::new();
        for number in 0..=MOST_PORTALS as u8 {
            names.bind(portal(&[b'C', number]), &mut told);
        }
        assert_eq!(told.as_slice(), [Message::Closed(portal(&[b'C', 0]))]);
    }
}
