//! Which connections are hoarded: those with no useful work for long, longest idle first, as many as their pool's
//! surplus; and every open transaction that has been silent for long.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Config;
use super::demand::needed;
use super::life::{Life, Traits};
use super::lives::Lives;
use super::pool::Pool;
use super::pools::Pools;
use crate::clock::{Span, Timestamp};
use crate::exchange::ConnectionId;
use crate::summary::{ConnectionState, Reason};

/// The hoarded connections with their reasons.
pub type Hoarded = HashMap<ConnectionId, Vec<Reason>, foldhash::fast::FixedState>;

/// Connections that a pool needs, and those it has beyond. Each whose work was not seen may have been needed at once.
#[must_use]
pub fn need(pool: &Pool, config: &Config) -> (u32, u32) {
    let needed = needed(pool.demand.peak().saturating_add(pool.unseen), config.headroom);
    (needed, pool.open.now.saturating_sub(needed))
}

/// Judges all connections as of `now`.
#[must_use]
pub fn judge(lives: &Lives, pools: &Pools, config: &Config, now: Timestamp) -> Hoarded {
    let mut hoarded = Hoarded::default();
    let mut idle = Vec::new();
    for (id, life) in lives.iter() {
        let silent = life.idle(now);
        if is_silent_transaction(life, silent, config) {
            hoarded.insert(id, reasons(life));
        } else if is_candidate(life, silent, config) {
            idle.push((life.pool, Reverse(silent), life.address, life.port, id));
        }
    }
    idle.sort_unstable();
    for of_pool in idle.chunk_by(|one, other| one.0 == other.0) {
        let surplus = of_pool
            .first()
            .and_then(|(pool, ..)| pools.of(*pool))
            .map_or(0, |pool| need(pool, config).1);
        let flagged = of_pool.iter().take(surplus as usize).map(|&(.., id)| id);
        hoarded.extend(flagged.filter_map(|id| Some((id, reasons(lives.of(id)?)))));
    }
    hoarded
}

fn is_silent_transaction(life: &Life, silent: Span, config: &Config) -> bool {
    life.state() == ConnectionState::IdleInTransaction && silent >= config.transaction_idle_after
}

/// Sessions at work by their nature are held, and what is held is no candidate.
fn is_candidate(life: &Life, silent: Span, config: &Config) -> bool {
    !life.is_held() && silent >= config.idle_after
}

/// Why: what it was last used for, and what has kept it alive since.
fn reasons(life: &Life) -> Vec<Reason> {
    let traits = life.traits;
    if life.state() == ConnectionState::IdleInTransaction {
        return vec![Reason::IdleInTransaction];
    }
    let mut reasons = Vec::new();
    let validated = traits.has(Traits::VALIDATED);
    if traits.has(Traits::USED) {
        reasons.push(Reason::Idle);
    } else if traits.has(Traits::FROM_SYN) && !validated {
        reasons.push(Reason::NeverUsed);
    }
    if validated {
        reasons.push(Reason::ValidationOnly);
    } else if traits.has(Traits::PROBED) {
        reasons.push(Reason::KeepaliveOnly);
    }
    if traits.has(Traits::HALF_OPEN) {
        reasons.push(Reason::HalfOpen);
    }
    if reasons.is_empty() {
        // Open before the watch and silent since: whether it was ever used can't be known.
        reasons.push(Reason::Idle);
    }
    reasons
}
