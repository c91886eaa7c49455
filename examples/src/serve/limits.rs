//! The bounds on what a client can make a connection hold; those on requests
//! are the sites'.

use std::time::Duration;

/// The bounds; `--help` names the options that change some of them.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// From the first byte of a request, or the end of the last one, to the
    /// end of the header block; then the connection is closed.
    pub(crate) header_time: Duration,
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
            header_time: Duration::from_secs(15),
            send_stall: Duration::from_secs(60),
            connections: 10_000,
            streams: 128,
        }
    }
}
