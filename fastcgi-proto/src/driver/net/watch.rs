//! Seeing the peer close without reading.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;

use super::Stream;

/// A look-out for the peer of a socket to close, on a descriptor of its own.
///
/// It takes nothing off the socket, and what is left unread there wakes it
/// once. A TCP peer whose input fills the kernel's buffer cannot be seen
/// closing: its FIN comes after that input. On Unix sockets nothing hides a
/// close.
#[derive(Debug)]
pub struct PeerWatch(Stream);

impl PeerWatch {
    /// Watches a TCP socket, where a peer that left looks like one that closed
    /// its sending side alone until something is written to it.
    ///
    /// # Errors
    ///
    /// What the system says, out of descriptors for example; `Unsupported`
    /// outside a tokio runtime.
    pub fn tcp(socket: &impl AsFd) -> io::Result<Self> {
        let stream = TcpStream::from_std(duplicate(socket)?.into())?;
        Ok(Self(Stream::Tcp(stream)))
    }

    /// Watches a Unix socket, which tells the two apart.
    ///
    /// # Errors
    ///
    /// As [`tcp`](Self::tcp).
    pub fn unix(socket: &impl AsFd) -> io::Result<Self> {
        let stream = UnixStream::from_std(duplicate(socket)?.into())?;
        Ok(Self(Stream::Unix(stream)))
    }

    /// Whether a peer that closes is told apart from one that closes its
    /// sending side alone.
    #[must_use]
    pub const fn tells_half_close(&self) -> bool {
        matches!(self.0, Stream::Unix(_))
    }

    /// Ready once the peer sends no more, even if not all is read. The task
    /// that polled last is woken.
    pub fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // It fails when the runtime ends, and this task with it.
            let Ok(()) = ready!(match &self.0 {
                Stream::Tcp(stream) => stream.poll_read_ready(cx),
                Stream::Unix(stream) => stream.poll_read_ready(cx),
            }) else {
                return Poll::Pending;
            };
            if self.readiness(Interest::READABLE).is_read_closed() {
                return Poll::Ready(());
            }
            self.forget(Interest::READABLE);
        }
    }

    /// Ready once the peer is known to be gone: it hung up or was reset. The
    /// task that polled last is woken.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Ok(()) = ready!(match &self.0 {
                Stream::Tcp(stream) => stream.poll_write_ready(cx),
                Stream::Unix(stream) => stream.poll_write_ready(cx),
            }) else {
                return Poll::Pending;
            };
            if self.readiness(Interest::WRITABLE).is_write_closed() {
                return Poll::Ready(());
            }
            self.forget(Interest::WRITABLE);
        }
    }

    fn readiness(&self, interest: Interest) -> Ready {
        match &self.0 {
            Stream::Tcp(stream) => now(stream.ready(interest)),
            Stream::Unix(stream) => now(stream.ready(interest)),
        }
    }

    /// Waits for the next change from now on. A close is never forgotten.
    fn forget(&self, interest: Interest) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = match &self.0 {
            Stream::Tcp(stream) => stream.try_io(interest, nothing),
            Stream::Unix(stream) => stream.try_io(interest, nothing),
        };
    }
}

/// Another descriptor of the same socket.
fn duplicate(socket: &impl AsFd) -> io::Result<OwnedFd> {
    if Handle::try_current().is_err() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    socket.as_fd().try_clone_to_owned()
}

/// What is known at this moment.
pub(super) fn now(readiness: impl Future<Output = io::Result<Ready>>) -> Ready {
    match pin!(readiness).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(ready)) => ready,
        Poll::Ready(Err(_)) | Poll::Pending => Ready::EMPTY,
    }
}
