//! What a caller asks a worker to do.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastcgi_proto::client::{HeadParams, RequestHeadBuilder};
use fastcgi_proto::{ParamsEncoder, Role};
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;

use crate::exchange::RequestBody;
use crate::machine::{Claim, Claims};
use crate::{KeyLimit, OnClientGone};

/// How urgent a request is. A more urgent one leaves the queue first; among
/// equals the one that came first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// After all others.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Before all others, such as health checks.
    High,
}

/// A request for a worker: params, body, and how it may be treated.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use fpm_pool::{Priority, Request};
///
/// let mut request = Request::new();
/// let mut params = request.params();
/// params.push(b"REQUEST_METHOD", b"POST")?;
/// params.push(b"SCRIPT_FILENAME", b"/srv/www/form.php")?;
/// params.push(b"CONTENT_LENGTH", b"3")?;
/// params.finish()?;
/// let request = request
///     .bytes("a=b")
///     .deadline(Instant::now() + Duration::from_secs(5))
///     .priority(Priority::High);
/// assert_eq!(request.param(b"CONTENT_LENGTH"), Some(&b"3"[..]));
/// # Ok::<(), fastcgi_proto::ParamError>(())
/// ```
pub struct Request {
    pub(crate) head: RequestHeadBuilder,
    pub(crate) body: RequestBody,
    pub(crate) deadline: Option<Instant>,
    pub(crate) priority: Priority,
    pub(crate) keys: Vec<Claim>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) on_client_gone: Option<OnClientGone>,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) total: Option<Duration>,
    pub(crate) on_informational: Option<OnInformational>,
}

/// Who is told of heads before the final one.
pub(crate) type OnInformational = Box<dyn FnMut(Response<()>) + Send>;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

impl Request {
    /// A request without params and body.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: RequestHeadBuilder::new(Role::RESPONDER),
            body: RequestBody::Bytes(Bytes::new()),
            deadline: None,
            priority: Priority::default(),
            keys: Vec::new(),
            idempotent: None,
            on_client_gone: None,
            first_byte: None,
            total: None,
            on_informational: None,
        }
    }

    /// Writes the params, in place of what was written before. Call
    /// [`finish`](ParamsEncoder::finish) on it: a request whose params were
    /// not finished is refused
    /// ([`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest)).
    pub fn params(&mut self) -> ParamsEncoder<'_> {
        self.head.params()
    }

    /// A parameter that was written.
    #[must_use]
    pub fn param(&self, name: &[u8]) -> Option<&[u8]> {
        self.head.param(name)
    }

    /// Sends `body`, which is at hand. `CONTENT_LENGTH` has to say its
    /// length.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = RequestBody::Bytes(body.into());
        self
    }

    /// Sends `body` as it comes, `len` bytes. `CONTENT_LENGTH` has to say the
    /// same. A body that turns out shorter or longer fails the request.
    #[must_use]
    pub fn stream<B>(mut self, body: B, len: u64) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.body = RequestBody::stream(body.map_err(Into::into).boxed_unsync(), len);
        self
    }

    /// When to give up waiting in the queue. A request that runs by then is
    /// not touched: see [`total_timeout`](Self::total_timeout).
    #[must_use]
    pub const fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Its place in the queue.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Of the requests with the same key one runs at a time; the others wait
    /// in the queue and block no worker. A PHP session's id is such a key.
    #[must_use]
    pub fn exclusive(self, key: impl AsRef<[u8]>) -> Self {
        self.key(key, KeyLimit::EXCLUSIVE)
    }

    /// The requests with the same key have at most as many workers as `limit`
    /// says; the others wait in the queue, where
    /// [`Queue::max_blocked`](crate::Queue::max_blocked) bounds them, and take
    /// no worker and no place from anybody else. A request may have several
    /// keys, each with its limit; of one key the tightest limit counts.
    ///
    /// With a session's id and half of the workers, the requests of one
    /// session still run side by side, but when they all wait for PHP's
    /// session lock, the other half serves everybody else.
    ///
    /// # Examples
    ///
    /// ```
    /// use fpm_pool::{KeyLimit, Request};
    ///
    /// let request = Request::new()
    ///     .key("session 8fa2", KeyLimit::Percent(50))
    ///     .key("client 192.0.2.1", KeyLimit::Workers(10));
    /// # let _ = request;
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>, limit: KeyLimit) -> Self {
        self.keys.push(Claim {
            key: key.as_ref().into(),
            limit,
        });
        self
    }

    /// The claims on its keys, as the queue takes them: those on one key
    /// side by side.
    pub(crate) fn claims(&mut self) -> Claims {
        if self.keys.is_empty() {
            return None;
        }
        let mut claims = std::mem::take(&mut self.keys);
        claims.sort_by(|one, other| one.key.cmp(&other.key));
        Some(claims.into())
    }

    /// Whether the request may run once more when its worker died before it
    /// sent a byte. Without this call: when `REQUEST_METHOD` is `GET`,
    /// `HEAD`, `OPTIONS` or `TRACE`. A streamed body is never sent twice.
    #[must_use]
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// What happens when the client leaves, instead of the pool's policy.
    #[must_use]
    pub const fn on_client_gone(mut self, policy: OnClientGone) -> Self {
        self.on_client_gone = Some(policy);
        self
    }

    /// Called with each 1xx head (103 Early Hints, for instance) that the
    /// script sends before the head of its answer, in order, by the task
    /// that waits for the answer: hand it on and return. Without this call
    /// such heads are dropped.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let (hints, early) = mpsc::channel();
    /// let request = fpm_pool::Request::new().on_informational(move |head| {
    ///     // A client that has left wants none.
    ///     let _ = hints.send(head);
    /// });
    /// # drop((request, early));
    /// ```
    #[must_use]
    pub fn on_informational(mut self, tell: impl FnMut(Response<()>) + Send + 'static) -> Self {
        self.on_informational = Some(Box::new(tell));
        self
    }

    /// The limit for the first byte, instead of the pool's.
    #[must_use]
    pub const fn first_byte_timeout(mut self, limit: Duration) -> Self {
        self.first_byte = Some(limit);
        self
    }

    /// The limit for the whole answer, instead of the pool's.
    #[must_use]
    pub const fn total_timeout(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.param(b"SCRIPT_FILENAME").unwrap_or_default();
        f.debug_struct("Request")
            .field("script", &script.escape_ascii().to_string())
            .field("body_len", &self.body.len())
            .field("deadline", &self.deadline)
            .field("priority", &self.priority)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// Finds a param in the records of a request's head; the last one of a name
/// wins, as in PHP.
pub(crate) fn find_param<'a>(records: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    HeadParams::new(records).find_last(name)
}
