//! A connection, TCP or Unix.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::watch::now;
use super::{Address, PeerWatch};
use crate::server::PeerClose;

/// A byte stream that a driver can use.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Has the kernel acknowledge what was read at once.
    ///
    /// php-fpm leaves Nagle's algorithm on: it holds back the last piece of
    /// an answer until the one before is acknowledged, and a delayed
    /// acknowledgement makes that 40 ms. The setting does not last, so it is
    /// called after every read.
    fn acknowledge(&self) {}

    /// What is known about the peer, once reading has come to the end of what
    /// it sends. By default that its sending side is closed, no more.
    fn peer_close(&self) -> PeerClose {
        PeerClose::Unknown
    }

    /// A look-out for the peer's close that needs no reading: an application
    /// that may take no more input learns of it all the same. By default, and
    /// if the system has no descriptor left, there is none, and only reading
    /// and writing tell.
    fn watch_peer(&self) -> Option<PeerWatch> {
        None
    }
}

/// A connection over TCP or a Unix socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// Over TCP, with `TCP_NODELAY` if it came from [`connect`](Self::connect)
    /// or a [`Listener`](super::Listener).
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Connects to an application.
    ///
    /// # Errors
    ///
    /// What the system says; a host name that does not resolve, too.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl Transport for Stream {
    fn acknowledge(&self) {
        if let Self::Tcp(stream) = self {
            stream.acknowledge();
        }
    }

    fn peer_close(&self) -> PeerClose {
        match self {
            Self::Tcp(stream) => stream.peer_close(),
            Self::Unix(stream) => stream.peer_close(),
        }
    }

    fn watch_peer(&self) -> Option<PeerWatch> {
        match self {
            Self::Tcp(stream) => stream.watch_peer(),
            Self::Unix(stream) => stream.watch_peer(),
        }
    }
}

impl Transport for TcpStream {
    fn acknowledge(&self) {
        // Only speed is lost if it fails.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(self).set_tcp_quickack(true);
    }

    fn watch_peer(&self) -> Option<PeerWatch> {
        PeerWatch::tcp(self).ok()
    }
}

impl Transport for UnixStream {
    fn peer_close(&self) -> PeerClose {
        // A hang-up that is not known yet the watch will tell.
        if now(self.ready(Interest::WRITABLE)).is_write_closed() {
            PeerClose::Full
        } else {
            PeerClose::Half
        }
    }

    fn watch_peer(&self) -> Option<PeerWatch> {
        PeerWatch::unix(self).ok()
    }
}

impl Transport for DuplexStream {}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
