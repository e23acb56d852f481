//! What option values look like: durations, percentages, sizes, addresses.

use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

pub use crate::metrics::serve::Listen;
pub use crate::report::Format;

/// Parses `30s`, `1m 30s`, `500ms`; a length of zero is refused.
pub fn duration(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "it has no unit: write {text}s for seconds or {text}ms for milliseconds"
        ));
    }
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() {
        Err("it must be longer than nothing".to_owned())
    } else {
        Ok(duration)
    }
}

/// A share written as a percentage: `10%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentage(f64);

impl Percentage {
    /// From a share: 0.1 for 10%.
    #[must_use]
    pub const fn from_share(share: f64) -> Self {
        Self(share)
    }

    /// As a share: 0.1 for 10%.
    #[must_use]
    pub const fn share(self) -> f64 {
        self.0
    }
}

impl FromStr for Percentage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').ok_or("a percentage is wanted, as 10%")?;
        match number.trim_end().parse::<f64>() {
            Ok(percent) if (0.0..=1000.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err("a percentage between 0% and 1000% is wanted, as 10%".to_owned()),
        }
    }
}

/// A number of bytes: `64MiB`, `1GiB`, `500kB`, `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u64);

impl Size {
    /// From mebibytes.
    #[must_use]
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// Units and their bytes; the bare letters are binary, as in systemd's units.
const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("G", 1 << 30),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "a size is wanted, as 64MiB".to_owned();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wanted())?;
        let unit = unit.trim_start();
        let (_, bytes) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(wanted)?;
        number
            .checked_mul(*bytes)
            .map(Self)
            .ok_or_else(|| "it is too large".to_owned())
    }
}

/// Where to push OTLP: an `http://` or `https://` URL.
pub fn otlp_url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(text.to_owned()),
        _ => Err("a URL is wanted, as http://127.0.0.1:4318".to_owned()),
    }
}

/// A bound that must leave room for something.
pub fn positive(text: &str) -> Result<u64, String> {
    match text.replace('_', "").parse() {
        Ok(0) | Err(_) => Err("a whole number of 1 or more is wanted".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// Which connections a summary lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListConnections {
    /// Every one.
    All,
    /// Those with a reason.
    Flagged,
    /// None.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("30").unwrap_err().contains("write 30s"));
        assert!(duration("0s").is_err() && duration("").is_err() && duration("-1s").is_err());
    }

    #[test]
    fn percentages() {
        assert_eq!("10%".parse(), Ok(Percentage(0.1)));
        assert_eq!("0%".parse(), Ok(Percentage(0.0)));
        for bad in ["0.1", "-1%", "x%", "%", "NaN%"] {
            assert!(bad.parse::<Percentage>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!("64MiB".parse(), Ok(Size::from_mebibytes(64)));
        assert_eq!("64 M".parse(), Ok(Size::from_mebibytes(64)));
        assert_eq!("1kB".parse(), Ok(Size(1000)));
        assert_eq!("4096".parse(), Ok(Size(4096)));
        for bad in ["", "MiB", "-1", "1.5G", "99999999999G", "1TB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn other_values() {
        assert!(otlp_url("http://127.0.0.1:4318").is_ok() && otlp_url("https://collector/v1").is_ok());
        assert!(otlp_url("collector:4318").is_err() && otlp_url("http://").is_err());
        assert_eq!(positive("1_000_000"), Ok(1_000_000));
        assert!(positive("0").is_err());
    }
}
