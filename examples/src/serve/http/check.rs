//! What is refused before anything is looked up.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};

use crate::serve::limits::Limits;

/// Checks the head of a request against the limits and the rules of HTTP.
///
/// # Errors
///
/// The status to answer with.
pub(crate) fn check(parts: &Parts, limits: &Limits) -> Result<(), StatusCode> {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        return Err(StatusCode::URI_TOO_LONG);
    }
    if header_bytes(&parts.headers) > limits.header_bytes {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    check_host(parts)?;
    match content_length(&parts.headers) {
        Some(length) if length > limits.body_bytes => Err(StatusCode::PAYLOAD_TOO_LARGE),
        _ => Ok(()),
    }
}

/// The length that the client promised; the HTTP library has checked that it
/// is a number and the only one.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The host that the client asks for.
pub(crate) fn host(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(HOST)?.to_str().ok(),
    }
}

/// One host, well formed, is obligatory (RFC 9112, section 3.2).
fn check_host(parts: &Parts) -> Result<(), StatusCode> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let first = hosts.next();
    let missing = first.is_none() && parts.uri.authority().is_none();
    let refused = hosts.next().is_some()
        || missing && parts.version >= Version::HTTP_11
        || first.is_some_and(|host| !is_host(host));
    match refused {
        true => Err(StatusCode::BAD_REQUEST),
        false => Ok(()),
    }
}

fn is_host(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(byte))
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(request: http::request::Builder) -> Result<(), StatusCode> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts, &Limits::default())
    }

    fn get(target: &str) -> http::request::Builder {
        http::Request::get(target).header(HOST, "localhost")
    }

    #[test]
    fn usual_requests_pass() {
        assert_eq!(verdict(get("/")), Ok(()));
        assert_eq!(
            verdict(get("/").header("cookie", "x".repeat(16_000))),
            Ok(())
        );
        assert_eq!(
            verdict(http::Request::get("/").version(Version::HTTP_10)),
            Ok(())
        );
        assert_eq!(verdict(http::Request::get("http://example.org/")), Ok(()));
    }

    #[test]
    fn excess_and_nonsense_are_refused() {
        let long = format!("/{}", "x".repeat(20_000));
        for (request, status) in [
            (get(&long), 414),
            (get("/").header("a", "x".repeat(70_000)), 431),
            (get("/").header(CONTENT_LENGTH, "999999999999999"), 413),
            (get("/").header(HOST, "two"), 400),
            (http::Request::get("/"), 400),
            (http::Request::get("/").header(HOST, "a b"), 400),
            (http::Request::get("/").header(HOST, "a/b"), 400),
            (get("/").method(Method::TRACE), 405),
        ] {
            let refused = verdict(request).unwrap_err();
            assert_eq!(refused.as_u16(), status);
        }
    }
}
