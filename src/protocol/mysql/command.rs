//! What the client sends after the login: commands, and the packets that belong to one.

use super::Mysql;
use super::attributes;
use super::capabilities::Known;
use super::in_flight::Kind;
use super::login::changed_user;
use super::names::{Names, makes_temporary_table, used_database};
use super::phase::Phase;
use super::reply::Reply;
use super::wire::{Fields, HEADER, Packet};
use crate::protocol::{Ask, AskId, Handle, Language, MAX_NEED, Message, Messages, Step, Text, Verb};

/// What the client's next packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sending {
    /// A command.
    #[default]
    Commands,
    /// The rest of a command of 16 MiB or more, of an exchange or not.
    Rest { exchange: bool },
    /// The file that the server asked for with LOCAL INFILE, up to an empty packet; `inside` a packet of 16 MiB.
    File { inside: bool },
    /// Authentication rounds of a `COM_CHANGE_USER`.
    Authentication,
}

impl Sending {
    /// The exchange that is being sent is no longer waited for.
    pub(super) fn forget(&mut self) {
        if let Self::Rest { exchange } = self {
            *exchange = false;
        }
    }
}

/// The statement that MariaDB means by id -1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LastPrepared {
    /// None, or its preparation went by in a hole.
    #[default]
    Lost,
    /// Asked for; its own id is not known yet.
    Asked,
    /// Known by this id.
    Is(u32),
}

/// MariaDB's id of the statement prepared last.
const LAST: u32 = u32::MAX;

/// A handle that no statement ever has.
const NO_STATEMENT: Handle = Handle::MAX;

/// The command bytes, as `enum_server_command` numbers them.
pub(super) mod code {
    pub(in super::super) const QUIT: u8 = 0x01;
    pub(in super::super) const INIT_DB: u8 = 0x02;
    pub(in super::super) const QUERY: u8 = 0x03;
    pub(in super::super) const FIELD_LIST: u8 = 0x04;
    pub(in super::super) const STATISTICS: u8 = 0x09;
    pub(in super::super) const PING: u8 = 0x0e;
    pub(in super::super) const CHANGE_USER: u8 = 0x11;
    pub(in super::super) const BINLOG_DUMP: u8 = 0x12;
    pub(in super::super) const REGISTER_SLAVE: u8 = 0x15;
    pub(in super::super) const PREPARE: u8 = 0x16;
    pub(in super::super) const EXECUTE: u8 = 0x17;
    pub(in super::super) const LONG_DATA: u8 = 0x18;
    pub(in super::super) const CLOSE: u8 = 0x19;
    pub(in super::super) const FETCH: u8 = 0x1c;
    pub(in super::super) const BINLOG_DUMP_GTID: u8 = 0x1e;
    pub(in super::super) const RESET_CONNECTION: u8 = 0x1f;
    pub(in super::super) const CLONE: u8 = 0x20;
    pub(in super::super) const GROUP_REPLICATION: u8 = 0x21;
    pub(in super::super) const BULK_EXECUTE: u8 = 0xfa;
}

