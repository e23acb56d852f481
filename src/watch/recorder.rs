//! Takes every event of a watch: into the profile, and to the exchanges' file where one is wanted.

use super::ExchangeWriter;
use crate::clock::Timestamp;
use crate::exchange::statements::Statements;
use crate::exchange::{ConnectionId, Event, Observer};
use crate::profile::Profile;

/// The observer of a watch.
pub struct Recorder {
    profile: Profile,
    exchanges: Option<ExchangeWriter>,
}

impl Recorder {
    /// Keeps `profile`; writes exchanges where a writer is given.
    #[must_use]
    pub fn new(profile: Profile, exchanges: Option<ExchangeWriter>) -> Self {
        Self { profile, exchanges }
    }

    /// What was kept of the traffic.
    pub fn profile(&mut self) -> &mut Profile {
        &mut self.profile
    }

    /// The exchanges' writer, if one was given.
    pub fn exchanges(&mut self) -> Option<&mut ExchangeWriter> {
        self.exchanges.as_mut()
    }
}

impl Observer for Recorder {
    #[inline]
    fn observe(&mut self, id: ConnectionId, at: Timestamp, event: Event<'_>, statements: &Statements) {
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.observe(id, &event, statements);
        }
        self.profile.record(id, at, event);
    }
}
