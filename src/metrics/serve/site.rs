//! What each path answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Serialize;

use super::accept;
use crate::metrics::Shared;
use crate::metrics::exposition::{self, Format};
use crate::summary::{Summary, json as contract};

/// Metrics drawn so lately serve everyone who asks.
const FRESH: Duration = Duration::from_secs(1);
const JSON: &str = "application/json";
const WORDS: &str = "text/plain; charset=utf-8";

pub(super) type Answer = Response<Full<Bytes>>;

/// The site, with what was drawn last.
pub(super) struct Site {
    shared: Shared,
    metrics: Mutex<HashMap<Format, (Instant, Bytes)>>,
    summary: Mutex<Option<(Arc<Summary>, Bytes)>>,
}

/// What `/healthz` tells.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    interfaces: usize,
    silent_seconds: f64,
}

impl Site {
    pub(super) fn new(shared: Shared) -> Self {
        Self {
            shared,
            metrics: Mutex::default(),
            summary: Mutex::default(),
        }
    }

    pub(super) fn answer<B>(&self, request: &Request<B>) -> Answer {
        let Some(page) = Self::page(request.uri().path()) else {
            return words(
                StatusCode::NOT_FOUND,
                "there are /metrics, /healthz and /summary\n",
            );
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = words(StatusCode::METHOD_NOT_ALLOWED, "there is GET and HEAD\n");
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        page(self, wanted(request.headers()).as_deref())
    }

    fn page(path: &str) -> Option<fn(&Self, Option<&str>) -> Answer> {
        match path {
            "/metrics" => Some(Self::metrics),
            "/healthz" => Some(Self::health),
            "/summary" => Some(Self::summary),
            _ => None,
        }
    }

    fn metrics(&self, accept: Option<&str>) -> Answer {
        let Some(format) = accept::format(accept) else {
            return words(
                StatusCode::NOT_ACCEPTABLE,
                "there is text/plain, application/openmetrics-text and application/vnd.google.protobuf\n",
            );
        };
        let mut answer = answer(StatusCode::OK, format.content_type(), self.drawn(format));
        answer
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("Accept"));
        answer
    }

    fn drawn(&self, format: Format) -> Bytes {
        let mut drawn = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        match drawn.get(&format) {
            Some((at, body)) if at.elapsed() < FRESH => body.clone(),
            _ => {
                let body = Bytes::from(self.draw(format));
                drawn.insert(format, (Instant::now(), body.clone()));
                body
            }
        }
    }

    fn draw(&self, format: Format) -> Vec<u8> {
        let operations = self.shared.operations();
        self.shared
            .read(|totals| exposition::draw(totals, operations, format))
    }

    fn health(&self, accept: Option<&str>) -> Answer {
        let state = self.shared.health().state();
        let illness = state.judge().err();
        let health = Health {
            status: if illness.is_none() { "ok" } else { "failing" },
            why: illness.map(|illness| illness.to_string()),
            interfaces: state.interfaces,
            silent_seconds: state.silent.as_secs_f64(),
        };
        let status = match illness {
            None => StatusCode::OK,
            Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        json(accept, status, || line(&health))
    }

    fn summary(&self, accept: Option<&str>) -> Answer {
        match self.shared.latest() {
            Some(latest) => json(accept, StatusCode::OK, || self.written(latest)),
            None => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "the first interval has not ended yet\n",
            ),
        }
    }

    /// Written once for all who ask.
    fn written(&self, latest: Arc<Summary>) -> Bytes {
        let mut written = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        match &*written {
            Some((of, body)) if Arc::ptr_eq(of, &latest) => body.clone(),
            _ => {
                let body = line(&*latest);
                *written = Some((latest, body.clone()));
                body
            }
        }
    }
}

/// Several `Accept` lines are one list.
fn wanted(headers: &HeaderMap) -> Option<String> {
    let all: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!all.is_empty()).then(|| all.join(","))
}

fn line(model: &impl Serialize) -> Bytes {
    let mut line = Vec::new();
    // A Vec takes all that is written.
    let _ = contract::line(model, &mut line);
    line.into()
}

fn json(accept: Option<&str>, status: StatusCode, body: impl FnOnce() -> Bytes) -> Answer {
    if accept::takes(accept, JSON) {
        answer(status, JSON, body())
    } else {
        words(StatusCode::NOT_ACCEPTABLE, "there is application/json\n")
    }
}

fn words(status: StatusCode, words: &'static str) -> Answer {
    answer(status, WORDS, Bytes::from_static(words.as_bytes()))
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample::morning;
    use http_body_util::BodyExt as _;

    fn ask(site: &Site, method: Method, path: &str, accept: &str) -> (u16, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, accept)
            .body(())
            .unwrap();
        let answer = site.answer(&request);
        let (status, kind) = (
            answer.status().as_u16(),
            answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(answer.into_body().collect()).unwrap().to_bytes();
        (status, kind, String::from_utf8_lossy(&body).into_owned())
    }

    fn get(site: &Site, path: &str) -> (u16, String, String) {
        ask(site, Method::GET, path, "*/*")
    }

    #[test]
    fn each_path_answers() {
        let shared = Shared::default();
        let site = Site::new(shared.clone());
        assert_eq!(get(&site, "/summary").0, 503);
        assert_eq!(get(&site, "/metrics").0, 200, "from the first moment");
        let (status, kind, body) = get(&site, "/healthz");
        assert_eq!((status, kind.as_str()), (503, JSON));
        assert!(
            body.contains(r#""status":"failing","why":"no interface is watched""#),
            "{body}"
        );
        shared.health().beat(2);
        shared.add(Arc::new(morning()));
        let (status, _, body) = get(&site, "/healthz");
        assert_eq!(status, 200);
        assert!(
            body.starts_with(r#"{"status":"ok","interfaces":2,"#) && body.ends_with("}\n"),
            "{body}"
        );
        let (status, kind, body) = get(&site, "/summary");
        assert_eq!((status, kind.as_str()), (200, JSON));
        assert_eq!(body.as_bytes(), line(&morning()), "as on the output");
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let site = Site::new(Shared::default());
        for (method, path, accept, status) in [
            (Method::GET, "/", "*/*", 404),
            (Method::GET, "/metrics/", "*/*", 404),
            (Method::POST, "/nothing", "*/*", 404),
            (Method::POST, "/metrics", "*/*", 405),
            (Method::DELETE, "/summary", "*/*", 405),
            (Method::GET, "/metrics", "application/json", 406),
            (Method::GET, "/healthz", "text/html", 406),
            (Method::HEAD, "/metrics?x=y", "text/plain", 200),
        ] {
            let said = ask(&site, method.clone(), path, accept);
            assert_eq!(said.0, status, "{method} {path}: {}", said.2);
        }
    }

    #[test]
    fn many_who_ask_at_once_get_one_drawing() {
        let site = Site::new(Shared::default());
        let (one, other) = (site.drawn(Format::Text), site.drawn(Format::Text));
        assert_eq!(one.as_ptr(), other.as_ptr());
    }
}
