//! The pages that the server itself writes.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode, Uri};

use super::body::Body;

/// An answer with a page that says what happened, without details of the
/// inside.
pub(crate) fn error(status: StatusCode) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let text = explain(status);
    let code = status.as_str();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{code} {title}</title>\
         <style>{STYLE}</style></head>\n<body><main><p class=\"code\">{code}</p>\
         <h1>{title}</h1><p>{text}</p></main></body></html>\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 503, with the time after which to try again.
pub(crate) fn unavailable(retry_after: Duration) -> Response<Body> {
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE);
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let seconds = HeaderValue::from(seconds.max(1));
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

/// A redirect to the same path with a slash behind it.
pub(crate) fn redirect_to_folder(uri: &Uri) -> Response<Body> {
    // `//host/` would lead to another host.
    let path = uri.path().trim_start_matches('/');
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let mut response = error(StatusCode::MOVED_PERMANENTLY);
    if let Ok(location) = HeaderValue::try_from(format!("/{path}/{query}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

const STYLE: &str = "body{font:1.05rem/1.6 system-ui,sans-serif;background:#f6f7f9;color:#1d2433;\
    margin:0;display:grid;place-items:center;min-height:100vh}main{max-width:34rem;padding:2rem}\
    .code{font-size:4rem;font-weight:700;margin:0;color:#5b6b8c}h1{margin:.2rem 0 1rem}\
    @media(prefers-color-scheme:dark){body{background:#12151c;color:#e3e8f2}}";

fn explain(status: StatusCode) -> &'static str {
    match status {
        StatusCode::MOVED_PERMANENTLY => "This folder has its address with a slash at the end.",
        StatusCode::BAD_REQUEST => "The server cannot make sense of this request.",
        StatusCode::FORBIDDEN => "This may not be seen.",
        StatusCode::NOT_FOUND => "There is nothing at this address.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take such a request.",
        StatusCode::REQUEST_TIMEOUT => "The request took too long to arrive.",
        StatusCode::PAYLOAD_TOO_LARGE => "What was sent is larger than this server takes.",
        StatusCode::URI_TOO_LONG => "The address is longer than this server takes.",
        StatusCode::MISDIRECTED_REQUEST => "This server has no site of that name.",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "The request has more or longer header fields than this server takes. \
             Deleting the cookies of this site may help."
        }
        StatusCode::INTERNAL_SERVER_ERROR => {
            "Something went wrong inside. The log has the details."
        }
        StatusCode::BAD_GATEWAY => {
            "The script ended without a usable answer. The log has the details."
        }
        StatusCode::SERVICE_UNAVAILABLE => "The server is busy. Please try again in a moment.",
        StatusCode::GATEWAY_TIMEOUT => "The script took too long and was stopped.",
        _ => "The request could not be answered.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_redirect_stays_on_this_host() {
        for (target, expected) in [
            ("/docs", "/docs/"),
            ("/docs?a=1", "/docs/?a=1"),
            ("//evil.example/x", "/evil.example/x/"),
        ] {
            let response = redirect_to_folder(&Uri::try_from(target).unwrap());
            assert_eq!(response.headers()[LOCATION], expected, "{target}");
        }
    }

    #[test]
    fn retry_is_rounded_up() {
        for (wait, expected) in [(0, "1"), (200, "1"), (1000, "1"), (1001, "2")] {
            let response = unavailable(Duration::from_millis(wait));
            assert_eq!(response.headers()[RETRY_AFTER], expected);
        }
    }
}
