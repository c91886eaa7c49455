//! Every bound on what a peer can make us hold.

/// Bounds on what one connection's peer can make this crate hold in memory.
///
/// What goes beyond a bound is refused with a typed error or, where the
/// protocol has an answer for it, with `OVERLOADED`; nothing is truncated
/// silently and nothing is allocated from a length that a peer announced.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::ConnectionLimits;
///
/// let mut limits = ConnectionLimits::default();
/// limits.params_bytes = 64 * 1024;
/// assert_eq!(limits.params_pairs, 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLimits {
    /// Application: bytes of one request's `PARAMS`, lengths included.
    /// Default 256 KiB. Beyond it the request is answered `OVERLOADED`.
    pub params_bytes: usize,
    /// Application: name-value pairs of one request. Default 1024. Beyond it
    /// the request is answered `OVERLOADED`.
    pub params_pairs: usize,
    /// Application: requests that one connection may have open, with complete
    /// `PARAMS` or without. Default 64. Beyond it a new one is answered
    /// `OVERLOADED`.
    pub requests: usize,
    /// Application: requests of one connection whose `PARAMS` are not
    /// complete. Default 16. Beyond it a new one is answered `OVERLOADED`.
    pub half_open_requests: usize,
    /// Application: bytes of `STDIN` and `DATA` handed out but not yet
    /// reported as consumed, above which a connection wants no more input.
    /// Default 256 KiB.
    pub unread_input: usize,
    /// Both: content of one `GET_VALUES` or `GET_VALUES_RESULT` record.
    /// Default 4 KiB; three names need 50 bytes. Beyond it the connection
    /// fails.
    pub management_bytes: usize,
    /// Both: output bytes a connection queues before it reports no
    /// capacity. Default 256 KiB. Answers to management records count too:
    /// above the bound a connection wants no more input until they are
    /// written.
    pub queued_output: usize,
    /// Application driver: bytes read and thrown away after the last answer
    /// on a connection that is to close. Default 16 MiB.
    pub drain_bytes: u64,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            params_bytes: 256 * 1024,
            params_pairs: 1024,
            requests: 64,
            half_open_requests: 16,
            unread_input: 256 * 1024,
            management_bytes: 4 * 1024,
            queued_output: 256 * 1024,
            drain_bytes: 16 * 1024 * 1024,
        }
    }
}
