//! One request to an OpenTelemetry collector, and what its answer means (the OTLP specification, "OTLP/HTTP").

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::{Agent, Body};

/// A request that takes longer has failed: the specification's default.
const PATIENCE: Duration = Duration::from_secs(10);
/// An idle connection is used again no later than this: before most servers close it.
const KEPT: Duration = Duration::from_secs(30);
/// The most of an answer that is read.
const ANSWER: u64 = 64 << 10;
/// Where metrics go on a collector.
const PATH: &str = "/v1/metrics";

/// Where metrics are pushed to.
#[derive(Debug)]
pub struct Collector {
    agent: Agent,
    uri: Uri,
}

/// Why metrics can't be pushed to a URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It can't be understood.
    #[error("otlp: {0} is no URL: http://127.0.0.1:4318 is wanted")]
    NoUrl(String),
    /// It asks for TLS.
    #[error(
        "otlp: {0}: this program does not speak TLS; push to a collector on this host (http://127.0.0.1:4318) and let that one \
         forward over TLS"
    )]
    Tls(String),
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken, but for so many data points, with the collector's words where it has some.
    Taken {
        /// Data points that it did not take.
        rejected: u64,
        /// Why, or a warning.
        words: String,
    },
    /// The same again makes sense, no sooner than the collector says.
    Later {
        /// What went wrong.
        why: String,
        /// What the collector asks to wait.
        after: Option<Duration>,
    },
    /// The same again makes no sense.
    Refused(String),
}

impl Collector {
    /// `url` is a collector's base, or already ends with `/v1/metrics`. Names are looked up with each connection, so that a
    /// collector may move.
    pub fn at(url: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl::NoUrl(url.to_owned());
        let base = url.trim_end_matches('/');
        let whole = if base.ends_with(PATH) {
            base.to_owned()
        } else {
            format!("{base}{PATH}")
        };
        let uri: Uri = whole.parse().map_err(|_| bad())?;
        match uri.scheme_str() {
            Some("http") if uri.query().is_none() && uri.host().is_some_and(|host| !host.is_empty()) => {
                Ok(Self { agent: agent(), uri })
            }
            Some("https") => Err(BadUrl::Tls(url.to_owned())),
            _ => Err(bad()),
        }
    }

    /// Sends an encoded `ExportMetricsServiceRequest`; returns within ten seconds.
    pub fn post(&self, request: &[u8]) -> Answer {
        let sent = self
            .agent
            .post(&self.uri)
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .send(request);
        match sent {
            Ok(mut response) => {
                let (status, after) = (
                    response.status(),
                    retry_after(response.headers(), SystemTime::now()),
                );
                judge(status, after, &read(response.body_mut()))
            }
            Err(error) => Answer::Later {
                why: error.to_string(),
                after: None,
            },
        }
    }
}

impl std::fmt::Display for Collector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.uri.fmt(formatter)
    }
}

/// Statuses are answers, no errors; neither proxies nor redirections lead elsewhere than the operator said.
fn agent() -> Agent {
    let version = env!("CARGO_PKG_VERSION");
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .max_idle_connections(1)
        .max_idle_age(KEPT)
        .user_agent(format!("OTel-OTLP-Exporter-sockhound/{version}"))
        .build()
        .into()
}

/// An answer that can't be read says nothing.
fn read(body: &mut Body) -> Vec<u8> {
    let body = body.with_config().limit(ANSWER).read_to_vec();
    body.unwrap_or_default()
}

fn judge(status: StatusCode, after: Option<Duration>, body: &[u8]) -> Answer {
    if status.is_success() {
        return taken(body);
    }
    let why = format!("it answers {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Answer::Later { why, after },
        _ => Answer::Refused(why),
    }
}

/// Words that are no protobuf are none: the status has said enough.
fn taken(body: &[u8]) -> Answer {
    let response = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
    let partial = response.partial_success.unwrap_or_default();
    Answer::Taken {
        rejected: u64::try_from(partial.rejected_data_points).unwrap_or(0),
        words: partial.error_message,
    }
}

/// Seconds or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsPartialSuccess;

    #[test]
    fn urls_get_their_path() {
        for (url, uri) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/metrics"),
            ("http://collector/v1/metrics", "http://collector/v1/metrics"),
            (
                "http://prometheus:9090/api/v1/otlp",
                "http://prometheus:9090/api/v1/otlp/v1/metrics",
            ),
        ] {
            assert_eq!(Collector::at(url).unwrap().to_string(), uri);
        }
    }

    #[test]
    fn other_urls_are_refused_with_a_way_out() {
        let tls = Collector::at("https://collector:4318").unwrap_err();
        assert!(
            tls.to_string().contains("push to a collector on this host"),
            "{tls}"
        );
        for url in [
            "http://",
            "collector:4318",
            "ftp://collector",
            "http://a b",
            "http://c?x=/v1/metrics",
        ] {
            assert_eq!(Collector::at(url).unwrap_err(), BadUrl::NoUrl(url.to_owned()));
        }
    }

    #[test]
    fn only_what_the_specification_names_is_tried_again() {
        for code in 300..600 {
            let status = StatusCode::from_u16(code).unwrap();
            let again = matches!(judge(status, None, b""), Answer::Later { .. });
            assert_eq!(again, [429, 502, 503, 504].contains(&code), "{code}");
        }
        let answer = judge(StatusCode::OK, None, b"\xff nonsense");
        assert_eq!(answer, judge(StatusCode::OK, None, b""));
    }

    #[test]
    fn what_was_not_taken_is_said() {
        let partial = ExportMetricsPartialSuccess {
            rejected_data_points: 3,
            error_message: "too old".to_owned(),
        };
        let body = ExportMetricsServiceResponse {
            partial_success: Some(partial),
        };
        let said = Answer::Taken {
            rejected: 3,
            words: "too old".to_owned(),
        };
        assert_eq!(judge(StatusCode::OK, None, &body.encode_to_vec()), said);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let after = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(after("130"), Some(Duration::from_secs(130)));
        assert_eq!(
            after("Sun, 06 Nov 1994 08:49:47 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(after("Sun, 06 Nov 1994 08:40:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
