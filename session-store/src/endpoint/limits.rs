//! Every bound on what the clients of an endpoint can make the host hold.

use std::time::Duration;

/// Bounds on the clients of an endpoint; the defaults suit one host with some
/// hundred PHP workers.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use session_store::endpoint::Limits;
///
/// let mut limits = Limits::default();
/// limits.max_connections = 64;
/// limits.lock_wait = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections served at the same time; further ones wait in the
    /// listener's backlog. Default: 1024.
    pub max_connections: usize,
    /// Size of one request with its framing, which bounds a session's size.
    /// Default: 16 MiB.
    pub max_request_bytes: usize,
    /// Arguments of one request (RESP) or keys of one request (memcached).
    /// Default: 64.
    pub max_arguments: usize,
    /// Locks that one connection may hold at the same time; PHP holds one, and
    /// two for a moment when it changes a session's id. Default: 8.
    pub max_locks: usize,
    /// How long a request for a lock is kept waiting before it is refused.
    ///
    /// Keep it below what the client waits for an answer: phpredis waits
    /// `default_socket_timeout` (60 s), php-memcached 5 s. Default: 30 s; the
    /// memcached endpoint uses at most 4 s, PHP's client then asks again.
    pub lock_wait: Duration,
    /// How long one connection may keep one lock before it is taken away, so
    /// that a PHP worker that hangs cannot close a session for ever.
    /// Default: 10 minutes.
    pub lock_hold: Duration,
    /// How long a connection may say nothing while it holds no lock.
    /// Default: 1 hour.
    pub idle: Duration,
    /// How long a client may take to accept an answer. Default: 30 s.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_request_bytes: 16 * 1024 * 1024,
            max_arguments: 64,
            max_locks: 8,
            lock_wait: Duration::from_secs(30),
            lock_hold: Duration::from_secs(600),
            idle: Duration::from_secs(3600),
            write: Duration::from_secs(30),
        }
    }
}
