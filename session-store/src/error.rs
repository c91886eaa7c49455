use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of an operation on a store.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a store operation did not happen.
///
/// [`Error::kind`] is for programs, the text for people: it names the
/// backend, what it was asked to do and what to do about the failure.
/// A refused operation has changed nothing, unless the kind is
/// [`ErrorKind::Timeout`] or [`ErrorKind::Unavailable`]: then the backend may
/// have carried it out after the connection was lost.
///
/// # Examples
///
/// ```
/// use session_store::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Full, "files at /var/lib/php/sessions", "write session");
/// assert_eq!(error.kind(), ErrorKind::Full);
/// assert_eq!(
///     error.to_string(),
///     "files at /var/lib/php/sessions: cannot write session: no space is left; \
///      free space there or raise its limit, the session is as it was",
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    backend: Cow<'static, str>,
    action: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of failure an [`Error`] is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorKind {
    /// The backend refuses connections or lost one in mid-request.
    Unavailable,
    /// The backend took the request and did not answer in time.
    Timeout,
    /// Another request held the session until the deadline.
    LockTimeout,
    /// As many requests as allowed wait for this session already.
    TooManyWaiters,
    /// The backend has no space left.
    Full,
    /// The backend takes no writes.
    ReadOnly,
    /// The backend refuses this user: credentials, ownership or file modes.
    Denied,
    /// The server's certificate is not trusted, or is another's.
    Untrusted,
    /// The session exceeds a limit of the backend or of [`Limits`](crate::Limits).
    TooLarge,
    /// The stored bytes are not what the layout or codec says; they were left alone.
    Corrupt,
    /// The backend cannot do this, see [`Caps`](crate::Caps).
    Unsupported,
    /// A store URL or an option is wrong.
    Config,
    /// Anything else the backend answered; see the source.
    Backend,
}

impl ErrorKind {
    fn reason(self) -> &'static str {
        match self {
            Self::Unavailable => "it cannot be reached",
            Self::Timeout => "it did not answer in time",
            Self::LockTimeout => "another request held the session until the deadline",
            Self::TooManyWaiters => "too many requests wait for this session",
            Self::Full => "no space is left",
            Self::ReadOnly => "it takes no writes",
            Self::Denied => "permission denied",
            Self::Untrusted => "its certificate is not trusted",
            Self::TooLarge => "the session is too large",
            Self::Corrupt => "the stored data cannot be decoded",
            Self::Unsupported => "it has no such operation",
            Self::Config => "the configuration is wrong",
            Self::Backend => "it reported a failure",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Unavailable => "check that it runs and that the store URL names it",
            Self::Timeout => "check that it is not overloaded or stopped, then retry",
            Self::LockTimeout => "retry, or allow a longer wait",
            Self::TooManyWaiters => "answer 503, or raise max_waiters",
            Self::Full => "free space there or raise its limit, the session is as it was",
            Self::ReadOnly => "make it writable or choose its primary",
            Self::Denied => "correct the credentials, or run as the user who owns the sessions",
            Self::Untrusted => "name the authority that signed it, or the host that it is for",
            Self::TooLarge => "store less in the session or raise the limit",
            Self::Corrupt => "check the serialize handler, the bytes were left untouched",
            Self::Unsupported => "choose a mode or backend that has it",
            Self::Config => "correct it",
            Self::Backend => "see the cause",
        }
    }
}

impl Error {
    /// A failure of `backend` (its kind and address, without secrets) while
    /// it was asked to do `action` (a verb phrase such as `write session`).
    pub fn new(
        kind: ErrorKind,
        backend: impl Into<Cow<'static, str>>,
        action: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            backend: backend.into(),
            action: action.into(),
            source: None,
        }))
    }

    /// The same failure with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The backend that failed: its kind and address, without secrets.
    pub fn backend(&self) -> &str {
        &self.0.backend
    }

    /// What to do about it, in one clause.
    pub fn advice(&self) -> &'static str {
        self.0.kind.advice()
    }

    /// Whether the same operation may succeed if it is tried again later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Unavailable
                | ErrorKind::Timeout
                | ErrorKind::LockTimeout
                | ErrorKind::TooManyWaiters
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        write!(
            f,
            "{}: cannot {}: {}; {}",
            inner.backend,
            inner.action,
            inner.kind.reason(),
            inner.kind.advice()
        )
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("backend", &self.0.backend)
            .field("action", &self.0.action)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