impl Mysql {
    /// Judges what the client sends after the login.
    pub(super) fn command<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        let Some(packet) = Packet::read(bytes) else {
            return Step::Need(HEADER);
        };
        match self.sending {
            Sending::File { inside } => return self.file(bytes, inside),
            Sending::Rest { exchange } => return self.rest(&packet, exchange, told),
            Sending::Authentication if packet.sequence != 0 => return Step::Take(packet.size() as u64),
            Sending::Authentication | Sending::Commands => {}
        }
        if packet.sequence != 0 && self.unsure {
            return Step::Take(packet.size() as u64);
        }
        if packet.sequence != 0 || packet.length == 0 {
            return Step::Garbage;
        }
        self.begin(&packet, told)
    }

    /// Steps over the file's packets, up to the empty one that ends it.
    fn file(&mut self, bytes: &[u8], mut inside: bool) -> Step {
        let mut taken = 0;
        while let Some(packet) = bytes.get(taken..).and_then(Packet::read) {
            taken += packet.size();
            if packet.length == 0 && !inside {
                self.sending = Sending::Commands;
                return Step::Take(taken as u64);
            }
            inside = packet.continues();
            self.sending = Sending::File { inside };
        }
        Step::Take(taken as u64)
    }

    fn rest(&mut self, packet: &Packet<'_>, exchange: bool, told: &mut Messages<'_>) -> Step {
        if exchange {
            told.push(Message::Ask(Ask {
                id: self.in_flight.newest(),
                verb: None,
                text: Text::Same,
                waiting: false,
            }));
        }
        self.sent(packet, exchange)
    }

    /// Takes a packet of a command.
    fn sent(&mut self, packet: &Packet<'_>, exchange: bool) -> Step {
        self.client_sequence = packet.sequence;
        self.sending = if packet.continues() {
            Sending::Rest { exchange }
        } else {
            Sending::Commands
        };
        Step::Take(packet.size() as u64)
    }

    /// A command's first packet.
    fn begin<'a>(&mut self, packet: &Packet<'a>, told: &mut Messages<'a>) -> Step {
        let Some((command, payload)) = packet.readable().split_first() else {
            return Step::Need(HEADER + 1);
        };
        let wanted = needed(*command);
        if !packet.holds(wanted) {
            return Step::Need(HEADER + packet.length.min(wanted));
        }
        if self.in_flight.is_full() {
            return Step::Garbage;
        }
        let exchange = match *command {
            code::QUIT => {
                told.push(Message::Goodbye);
                false
            }
            code::LONG_DATA => false,
            code::CLOSE => {
                self.close(payload, told);
                false
            }
            code::BINLOG_DUMP | code::BINLOG_DUMP_GTID | code::CLONE | code::GROUP_REPLICATION => {
                self.phase = Phase::Over;
                told.push(Message::Pinned(true));
                false
            }
            command => match self.asked(command, payload, packet.size() > MAX_NEED) {
                Some(asked) => {
                    self.ask(asked, told);
                    true
                }
                None => return Step::Garbage,
            },
        };
        self.sent(packet, exchange)
    }

    fn close(&mut self, payload: &[u8], told: &mut Messages<'_>) {
        let handle = Fields(payload).u32().unwrap_or(LAST);
        told.push(Message::Closed(Handle::from(handle)));
        if let (LAST, LastPrepared::Is(handle)) = (handle, self.last_prepared) {
            told.push(Message::Closed(Handle::from(handle)));
        }
    }

    /// What a command that is answered asks; `None` for a byte that is no command where a hole may have been.
    fn asked<'a>(&self, command: u8, payload: &'a [u8], truncated: bool) -> Option<Asked<'a>> {
        let text = |bytes| Text::Raw {
            language: Language::Mysql,
            bytes,
            truncated,
        };
        Some(match command {
            code::QUERY => {
                let sql = attributes::statement(payload, self.agreed.query_attributes);
                Asked {
                    names: sql.and_then(used_database).map(|database| (None, database)),
                    pins: sql.is_some_and(makes_temporary_table).then_some(true),
                    ..Asked::new(Kind::Statement, Verb::Query, sql.map_or(UNREADABLE, text))
                }
            }
            code::INIT_DB => Asked {
                names: Some((None, payload)),
                ..Asked::new(Kind::Command, Verb::Command, Text::Fixed("COM_INIT_DB"))
            },
            code::CHANGE_USER => Asked {
                names: changed_user(payload).map(|(user, database)| (Some(user), database)),
                pins: Some(false),
                ..Asked::new(Kind::ChangeUser, Verb::Reset, Text::Fixed("COM_CHANGE_USER"))
            },
            code::PREPARE => Asked::new(Kind::Prepare, Verb::Prepare, text(payload)),
            code::EXECUTE | code::BULK_EXECUTE => {
                Asked::new(Kind::Statement, Verb::Execute, self.prepared_text(payload))
            }
            code::FETCH => Asked::new(Kind::Fetch, Verb::Fetch, self.prepared_text(payload)),
            code::PING => Asked::new(Kind::Command, Verb::Ping, Text::Fixed("COM_PING")),
            code::RESET_CONNECTION => {
                let text = Text::Fixed("COM_RESET_CONNECTION");
                Asked {
                    pins: Some(false),
                    ..Asked::new(Kind::ResetConnection, Verb::Reset, text)
                }
            }
            command => {
                let kind = match command {
                    code::FIELD_LIST => Kind::FieldList,
                    code::STATISTICS => Kind::Statistics,
                    _ => Kind::Command,
                };
                let text = match name(command) {
                    None if self.unsure => return None,
                    name => Text::Fixed(name.unwrap_or("COM_UNKNOWN")),
                };
                Asked {
                    pins: (command == code::REGISTER_SLAVE).then_some(true),
                    ..Asked::new(kind, Verb::Command, text)
                }
            }
        })
    }

    /// The statement that an execution names.
    pub(super) fn prepared_text<'a>(&self, payload: &[u8]) -> Text<'a> {
        let handle = match Fields(payload).u32() {
            None => NO_STATEMENT,
            Some(LAST) if self.last_prepared == LastPrepared::Lost => NO_STATEMENT,
            Some(handle) => Handle::from(handle),
        };
        Text::Prepared(handle)
    }

    fn ask<'a>(&mut self, asked: Asked<'a>, told: &mut Messages<'a>) {
        self.settle_before_ask(told);
        let id = self.in_flight.push(asked.kind);
        told.push(Message::Ask(Ask {
            id,
            verb: Some(asked.verb),
            text: asked.text,
            waiting: false,
        }));
        if asked.kind == Kind::Prepare {
            self.prepare_last(id, told);
        }
        if let Some(pinned) = asked.pins.filter(|pinned| *pinned != self.pinned) {
            self.pinned = pinned;
            told.push(Message::Pinned(pinned));
        }
        if let Some((user, database)) = asked.names {
            self.names = Some(Box::new(Names::new(id, user, database)));
        }
    }

    /// MariaDB's clients may execute a statement before its preparation is answered.
    fn prepare_last(&mut self, id: AskId, told: &mut Messages<'_>) {
        self.last_prepared = LastPrepared::Asked;
        if self.agreed.mariadb != Known::No {
            let handle = Handle::from(LAST);
            told.push(Message::Prepared { id, handle });
        }
    }

    /// A command means that the reply before is over, where only the login that was not seen could tell.
    fn settle_before_ask(&mut self, told: &mut Messages<'_>) {
        if self.in_flight.is_empty() && matches!(self.reply, Reply::Stray { .. }) {
            self.reply = Reply::First;
            self.unsure = true;
        }
        if self.agreed.deprecate_eof == Known::Unknown && self.in_flight.is_single() {
            self.settle(told);
        }
    }
}

