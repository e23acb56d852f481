//! Servers that refuse clients because there are too many connections.

use serde_json::json;

use super::words::counted;
use super::{Thresholds, Told, service_subject};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "too_many_connections";

/// PostgreSQL `too_many_connections`; MySQL `ER_CON_COUNT_ERROR`, `ER_TOO_MANY_USER_CONNECTIONS`,
/// `ER_USER_LIMIT_REACHED`.
pub const REFUSALS: [&str; 4] = ["53300", "1040", "1203", "1226"];

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary
        .services
        .iter()
        .filter(|one| is_refusal_for_number(one))
        .map(|one| tell(summary, one))
        .collect()
}

/// Whether the server refused anybody for the number of connections.
pub fn is_refusal_for_number(one: &Service) -> bool {
    refusals(one) > 0
}

fn refusals(one: &Service) -> u64 {
    let count = |code: &str| {
        one.signs
            .refusals
            .get(code)
            .or(one.signs.errors.get(code))
            .copied()
            .unwrap_or(0)
    };
    REFUSALS.iter().map(|code| count(code)).sum()
}

fn tell(summary: &Summary, one: &Service) -> Finding {
    let refused = refusals(one);
    let pools = || summary.pools.iter().filter(|pool| pool.server == one.server);
    let surplus: u64 = pools().filter_map(|pool| pool.connections.surplus).sum();
    Told {
        severity: Severity::Critical,
        title: format!("{} refused {} for too many connections", one.server, counted(refused, "login")),
        detail: format!(
            "At most {} were seen open at once, and {} in use; the pools seen here keep {surplus} more than they need. Others may \
             hold connections that do not pass here.",
            one.connections.peak_open, one.connections.peak_in_use,
        ),
        evidence: [
            ("refused", json!(refused)),
            ("refusals", json!(one.signs.refusals)),
            ("open", json!(one.connections.open)),
            ("peak_open", json!(one.connections.peak_open)),
            ("peak_in_use", json!(one.connections.peak_in_use)),
            ("surplus", json!(surplus)),
        ],
        advice: "Before raising the server's limit, close what nobody uses: see the hoarded connections and the pools with a \
                 surplus. Then set the pools' maxima so that their sum stays below the limit.",
    }
    .of(CODE, service_subject(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    #[test]
    fn a_server_that_is_full_is_told() {
        let found = found_when(CODE, |all| {
            all.services[0].signs.refusals.insert("53300".to_owned(), 7);
            all.pools[0].connections.surplus = Some(80);
        });
        assert_eq!(
            found[0].title,
            "10.0.0.5:5432 refused 7 logins for too many connections"
        );
        assert!(found[0].detail.contains("keep 80 more than they need"));
        assert_eq!(found[0].severity, Severity::Critical);
    }

    #[test]
    fn a_wrong_password_is_not_that() {
        let found = found_when(CODE, |all| {
            all.services[0].signs.refusals.insert("28P01".to_owned(), 7);
        });
        assert_eq!(found, []);
    }
}
