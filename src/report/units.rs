//! Numbers as people read them: three significant digits, a unit, thousands apart.

use std::fmt::Write;

use crate::clock::Timestamp;
use crate::summary::{Distribution, Figures};

/// `1.23 µs`, `45.6 ms`, `7.89 s`; from a minute on `2m 5s`, `3h 12m`, `4d 2h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s.is_nan() => "?".to_owned(),
        s if s < 0.0 => format!("-{}", duration(-s)),
        0.0 => "0 s".to_owned(),
        s if s < 999.5e-9 => format!("{:.0} ns", s * 1e9),
        s if s < 999.5e-6 => format!("{} µs", three_digits(s * 1e6)),
        s if s < 999.5e-3 => format!("{} ms", three_digits(s * 1e3)),
        s if s < 59.95 => format!("{} s", three_digits(s)),
        s => long(s),
    }
}

#[allow(clippy::cast_sign_loss, reason = "called with a minute or more")]
fn long(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match whole {
        0..3_600 => format!("{minutes}m {}s", whole % 60),
        3_600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{}d {}h", thousands(days), hours % 24),
    }
}

/// One figure of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The shortest.
    Min,
    /// Half took no longer.
    P50,
    /// 90 of 100 took no longer.
    P90,
    /// 95 of 100 took no longer.
    P95,
    /// 99 of 100 took no longer.
    P99,
    /// 999 of 1000 took no longer.
    P999,
    /// The longest.
    Max,
}

/// A distribution's figure as a duration; `-` where too few stand behind it to tell it from the maximum.
pub fn figure(distribution: &Distribution, figure: Figure) -> String {
    let least = match figure {
        Figure::Min | Figure::P50 | Figure::Max => 1,
        Figure::P90 => 10,
        Figure::P95 => 20,
        Figure::P99 => 100,
        Figure::P999 => 1000,
    };
    match &distribution.figures {
        Some(figures) if distribution.count >= least => duration(seconds(figures, figure)),
        _ => "-".to_owned(),
    }
}

const fn seconds(figures: &Figures, figure: Figure) -> f64 {
    match figure {
        Figure::Min => figures.min_seconds,
        Figure::P50 => figures.p50_seconds,
        Figure::P90 => figures.p90_seconds,
        Figure::P95 => figures.p95_seconds,
        Figure::P99 => figures.p99_seconds,
        Figure::P999 => figures.p999_seconds,
        Figure::Max => figures.max_seconds,
    }
}

/// `1.23`, `12.3`, `123`; trailing zeros are kept, since they are known.
fn three_digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 exchange`, `2 exchanges`, `1,234 exchanges`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// `512 B`, `1.23 kB`, `45.6 MB`.
pub fn bytes(number: u64) -> String {
    let exact = number as f64;
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{} kB", three_digits(exact / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", three_digits(exact / 1e6)),
        _ => format!("{} GB", three_digits(exact / 1e9)),
    }
}

/// A share as `0%`, `0.4%`, `12%`, `100%`; never `0%` where there is some, never `100%` where some lacks.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p.is_nan() => "?".to_owned(),
        p if p <= 0.0 => "0%".to_owned(),
        p if p < 0.1 => "<0.1%".to_owned(),
        p if p < 9.95 => format!("{p:.1}%"),
        p if p < 100.0 => format!("{:.0}%", p.min(99.0)),
        p => format!("{p:.0}%"),
    }
}

/// `2026-11-23 16:06:06`, in UTC.
fn date_and_time(time: Timestamp) -> String {
    let rfc3339 = time.to_string();
    let (date, rest) = rfc3339.split_once('T').unwrap_or((&rfc3339, ""));
    let mut text = date.to_owned();
    let _ = write!(text, " {}", rest.split('.').next().unwrap_or_default());
    text
}

/// `2026-11-23 16:06:06 to 16:08:06`, in UTC; the date again where it is another.
pub fn period(from: Timestamp, to: Timestamp) -> String {
    let (from, to) = (date_and_time(from), date_and_time(to));
    let same_day = from.get(..11) == to.get(..11);
    let to = if same_day {
        to.get(11..).unwrap_or_default()
    } else {
        &to
    };
    format!("{from} to {to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (85e-9, "85 ns"),
            (1.234e-6, "1.23 µs"),
            (999.4e-6, "999 µs"),
            (999.6e-6, "1.00 ms"),
            (0.012_34, "12.3 ms"),
            (0.123_4, "123 ms"),
            (9.994, "9.99 s"),
            (9.996, "10.0 s"),
            (59.94, "59.9 s"),
            (59.96, "1m 0s"),
            (3599.6, "1h 0m"),
            (11_520.0, "3h 12m"),
            (352_800.0, "4d 2h"),
            (-0.5, "-500 ms"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(counted(1, "byte", "bytes"), "1 byte");
        assert_eq!(counted(0, "byte", "bytes"), "0 bytes");
    }

    #[test]
    fn bytes_are_decimal() {
        assert_eq!(
            [0, 999, 1500, 112_000_000].map(bytes),
            ["0 B", "999 B", "1.50 kB", "112 MB"]
        );
    }

    #[test]
    fn percentages_do_not_round_to_nothing_or_all() {
        assert_eq!(
            [0.0, 0.0004, 0.004, 0.5, 0.9999, 1.0].map(percent),
            ["0%", "<0.1%", "0.4%", "50%", "99%", "100%"]
        );
    }

    #[test]
    fn a_percentile_needs_enough_behind_it() {
        let few = crate::summary::sample::spread(84, 1_000_000);
        assert_eq!(figure(&few, Figure::P99), "-");
        assert_ne!(figure(&few, Figure::P95), "-");
        assert_eq!(figure(&Distribution::default(), Figure::Max), "-");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(
            date_and_time(Timestamp::from_parts(1_434_022_416, 472_791_000)),
            "2015-06-11 11:33:36"
        );
    }
}
