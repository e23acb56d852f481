//! Who uses a connection: names, owners and their combinations, each kept once and bounded.

use std::collections::HashMap;
use std::hash::Hash;

use crate::protocol::Session;
use crate::summary::Owner;

/// Characters kept of a name.
const LONGEST: usize = 128;

/// A name; unknown, or known to be absent, or an entry of [`Identities`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(u16);

impl NameId {
    /// Not known.
    pub const UNKNOWN: Self = Self(0);
    /// Known to be none.
    pub const NONE: Self = Self(1);

    /// Whether it may be any name.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        self.0 == 0
    }

    /// Whether both may be the same name.
    #[must_use]
    pub fn may_be(self, other: Self) -> bool {
        self == other || self.is_unknown() || other.is_unknown()
    }

    /// The known one of the two.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        if self.is_unknown() { other } else { self }
    }
}

/// An owner of a socket; 0 is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(u16);

/// What is known of a connection's user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The database user.
    pub user: NameId,
    /// The database.
    pub database: NameId,
    /// The application's name for itself.
    pub application: NameId,
    /// The process that holds the socket.
    pub owner: OwnerId,
}

/// A combination in [`Identities`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IdentityId(u16);

impl IdentityId {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self(0);
}

/// All names, owners and combinations seen. Each kind holds 65,535; what comes later stays unknown.
#[derive(Debug)]
pub struct Identities {
    /// Bytes that names may still take.
    room: usize,
    names: Interner<Box<str>>,
    owners: Interner<Owner>,
    combinations: Interner<Identity>,
}

impl Default for Identities {
    fn default() -> Self {
        let mut names = Interner::default();
        names.intern(Box::from("?"));
        names.intern(Box::from(""));
        let mut owners = Interner::default();
        owners.intern(Owner::default());
        let mut combinations = Interner::default();
        combinations.intern(Identity::default());
        Self {
            room: usize::MAX,
            names,
            owners,
            combinations,
        }
    }
}

impl Identities {
    /// None yet, with names of at most so many bytes.
    #[must_use]
    pub fn within(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// The combination behind an id.
    #[must_use]
    pub fn of(&self, id: IdentityId) -> Identity {
        self.combinations.entry(id.0).copied().unwrap_or_default()
    }

    /// A name's text; `None` where unknown or known to be none.
    #[must_use]
    pub fn name(&self, id: NameId) -> Option<&str> {
        self.names
            .entry(id.0)
            .filter(|_| id > NameId::NONE)
            .map(|name| &**name)
    }

    /// An owner; `None` where unknown.
    #[must_use]
    pub fn owner(&self, id: OwnerId) -> Option<&Owner> {
        self.owners.entry(id.0).filter(|_| id != OwnerId::default())
    }

    /// `id` with what the session says; what it does not say stays.
    pub fn learn(&mut self, id: IdentityId, session: &Session<'_>) -> IdentityId {
        let before = self.of(id);
        let mut name =
            |said: Option<&[u8]>, known| said.and_then(|bytes| self.name_id(bytes)).unwrap_or(known);
        let after = Identity {
            user: name(session.user, before.user),
            database: name(session.database, before.database),
            application: name(session.application, before.application),
            owner: before.owner,
        };
        self.combine(after, id)
    }

    /// `id` after a login seen from its begin: what was not said is known to be none.
    pub fn settle(&mut self, id: IdentityId) -> IdentityId {
        let before = self.of(id);
        let after = Identity {
            user: before.user.or(NameId::NONE),
            database: before.database.or(NameId::NONE),
            application: before.application.or(NameId::NONE),
            owner: before.owner,
        };
        self.combine(after, id)
    }

    /// `id` held by this owner.
    pub fn own(&mut self, id: IdentityId, owner: &Owner) -> IdentityId {
        let Some(owner) = self.owners.intern(owner.clone()) else {
            return id;
        };
        let after = Identity {
            owner: OwnerId(owner),
            ..self.of(id)
        };
        self.combine(after, id)
    }

    fn combine(&mut self, identity: Identity, otherwise: IdentityId) -> IdentityId {
        self.combinations.intern(identity).map_or(otherwise, IdentityId)
    }

    fn name_id(&mut self, bytes: &[u8]) -> Option<NameId> {
        if bytes.is_empty() {
            return Some(NameId::NONE);
        }
        // Names go to terminals and logs: nothing in them may steer these.
        let readable = |c: char| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        };
        let text: String = String::from_utf8_lossy(bytes)
            .chars()
            .take(LONGEST)
            .map(readable)
            .collect();
        let known = self.names.len();
        // The name twice, and its places in the index and among the entries.
        let taken = 2 * text.len() + 96;
        if taken > self.room && !self.names.knows(text.as_str()) {
            return None;
        }
        // `?` and the empty name are taken: a user called `?` is looked up apart.
        let id = match self.names.intern(text.into_boxed_str()) {
            Some(0) => self.names.intern(Box::from("? ")).map(NameId),
            id => id.map(NameId),
        };
        if self.names.len() > known {
            self.room = self.room.saturating_sub(taken);
        }
        id
    }
}

/// Gives each different value a small number.
#[derive(Debug)]
struct Interner<T> {
    entries: Vec<T>,
    ids: HashMap<T, u16, foldhash::fast::RandomState>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            ids: HashMap::default(),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn intern(&mut self, value: T) -> Option<u16> {
        if let Some(&id) = self.ids.get(&value) {
            return Some(id);
        }
        let id = u16::try_from(self.entries.len()).ok()?;
        self.entries.push(value.clone());
        self.ids.insert(value, id);
        Some(id)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn knows<Q: Hash + Eq + ?Sized>(&self, value: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        self.ids.contains_key(value)
    }

    fn entry(&self, id: u16) -> Option<&T> {
        self.entries.get(usize::from(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_stays() {
        let mut identities = Identities::default();
        let user = Session {
            user: Some(b"app"),
            database: Some(b"shop"),
            application: None,
        };
        let id = identities.learn(IdentityId::UNKNOWN, &user);
        let named = identities.learn(
            id,
            &Session {
                application: Some(b"web"),
                ..Session::default()
            },
        );
        let identity = identities.of(named);
        assert_eq!(identities.name(identity.user), Some("app"));
        assert_eq!(identities.name(identity.database), Some("shop"));
        assert_eq!(identities.name(identity.application), Some("web"));
        assert!(identities.of(id).application.is_unknown());
        let settled = identities.settle(id);
        assert_eq!(identities.of(settled).application, NameId::NONE);
        assert_eq!(identities.learn(IdentityId::UNKNOWN, &user), id, "kept once");
    }

    #[test]
    fn names_can_not_steer_a_terminal() {
        let mut identities = Identities::default();
        let session = Session {
            user: Some(b"a\x1b[2Jb\xff"),
            ..Session::default()
        };
        let id = identities.learn(IdentityId::UNKNOWN, &session);
        assert_eq!(
            identities.name(identities.of(id).user),
            Some("a\u{fffd}[2Jb\u{fffd}")
        );
    }

    #[test]
    fn names_are_bounded() {
        let mut identities = Identities::default();
        for n in 0..70_000_u32 {
            let session = Session {
                user: Some(&n.to_string().into_bytes()),
                ..Session::default()
            };
            identities.learn(IdentityId::UNKNOWN, &session);
        }
        assert!(identities.names.entries.len() <= 65_536);
        let late = Session {
            user: Some(b"late"),
            ..Session::default()
        };
        let id = identities.learn(IdentityId::UNKNOWN, &late);
        assert_eq!(
            identities.name(identities.of(id).user),
            None,
            "unknown, not somebody else's"
        );
    }
}
