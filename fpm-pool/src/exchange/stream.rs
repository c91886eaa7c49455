//! The socket to a worker.

use std::io::{self, IoSlice, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use fastcgi_proto::driver::Transport;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
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
    /// The runtime that watches; whoever polls may run on another.
    runtime: Handle,
}

impl Stream {
    /// Takes over a non-blocking stream, for the runtime that is entered.
    ///
    /// # Errors
    ///
    /// Without a runtime, or when that cannot watch it.
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        Ok(Self {
            socket: watch(socket, Interest::READABLE)?,
            room: None,
            runtime,
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

    /// Writes once, as much as there is room for.
    fn write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
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
                        let _entered = self.runtime.enter();
                        self.room = Some(watch(socket, Interest::WRITABLE)?);
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl Transport for Stream {}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(cx))?;
            match read_into(guard.get_inner(), buffer) {
                Ok(count) => {
                    if count > 0 && count < room {
                        // Drained: the next input is a new event, and a read
                        // that finds nothing is saved.
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(std::net::Shutdown::Write))
    }
}
