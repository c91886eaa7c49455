//! Every bound on what a client can make the server hold.

use std::time::Duration;

/// The bounds; `--help` names the options that change some of them.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes of a request target; longer ones are answered with 414.
    pub(crate) target_bytes: usize,
    /// Bytes of all header fields; more are answered with 431.
    pub(crate) header_bytes: usize,
    /// Bytes of a request body; longer ones are answered with 413.
    pub(crate) body_bytes: u64,
    /// From the first byte of a request, or the end of the last one, to the
    /// end of the header block; then the connection is closed.
    pub(crate) header_time: Duration,
    /// Between two pieces of a request body; then 408.
    pub(crate) body_stall: Duration,
    /// While a client takes nothing of an answer; then the connection is
    /// closed.
    pub(crate) send_stall: Duration,
    /// Connections at a time; more wait in the queue of the system.
    pub(crate) connections: usize,
    /// Concurrent requests on one HTTP/2 connection.
    pub(crate) streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            target_bytes: 16 * 1024,
            header_bytes: 64 * 1024,
            body_bytes: 4 * 1024 * 1024 * 1024,
            header_time: Duration::from_secs(15),
            body_stall: Duration::from_secs(30),
            send_stall: Duration::from_secs(60),
            connections: 10_000,
            streams: 128,
        }
    }
}
