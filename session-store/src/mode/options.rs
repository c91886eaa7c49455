use std::time::{Duration, Instant};

use crate::{Limits, LockOptions};

/// How a [`Store`](crate::Store) waits, holds and expires.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use session_store::StoreOptions;
///
/// let mut options = StoreOptions::default();
/// options.ttl = Duration::from_secs(3600);
/// options.lock_wait = Duration::from_secs(10);
/// assert_eq!(options.alias, Duration::from_secs(30));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreOptions {
    /// How long a session lives after its last use: PHP's
    /// `session.gc_maxlifetime`. Default 1440 seconds.
    pub ttl: Duration,
    /// How long a request waits for the lock of its session, in all.
    /// Default 30 seconds.
    pub lock_wait: Duration,
    /// How long a lock outlives a holder that died, where locks expire; it
    /// is renewed every third of that. Default 30 seconds.
    pub lease: Duration,
    /// How long a single operation of the backend may take. Default 5 seconds.
    pub timeout: Duration,
    /// How long the old id leads to the new one after a regeneration.
    /// Default 30 seconds; zero leaves no alias.
    pub alias: Duration,
    /// How often an optimistic commit merges and tries again before it
    /// reports a conflict. Default 5.
    pub merge_retries: u32,
    /// The bounds; `max_session_bytes` and `max_waiters` count here.
    pub limits: Limits,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(1440),
            lock_wait: Duration::from_secs(30),
            lease: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            alias: Duration::from_secs(30),
            merge_retries: 5,
            limits: Limits::default(),
        }
    }
}

impl StoreOptions {
    /// What a lock that is asked for now gets.
    pub(crate) fn lock_options(&self, now: Instant) -> LockOptions {
        let mut options = LockOptions::until(now + self.lock_wait);
        options.lease = self.lease;
        options.max_waiters = self.limits.max_waiters;
        options
    }
}
