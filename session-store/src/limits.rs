/// Every bound on what a peer, a stored session or a burst of requests can
/// make this crate hold.
///
/// # Examples
///
/// ```
/// use session_store::Limits;
///
/// let mut limits = Limits::default();
/// limits.max_waiters = 6;
/// assert_eq!(limits.max_depth, 4096);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Largest session in bytes, read or written. Default 16 MiB.
    pub max_session_bytes: usize,
    /// Deepest nesting of values, as PHP's `unserialize_max_depth`. Default 4096.
    pub max_depth: usize,
    /// Most values in one session. Default 1,000,000.
    pub max_nodes: usize,
    /// Requests of this process that may wait for one session. Default 32;
    /// the next one fails with [`ErrorKind::TooManyWaiters`](crate::ErrorKind::TooManyWaiters).
    pub max_waiters: usize,
    /// Sessions that the memory backend holds. Default 1,000,000; a new one
    /// beyond it fails with [`ErrorKind::Full`](crate::ErrorKind::Full).
    pub max_sessions: usize,
    /// Bytes of session data that the memory backend holds. Default 1 GiB.
    pub max_total_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_session_bytes: 16 << 20,
            max_depth: 4096,
            max_nodes: 1_000_000,
            max_waiters: 32,
            max_sessions: 1_000_000,
            max_total_bytes: 1 << 30,
        }
    }
}
