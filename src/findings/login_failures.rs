//! Logins that the server refuses, for other reasons than the number of connections.

use std::collections::BTreeMap;

use serde_json::json;

use super::words::{counted, percent};
use super::{Thresholds, Told, service_subject, too_many_connections};
use crate::summary::{Finding, Service, Severity, Summary};

pub const CODE: &str = "login_failures";

/// A mistyped password or two are nobody's problem,
const FAILURES: u64 = 3;
/// nor are a few more among very many logins.
const MANY: u64 = 20;
const SHARE: f64 = 0.01;

pub fn find(summary: &Summary, _: &Thresholds) -> Vec<Finding> {
    summary.services.iter().filter_map(tell).collect()
}

fn tell(one: &Service) -> Option<Finding> {
    let other = |(code, count): (&String, &u64)| {
        (!too_many_connections::REFUSALS.contains(&code.as_str())).then_some((code.clone(), *count))
    };
    let refusals: BTreeMap<String, u64> = one.signs.refusals.iter().filter_map(other).collect();
    let failed: u64 = refusals.values().sum();
    let share = failed as f64 / (failed + one.login.count).max(1) as f64;
    let codes: Vec<String> = refusals
        .iter()
        .map(|(code, count)| format!("{count} × {code}"))
        .collect();
    let told = Told {
        severity: Severity::Warning,
        title: format!("{} refused {}", one.server, counted(failed, "login")),
        detail: format!(
            "By error code: {}. That is {} of all logins seen.",
            codes.join(", "),
            percent(share),
        ),
        evidence: [
            ("failures", json!(failed)),
            ("refusals", json!(refusals)),
            ("logins", json!(one.login.count)),
        ],
        advice: "Look for a client with an old password or a wrong database name that tries again and again, and for somebody \
                 guessing passwords; the server's log names users and addresses.",
    };
    let worth_a_look = failed >= MANY || (failed >= FAILURES && share >= SHARE);
    worth_a_look.then(|| told.of(CODE, service_subject(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn refusals(code: &str, count: u64) -> Vec<Finding> {
        found_when(CODE, |all| {
            all.services[0].signs.refusals.insert(code.to_owned(), count);
        })
    }

    #[test]
    fn many_wrong_passwords_are_told_by_code() {
        let found = refusals("28P01", 40);
        assert_eq!(found[0].title, "10.0.0.5:5432 refused 40 logins");
        assert_eq!(
            found[0].detail,
            "By error code: 40 × 28P01. That is 80% of all logins seen."
        );
    }

    #[test]
    fn two_of_them_or_a_full_server_are_not() {
        assert_eq!(refusals("28P01", 2), []);
        assert_eq!(refusals("53300", 40), []);
        let among_many = found_when(CODE, |all| {
            all.services[0].signs.refusals.insert("28P01".to_owned(), 5);
            all.services[0].login.count = 1000;
        });
        assert_eq!(among_many, []);
    }
}
