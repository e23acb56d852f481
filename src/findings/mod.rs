//! Plain-language diagnosis out of a summary, one rule a file.
//!
//! A rule says no more than its evidence: demand is only what was watched, a client's waiting for a free connection
//! never shows on the wire, and limits that nobody reached are not known. Each code has a page in `docs/findings`.

mod by_reason;
mod clear_text;
mod close_wait;
mod connection_churn;
mod connection_leak;
mod delayed_acknowledgment;
mod erratic_statement;
mod exhausted_pool;
mod half_open;
mod hoarded;
mod idle_in_transaction;
mod login_failures;
mod n_plus_one;
mod oversized_pool;
mod retransmissions;
mod slow_statement;
mod syn_retries;
mod time_outside_database;
mod too_many_connections;
mod words;
mod zero_window;

#[cfg(test)]
mod testing;

use serde_json::Value;

use crate::summary::{Finding, Pool, Reason, Service, Severity, StatementRow, Subject, Summary};

/// What the summary was judged by, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// `--idle-after`.
    pub idle_after: f64,
    /// `--transaction-idle-after`.
    pub transaction_idle_after: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            idle_after: 60.0,
            transaction_idle_after: 10.0,
        }
    }
}

/// One rule: what it finds in a summary.
type Rule = fn(&Summary, &Thresholds) -> Vec<Finding>;

/// All rules with their codes; among equally bad findings, the first rule's come first.
const RULES: [(&str, Rule); 22] = [
    (too_many_connections::CODE, too_many_connections::find),
    (idle_in_transaction::CODE, idle_in_transaction::find),
    (hoarded::CODE, hoarded::find),
    (exhausted_pool::CODE, exhausted_pool::find),
    (connection_leak::CODE, connection_leak::find),
    (connection_churn::CODE, connection_churn::find),
    (n_plus_one::CODE, n_plus_one::find),
    (slow_statement::CODE, slow_statement::find),
    (login_failures::CODE, login_failures::find),
    (close_wait::CODE, close_wait::find),
    (half_open::CODE, half_open::find),
    (zero_window::CODE, zero_window::find),
    (delayed_acknowledgment::CODE, delayed_acknowledgment::find),
    (syn_retries::CODE, syn_retries::find),
    (retransmissions::CODE, retransmissions::find),
    (clear_text::CODE, clear_text::find),
    (oversized_pool::CODE, oversized_pool::find),
    (time_outside_database::CODE, time_outside_database::find),
    (erratic_statement::CODE, erratic_statement::find),
    (Reason::NeverUsed.name(), by_reason::never_used),
    (Reason::ValidationOnly.name(), by_reason::validation_only),
    (Reason::KeepaliveOnly.name(), by_reason::keepalive_only),
];

/// Findings of one rule that are told; the rest is counted in the last one.
const EACH: usize = 10;

/// All that is wrong, the worst first.
#[must_use]
pub fn find(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    let mut found: Vec<Finding> = RULES
        .iter()
        .flat_map(|(_, rule)| bounded(rule(summary, thresholds)))
        .collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// The worst of one rule, and in the last of them how many more there are.
fn bounded(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let more = found.len().saturating_sub(EACH);
    found.truncate(EACH);
    if let Some(last) = found.last_mut().filter(|_| more > 0) {
        last.detail = format!("{} {more} more like this are not listed.", last.detail);
    }
    found
}

/// Every code, as the pages in `docs/findings` are named.
pub fn codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(code, _)| *code)
}

/// What a rule has to say of one subject.
struct Told<const N: usize> {
    severity: Severity,
    title: String,
    detail: String,
    evidence: [(&'static str, Value); N],
    advice: &'static str,
}

impl<const N: usize> Told<N> {
    fn of(self, code: &str, subject: Subject) -> Finding {
        Finding {
            code: code.to_owned(),
            severity: self.severity,
            title: self.title,
            detail: self.detail,
            subject,
            evidence: self
                .evidence
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            advice: self.advice.to_owned(),
        }
    }
}

fn pool_subject(pool: &Pool) -> Subject {
    Subject {
        server: Some(pool.server),
        system: Some(pool.system),
        client: Some(pool.client.clone()),
        user: pool.user.clone(),
        database: pool.database.clone(),
        ..Subject::default()
    }
}

fn service_subject(service: &Service) -> Subject {
    Subject {
        server: Some(service.server),
        system: Some(service.system),
        ..Subject::default()
    }
}

fn statement_subject(row: &StatementRow) -> Subject {
    Subject {
        server: Some(row.server),
        system: Some(row.system),
        statement: Some(row.id.clone()),
        ..Subject::default()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{page, pool, summary};
    use super::*;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings");
        let mut pages: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_str()?
                    .strip_suffix(".md")
                    .map(str::to_owned)
            })
            .filter(|name| name != "README")
            .collect();
        pages.sort();
        let mut sorted: Vec<&str> = codes().collect();
        sorted.sort_unstable();
        assert_eq!(pages, sorted);
        let index = page("README");
        assert!(codes().all(|code| index.contains(&format!("({code}.md)"))));
    }

    #[test]
    fn the_worst_come_first_and_few_of_each() {
        let mut all = summary();
        for open in 20..40 {
            let mut one = pool();
            (one.connections.open, one.connections.hoarded) = (open, open - 2);
            all.pools.push(one);
        }
        let found = find(&all, &Thresholds::default());
        assert!(found.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
        let hoarded: Vec<_> = found
            .iter()
            .filter(|finding| finding.code == hoarded::CODE)
            .collect();
        assert_eq!(hoarded.len(), EACH);
        assert!(
            hoarded[EACH - 1]
                .detail
                .ends_with("10 more like this are not listed.")
        );
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(find(&Summary::default(), &Thresholds::default()), []);
    }
}
