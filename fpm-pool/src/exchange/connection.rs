//! The connection to a worker.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use fastcgi_proto::client::Config;
use fastcgi_proto::driver::ClientConnection;

use super::stream::Stream;

/// A body is asked for more only while less than this waits to be written.
const AHEAD: usize = 128 << 10;

/// A connection that is used for one request after the other.
#[derive(Debug)]
pub(crate) struct Connection(pub(super) ClientConnection<Stream>);

impl Connection {
    /// Takes over a non-blocking stream.
    ///
    /// # Errors
    ///
    /// Outside of a runtime, or when that cannot watch the stream.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        let mut config = Config::default();
        config.limits.queued_output = AHEAD;
        let stream = Stream::new(stream)?;
        Ok(Self(ClientConnection::new(stream, config)))
    }

    /// Another descriptor of it, to cut it while it is in use.
    pub(crate) fn breaker(&self) -> io::Result<OwnedFd> {
        self.0.stream().duplicate()
    }
}
