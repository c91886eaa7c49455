//! What is refused before anything is looked up.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};

/// Bounds on the head of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeadLimits {
    /// Bytes of path and query; longer ones are answered with 414. 16 KiB by
    /// default.
    pub target_bytes: usize,
    /// Bytes of all header fields; more are answered with 431. 64 KiB by
    /// default.
    pub header_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            target_bytes: 16 * 1024,
            header_bytes: 64 * 1024,
        }
    }
}

impl HeadLimits {
    /// Sets [`target_bytes`](Self#structfield.target_bytes).
    #[must_use]
    pub const fn target_bytes(mut self, bytes: usize) -> Self {
        self.target_bytes = bytes;
        self
    }

    /// Sets [`header_bytes`](Self#structfield.header_bytes).
    #[must_use]
    pub const fn header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = bytes;
        self
    }

    /// Checks the head of a request against the limits and the rules of
    /// HTTP: one well-formed host, and no method that is for proxies.
    ///
    /// # Errors
    ///
    /// The status to answer with: 400, 405, 414 or 431.
    ///
    /// # Examples
    ///
    /// ```
    /// use fpm_pool::http::HeadLimits;
    /// use http::StatusCode;
    ///
    /// let request = http::Request::get("/?long").header("host", "a").body(())?;
    /// let (parts, ()) = request.into_parts();
    /// assert_eq!(HeadLimits::default().check(&parts), Ok(()));
    /// let short = HeadLimits::default().target_bytes(5);
    /// assert_eq!(short.check(&parts), Err(StatusCode::URI_TOO_LONG));
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn check(&self, parts: &Parts) -> Result<(), StatusCode> {
        let target = parts
            .uri
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
        if target > self.target_bytes {
            return Err(StatusCode::URI_TOO_LONG);
        }
        if header_bytes(&parts.headers) > self.header_bytes {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        check_host(parts)
    }
}

/// The length that the client promised; the HTTP library has checked that it
/// is a number and the only one.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The host that a client asks for, without port and without the dot of an
/// absolute name; in any case.
///
/// ```
/// let request = http::Request::get("/").header("host", "Example.org.:8080");
/// let (parts, ()) = request.body(())?.into_parts();
/// assert_eq!(fpm_pool::http::requested_host(&parts), Some("Example.org"));
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn requested_host(parts: &Parts) -> Option<&str> {
    let host = match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(HOST)?.to_str().ok(),
    };
    host.map(bare_host)
}

/// The host without its port and without the dot of an absolute name.
pub(super) fn bare_host(host: &str) -> &str {
    let without_port = match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    };
    without_port.strip_suffix('.').unwrap_or(without_port)
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
        HeadLimits::default().check(&parts)
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

    #[test]
    fn hosts_are_compared_without_port_and_last_dot() {
        for (host, bare) in [
            ("example.org:8080", "example.org"),
            ("example.org.", "example.org"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(bare_host(host), bare);
        }
    }
}
