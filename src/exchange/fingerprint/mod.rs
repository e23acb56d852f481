//! Statement fingerprints: a statement's shape without a byte of its data.
//!
//! Two readings of the same bytes: [`hash`], which allocates nothing and is taken of every statement whose raw text
//! is not known yet, and [`normalise`], taken once for each new hash. Both fail closed: what can't be told from a
//! literal (an unterminated quote, a text cut short, contradictory quoting) is left out. `docs/fingerprints.md` has the rules.

mod digest;
mod http;
mod redis;
mod sink;
mod sql;
mod template;

use crate::protocol::Language;
use digest::Digest;
pub(super) use redis::{Head, head};
use sink::{Sink, TextSink};
pub(super) use template::{KEY, Template};

/// The most bytes of a normalised text; what is longer ends in `...`.
pub const MAX_TEXT: usize = 4096;

/// The most bytes of a summary, OpenTelemetry's bound for `db.query.summary` (which counts characters).
pub const MAX_SUMMARY: usize = 255;

/// The normalised text of a statement that says nothing.
pub const EMPTY: &str = "(empty query)";

/// A statement's fingerprint: the same on every host and in every run, whatever its literals, white space, comments
/// and (in SQL) letter case. `truncated` says that the statement had more bytes than these.
#[must_use]
pub fn hash(language: Language, bytes: &[u8], truncated: bool) -> u64 {
    let mut digest = Digest::new(seed(language));
    read(language, bytes, truncated, &mut digest);
    digest.finish()
}

/// The fingerprint of something that has a fixed name and no text.
#[must_use]
pub fn hash_name(name: &str) -> u64 {
    let mut digest = Digest::new(FIXED);
    digest.quoted(name.as_bytes(), false);
    digest.finish()
}

/// Replaces `text` by the statement with every literal as `?`, in at most [`MAX_TEXT`] bytes.
pub fn normalise(language: Language, bytes: &[u8], truncated: bool, text: &mut String) {
    let mut sink = TextSink::new(text, MAX_TEXT);
    read(language, bytes, truncated, &mut sink);
    if text.is_empty() {
        text.push_str(EMPTY);
    }
}

/// What a normalised text does, in few words: OpenTelemetry's `db.query.summary`.
#[must_use]
pub fn summary(language: Language, normalised: &str) -> String {
    match language {
        Language::Postgresql { .. } | Language::Mysql => sql::summary(normalised),
        Language::Redis => redis::summary(normalised).to_owned(),
        Language::Http => http::summary(normalised).to_owned(),
    }
}

fn read<S: Sink>(language: Language, bytes: &[u8], truncated: bool, sink: &mut S) {
    match language {
        Language::Postgresql { standard_strings } => {
            sql::read_postgresql(standard_strings, bytes, truncated, sink);
        }
        Language::Mysql => sql::read_mysql(bytes, truncated, sink),
        Language::Redis => redis::read(bytes, sink),
        Language::Http => http::read(bytes, truncated, sink),
    }
}

/// The digest's start; changing one changes every statement id of that language.
const fn seed(language: Language) -> u64 {
    match language {
        Language::Postgresql { .. } => 0x706f_7374_6772_6573,
        Language::Mysql => 0x6d79_7371_6c00_0001,
        Language::Redis => 0x7265_6469_7300_0001,
        Language::Http => 0x6874_7470_0000_0001,
    }
}

const FIXED: u64 = 0x6669_7865_6400_0001;

#[cfg(test)]
mod tests;
