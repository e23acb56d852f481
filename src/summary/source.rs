//! What was watched, and what was lost on the way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Where the frames came from and what they cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// A live watch or capture files.
    pub kind: SourceKind,
    /// The interfaces watched live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// The files read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Frames seen.
    pub packets: u64,
    /// Bytes of them on the wire.
    pub bytes: u64,
    /// Frames that the kernel or the interface dropped.
    pub dropped: u64,
    /// Frames that were no readable TCP segment.
    pub undecoded: u64,
    /// Frames seen before, on this or another interface; counted once.
    pub duplicates: u64,
    /// Holes in connections' byte streams.
    pub gaps: u64,
    /// Bytes in those holes, where their length is known.
    pub gap_bytes: u64,
    /// Connections forgotten because of `--max-connections` or `--max-memory`.
    pub evicted_connections: u64,
    /// Statements forgotten because of `--max-statements`.
    pub evicted_statements: u64,
    /// What was asked to be watched, as `postgresql://10.0.0.5:6432` or `:6432`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// TCP segments among `packets` that belong to a watched connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched_packets: Option<u64>,
    /// `undecoded` by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discarded: Option<Discarded>,
    /// What went by besides the targets, the most packets first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
    /// What a reader should know of this watch, in plain words: a file cut in mid-packet, a feature that the
    /// host does not permit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How much was watched where the host could not keep up; absent where every connection was, all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overload: Option<Overload>,
    /// The summaries that this one was merged from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_from: Vec<MergedFrom>,
    /// Summaries that are missing among `merged_from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<SequenceGap>,
}

/// Only a share of the connections was watched, for a time at least: counts and rates are of that share, and not scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overload {
    /// The smallest share of all connections that was watched, of 1.
    pub least_share: f64,
    /// The share that was watched at the end.
    pub share: f64,
    /// How often the share was halved.
    pub narrowed: u64,
    /// Connections that were watched before and then no more. They are not over, and not judged.
    pub forgotten_connections: u64,
    /// Connections open at the end, by the kernel's count, that are not in the share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwatched_connections: Option<u64>,
}

/// Where frames come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The kernel's rings.
    Live,
    /// Capture files.
    #[default]
    File,
}

/// Frames that were no readable TCP segment, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Discarded {
    /// Neither IPv4 nor IPv6.
    pub not_ip: u64,
    /// IP, but not TCP.
    pub not_tcp: u64,
    /// Fragments.
    pub fragments: u64,
    /// A header that contradicts itself or runs past what was captured.
    pub malformed: u64,
}

/// Traffic that was seen but not asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Elsewhere {
    /// The server's end: `10.0.0.5:8080`, or `:8080` for one port of many hosts.
    pub server: String,
    /// TCP segments.
    pub packets: u64,
    /// Bytes of them on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One summary, or an unbroken run of one watcher's summaries, that went into a merged one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergedFrom {
    /// The host that watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The first `sequence` of the run.
    pub first_sequence: u64,
    /// The last one.
    pub last_sequence: u64,
    /// When the run begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
}

/// Summaries missing between two that were merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SequenceGap {
    /// The host whose summaries are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The last `sequence` before the gap.
    pub after_sequence: u64,
    /// The first one behind it.
    pub before_sequence: u64,
    /// Time that no summary covers.
    pub seconds: f64,
}
