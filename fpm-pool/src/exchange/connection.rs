//! The connection to a worker, with what was read ahead.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

use bytes::BytesMut;
use fastcgi_proto::RecordDecoder;

use super::stream::Stream;

/// A read takes what there is, up to this much while answers are small.
const FEW: usize = 16 << 10;
/// And up to this much of an answer that fills every read.
const MUCH: usize = 256 << 10;

/// A connection that is used for one request after the other.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) stream: Stream,
    pub(super) input: BytesMut,
    pub(super) decoder: RecordDecoder,
    read_size: usize,
}

impl Connection {
    /// Takes over a non-blocking stream; needs a runtime.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::new(stream)?,
            input: BytesMut::new(),
            decoder: RecordDecoder::new(),
            read_size: FEW,
        })
    }

    /// Another descriptor of it, to cut it while it is in use.
    pub(crate) fn breaker(&self) -> io::Result<OwnedFd> {
        self.stream.duplicate()
    }

    /// Reads once, after what is still in `input`.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Pieces of earlier reads keep their buffer alive; with none left it
        // is used again.
        self.input.reserve(self.read_size);
        let room = self.input.capacity() - self.input.len();
        let read = self.stream.poll_read(cx, &mut self.input);
        if let Poll::Ready(Ok(count)) = read {
            self.read_size = if count >= room {
                (self.read_size * 2).min(MUCH)
            } else {
                FEW.max(count.next_power_of_two().min(self.read_size))
            };
        }
        read
    }
}
