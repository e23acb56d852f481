//! Names that a command gives to its session, remembered until the server agrees.

use std::collections::VecDeque;

use crate::protocol::{AskId, Session};

/// The longest name kept.
const MAX_NAME: usize = 128;

/// The most names waiting for their replies.
const MAX_PENDING: usize = 64;

/// What a command says of its session.
#[derive(Debug, Default)]
pub struct Learnt {
    /// AUTH's or HELLO's user.
    pub user: Option<Box<[u8]>>,
    /// SELECT's database.
    pub database: Option<Box<[u8]>>,
    /// CLIENT SETNAME's name.
    pub application: Option<Box<[u8]>>,
}

/// Those not yet agreed to, in the order sent, and the last that was.
#[derive(Debug, Default)]
pub struct Names {
    pending: VecDeque<(AskId, Box<Learnt>)>,
    agreed: Option<Box<Learnt>>,
}

impl Names {
    /// Whether no name waits to be agreed to.
    pub fn is_at_rest(&self) -> bool {
        self.pending.is_empty()
    }
}

impl Learnt {
    /// A name to keep.
    pub fn keep(name: &[u8]) -> Box<[u8]> {
        name[..name.len().min(MAX_NAME)].into()
    }
}

impl Names {
    /// Keeps what command `id` says.
    pub fn remember(&mut self, id: AskId, learnt: Box<Learnt>) {
        if self.pending.len() >= MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back((id, learnt));
    }

    /// Command `id` is answered: its names hold, or not. Says whether there is anything to tell.
    pub fn settle(&mut self, id: AskId, agreed: bool) -> bool {
        let place = self.pending.iter().position(|(pending, _)| *pending == id);
        let learnt = place.and_then(|place| self.pending.drain(..=place).next_back());
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
        self.agreed = learnt.filter(|_| agreed).map(|(_, learnt)| learnt);
        self.agreed.as_ref().is_some_and(|learnt| learnt.says())
    }

    /// What was agreed to last.
    pub fn agreed(&self) -> Session<'_> {
        let agreed = self.agreed.as_deref();
        Session {
            user: agreed.and_then(|learnt| learnt.user.as_deref()),
            database: agreed.and_then(|learnt| learnt.database.as_deref()),
            application: agreed.and_then(|learnt| learnt.application.as_deref()),
        }
    }

    /// Bytes of the names that wait to be agreed to.
    #[inline]
    pub fn kept(&self) -> usize {
        self.pending.capacity() * (size_of::<(AskId, Box<Learnt>)>() + size_of::<Learnt>())
    }

    /// Forgets what is pending.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Learnt {
    fn says(&self) -> bool {
        self.user.is_some() || self.database.is_some() || self.application.is_some()
    }
}
