//! What can go wrong, as facts a host can act on.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// The class of an [`Error`]; what to do next depends on it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings contradict each other, or name what does not exist.
    Config,
    /// No tokio runtime with I/O and time is running where the pool is
    /// started, or the one that it was started in is gone.
    Runtime,
    /// The pool has been shut down, or is being drained.
    Closed,
    /// The queue is full.
    QueueFull,
    /// The request waited as long as the queue allows.
    QueueTimeout,
    /// The request's own deadline passed before it was started.
    Deadline,
    /// No worker can be started; the source says why.
    NoWorker,
    /// A worker that was started answers with bytes that are not FastCGI.
    NotFastCgi,
    /// The limit for the first byte of the answer passed.
    FirstByteTimeout,
    /// The limit for the whole answer passed.
    TotalTimeout,
    /// The worker's process ended while it ran the request; the message
    /// names the signal or exit code.
    WorkerDied,
    /// The worker closed its connection in the middle of the request.
    ConnectionClosed,
    /// The supervisor has no descriptor or no memory left to connect to a
    /// worker with, which stays; the source says which.
    Exhausted,
    /// The answer breaks the FastCGI protocol.
    Protocol,
    /// The head of the answer cannot be understood, or passes a bound.
    BadHead,
    /// The answer ended before its `Content-Length`: the client must not
    /// take it for a whole one.
    ShortAnswer,
    /// The worker refused the request (`FCGI_OVERLOADED` and the like).
    Refused,
    /// The request's params were not finished, or its length contradicts
    /// `CONTENT_LENGTH`: a mistake of the caller.
    InvalidRequest,
    /// The body of the request failed, or did not have the declared length.
    RequestBody,
    /// A reload failed; the old generation goes on.
    Reload,
}

impl ErrorKind {
    const fn text(self) -> &'static str {
        match self {
            Self::Config => "the pool's settings cannot be used",
            Self::Runtime => "the tokio runtime that a pool needs is not there",
            Self::Closed => "the pool takes no more requests",
            Self::QueueFull => "the queue is full",
            Self::QueueTimeout => "no worker became free within the queue's limit",
            Self::Deadline => "the request's deadline passed before it was started",
            Self::NoWorker => "no worker can be started",
            Self::NotFastCgi => "the worker does not speak FastCGI",
            Self::FirstByteTimeout => "the worker did not answer within the limit",
            Self::TotalTimeout => "the worker did not finish within the limit",
            Self::WorkerDied => "the worker died",
            Self::ConnectionClosed => "the worker closed its connection",
            Self::Exhausted => "no descriptor or memory is left to reach a worker",
            Self::Protocol => "the worker's answer is not FastCGI",
            Self::BadHead => "the head of the worker's answer is invalid",
            Self::ShortAnswer => "the worker's answer is shorter than its Content-Length",
            Self::Refused => "the worker refused the request",
            Self::InvalidRequest => "the request cannot be sent",
            Self::RequestBody => "the request's body failed",
            Self::Reload => "the reload failed, the old workers go on",
        }
    }

    /// The status for an HTTP client.
    #[must_use]
    pub const fn http_status(self) -> StatusCode {
        match self {
            Self::Closed
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::NoWorker
            | Self::Exhausted
            | Self::Refused => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deadline | Self::FirstByteTimeout | Self::TotalTimeout => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::NotFastCgi
            | Self::WorkerDied
            | Self::ConnectionClosed
            | Self::Protocol
            | Self::BadHead
            | Self::ShortAnswer => StatusCode::BAD_GATEWAY,
            Self::RequestBody => StatusCode::BAD_REQUEST,
            Self::Config | Self::Runtime | Self::InvalidRequest | Self::Reload => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

type Source = Box<dyn StdError + Send + Sync>;

/// Why a pool could not do what was asked.
///
/// # Examples
///
/// ```
/// use fpm_pool::{Error, ErrorKind};
///
/// fn answer(error: &Error) -> (u16, Option<u64>) {
///     let retry_after = error.retry_after().map(|wait| wait.as_secs().max(1));
///     (error.kind().http_status().as_u16(), retry_after)
/// }
/// # let _ = answer;
/// assert_eq!(ErrorKind::QueueFull.http_status().as_u16(), 503);
/// assert_eq!(ErrorKind::TotalTimeout.http_status().as_u16(), 504);
/// assert_eq!(ErrorKind::WorkerDied.http_status().as_u16(), 502);
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    retry_after: Option<Duration>,
    worker: Option<u32>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        let (retry_after, worker, source) = (None, None, None);
        let inner = Inner {
            kind,
            retry_after,
            worker,
            source,
        };
        Self {
            inner: Box::new(inner),
        }
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn on_worker(mut self, process: u32) -> Self {
        self.inner.worker = Some(process);
        self
    }

    pub(crate) fn retry_in(mut self, wait: Duration) -> Self {
        self.inner.retry_after = Some(wait);
        self
    }

    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// For a refused request: when a place is likely to be free, by the
    /// queue's length and the time that recent requests took.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// The process that ran the request, if one did.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.inner.worker
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.kind.text())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.inner.kind);
        if let Some(worker) = self.inner.worker {
            debug.field("process_id", &worker);
        }
        if let Some(wait) = self.inner.retry_after {
            debug.field("retry_after", &wait);
        }
        if let Some(source) = &self.inner.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
