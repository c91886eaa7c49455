//! Bounds: of the queue, of time, of memory.

use std::time::Duration;

/// The queue of requests that wait for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The most requests that wait; the next is refused. 0: none waits.
    pub max_len: usize,
    /// The longest that a request waits before it is refused.
    pub max_wait: Duration,
}

impl Default for Queue {
    /// 512 requests (the backlog of php-fpm's socket is 511), 30 seconds.
    fn default() -> Self {
        Self {
            max_len: 512,
            max_wait: Duration::from_secs(30),
        }
    }
}

/// How long things may take; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the start of a request on a worker to the first byte of its
    /// answer. Unlimited by default.
    pub first_byte: Option<Duration>,
    /// From the start of a request on a worker to its end (php-fpm's
    /// `request_terminate_timeout`, but exact). Unlimited by default.
    pub total: Option<Duration>,
    /// From the start of a process until it answers as a FastCGI
    /// application. 30 seconds by default.
    pub start: Duration,
    /// From asking a worker to stop (`SIGQUIT`, or `SIGTERM` for an idle
    /// one) to `SIGTERM`, and from there to `SIGKILL`. 500 ms by default.
    pub stop: Duration,
    /// How long the workers of an old generation may finish what they have
    /// after a reload. 30 seconds by default.
    pub reload_grace: Duration,
    /// How long a worker may take to come back after its client left, or
    /// after it ended a request whose body it did not read; then it is
    /// killed. Unlimited by default, as a script may ignore the abort.
    pub recover: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: None,
            total: None,
            start: Duration::from_secs(30),
            stop: Duration::from_millis(500),
            reload_grace: Duration::from_secs(30),
            recover: None,
        }
    }
}

/// What a peer can make the pool hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an answer that are held for a client slower than the worker.
    /// An answer that fits frees its worker at once, whatever the client's
    /// speed; beyond it the worker has to wait. 1 MiB by default.
    pub answer_buffer_bytes: usize,
    /// Bytes of an answer's head. 64 KiB by default.
    pub head_bytes: usize,
    /// Fields of an answer's head. 256 by default.
    pub head_fields: usize,
    /// Bytes of a request's STDERR that are held for the caller; all of it
    /// reaches the log. 64 KiB by default.
    pub stderr_bytes: usize,
    /// Bytes of a line of a worker's output; a longer one is logged in
    /// pieces. 8 KiB by default.
    pub line_bytes: usize,
    /// Events that a slow subscriber may be behind before it loses some.
    /// 1024 by default.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_buffer_bytes: 1 << 20,
            head_bytes: 64 << 10,
            head_fields: 256,
            stderr_bytes: 64 << 10,
            line_bytes: 8 << 10,
            events: 1024,
        }
    }
}

/// What happens to a running request when its client has left, that is when
/// the call or the answer's body is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnClientGone {
    /// Close the worker's connection, as nginx does: PHP notices at its next
    /// output and ends the script, unless `ignore_user_abort` is set. The
    /// worker is used again when it is ready.
    #[default]
    Abort,
    /// Let the script run to its end and drop its output.
    Finish,
    /// Kill the worker and start another.
    Kill,
}