/// What a command asks.
#[derive(Clone, Copy)]
struct Asked<'a> {
    kind: Kind,
    verb: Verb,
    text: Text<'a>,
    /// User and database that are the session's once this is answered by OK.
    names: Option<(Option<&'a [u8]>, &'a [u8])>,
    /// Whether the session is at work by its nature from now on, or no longer.
    pins: Option<bool>,
}

impl<'a> Asked<'a> {
    fn new(kind: Kind, verb: Verb, text: Text<'a>) -> Self {
        Self {
            kind,
            verb,
            text,
            names: None,
            pins: None,
        }
    }
}

/// Text whose query attributes go on beyond what is here.
const UNREADABLE: Text<'static> = Text::Raw {
    language: Language::Mysql,
    bytes: &[],
    truncated: true,
};

/// How much of a command's payload must be here to read it.
fn needed(command: u8) -> usize {
    match command {
        code::QUERY | code::PREPARE | code::INIT_DB | code::CHANGE_USER => MAX_NEED - HEADER,
        code::EXECUTE | code::BULK_EXECUTE | code::FETCH | code::CLOSE => 5,
        _ => 1,
    }
}

/// The names of the commands that have no text; `None` for what is no command.
pub(super) fn name(command: u8) -> Option<&'static str> {
    Some(match command {
        0x00 => "COM_SLEEP",
        code::FIELD_LIST => "COM_FIELD_LIST",
        0x05 => "COM_CREATE_DB",
        0x06 => "COM_DROP_DB",
        0x07 => "COM_REFRESH",
        0x08 => "COM_SHUTDOWN",
        code::STATISTICS => "COM_STATISTICS",
        0x0a => "COM_PROCESS_INFO",
        0x0b => "COM_CONNECT",
        0x0c => "COM_PROCESS_KILL",
        0x0d => "COM_DEBUG",
        0x0f => "COM_TIME",
        0x10 => "COM_DELAYED_INSERT",
        0x13 => "COM_TABLE_DUMP",
        0x14 => "COM_CONNECT_OUT",
        code::REGISTER_SLAVE => "COM_REGISTER_SLAVE",
        0x1a => "COM_STMT_RESET",
        0x1b => "COM_SET_OPTION",
        0x1d => "COM_DAEMON",
        _ => return None,
    })
}
