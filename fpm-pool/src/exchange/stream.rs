//! The socket to a worker.

use std::io::{self, IoSlice, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

use crate::sys::{read_into, watch};

/// A non-blocking socket that the runtime watches for input alone.
///
/// A Unix socket reports room each time its peer has read something: watched
/// for that too, every request would wake the server once for nothing.
#[derive(Debug)]
pub(super) struct Stream {
    socket: AsyncFd<UnixStream>,
    /// Watches for room, from the first write that had to wait on.
    room: Option<AsyncFd<UnixStream>>,
    /// The pool's, whoever polls.
    runtime: Handle,
}

impl Stream {
    /// Takes over a non-blocking stream; needs a runtime.
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        Ok(Self {
            socket: watch(socket, Interest::READABLE)?,
            room: None,
            runtime: Handle::current(),
        })
    }

    /// Another descriptor of the socket.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        Ok(self.socket.get_ref().try_clone()?.into())
    }

    /// Stops watching for room, until a write has to wait again.
    pub(super) fn rest(&mut self) {
        self.room = None;
    }

    /// Reads once into the spare room of `buffer`.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        let spare = buffer.capacity() - buffer.len();
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(cx))?;
            match read_into(guard.get_inner(), buffer) {
                Ok(count) => {
                    if count > 0 && count < spare {
                        // Drained: the next input is a new event, and a read
                        // that finds nothing is saved.
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Writes once, as much as there is room for.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = match &self.room {
                Some(room) => Some(ready!(room.poll_write_ready(cx))?),
                None => None,
            };
            match self.socket.get_ref().write_vectored(parts) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match &mut guard {
                    Some(guard) => guard.clear_ready(),
                    None => {
                        let socket = self.socket.get_ref().try_clone()?;
                        let _inside = self.runtime.enter();
                        self.room = Some(watch(socket, Interest::WRITABLE)?);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }
}
