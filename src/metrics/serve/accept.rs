//! What a client would have, by its `Accept` header (RFC 9110 section 12.5.1).

use crate::metrics::exposition::Format;

/// A range of media types and how much it is liked, in thousandths.
struct Range<'a> {
    kind: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    weight: u16,
}

/// The format to send; `None` where none would be taken. Of those liked alike the first that is named is sent, as scrapers mean it.
pub(super) fn format(accept: Option<&str>) -> Option<Format> {
    let Some(ranges) = ranges(accept) else {
        return Some(Format::Text);
    };
    let liked = Format::ALL.into_iter().filter_map(|format| {
        let (place, range) = best(&ranges, |range| fits(range, format))?;
        (range.weight > 0).then_some((std::cmp::Reverse(range.weight), place, format))
    });
    liked
        .min_by_key(|(weight, place, _)| (*weight, *place))
        .map(|(_, _, format)| format)
}

/// Whether `kind`, as `application/json`, would be taken.
pub(super) fn takes(accept: Option<&str>, kind: &str) -> bool {
    ranges(accept).is_none_or(|ranges| {
        let fits = |range: &Range<'_>| specificity(range.kind, kind);
        best(&ranges, fits).is_some_and(|(_, range)| range.weight > 0)
    })
}

/// `None` where anything will do.
fn ranges(accept: Option<&str>) -> Option<Vec<Range<'_>>> {
    let accept = accept.filter(|accept| !accept.trim().is_empty())?;
    Some(accept.split(',').map(range).collect())
}

fn range(text: &str) -> Range<'_> {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let parameters: Vec<_> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
        .collect();
    let weight = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("q"));
    Range {
        kind,
        weight: weight.map_or(1000, |(_, value)| thousandths(value)),
        parameters,
    }
}

/// What is no weight weighs nothing.
#[allow(clippy::cast_sign_loss, reason = "clamped")]
fn thousandths(weight: &str) -> u16 {
    let weight = weight.parse::<f64>().unwrap_or(0.0);
    (weight.clamp(0.0, 1.0) * 1000.0).round() as u16
}

/// The most specific range that fits, the first of those; with its place.
fn best<'r, 'a>(
    ranges: &'r [Range<'a>],
    fits: impl Fn(&Range<'a>) -> Option<u8>,
) -> Option<(usize, &'r Range<'a>)> {
    let fitting = ranges
        .iter()
        .enumerate()
        .filter_map(|(place, range)| Some((fits(range)?, place, range)));
    let best = fitting
        .min_by_key(|(specificity, place, range)| (std::cmp::Reverse((*specificity, range.weight)), *place));
    best.map(|(_, place, range)| (place, range))
}

/// How specifically a range names the format.
fn fits(range: &Range<'_>, format: Format) -> Option<u8> {
    let parameter = |name: &str| {
        let found = range
            .parameters
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    };
    let (kind, is_ours) = match format {
        Format::Text => ("text/plain", true),
        Format::OpenMetrics => (
            "application/openmetrics-text",
            matches!(parameter("version"), None | Some("1.0.0" | "0.0.1")),
        ),
        Format::Protobuf => (
            "application/vnd.google.protobuf",
            parameter("proto") == Some("io.prometheus.client.MetricFamily")
                && matches!(parameter("encoding"), None | Some("delimited")),
        ),
    };
    specificity(range.kind, kind).filter(|&specificity| specificity < 2 || is_ours)
}

/// `*/*` 0, `text/*` 1, the type itself 2.
fn specificity(range: &str, kind: &str) -> Option<u8> {
    if range.eq_ignore_ascii_case(kind) {
        return Some(2);
    }
    let (group, _) = kind.split_once('/')?;
    match range.split_once('/')? {
        ("*", "*") => Some(0),
        (range, "*") if range.eq_ignore_ascii_case(group) => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_what_they_like_best() {
        let protobuf =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let native = format!(
            "{protobuf},application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        );
        for (accept, format) in [
            // Prometheus 2.42 with native histograms, and without.
            (native.as_str(), Some(Format::Protobuf)),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Some(Format::OpenMetrics),
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Some(Format::OpenMetrics),
            ),
            // A browser and curl.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Some(Format::Text),
            ),
            ("*/*", Some(Format::Text)),
            ("", Some(Format::Text)),
            ("text/*", Some(Format::Text)),
            ("TEXT/PLAIN", Some(Format::Text)),
            ("application/*", Some(Format::OpenMetrics)),
            (
                "text/plain;q=0.2, application/openmetrics-text;q=0.9",
                Some(Format::OpenMetrics),
            ),
            ("application/openmetrics-text;q=0, */*", Some(Format::Text)),
            ("text/plain;q=0, */*;q=0.1", Some(Format::OpenMetrics)),
            (
                "application/vnd.google.protobuf;proto=else;encoding=delimited, text/plain;q=0.1",
                Some(Format::Text),
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                None,
            ),
            ("application/openmetrics-text;version=9.0.0", None),
            ("application/json", None),
            ("text/plain;q=0", None),
            ("text/plain;q=much", None),
            (";;;=,,,q=", None),
        ] {
            assert_eq!(super::format(Some(accept)), format, "{accept}");
        }
        assert_eq!(super::format(None), Some(Format::Text));
    }

    #[test]
    fn json_is_taken_or_not() {
        for accept in [
            None,
            Some("*/*"),
            Some("application/*;q=0.1"),
            Some("application/json"),
        ] {
            assert!(takes(accept, "application/json"), "{accept:?}");
        }
        for accept in ["text/html", "application/json;q=0, */*", "nonsense"] {
            assert!(!takes(Some(accept), "application/json"), "{accept}");
        }
    }
}
