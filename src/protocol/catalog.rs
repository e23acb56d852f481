//! One row a protocol: its names, its ports, how its first bytes look, and its decoder.

use std::net::IpAddr;

use super::feed::Listener;
use super::http::Http;
use super::mysql::Mysql;
use super::postgresql::Postgresql;
use super::redis::Redis;
use super::stream::Stream;
use super::turns::Turns;
use super::whole::{self, Left, Trust};
use super::{Decoder, Messages, Resync, Side, Step, System, Usual};
use crate::clock::Timestamp;
use crate::packet::Endpoint;

/// A protocol that can be watched.
#[derive(Debug)]
pub struct Protocol {
    /// The system.
    pub system: System,
    /// How targets name it.
    pub schemes: &'static [&'static str],
    /// The ports it is looked for on when no target is given.
    pub ports: &'static [u16],
    /// Whether bytes, the first that were seen of a side, are surely of this protocol.
    recognise: fn(Side, &[u8]) -> bool,
    decoder: fn() -> AnyDecoder,
}

/// All protocols; those that are only followed by their turns come last.
pub static CATALOG: &[Protocol] = &[
    Protocol {
        system: System::Postgresql,
        schemes: &["postgresql", "postgres", "pgsql"],
        ports: &[5432, 6432],
        recognise: super::postgresql::recognise,
        decoder: || AnyDecoder::Postgresql(Postgresql::new()),
    },
    Protocol {
        system: System::Mysql,
        schemes: &["mysql", "mariadb"],
        ports: &[3306],
        recognise: super::mysql::recognise,
        decoder: || AnyDecoder::Mysql(Mysql::new()),
    },
    Protocol {
        system: System::Redis,
        schemes: &["redis", "valkey", "rediss"],
        ports: &[6379, 6380],
        recognise: super::redis::recognise,
        decoder: || AnyDecoder::Redis(Redis::new()),
    },
    Protocol {
        system: System::Http,
        schemes: &[
            "http",
            "https",
            "elasticsearch",
            "opensearch",
            "couchdb",
            "clickhouse",
            "influxdb",
        ],
        ports: &[9200, 5984, 8123, 8086],
        recognise: super::http::recognise,
        decoder: || AnyDecoder::Http(Http::new()),
    },
    by_turns(System::Mongodb, &["mongodb"], &[27017]),
    by_turns(System::Memcached, &["memcached"], &[11211]),
    by_turns(System::Cassandra, &["cassandra", "cql", "scylla"], &[9042]),
    by_turns(System::Mssql, &["mssql", "sqlserver"], &[1433]),
    by_turns(System::Oracle, &["oracle"], &[1521]),
    by_turns(System::Unknown, &["unknown", "tls", "tcp"], &[]),
];

/// A protocol with no decoder of its own: requests and replies are told by who speaks.
const fn by_turns(system: System, schemes: &'static [&'static str], ports: &'static [u16]) -> Protocol {
    Protocol {
        system,
        schemes,
        ports,
        recognise: |_, _| false,
        decoder: || AnyDecoder::turns(false),
    }
}

/// A database to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What it speaks; `None` where the first bytes shall tell.
    pub system: Option<System>,
    /// Where it is; `None` stands for every host.
    pub address: Option<IpAddr>,
    /// Its TCP port.
    pub port: u16,
    /// The protocol is only what the port suggests, not what the user said.
    pub presumed: bool,
}

impl Target {
    /// A target as the user said it: without a system, a well-known port suggests one.
    #[must_use]
    pub fn new(system: Option<System>, address: Option<IpAddr>, port: u16) -> Self {
        let row = CATALOG.iter().find(|row| row.ports.contains(&port));
        let presumed = system.is_none();
        let system = system.or(row.map(|row| row.system));
        Self {
            system,
            address,
            port,
            presumed,
        }
    }
}

impl Target {
    /// Whether the server at `end` is meant.
    #[must_use]
    pub fn is_at(&self, end: Endpoint) -> bool {
        self.port == end.port && self.address.is_none_or(|address| address == end.address)
    }
}

/// The ports on which a system is looked for; those of all systems where none is named.
#[must_use]
pub fn well_known_ports(system: Option<System>) -> Vec<u16> {
    let rows = CATALOG
        .iter()
        .filter(|row| system.is_none_or(|system| system == row.system));
    rows.flat_map(|row| row.ports.iter().copied()).collect()
}

/// The targets that are watched when none is given: every well-known port.
#[must_use]
pub fn well_known_targets() -> Vec<Target> {
    let ports = well_known_ports(None).into_iter();
    ports.map(|port| Target::new(None, None, port)).collect()
}

/// The system that a target's scheme names.
#[must_use]
pub fn system_of_scheme(scheme: &str) -> Option<System> {
    let row = CATALOG
        .iter()
        .find(|row| row.schemes.iter().any(|name| name.eq_ignore_ascii_case(scheme)));
    row.map(|row| row.system)
}

/// How targets name a system.
#[must_use]
pub fn scheme_of_system(system: System) -> &'static str {
    let row = CATALOG.iter().find(|row| row.system == system);
    row.and_then(|row| row.schemes.first().copied())
        .unwrap_or(system.name())
}

