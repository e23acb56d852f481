//! What was found wrong: how much of it there is now, and how often it came.

use std::collections::{BTreeMap, HashSet};

use crate::summary::{Finding, Severity, Subject};

/// Findings by code. Codes are those of this program's rules, so they need no bound.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    by_code: BTreeMap<String, Found>,
    known: HashSet<(String, Subject)>,
}

/// What was found under one code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The worst severity now; the last one where there is none now.
    pub severity: Severity,
    /// How many there are now.
    pub now: u64,
    /// How many came since the start; one that stays counts once.
    pub came: u64,
}

impl Findings {
    pub(super) fn add(&mut self, told: &[Finding]) {
        self.by_code.values_mut().for_each(|found| found.now = 0);
        let mut known = HashSet::with_capacity(told.len());
        for finding in told {
            let found = self.by_code.entry(finding.code.clone()).or_default();
            found.severity = match found.now {
                0 => finding.severity,
                _ => found.severity.max(finding.severity),
            };
            found.now += 1;
            let key = (finding.code.clone(), finding.subject.clone());
            found.came += u64::from(!self.known.contains(&key));
            known.insert(key);
        }
        self.known = known;
    }

    /// Every code that was ever found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Found)> {
        self.by_code.iter().map(|(code, found)| (code.as_str(), found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample::morning;

    #[test]
    fn what_stays_counts_once() {
        let mut findings = Findings::default();
        let told = morning().findings;
        let sums = |findings: &Findings| {
            let each = findings.iter().map(|(_, found)| (found.now, found.came));
            each.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
        };
        let all = told.len() as u64;
        findings.add(&told);
        findings.add(&told);
        assert_eq!(sums(&findings), (all, all));
        findings.add(&[]);
        assert_eq!(sums(&findings), (0, all));
        findings.add(&told);
        assert_eq!(sums(&findings), (all, 2 * all), "it came again");
    }
}
