//! The pages that the server itself writes.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

/// An answer with a page that says what happened, without details of the
/// inside.
pub(crate) fn error(status: StatusCode) -> Response<Bytes> {
    let title = status.canonical_reason().unwrap_or("Error");
    let text = explain(status);
    let code = status.as_str();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{code} {title}</title>\
         <style>{STYLE}</style></head>\n<body><main><p class=\"code\">{code}</p>\
         <h1>{title}</h1><p>{text}</p></main></body></html>\n"
    );
    let mut response = Response::new(Bytes::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The page for an answer that has the fields already, but for those of its
/// text.
pub(crate) fn dressed(status: StatusCode, fields: &HeaderMap) -> Response<Bytes> {
    let mut page = error(status);
    for (name, value) in fields {
        if ![CONTENT_TYPE, CONTENT_LENGTH].contains(name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
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
