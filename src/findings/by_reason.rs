//! Hoarded connections of one kind: never used, only checked, only kept alive by TCP. One rule, told in three ways.

use serde_json::json;

use super::words::{client, connections, duration, watched};
use super::{Thresholds, Told, pool_subject};
use crate::summary::{Finding, Pool, Reason, Severity, Summary};

/// One way to tell it.
struct Kind {
    reason: Reason,
    /// What they are, after their number and whose they are.
    title: &'static str,
    /// What was not seen on them, before for how long.
    detail: &'static str,
    advice: &'static str,
}

const NEVER_USED: Kind = Kind {
    reason: Reason::NeverUsed,
    title: "were opened and never used",
    detail: "No request came on them since they were opened, for",
    advice: "Lower the pool's minimum of idle connections, or have it open connections only when they are asked for.",
};

const VALIDATION_ONLY: Kind = Kind {
    reason: Reason::ValidationOnly,
    title: "answer nothing but liveness checks",
    detail: "No other request came on them for",
    advice: "The checks keep connections alive that nobody needs, and hide that from idle time-outs of the server. Lower the pool's \
             size; validate on borrowing instead of in the background.",
};

const KEEPALIVE_ONLY: Kind = Kind {
    reason: Reason::KeepaliveOnly,
    title: "carry nothing but TCP keep-alive probes",
    detail: "No request came on them for",
    advice: "Keep-alive probes find dead peers; they are no reason to keep a connection. Give the pool an idle time-out.",
};

pub fn never_used(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    find(&NEVER_USED, summary, thresholds)
}

pub fn validation_only(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    find(&VALIDATION_ONLY, summary, thresholds)
}

pub fn keepalive_only(summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    find(&KEEPALIVE_ONLY, summary, thresholds)
}

fn find(kind: &Kind, summary: &Summary, thresholds: &Thresholds) -> Vec<Finding> {
    let told = summary.pools.iter().filter_map(|one| tell(kind, one, thresholds));
    told.collect()
}

fn tell(kind: &Kind, one: &Pool, thresholds: &Thresholds) -> Option<Finding> {
    let code = kind.reason.name();
    let count = *one.signs.reasons.get(code)?;
    let told = Told {
        severity: Severity::Info,
        title: format!("{} of {} {}", connections(count), client(&one.client), kind.title),
        detail: format!(
            "{} {} or longer. {} are open to {}. {}",
            kind.detail,
            duration(thresholds.idle_after),
            connections(one.connections.open),
            one.server,
            watched(one, thresholds),
        ),
        evidence: [
            ("connections", json!(count)),
            ("open", json!(one.connections.open)),
            ("longest_idle_seconds", json!(one.signs.longest_idle_seconds)),
            ("observed_seconds", json!(one.observed_seconds)),
        ],
        advice: kind.advice,
    };
    (count > 0).then(|| told.of(code, pool_subject(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing::found_when;

    fn reasons(code: &str, reason: &str) -> Vec<Finding> {
        found_when(code, |all| {
            all.pools[0].signs.reasons.insert(reason.to_owned(), 7);
        })
    }

    #[test]
    fn each_kind_is_told_with_its_number_and_no_other() {
        for kind in [NEVER_USED, VALIDATION_ONLY, KEEPALIVE_ONLY] {
            let code = kind.reason.name();
            let found = reasons(code, code);
            assert_eq!(
                found[0].title,
                format!("7 connections of shop.service (pid 4711) {}", kind.title)
            );
            assert!(
                found[0].detail.contains("1 min 0 s or longer"),
                "{}",
                found[0].detail
            );
            assert_eq!(found[0].severity, Severity::Info);
            assert_eq!(reasons(code, "idle"), []);
        }
    }
}
