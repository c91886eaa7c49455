//! One id in two spellings: PHP's 32 hex digits, and the 22 characters of
//! `tower-sessions`.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use tower_sessions_core::session::Id;

use crate::SessionId;

/// PHP's spelling of an id.
pub(super) fn to_php(id: Id) -> SessionId {
    let digits = format!("{:032x}", id.0.cast_unsigned());
    SessionId::parse(&digits).expect("hex digits are legal in a session id")
}

fn from_php(digits: &str) -> Option<Id> {
    let is_php = digits.len() == 32
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let value = u128::from_str_radix(digits, 16).ok().filter(|_| is_php)?;
    Some(Id(value.cast_signed()))
}

/// Lets `tower-sessions` read and send PHP's session cookie.
///
/// Put it outside of `SessionManagerLayer`, whose cookie must have PHP's
/// name and be neither signed nor private. A cookie that is no id of 32 hex
/// digits is hidden from the application.
///
/// # Examples
///
/// ```
/// use session_store::tower::PhpIdLayer;
///
/// let layer = PhpIdLayer::new("PHPSESSID");
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct PhpIdLayer {
    cookie_name: Cow<'static, str>,
}

impl PhpIdLayer {
    /// A layer for PHP's `session.name`.
    #[must_use]
    pub fn new(cookie_name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cookie_name: cookie_name.into(),
        }
    }

    fn translate_request(&self, headers: &mut HeaderMap) {
        let cookies: Vec<String> = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|cookie| self.translate_cookie(cookie.trim()))
            .collect();
        headers.remove(COOKIE);
        if let Ok(header) = HeaderValue::from_str(&cookies.join("; "))
            && !cookies.is_empty()
        {
            headers.insert(COOKIE, header);
        }
    }

    fn translate_cookie(&self, cookie: &str) -> Option<String> {
        match cookie.split_once('=') {
            Some((name, digits)) if name == self.cookie_name => {
                from_php(digits).map(|id| format!("{name}={id}"))
            }
            _ => Some(cookie.to_owned()),
        }
    }

    fn translate_response(&self, headers: &mut HeaderMap) {
        let cookies: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        headers.remove(SET_COOKIE);
        for cookie in cookies {
            let translated = cookie
                .to_str()
                .ok()
                .and_then(|cookie| self.translate_set_cookie(cookie));
            headers.append(SET_COOKIE, translated.unwrap_or(cookie));
        }
    }

    fn translate_set_cookie(&self, cookie: &str) -> Option<HeaderValue> {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair
            .split_once('=')
            .filter(|(name, _)| *name == self.cookie_name)?;
        let id = value.parse().ok().map(to_php)?;
        HeaderValue::from_str(&format!("{name}={};{attributes}", id.as_str())).ok()
    }
}

impl<S> Layer<S> for PhpIdLayer {
    type Service = PhpIdService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PhpIdService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service that speaks of PHP's cookie in `tower-sessions`' spelling.
#[derive(Clone, Debug)]
pub struct PhpIdService<S> {
    inner: S,
    layer: PhpIdLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for PhpIdService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Future: Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let layer = self.layer.clone();
        layer.translate_request(request.headers_mut());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            layer.translate_response(response.headers_mut());
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_translate_both_ways() {
        for value in [0, 1, -1, i128::MIN, i128::MAX, 0x0123_4567_89ab_cdef] {
            let php = to_php(Id(value));
            assert_eq!(php.as_str().len(), 32);
            assert_eq!(from_php(php.as_str()), Some(Id(value)));
        }
        for other in [
            "",
            "abc",
            "0cs2bccbbkkorco4pu60qq4rd7",
            &"A".repeat(32),
            &"g".repeat(32),
            &"+".repeat(32),
        ] {
            assert_eq!(from_php(other), None, "{other}");
        }
    }

    #[test]
    fn other_cookies_are_left_alone() {
        let layer = PhpIdLayer::new("PHPSESSID");
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; PHPSESSID=chosen"));
        headers.append(COOKIE, HeaderValue::from_static("PHPSESSIDX=2"));
        layer.translate_request(&mut headers);
        assert_eq!(headers[COOKIE], "a=1; PHPSESSIDX=2");
        headers.insert(
            SET_COOKIE,
            HeaderValue::from_static("a=AAAAAAAAAAAAAAAAAAAAAA; Path=/"),
        );
        headers.append(
            SET_COOKIE,
            HeaderValue::from_static("PHPSESSID=; Max-Age=0"),
        );
        headers.append(
            SET_COOKIE,
            HeaderValue::from_static("PHPSESSID=AQAAAAAAAAAAAAAAAAAAAA; Path=/"),
        );
        layer.translate_response(&mut headers);
        let sent: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(
            sent,
            [
                "a=AAAAAAAAAAAAAAAAAAAAAA; Path=/",
                "PHPSESSID=; Max-Age=0",
                "PHPSESSID=00000000000000000000000000000001; Path=/"
            ]
        );
    }
}
