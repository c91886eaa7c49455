//! The status page: for people, as JSON, and as OpenMetrics.

mod html;
mod json;
mod metrics;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::counters::Counts;
use super::pages;
use super::php::BackendStatus;

/// The state of the whole server at one moment.
#[derive(Debug)]
struct Snapshot {
    http: Counts,
    php: BackendStatus,
}

/// Answers with the form that the query asks for: `?json`, `?openmetrics`,
/// else a page.
pub(crate) fn respond(http: Counts, php: BackendStatus, parts: &Parts) -> Response<Bytes> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut response = pages::error(StatusCode::METHOD_NOT_ALLOWED);
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    let snapshot = Snapshot { http, php };
    let asked = |name: &str| {
        let query = parts.uri.query().unwrap_or_default();
        query
            .split('&')
            .any(|part| part.split('=').next() == Some(name))
    };
    let (media_type, text) = if asked("json") {
        ("application/json", json::render(&snapshot))
    } else if asked("openmetrics") {
        (
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            metrics::render(&snapshot),
        )
    } else {
        (
            "text/html; charset=utf-8",
            html::render(&json::render(&snapshot)),
        )
    };
    let mut response = Response::new(Bytes::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
