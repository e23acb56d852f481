//! Events that borrow nothing, to go from one thread to another.

use crate::exchange::{Event, Exchange};
use crate::protocol::{self, Transaction};

/// An [`Event`] that borrows nothing. Small, as there are two for each exchange and all go from one core to another.
pub(super) enum Owned {
    /// Kept apart from the others, which are by far smaller.
    Exchanged,
    Busy {
        validation: bool,
    },
    Rest(Transaction),
    Identified(Box<Identified>),
    Rare(Box<Event<'static>>),
}

/// What an [`Owned::Exchanged`] stands for.
pub(super) struct Exchanged {
    pub(super) exchange: Exchange,
    pub(super) times: u32,
    pub(super) rest: Option<Transaction>,
}

impl Exchanged {
    #[inline]
    pub(super) fn new(event: &Event<'_>) -> Option<Self> {
        let &Event::Exchanged {
            exchange,
            times,
            rest,
        } = event
        else {
            return None;
        };
        Some(Self {
            exchange: *exchange,
            times,
            rest,
        })
    }

    #[inline]
    pub(super) fn event(&self) -> Event<'_> {
        Event::Exchanged {
            exchange: &self.exchange,
            times: self.times,
            rest: self.rest,
        }
    }
}

pub(super) struct Identified {
    user: Option<Vec<u8>>,
    database: Option<Vec<u8>>,
    application: Option<Vec<u8>>,
}

impl Owned {
    /// Keeps all of an event but an exchange.
    #[inline]
    pub(super) fn new(event: &Event<'_>) -> Self {
        match event {
            Event::Exchanged { .. } => Self::Exchanged,
            &Event::Busy { validation } => Self::Busy { validation },
            &Event::Rest { transaction } => Self::Rest(transaction),
            rare => Self::new_rare(rare),
        }
    }

    #[cold]
    fn new_rare(event: &Event<'_>) -> Self {
        match *event {
            Event::Exchanged { .. } => Self::Exchanged,
            Event::Busy { validation } => Self::Busy { validation },
            Event::Rest { transaction } => Self::Rest(transaction),
            Event::Identified(session) => Self::Identified(Box::new(Identified::of(&session))),
            Event::Opened {
                client,
                server,
                system,
                from_syn,
            } => rare(Event::Opened {
                client,
                server,
                system,
                from_syn,
            }),
            Event::System(system) => rare(Event::System(system)),
            Event::Tls => rare(Event::Tls),
            Event::Connected { total, server_part } => rare(Event::Connected { total, server_part }),
            Event::LoggedIn(took) => rare(Event::LoggedIn(took)),
            Event::LoginFailed(code) => rare(Event::LoginFailed(code)),
            Event::Pinned(pinned) => rare(Event::Pinned(pinned)),
            Event::KeepAlive(side) => rare(Event::KeepAlive(side)),
            Event::Retransmitted(side) => rare(Event::Retransmitted(side)),
            Event::ZeroWindow(side, closed) => rare(Event::ZeroWindow(side, closed)),
            Event::HalfClosed(side) => rare(Event::HalfClosed(side)),
            Event::Closed(how) => rare(Event::Closed(how)),
        }
    }

    /// The event, unless it is an exchange.
    #[inline]
    pub(super) fn event(&self) -> Option<Event<'_>> {
        Some(match self {
            Self::Exchanged => return None,
            Self::Busy { validation } => Event::Busy {
                validation: *validation,
            },
            Self::Rest(transaction) => Event::Rest {
                transaction: *transaction,
            },
            Self::Identified(identified) => Event::Identified(identified.session()),
            Self::Rare(event) => **event,
        })
    }
}

fn rare(event: Event<'static>) -> Owned {
    Owned::Rare(Box::new(event))
}

impl Identified {
    fn of(session: &protocol::Session<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Self {
            user: owned(session.user),
            database: owned(session.database),
            application: owned(session.application),
        }
    }

    fn session(&self) -> protocol::Session<'_> {
        protocol::Session {
            user: self.user.as_deref(),
            database: self.database.as_deref(),
            application: self.application.as_deref(),
        }
    }
}
