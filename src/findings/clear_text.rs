//! Statements, data and perhaps passwords that cross a network unencrypted.

use serde_json::json;

use super::words::connections;
use super::{Thresholds, Told, service_subject};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "clear_text";

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    let read = |one: &&Service| one.signs.clear_text_connections > 0;
    summary.services.iter().filter(read).map(tell).collect()
}

fn tell(one: &Service) -> Finding {
    let count = one.signs.clear_text_connections;
    Told {
        severity: Severity::Info,
        title: format!("{} to {} can be read by others on the way", connections(count), one.server),
        detail: "Requests on them were read here without any key, between two different addresses. Statements, rows, and \
                 passwords where the login sends them, can be read the same way by whatever they pass. Whether the network \
                 between them is encrypted below TCP (WireGuard, IPsec) can't be known from here."
            .to_owned(),
        evidence: [("connections", json!(count)), ("open", json!(one.connections.open))],
        advice: "Turn TLS on at the server and have clients insist on it and verify the certificate (sslmode=verify-full, \
                 VERIFY_IDENTITY, rediss://, https://).",
    }
    .of(CODE, service_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn what_was_read_on_the_way_is_told() {
        let found = found_when(CODE, |all| all.services[0].signs.clear_text_connections = 12);
        assert_eq!(
            found[0].title,
            "12 connections to 10.0.0.5:5432 can be read by others on the way"
        );
    }

    #[test]
    fn what_never_leaves_the_host_or_is_encrypted_is_not() {
        assert_eq!(
            found_when(CODE, |all| all.services[0].signs.clear_text_connections = 0),
            []
        );
    }
}
