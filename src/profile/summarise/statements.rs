//! Statements.

use std::collections::BTreeMap;

use super::{Described, View};
use crate::exchange::StatementId;
use crate::profile::recent::Repetition;
use crate::profile::service::{ServiceId, seconds};
use crate::profile::statement::Statement;
use crate::protocol::Verb;
use crate::summary::{Repeats, StatementRow};

/// What is repeated in bursts that go on, by server and statement.
type Ongoing = BTreeMap<(ServiceId, StatementId), Vec<Repetition>>;

impl View<'_> {
    pub(super) fn statements(&self) -> Vec<StatementRow> {
        let ongoing = self.ongoing();
        let mut rows: Vec<(u128, StatementRow)> = self
            .profile
            .statements
            .iter()
            .filter_map(|one| self.statement(one, &ongoing))
            .collect();
        rows.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.id.cmp(&other.1.id)));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    pub(super) fn statement(&self, one: &Statement, ongoing: &Ongoing) -> Option<(u128, StatementRow)> {
        let service = self.profile.services.of(one.service)?;
        let known = one.statement.and_then(|id| self.scope.statements.describe(id));
        if known.is_none() && matches!(one.verb, Verb::Turn | Verb::Ping | Verb::Reset) {
            return None;
        }
        let unknown = Described {
            id: one
                .statement
                .map_or("unknown".to_owned(), |id| format!("unknown-{}", id.0)),
            ..Described::default()
        };
        let known = known.unwrap_or(unknown);
        let mut repeats = one.repeats;
        let going_on = one.statement.and_then(|id| ongoing.get(&(one.service, id)));
        going_on
            .into_iter()
            .flatten()
            .for_each(|repetition| repeats.add(repetition));
        let row = StatementRow {
            host: None,
            server: service.server,
            system: service.system,
            id: known.id,
            summary: known.summary,
            text: known.text,
            verb: one.verb.name().to_owned(),
            count: one.count,
            errors: one.errors,
            rows: one.rows,
            latency: one.latency.summarise(),
            duration: one.duration.summarise(),
            doubtful: one.doubtful,
            unanswered: Some(one.unanswered),
            waiting: one.waiting,
            validation: one.validation,
            repeats: (repeats.bursts > 0).then(|| Repeats {
                bursts: repeats.bursts,
                executions: repeats.executions,
                seconds: seconds(repeats.nanos),
            }),
            peak_repeats: Some(u64::from(repeats.most)).filter(|&most| most > 0),
            time: Some(one.legs.summarise_exchanges(self.round_trip(service))),
        };
        Some((one.duration.sum(), row))
    }

    /// What is repeated in bursts that go on.
    pub(super) fn ongoing(&self) -> Ongoing {
        let mut ongoing = Ongoing::new();
        for repetition in self.profile.recents.ongoing() {
            if let Some(service) = self.profile.service_of(repetition.id) {
                ongoing
                    .entry((service, repetition.statement))
                    .or_default()
                    .push(repetition);
            }
        }
        ongoing
    }
}
