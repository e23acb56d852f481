//! Time as the capture tells it.
//!
//! Every time in sockhound comes from the stamps of captured frames, never from the process clock, so that a
//! file replays to the same numbers for ever. Only a live [`Source`](crate::capture::Source) and the daemon's
//! interval know the wall.

use std::fmt;
use std::ops::{Add, Sub};

/// Nanoseconds since 1970-01-01T00:00:00Z; never before, so that no difference of two overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A signed length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    /// The latest time that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch; what is before it counts as the epoch.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(if nanos < 0 { 0 } else { nanos })
    }

    /// From whole seconds and nanoseconds since the epoch, as the kernel and capture files give them.
    #[must_use]
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self::from_nanos(seconds.saturating_mul(NANOS).saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The time since `earlier`; zero where `earlier` is later.
    #[inline]
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.max(earlier.0) - earlier.0)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS))
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// In seconds, as the JSON prints it; exact to the nanosecond below 52 days.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }
}

impl From<std::time::Duration> for Span {
    fn from(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self::from_nanos(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self::from_nanos(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// RFC 3339 in UTC with nanoseconds: `2026-11-23T16:06:06.000000001Z`. Times before 1970 print as 1970.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0));
        humantime::format_rfc3339_nanos(std::time::UNIX_EPOCH + since_epoch).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nanoseconds_in_utc() {
        let time = Timestamp::from_parts(1_434_022_416, 472_791_000);
        assert_eq!(time.to_string(), "2015-06-11T11:33:36.472791000Z");
    }

    #[test]
    fn saturates_rather_than_wraps() {
        assert_eq!(Timestamp::MAX + Span::from_secs(1), Timestamp::MAX);
        assert_eq!(
            Timestamp::from_nanos(5).since(Timestamp::from_nanos(9)),
            Span::ZERO
        );
    }
}
