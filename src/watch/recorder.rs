//! Takes every event of a watch: into the profile, and to the exchanges' file where one is wanted.

use super::ExchangeWriter;
use super::profile_thread::ProfileThread;
use crate::clock::Timestamp;
use crate::exchange::statements::Statements;
use crate::exchange::{ConnectionId, Event, Observer};
use crate::profile::{Config, Profile};

/// The observer of a watch.
pub struct Recorder {
    profile: Profile,
    /// Where it is kept meanwhile; `profile` is empty then.
    apart: Option<ProfileThread>,
    exchanges: Option<ExchangeWriter>,
}

impl Recorder {
    /// Keeps `profile`; writes exchanges where a writer is given.
    #[must_use]
    pub fn new(profile: Profile, exchanges: Option<ExchangeWriter>) -> Self {
        Self {
            profile,
            apart: None,
            exchanges,
        }
    }

    /// Keeps the profile on a thread of its own until it is asked for, where there is one to be had.
    pub fn keep_apart(&mut self) {
        let profile = std::mem::replace(self.profile(), Profile::new(Config::default()));
        match ProfileThread::start(Box::new(profile)) {
            Ok(thread) => self.apart = Some(thread),
            Err(profile) => self.profile = *profile,
        }
    }

    /// What was kept of the traffic.
    pub fn profile(&mut self) -> &mut Profile {
        if let Some(profile) = self.apart.take().and_then(ProfileThread::finish) {
            self.profile = *profile;
        }
        &mut self.profile
    }

    /// The same, where it is not kept apart.
    #[must_use]
    pub fn recorded(&self) -> &Profile {
        &self.profile
    }

    /// The exchanges' writer, if one was given.
    pub fn exchanges(&mut self) -> Option<&mut ExchangeWriter> {
        self.exchanges.as_mut()
    }
}

impl Observer for Recorder {
    #[expect(
        clippy::inline_always,
        reason = "in its place an event is never put together; handed over, each is written and read again"
    )]
    #[inline(always)]
    fn observe(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>, statements: &Statements) {
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.observe(id, &event, statements);
        }
        match &mut self.apart {
            Some(thread) => thread.record(id, at, event),
            None => self.profile.record(id, at, event),
        }
    }

    fn expect(&mut self, id: ConnectionId) {
        if self.apart.is_none() {
            self.profile.expect(id);
        }
    }

    fn tells_bytes(&self) -> bool {
        self.exchanges.is_some()
    }
}
