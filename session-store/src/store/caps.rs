/// What a backend can do; the modes choose their steps by it.
///
/// # Examples
///
/// ```
/// use session_store::{Caps, LockKind};
///
/// let mut caps = Caps::new(LockKind::FencedLease);
/// caps.cas = true;
/// assert!(caps.lock.is_some() && caps.lock.expires());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Caps {
    /// How it locks a session against other processes.
    pub lock: LockKind,
    /// Whether dropping the future of
    /// [`Backend::lock_and_load`](crate::Backend::lock_and_load) gives back
    /// at once what was granted to it. If not, a lock that expires is asked
    /// for in a task of its own, which outlives a caller that leaves.
    pub lock_cancel_safe: bool,
    /// Whether [`Backend::put_if`](crate::Backend::put_if) compares and writes in one step.
    pub cas: bool,
    /// Whether it extends a session's life without rewriting it.
    pub touch: bool,
    /// Whether it forgets expired sessions by itself; else run
    /// [`Backend::purge_expired`](crate::Backend::purge_expired) now and then.
    pub native_ttl: bool,
    /// Whether the time to live of a single write counts. If not, all
    /// sessions live equally long, by the backend's own setting.
    pub ttl_per_session: bool,
    /// Whether it can enumerate its sessions.
    pub list: bool,
    /// Whether sessions survive a restart of the backend.
    pub durable: bool,
    /// Whether a PHP save handler or framework reads and writes the same data.
    pub php_layout: bool,
    /// Largest session in bytes, if the backend itself has a limit.
    pub max_session_bytes: Option<usize>,
}

impl Caps {
    /// A backend that locks as given and can do nothing else.
    pub fn new(lock: LockKind) -> Self {
        Self {
            lock,
            lock_cancel_safe: false,
            cas: false,
            touch: false,
            native_ttl: false,
            ttl_per_session: true,
            list: false,
            durable: false,
            php_layout: false,
            max_session_bytes: None,
        }
    }
}

/// How a backend locks one session against other processes.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LockKind {
    /// Not at all: requests of one process still wait for each other, and
    /// lost updates between processes are found by version.
    None,
    /// A lock that expires unless renewed; the write after the check of the
    /// lock is a second step.
    Lease,
    /// A lock that expires unless renewed; checking it and writing are one
    /// atomic step, so a request that lost its lease cannot write.
    FencedLease,
    /// A lock that dies with its connection, file descriptor or guard, so a
    /// killed holder blocks nobody; it needs no renewal.
    OwnedByConnection,
}

impl LockKind {
    /// Whether there is a lock between processes.
    pub fn is_some(self) -> bool {
        self != Self::None
    }

    /// Whether the lock ends by itself unless it is renewed.
    pub fn expires(self) -> bool {
        matches!(self, Self::Lease | Self::FencedLease)
    }
}
