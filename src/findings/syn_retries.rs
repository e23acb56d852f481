//! Connections that took a second or more, since their first packet went unanswered.

use serde_json::json;

use super::words::counted;
use super::{Thresholds, Told, service_subject};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "syn_retries";

/// One may be anybody's lost packet,
const COUNT: u64 = 3;
/// and so may one in more connections than this.
const ONE_IN: u64 = 200;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary
        .services
        .iter()
        .filter(|one| is_felt(one))
        .map(tell)
        .collect()
}

fn is_felt(one: &Service) -> bool {
    let count = one.signs.syn_retries;
    count >= COUNT && count * ONE_IN >= one.connections.opened
}

fn tell(one: &Service) -> Finding {
    let count = one.signs.syn_retries;
    Told {
        severity: Severity::Warning,
        title: format!("{} had to be asked again to take connections ({})", one.server, counted(count, "SYN retry").replace("retrys", "retries")),
        detail: format!(
            "{} were opened in the watch. A SYN is sent again after a second, then after two more: each such connection waited \
             that long before anything else.",
            one.connections.opened,
        ),
        evidence: [("syn_retries", json!(count)), ("opened", json!(one.connections.opened))],
        advice: "The server's accept queue is full (ss -ltn: Recv-Q against Send-Q; raise its backlog and net.core.somaxconn), \
                 a firewall drops packets, or the server is down at times. Opening fewer connections helps at once.",
    }
    .of(CODE, service_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn a_full_accept_queue_is_told() {
        let found = found_when(CODE, |all| all.services[0].signs.syn_retries = 12);
        assert_eq!(
            found[0].title,
            "10.0.0.5:5432 had to be asked again to take connections (12 SYN retries)"
        );
    }

    #[test]
    fn a_lost_packet_is_not() {
        assert_eq!(found_when(CODE, |all| all.services[0].signs.syn_retries = 2), []);
        let in_many = found_when(CODE, |all| {
            all.services[0].signs.syn_retries = 12;
            all.services[0].connections.opened = 10_000;
        });
        assert_eq!(in_many, []);
    }
}
