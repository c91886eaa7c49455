//! From and to the types of the `http` crate.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode, Version, request, response};
use thiserror::Error;

use super::{ConnInfo, EnvError, EnvWriter, Files, Head, ParamSink, RequestLine, Script};

impl<S: ParamSink> EnvWriter<'_, S> {
    /// Writes the variables of an HTTP request: [`request`](Self::request),
    /// [`script`](Self::script) and [`fields`](Self::fields) in one.
    ///
    /// An authority in the request's URI (HTTP/2, or an absolute target)
    /// takes the place of `Host` (RFC 9112, section 3.2.2).
    ///
    /// # Errors
    ///
    /// All of [`EnvError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use fastcgi_proto::cgi::{ConnInfo, EnvPolicy, EnvWriter, Files, Script};
    ///
    /// let (parts, ()) = http::Request::get("/a.php?y=1")
    ///     .header("x-tag", "a")
    ///     .header("x-tag", "b")
    ///     .body(())?
    ///     .into_parts();
    /// let policy = EnvPolicy::default();
    /// let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    /// let mut env = EnvWriter::new(&mut pairs, &policy);
    /// let files = Files::new(b"/srv", b"/srv/a.php");
    /// env.http_request(&parts, &ConnInfo::new(b"demo/1"), &Script::new(b"/a.php"), &files, None)?;
    /// env.finish()?;
    /// assert!(pairs.contains(&(b"HTTP_X_TAG".to_vec(), b"a, b".to_vec())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn http_request(
        &mut self,
        parts: &request::Parts,
        conn: &ConnInfo<'_>,
        script: &Script<'_>,
        files: &Files<'_>,
        content_length: Option<u64>,
    ) -> Result<(), EnvError<S::Error>> {
        let uri = parts.uri.path_and_query();
        let mut line = RequestLine::new(
            parts.method.as_str().as_bytes(),
            uri.map_or(&b"/"[..], |uri| uri.as_str().as_bytes()),
        );
        line.protocol = protocol(parts.version);
        let authority = parts.uri.authority().map(|authority| {
            let text = authority.as_str();
            text.rsplit_once('@')
                .map_or(text, |(_, host)| host)
                .as_bytes()
        });
        let header = parts.headers.get(http::header::HOST);
        let host = authority.or_else(|| header.map(HeaderValue::as_bytes));
        self.request(&line, conn, host, content_length)?;
        self.script(script, files)?;
        if let Some(authority) = authority {
            self.field(b"host", || core::iter::once(authority))?;
        }
        self.header_map(&parts.headers, authority.is_some())
    }

    fn header_map(
        &mut self,
        headers: &HeaderMap,
        skip_host: bool,
    ) -> Result<(), EnvError<S::Error>> {
        self.check_count(headers.len())?;
        // Values of one name follow each other; most names have one.
        let mut fields = headers.iter().peekable();
        while let Some((name, value)) = fields.next() {
            let mut repeated = false;
            while fields.next_if(|(next, _)| *next == name).is_some() {
                repeated = true;
            }
            if skip_host && name == http::header::HOST {
                continue;
            }
            let bytes = name.as_str().as_bytes();
            if repeated {
                let values = headers.get_all(name);
                self.field(bytes, || values.iter().map(HeaderValue::as_bytes))?;
            } else {
                self.field(bytes, || core::iter::once(value.as_bytes()))?;
            }
        }
        Ok(())
    }
}

const fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_09 => b"HTTP/0.9",
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_3 => b"HTTP/3.0",
        _ => b"HTTP/1.1",
    }
}

/// The head has a field that the `http` crate cannot hold: one whose name is
/// longer than 65,535 bytes. Answer with 502.
#[derive(Debug, Error)]
#[error("the answer has a field that does not fit an HTTP head")]
pub struct BadHead(#[source] http::Error);

/// Among the extensions of a head that asks the web server to serve another
/// path instead, without telling the client ([`Head::local_redirect`]). A
/// gateway without internal redirects may ignore it: the status is 302.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LocalRedirect;

/// Status and fields of the head, and [`LocalRedirect`] among the extensions
/// of one; values are shared, not copied.
impl TryFrom<&Head> for response::Parts {
    type Error = BadHead;

    fn try_from(head: &Head) -> Result<Self, BadHead> {
        let mut parts = http::Response::new(()).into_parts().0;
        parts.status =
            StatusCode::from_u16(head.status()).map_err(|error| BadHead(error.into()))?;
        let fields = head.shared_fields();
        parts
            .headers
            .try_reserve(fields.len())
            .map_err(|error| BadHead(error.into()))?;
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name).map_err(|error| BadHead(error.into()))?;
            let value =
                HeaderValue::from_maybe_shared(value).map_err(|error| BadHead(error.into()))?;
            parts
                .headers
                .try_append(name, value)
                .map_err(|error| BadHead(error.into()))?;
        }
        if head.local_redirect().is_some() {
            parts.extensions.insert(LocalRedirect);
        }
        Ok(parts)
    }
}
