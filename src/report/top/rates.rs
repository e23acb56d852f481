//! How much a second, from one summary to the next.

use std::collections::HashMap;

use crate::packet::Endpoint;
use crate::summary::Summary;

/// Events a second since the summary before.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    pub packets: f64,
    pub dropped: u64,
    pub requests: f64,
    by_server: HashMap<Endpoint, f64>,
}

impl Rates {
    /// From `before` to `after`; from the start where they are not of one watch.
    pub fn between(before: &Summary, after: &Summary) -> Self {
        let one_watch = before.sequence == after.sequence && before.start == after.start;
        let before = one_watch.then_some(before);
        let begun = before.map_or(after.start, |it| it.end);
        let seconds = after.end.since(begun).seconds();
        let rate = |count: u64| {
            if seconds > 0.0 {
                count as f64 / seconds
            } else {
                0.0
            }
        };
        let (packets, dropped) = before.map_or((0, 0), |it| (it.source.packets, it.source.dropped));
        let mut requests: HashMap<Endpoint, u64> = HashMap::new();
        for service in &after.services {
            *requests.entry(service.server).or_default() += service.exchanges.requests;
        }
        for service in before.iter().flat_map(|it| &it.services) {
            if let Some(count) = requests.get_mut(&service.server) {
                *count = count.saturating_sub(service.exchanges.requests);
            }
        }
        Self {
            packets: rate(after.source.packets.saturating_sub(packets)),
            dropped: after.source.dropped.saturating_sub(dropped),
            requests: rate(requests.values().sum()),
            by_server: requests
                .into_iter()
                .map(|(server, count)| (server, rate(count)))
                .collect(),
        }
    }

    /// Requests a second to `server`.
    pub fn of(&self, server: Endpoint) -> f64 {
        self.by_server.get(&server).copied().unwrap_or(0.0)
    }
}

/// `0`, `0.4`, `12`, `1,234`.
pub fn written(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 {
        return format!("{rate:.1}");
    }
    #[allow(clippy::cast_sign_loss, reason = "rates are not negative")]
    crate::report::units::thousands(rate.round() as u64)
}
