//! Sources added up.

use std::collections::BTreeMap;

use super::rows::add_known;
use crate::summary::{Discarded, Elsewhere, Overload, Source, SourceKind};

/// Adds `other` to `source`; runs and gaps are [`runs`](super::runs)' part.
pub fn add(source: &mut Source, other: Source) {
    if other.kind == SourceKind::Live {
        source.kind = SourceKind::Live;
    }
    source.packets += other.packets;
    source.bytes += other.bytes;
    source.dropped += other.dropped;
    source.undecoded += other.undecoded;
    source.duplicates += other.duplicates;
    source.gaps += other.gaps;
    source.gap_bytes += other.gap_bytes;
    source.evicted_connections += other.evicted_connections;
    source.evicted_statements += other.evicted_statements;
    source.watched_packets = add_known(source.watched_packets, other.watched_packets);
    source.discarded = match (source.discarded, other.discarded) {
        (Some(one), Some(other)) => Some(both(one, other)),
        (one, other) => one.or(other),
    };
    source.overload = match (source.overload, other.overload) {
        (Some(one), Some(other)) => Some(worse(one, other)),
        (one, other) => one.or(other),
    };
    unite(&mut source.interfaces, other.interfaces);
    unite(&mut source.files, other.files);
    unite(&mut source.targets, other.targets);
    unite(&mut source.notes, other.notes);
    source.elsewhere = elsewhere(std::mem::take(&mut source.elsewhere), other.elsewhere);
}

const fn both(one: Discarded, other: Discarded) -> Discarded {
    Discarded {
        not_ip: one.not_ip + other.not_ip,
        not_tcp: one.not_tcp + other.not_tcp,
        fragments: one.fragments + other.fragments,
        malformed: one.malformed + other.malformed,
    }
}

/// Both, and the smaller shares.
fn worse(one: Overload, other: Overload) -> Overload {
    Overload {
        least_share: one.least_share.min(other.least_share),
        share: one.share.min(other.share),
        narrowed: one.narrowed + other.narrowed,
        forgotten_connections: one.forgotten_connections + other.forgotten_connections,
        unwatched_connections: one.unwatched_connections.max(other.unwatched_connections),
    }
}

fn unite(names: &mut Vec<String>, others: Vec<String>) {
    for other in others {
        if !names.contains(&other) {
            names.push(other);
        }
    }
}

fn elsewhere(one: Vec<Elsewhere>, other: Vec<Elsewhere>) -> Vec<Elsewhere> {
    let mut by_server: BTreeMap<String, Elsewhere> = BTreeMap::new();
    for seen in one.into_iter().chain(other) {
        match by_server.get_mut(&seen.server) {
            Some(known) => {
                known.packets += seen.packets;
                known.bytes = add_known(known.bytes, seen.bytes);
            }
            None => drop(by_server.insert(seen.server.clone(), seen)),
        }
    }
    let mut all: Vec<Elsewhere> = by_server.into_values().collect();
    all.sort_by_key(|seen| std::cmp::Reverse(seen.packets));
    all
}