/// The protocol of a connection, told by its target and the first bytes seen of `side`.
#[must_use]
pub fn choose(target: &Target, side: Side, first_bytes: &[u8]) -> Option<&'static Protocol> {
    let named = CATALOG.iter().find(|row| target.system == Some(row.system));
    match named {
        Some(row) if !target.presumed || row.is_by_turns() || (row.recognise)(side, first_bytes) => Some(row),
        _ => CATALOG
            .iter()
            .find(|row| (row.recognise)(side, first_bytes))
            .or(named),
    }
}

impl Protocol {
    /// A fresh decoder.
    #[must_use]
    pub fn decoder(&self) -> AnyDecoder {
        (self.decoder)()
    }

    fn is_by_turns(&self) -> bool {
        matches!(self.decoder(), AnyDecoder::Turns(_))
    }
}

/// Any protocol's decoder, without a table of functions on the way.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is its protocol's decoder")]
pub enum AnyDecoder {
    Postgresql(Postgresql),
    Mysql(Mysql),
    Redis(Redis),
    Http(Http),
    Turns(Turns),
}

/// The protocols whose idle connections fit in a few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its protocol")]
pub enum Resting {
    Postgresql,
    Mysql,
    Redis,
}

macro_rules! dispatch {
    ($self:ident, $decoder:ident => $call:expr) => {
        match $self {
            AnyDecoder::Postgresql($decoder) => $call,
            AnyDecoder::Mysql($decoder) => $call,
            AnyDecoder::Redis($decoder) => $call,
            AnyDecoder::Http($decoder) => $call,
            AnyDecoder::Turns($decoder) => $call,
        }
    };
}

impl AnyDecoder {
    /// Decodes messages where they lie: [`whole::run`] of its protocol.
    #[inline]
    pub(super) fn run<'b>(
        &mut self,
        (stream, trust): (&mut Stream, &mut Trust),
        side: Side,
        bytes: &'b [u8],
        at: Timestamp,
        listener: &mut impl Listener,
    ) -> Result<usize, Left<'b>> {
        dispatch!(self, decoder => whole::run(decoder, stream, trust, side, bytes, at, listener))
    }

    /// What all of `bytes` mean, if they are a usual request or reply of its protocol; else nothing is changed.
    #[inline]
    pub(super) fn usual<'a>(&'a mut self, side: Side, bytes: &'a [u8]) -> Option<Usual<'a>> {
        match self {
            Self::Postgresql(decoder) => decoder.usual(side, bytes),
            Self::Mysql(decoder) => decoder.usual(side, bytes),
            Self::Redis(decoder) => decoder.usual(side, bytes),
            Self::Http(_) | Self::Turns(_) => None,
        }
    }

    /// Follows a connection by who speaks.
    #[must_use]
    pub fn turns(tls: bool) -> Self {
        Self::Turns(Turns::new(tls))
    }

    /// What a decoder keeps while nothing is in flight, in sixteen bits; `None` where that is more, or it has no such state.
    #[must_use]
    pub fn rest(&self) -> Option<(Resting, u16)> {
        match self {
            Self::Postgresql(decoder) => decoder.at_rest().map(|bits| (Resting::Postgresql, bits)),
            Self::Mysql(decoder) => decoder.at_rest().map(|bits| (Resting::Mysql, bits)),
            Self::Redis(decoder) => decoder.at_rest().map(|bits| (Resting::Redis, bits)),
            Self::Http(_) | Self::Turns(_) => None,
        }
    }

    /// The decoder that kept this.
    #[must_use]
    pub fn wake(system: Resting, bits: u16) -> Self {
        match system {
            Resting::Postgresql => Self::Postgresql(Postgresql::wake(bits)),
            Resting::Mysql => Self::Mysql(Mysql::wake(bits)),
            Resting::Redis => Self::Redis(Redis::wake(bits)),
        }
    }

    /// Whether it only follows turns.
    #[must_use]
    pub fn is_turns(&self) -> bool {
        matches!(self, Self::Turns(_))
    }
}

impl Decoder for AnyDecoder {
    #[inline]
    fn decode<'a>(&'a mut self, side: Side, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        dispatch!(self, decoder => decoder.decode(side, bytes, told))
    }

    fn lost(&mut self, side: Side) {
        dispatch!(self, decoder => decoder.lost(side));
    }

    fn resync(&mut self, side: Side, bytes: &[u8]) -> Resync {
        dispatch!(self, decoder => decoder.resync(side, bytes))
    }

    fn wrapped(&self, side: Side) -> bool {
        dispatch!(self, decoder => decoder.wrapped(side))
    }

    fn open(&mut self, side: Side, bytes: &[u8], plain: &mut Vec<u8>) -> Step {
        dispatch!(self, decoder => decoder.open(side, bytes, plain))
    }

    #[inline]
    fn kept(&self) -> usize {
        dispatch!(self, decoder => decoder.kept())
    }

    fn finished(&mut self, side: Side, told: &mut Messages<'_>) {
        dispatch!(self, decoder => decoder.finished(side, told));
    }
}
