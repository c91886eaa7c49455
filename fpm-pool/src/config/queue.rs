//! Bounds and order of the queue.

use std::time::Duration;

/// The queue of requests that wait for a worker.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use fpm_pool::{Queue, QueueOrder};
///
/// let queue = Queue::default()
///     .max_len(64)
///     .max_wait(Duration::from_secs(5))
///     .order(QueueOrder::Fifo);
/// assert_eq!(queue.max_blocked_per_key, 256);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// The most requests that wait for a worker; the next is refused. 0: none
    /// waits. 512 by default (the backlog of php-fpm's socket is 511).
    pub max_len: usize,
    /// The longest that a request waits before it is refused. 30 seconds by
    /// default.
    pub max_wait: Duration,
    /// The most requests that wait for others with the same key
    /// ([`Request::key`](crate::Request::key)), over all keys. They take no
    /// place of the others'. 512 by default.
    pub max_blocked: usize,
    /// The most of these with one key. 256 by default.
    pub max_blocked_per_key: usize,
    /// Which of the requests that wait runs next.
    pub order: QueueOrder,
}

impl Queue {
    /// Sets [`max_len`](Self#structfield.max_len).
    #[must_use]
    pub const fn max_len(mut self, requests: usize) -> Self {
        self.max_len = requests;
        self
    }

    /// Sets [`max_wait`](Self#structfield.max_wait).
    #[must_use]
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Sets [`max_blocked`](Self#structfield.max_blocked).
    #[must_use]
    pub const fn max_blocked(mut self, requests: usize) -> Self {
        self.max_blocked = requests;
        self
    }

    /// Sets [`max_blocked_per_key`](Self#structfield.max_blocked_per_key).
    #[must_use]
    pub const fn max_blocked_per_key(mut self, requests: usize) -> Self {
        self.max_blocked_per_key = requests;
        self
    }

    /// Sets [`order`](Self#structfield.order).
    #[must_use]
    pub const fn order(mut self, order: QueueOrder) -> Self {
        self.order = order;
        self
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_len: 512,
            max_wait: Duration::from_secs(30),
            max_blocked: 512,
            max_blocked_per_key: 256,
            order: QueueOrder::default(),
        }
    }
}

/// Which of the requests that wait runs next; more urgent ones
/// ([`Priority`](crate::Priority)) always leave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueOrder {
    /// The one that came first.
    Fifo,
    /// The one that came first, but the newest while the queue is overloaded
    /// and clients leave it.
    ///
    /// Once more comes than can be served, the oldest request is always the
    /// one whose client is about to leave: in order of arrival nearly every
    /// answer would come too late. The queue counts as overloaded once it
    /// has stood for `interval`: all that time the oldest request had waited
    /// longer than `target` (CoDel, RFC 8289, measures the same). A queue
    /// that empties now and then is none, whoever leaves. It is over as soon
    /// as no request has waited for `target`.
    Adaptive {
        /// The wait that a queue may always have. 50 ms by default.
        target: Duration,
        /// How long it has to be longer. 500 ms by default.
        interval: Duration,
    },
}

impl Default for QueueOrder {
    fn default() -> Self {
        Self::Adaptive {
            target: Duration::from_millis(50),
            interval: Duration::from_millis(500),
        }
    }
}
