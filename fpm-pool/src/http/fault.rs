//! Why a request is not answered by a script or a file.

use std::error::Error as StdError;
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{Response, StatusCode};

use super::upload::UploadError;
use crate::Error;

/// When to come back, where nobody has an estimate.
const COME_BACK: Duration = Duration::from_secs(1);

/// Why a request is answered by neither a script nor a file: the status for
/// the client, and the reason for the operator.
///
/// [`PhpSite`](super::PhpSite) makes a plain answer of it, and puts it into
/// the answer's extensions, so that the host can show a page of its own:
///
/// ```
/// use fpm_pool::http::Fault;
/// use http::{Response, StatusCode};
///
/// fn page(answer: &Response<()>) -> Option<String> {
///     let fault = answer.extensions().get::<Fault>()?;
///     Some(format!("<h1>{}</h1>", fault.status()))
/// }
/// let mut answer = Response::new(());
/// assert_eq!(page(&answer), None);
/// let fault = Fault::new(StatusCode::NOT_FOUND, "nothing there");
/// answer.extensions_mut().insert(fault);
/// assert_eq!(page(&answer).as_deref(), Some("<h1>404 Not Found</h1>"));
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    status: StatusCode,
    reason: Arc<str>,
    retry_after: Option<Duration>,
    location: Option<HeaderValue>,
    note: Note,
}

/// How loudly it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    /// Everyday, such as 404.
    Debug,
    /// The client's doing.
    Info,
    /// The script's or the pool's.
    Warning,
    /// The operator has to mend it.
    Error,
    /// Whoever made it has logged it.
    Logged,
}

impl Fault {
    /// A fault; one of the server is logged as a warning with its `reason`.
    #[must_use]
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into().into(),
            retry_after: None,
            location: None,
            note: match status.is_server_error() {
                true => Note::Warning,
                false => Note::Debug,
            },
        }
    }

    /// The same with `error` and what is behind it as part of the reason.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn StdError) -> Self {
        let mut reason = self.reason.to_string();
        let mut cause = Some(error);
        while let Some(error) = cause {
            // Writing to a string cannot fail.
            let _ = write!(reason, ": {error}");
            cause = error.source();
        }
        self.reason = reason.into();
        self
    }

    /// The same with a time after which it is worth to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: impl Into<Option<Duration>>) -> Self {
        self.retry_after = wait.into();
        self
    }

    /// The same, not to be logged once more.
    #[must_use]
    pub const fn logged(mut self) -> Self {
        self.note = Note::Logged;
        self
    }

    /// The same, as an error of the site itself in the log.
    pub(super) const fn of_the_site(self) -> Self {
        self.noted(Note::Error)
    }

    const fn noted(mut self, note: Note) -> Self {
        self.note = note;
        self
    }

    /// A folder's address without its slash.
    pub(super) fn redirect(location: String) -> Self {
        let mut fault = Self::new(StatusCode::MOVED_PERMANENTLY, "a folder without its slash");
        fault.location = HeaderValue::try_from(location).ok();
        fault
    }

    /// The status for the client.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, for the operator: it may tell of the inside.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When to come back; the answer says it as `Retry-After`, rounded up.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// A plain answer: the status as text, and the fields that belong to it.
    #[must_use]
    pub fn to_response(&self) -> Response<Bytes> {
        let text = format!("{}\n", self.status);
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(location) = &self.location {
            headers.insert(LOCATION, location.clone());
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let wait = self.retry_after.unwrap_or(COME_BACK);
            headers.insert(RETRY_AFTER, whole_seconds(wait).into());
        }
        response.extensions_mut().insert(self.clone());
        response
    }

    /// Writes it to the log, unless it is there.
    pub(super) fn log(&self, parts: &Parts, request: Option<u64>, script: Option<&Path>) {
        let script = script.map(|path| tracing::field::display(path.display()));
        let (uri, status, reason) = (&parts.uri, self.status.as_u16(), &*self.reason);
        match self.note {
            Note::Logged => {}
            Note::Debug => tracing::debug!(request, script, %uri, status, "{reason}"),
            Note::Info => tracing::info!(request, script, %uri, status, "{reason}"),
            Note::Warning => tracing::warn!(request, script, %uri, status, "{reason}"),
            Note::Error => tracing::error!(request, script, %uri, status, "{reason}"),
        }
    }
}

/// Rounded up; at least one.
fn whole_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_secs();
    seconds
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl StdError for Fault {}

impl From<UploadError> for Fault {
    fn from(error: UploadError) -> Self {
        let fault = Self::new(error.status(), error.to_string());
        let fault = match StdError::source(&error) {
            Some(cause) => fault.caused_by(cause),
            None => fault,
        };
        match error.status().is_server_error() {
            true => fault,
            false => fault.noted(Note::Info),
        }
    }
}

/// A body that failed on its way to the worker is the client's doing, and
/// answered as such.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        let upload = std::iter::from_fn(|| {
            let this = cause?;
            cause = this.source();
            Some(this)
        })
        .find_map(|error| error.downcast_ref::<UploadError>());
        let status = match upload {
            Some(upload) => upload.status(),
            None => error.kind().http_status(),
        };
        let fault = Self::new(status, error.to_string()).retry_after(error.retry_after());
        let fault = match StdError::source(&error) {
            Some(cause) => fault.caused_by(cause),
            None => fault,
        };
        // The pool has logged what its worker did.
        match (error.process_id(), upload) {
            (Some(_), _) => fault.logged(),
            (None, Some(_)) => fault.noted(Note::Info),
            (None, None) => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_is_rounded_up() {
        for (wait, expected) in [(0, "1"), (200, "1"), (1000, "1"), (1001, "2")] {
            let fault = Fault::new(StatusCode::SERVICE_UNAVAILABLE, "full")
                .retry_after(Duration::from_millis(wait));
            assert_eq!(fault.to_response().headers()[RETRY_AFTER], expected);
        }
    }

    #[test]
    fn reason_stays_inside() {
        let fault = Fault::new(StatusCode::BAD_GATEWAY, "the worker died")
            .caused_by(&std::io::Error::other("secret detail"));
        assert_eq!(fault.reason(), "the worker died: secret detail");
        let answer = fault.to_response();
        assert_eq!(answer.body(), "502 Bad Gateway\n");
    }
}
