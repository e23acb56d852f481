//! One line of `--exchanges`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::{Span, Timestamp};
use crate::exchange::{Ending, Exchange};
use crate::packet::Endpoint;
use crate::protocol::System;

/// One request and its reply.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExchangeLine<'a> {
    /// Which version of this model it is.
    pub schema: ExchangeSchema,
    /// The application's end.
    pub client: Endpoint,
    /// The database's end.
    pub server: Endpoint,
    /// What is spoken.
    pub system: System,
    /// What kind of request: `query`, `execute`, `prepare`, `ping`, `reset`, `fetch`, `command` or `turn`.
    pub verb: &'a str,
    /// The statement's fingerprint; absent where it was prepared before the watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<&'a str>,
    /// The fingerprint's hash, as in the summary's `statements`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_id: Option<&'a str>,
    /// First byte of the request.
    pub start: Timestamp,
    /// Last byte of the request to first byte of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_seconds: Option<f64>,
    /// First byte of the request to last byte of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Bytes of the request, framing included.
    pub request_bytes: u64,
    /// Bytes of the reply, framing included.
    pub reply_bytes: u64,
    /// Rows returned or affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How it ended; not to be trusted where there is a `doubt`.
    pub outcome: OutcomeName,
    /// The server's code: SQLSTATE, MySQL number, Redis prefix, HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'a str>,
    /// Whether it began inside an open transaction.
    pub in_transaction: bool,
    /// A liveness check: no useful work.
    pub validation: bool,
    /// Waits by design.
    pub waiting: bool,
    /// A turn of TLS or of an unknown protocol.
    pub opaque: bool,
    /// Why its numbers are not to be trusted: `loss`, `joined_late` or `unmatched`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<&'a str>,
}

/// The model's version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ExchangeSchema {
    /// The first.
    #[default]
    #[serde(rename = "sockhound.exchange.v1")]
    V1,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeName {
    /// Answered.
    Ok,
    /// Answered with an error.
    Error,
    /// The connection closed, or the watch ended, before the reply.
    Unanswered,
}

/// What an [`Exchange`] does not know of itself.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeNames<'a> {
    /// The application's end.
    pub client: Endpoint,
    /// The database's end.
    pub server: Endpoint,
    /// What is spoken.
    pub system: System,
    /// The statement's fingerprint.
    pub statement: Option<&'a str>,
    /// Its hash.
    pub statement_id: Option<&'a str>,
}

impl<'a> ExchangeLine<'a> {
    /// The line that tells of `exchange`. A doubtful exchange has no latency and no duration.
    #[must_use]
    pub fn new(exchange: &'a Exchange, names: ExchangeNames<'a>) -> Self {
        let trusted = |span: Option<Span>| span.filter(|_| exchange.doubt.is_none()).map(Span::seconds);
        Self {
            schema: ExchangeSchema::V1,
            client: names.client,
            server: names.server,
            system: names.system,
            verb: exchange.verb.name(),
            statement: names.statement,
            statement_id: names.statement_id,
            start: exchange.start,
            latency_seconds: trusted(exchange.latency()),
            duration_seconds: trusted(exchange.duration()),
            request_bytes: exchange.request_bytes,
            reply_bytes: exchange.reply_bytes,
            rows: exchange.rows,
            outcome: outcome(&exchange.outcome),
            error_code: error_code(&exchange.outcome),
            in_transaction: exchange.in_transaction,
            validation: exchange.validation,
            waiting: exchange.waiting,
            opaque: exchange.opaque,
            doubt: exchange.doubt.map(crate::exchange::Doubt::name),
        }
    }
}

const fn outcome(ending: &Ending) -> OutcomeName {
    match ending {
        Ending::Ok => OutcomeName::Ok,
        Ending::Error(_) => OutcomeName::Error,
        Ending::Unanswered => OutcomeName::Unanswered,
    }
}

fn error_code(ending: &Ending) -> Option<&str> {
    match ending {
        Ending::Error(code) => Some(code.as_str()).filter(|code| !code.is_empty()),
        Ending::Ok | Ending::Unanswered => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Doubt, Reply};
    use crate::protocol::{ErrorCode, Verb};

    fn exchange() -> Exchange {
        let at = Timestamp::from_nanos;
        Exchange {
            statement: None,
            verb: Verb::Query,
            start: at(1_000_000_000),
            request_end: at(1_000_000_500),
            reply: Some(Reply {
                start: at(1_000_001_500),
                end: at(1_000_002_000),
            }),
            request_bytes: 20,
            reply_bytes: 30,
            rows: Some(1),
            outcome: Ending::Error(ErrorCode::new(b"42P01")),
            in_transaction: true,
            validation: false,
            waiting: false,
            opaque: false,
            doubt: None,
        }
    }

    fn names() -> ExchangeNames<'static> {
        ExchangeNames {
            client: "10.0.0.9:41234".parse::<std::net::SocketAddr>().unwrap().into(),
            server: "10.0.0.5:5432".parse::<std::net::SocketAddr>().unwrap().into(),
            system: System::Postgresql,
            statement: Some("SELECT ?"),
            statement_id: None,
        }
    }

    #[test]
    fn prints_the_contract() {
        let line = serde_json::to_string(&ExchangeLine::new(&exchange(), names())).unwrap();
        assert_eq!(
            line,
            r#"{"schema":"sockhound.exchange.v1","client":"10.0.0.9:41234","server":"10.0.0.5:5432","system":"postgresql","verb":"query","statement":"SELECT ?","start":"1970-01-01T00:00:01.000000000Z","latency_seconds":1e-6,"duration_seconds":2e-6,"request_bytes":20,"reply_bytes":30,"rows":1,"outcome":"error","error_code":"42P01","in_transaction":true,"validation":false,"waiting":false,"opaque":false}"#
        );
    }

    #[test]
    fn a_doubtful_exchange_has_no_numbers() {
        let doubtful = Exchange {
            doubt: Some(Doubt::Loss),
            ..exchange()
        };
        let line = ExchangeLine::new(&doubtful, names());
        assert_eq!(
            (line.latency_seconds, line.duration_seconds, line.doubt),
            (None, None, Some("loss"))
        );
    }
}
