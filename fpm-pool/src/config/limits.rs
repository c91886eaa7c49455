//! Bounds of time and of memory.

use std::time::Duration;

/// How long things may take; `None` is no limit, and so is
/// [`Duration::MAX`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use fpm_pool::Timeouts;
///
/// let timeouts = Timeouts::default()
///     .total(Duration::from_secs(30))
///     .stop(Duration::from_secs(2));
/// assert_eq!((timeouts.total, timeouts.first_byte), (Some(Duration::from_secs(30)), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

impl Timeouts {
    /// Sets [`first_byte`](Self#structfield.first_byte).
    #[must_use]
    pub fn first_byte(mut self, first_byte: impl Into<Option<Duration>>) -> Self {
        self.first_byte = first_byte.into();
        self
    }

    /// Sets [`total`](Self#structfield.total).
    #[must_use]
    pub fn total(mut self, total: impl Into<Option<Duration>>) -> Self {
        self.total = total.into();
        self
    }

    /// Sets [`start`](Self#structfield.start).
    #[must_use]
    pub const fn start(mut self, start: Duration) -> Self {
        self.start = start;
        self
    }

    /// Sets [`stop`](Self#structfield.stop).
    #[must_use]
    pub const fn stop(mut self, stop: Duration) -> Self {
        self.stop = stop;
        self
    }

    /// Sets [`reload_grace`](Self#structfield.reload_grace).
    #[must_use]
    pub const fn reload_grace(mut self, reload_grace: Duration) -> Self {
        self.reload_grace = reload_grace;
        self
    }

    /// Sets [`recover`](Self#structfield.recover).
    #[must_use]
    pub fn recover(mut self, recover: impl Into<Option<Duration>>) -> Self {
        self.recover = recover.into();
        self
    }
}

/// What a peer can make the pool hold.
///
/// # Examples
///
/// ```
/// use fpm_pool::PoolLimits;
///
/// let limits = PoolLimits::default().answer_buffer_bytes(256 << 10);
/// assert_eq!(limits.head_fields, 256);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolLimits {
    /// Bytes of an answer that are held for a client slower than the worker.
    /// An answer that fits frees its worker at once, whatever the client's
    /// speed; beyond it the worker has to wait. Pieces that are small beside
    /// the buffer that they were read into are copied together, so that this
    /// bounds the memory, too. 1 MiB by default.
    pub answer_buffer_bytes: usize,
    /// Bytes of an answer's head. 64 KiB by default.
    pub head_bytes: usize,
    /// Fields of an answer's head. 256 by default.
    pub head_fields: usize,
    /// Bytes of a request's STDERR that are held for the caller; the log gets
    /// more, as `output_lines_per_sec` says. 64 KiB by default.
    pub stderr_bytes: usize,
    /// Bytes of a line of a worker's output; a longer one is logged in
    /// pieces. 8 KiB by default.
    pub line_bytes: usize,
    /// Lines that are logged of one worker in a second, and as many at once;
    /// further ones are counted
    /// ([`Totals::output_lines_dropped`](crate::Totals::output_lines_dropped)),
    /// and a line in the log says how many those were. 1000 by default.
    pub output_lines_per_sec: usize,
    /// Bytes that are read of one worker's descriptors 1 and 2 in a second,
    /// and as many at once: who writes more has to wait. What a script left
    /// running and goes on like that when no request runs is killed. 1 MiB by
    /// default, and no less than a line.
    pub output_bytes_per_sec: usize,
    /// Events that a slow subscriber may be behind before it loses some.
    /// 1024 by default.
    pub events: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            answer_buffer_bytes: 1 << 20,
            head_bytes: 64 << 10,
            head_fields: 256,
            stderr_bytes: 64 << 10,
            line_bytes: 8 << 10,
            output_lines_per_sec: 1000,
            output_bytes_per_sec: 1 << 20,
            events: 1024,
        }
    }
}

impl PoolLimits {
    /// Sets [`answer_buffer_bytes`](Self#structfield.answer_buffer_bytes).
    #[must_use]
    pub const fn answer_buffer_bytes(mut self, answer_buffer_bytes: usize) -> Self {
        self.answer_buffer_bytes = answer_buffer_bytes;
        self
    }

    /// Sets [`head_bytes`](Self#structfield.head_bytes).
    #[must_use]
    pub const fn head_bytes(mut self, head_bytes: usize) -> Self {
        self.head_bytes = head_bytes;
        self
    }

    /// Sets [`head_fields`](Self#structfield.head_fields).
    #[must_use]
    pub const fn head_fields(mut self, head_fields: usize) -> Self {
        self.head_fields = head_fields;
        self
    }

    /// Sets [`stderr_bytes`](Self#structfield.stderr_bytes).
    #[must_use]
    pub const fn stderr_bytes(mut self, stderr_bytes: usize) -> Self {
        self.stderr_bytes = stderr_bytes;
        self
    }

    /// Sets [`line_bytes`](Self#structfield.line_bytes).
    #[must_use]
    pub const fn line_bytes(mut self, line_bytes: usize) -> Self {
        self.line_bytes = line_bytes;
        self
    }

    /// Sets [`output_lines_per_sec`](Self#structfield.output_lines_per_sec).
    #[must_use]
    pub const fn output_lines_per_sec(mut self, output_lines_per_sec: usize) -> Self {
        self.output_lines_per_sec = output_lines_per_sec;
        self
    }

    /// Sets [`output_bytes_per_sec`](Self#structfield.output_bytes_per_sec).
    #[must_use]
    pub const fn output_bytes_per_sec(mut self, output_bytes_per_sec: usize) -> Self {
        self.output_bytes_per_sec = output_bytes_per_sec;
        self
    }

    /// Sets [`events`](Self#structfield.events).
    #[must_use]
    pub const fn events(mut self, events: usize) -> Self {
        self.events = events;
        self
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
