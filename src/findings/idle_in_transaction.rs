//! Open transactions whose client has gone silent.

use serde_json::json;

use super::words::{duration, statement, statement_of};
use super::{Thresholds, Told};
use crate::summary::{Connection, Finding, Owner, Reason, Severity, Subject, Summary};

pub const CODE: &str = "idle_in_transaction";

/// Locks held for this long stop others for sure, and keep old rows from being cleaned up.
const HARMS_AFTER: f64 = 60.0;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    let silent = |one: &&Connection| one.reasons.contains(&Reason::IdleInTransaction);
    summary
        .hoarded
        .iter()
        .filter(silent)
        .map(|one| tell(summary, one))
        .collect()
}

fn tell(summary: &Summary, one: &Connection) -> Finding {
    let silent = one.idle_seconds.unwrap_or(0.0);
    let last = one
        .last_statement
        .as_deref()
        .and_then(|id| statement_of(summary, id));
    let last_words = last.map_or_else(|| "unknown".to_owned(), statement);
    let open = one
        .transaction_seconds
        .map_or_else(String::new, |open| format!(", open for {}", duration(open)));
    Told {
        severity: if silent >= HARMS_AFTER { Severity::Critical } else { Severity::Warning },
        title: format!("A transaction is open and silent for {}", duration(silent)),
        detail: format!(
            "{} holds it on {} to {}{open}; its last statement was: {last_words}. It keeps its locks, and the server keeps \
             what it may still read, until it ends.",
            one.owner.as_ref().map_or_else(|| "The client".to_owned(), holder),
            one.client,
            one.server,
        ),
        evidence: [
            ("idle_seconds", json!(silent)),
            ("transaction_seconds", json!(one.transaction_seconds)),
            ("last_statement", json!(one.last_statement)),
            ("in_use_seconds", json!(one.in_use_seconds)),
            ("owner", json!(one.owner)),
        ],
        advice: "Commit or roll back before waiting for anything else (a user, another service, a queue). As a net, let the \
                 server end such sessions: idle_in_transaction_session_timeout, wait_timeout.",
    }
    .of(CODE, subject(one))
}

fn holder(owner: &Owner) -> String {
    let process = match (&owner.command, owner.pid) {
        (Some(command), Some(pid)) => format!("{command} (pid {pid})"),
        (Some(command), None) => command.clone(),
        (None, Some(pid)) => format!("pid {pid}"),
        (None, None) => "The client".to_owned(),
    };
    owner
        .unit
        .as_ref()
        .map_or(process.clone(), |unit| format!("{process} of {unit}"))
}

fn subject(one: &Connection) -> Subject {
    Subject {
        server: Some(one.server),
        system: Some(one.system),
        user: one.user.clone(),
        database: one.database.clone(),
        connection: Some(one.client),
        statement: one.last_statement.clone(),
        ..Subject::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::{connection, found_when, statement as row};

    #[test]
    fn the_holder_and_the_last_statement_are_named() {
        let found = found_when(CODE, |all| {
            let mut one = connection();
            one.reasons = vec![Reason::IdleInTransaction];
            one.idle_seconds = Some(47.3);
            one.last_statement = Some(row().id);
            all.hoarded = vec![one];
        });
        assert_eq!(found[0].title, "A transaction is open and silent for 47.3 s");
        assert!(
            found[0]
                .detail
                .starts_with("java (pid 4711) of shop.service holds it on 10.0.0.9:41000")
        );
        assert!(found[0].detail.contains("SELECT orders"), "{}", found[0].detail);
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn an_idle_connection_is_no_transaction() {
        let found = found_when(CODE, |all| {
            let mut one = connection();
            one.reasons = vec![Reason::Idle];
            all.hoarded = vec![one];
        });
        assert_eq!(found, []);
    }
}
