//! The text formats: Prometheus' 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>) and OpenMetrics 1.0.0
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use std::fmt::{self, Write};

use super::family::{Family, Kind, Sample, Value};
use crate::metrics::Histogram;

/// The bounds of classic buckets as Prometheus itself writes those of protobuf and OpenMetrics: the same series whatever format is scraped.
pub(super) const BOUNDS: [&str; crate::metrics::histogram::CLASSIC.len()] = [
    "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
    "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0",
];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Prometheus,
    OpenMetrics,
}

pub(super) fn draw(families: &[Family<'_>], dialect: Dialect) -> String {
    let mut out = String::new();
    for family in families {
        // Writing to a string does not fail.
        let _ = one(&mut out, family, dialect);
    }
    if dialect == Dialect::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn one(out: &mut String, family: &Family<'_>, dialect: Dialect) -> fmt::Result {
    let name = match dialect {
        Dialect::OpenMetrics => family.name.strip_suffix("_total").unwrap_or(family.name),
        Dialect::Prometheus => family.name,
    };
    writeln!(out, "# HELP {name} {}", family.help)?;
    writeln!(out, "# TYPE {name} {}", family.kind.name())?;
    if let (Dialect::OpenMetrics, Some(unit)) = (dialect, unit(name)) {
        writeln!(out, "# UNIT {name} {unit}")?;
    }
    for sample in &family.samples {
        match sample.value {
            Value::Number(number) => line(out, (family.name, ""), sample, None, number)?,
            Value::Distribution(histogram, _) => distribution(out, family.name, sample, histogram)?,
        }
    }
    debug_assert!(family.kind != Kind::Counter || family.name.ends_with("_total"));
    Ok(())
}

/// The unit that a name without `_total` ends in.
pub(super) fn unit(name: &str) -> Option<&'static str> {
    ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(unit))
}

fn distribution(out: &mut String, name: &str, sample: &Sample<'_>, histogram: &Histogram) -> fmt::Result {
    for (bound, below) in BOUNDS.into_iter().zip(histogram.classic()) {
        line(out, (name, "_bucket"), sample, Some(bound), below as f64)?;
    }
    let count = histogram.count() as f64;
    line(out, (name, "_bucket"), sample, Some("+Inf"), count)?;
    line(out, (name, "_sum"), sample, None, histogram.sum_seconds())?;
    line(out, (name, "_count"), sample, None, count)
}

fn line(
    out: &mut String,
    (name, suffix): (&str, &str),
    sample: &Sample<'_>,
    bound: Option<&str>,
    value: f64,
) -> fmt::Result {
    write!(out, "{name}{suffix}")?;
    let mut before = '{';
    for (label, value) in sample.labels().chain(bound.map(|bound| ("le", bound))) {
        write!(out, "{before}{label}=\"")?;
        escaped(out, value);
        out.push('"');
        before = ',';
    }
    if before == ',' {
        out.push('}');
    }
    writeln!(out, " {value}")
}

/// Whatever the wire said stays inside its quotes.
fn escaped(out: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::histogram::CLASSIC;

    #[test]
    fn bounds_are_the_buckets() {
        let read = BOUNDS.map(|bound| bound.parse::<f64>().unwrap().to_bits());
        assert_eq!(read, CLASSIC.map(f64::to_bits));
    }

    #[test]
    fn names_from_the_wire_stay_in_their_quotes() {
        let mut out = String::new();
        escaped(&mut out, "a\"} 1\nb\\");
        assert_eq!(out, "a\\\"} 1\\nb\\\\");
    }
}
