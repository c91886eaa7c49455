//! Request bodies that a driver can send.

use std::boxed::Box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Whatever went wrong in a body's source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body in pieces, asked for as the connection can take them.
///
/// An own trait instead of `futures::Stream` or `http_body::Body`, so that
/// neither crate is part of this interface: [`HttpBody`] (feature `http`)
/// adapts the latter.
pub trait Body {
    /// The next piece, `None` at the end. Empty pieces are legal.
    ///
    /// An error aborts the request: a body cut short never looks complete to
    /// the application.
    fn poll_content(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>>;
}

/// No body.
impl Body for () {
    fn poll_content(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        Poll::Ready(None)
    }
}

impl<B: Body + ?Sized> Body for Pin<Box<B>> {
    fn poll_content(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        B::poll_content(self.get_mut().as_mut(), cx)
    }
}

impl<B: Body + Unpin + ?Sized> Body for &mut B {
    fn poll_content(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        Pin::new(&mut **self).poll_content(cx)
    }
}

/// A body that is in memory.
///
/// ```
/// use fastcgi_proto::driver::Full;
///
/// let body = Full::new("a=1&b=2");
/// assert_eq!(body.len(), 7);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Full(Bytes);

impl Full {
    /// All of the body.
    #[must_use]
    pub fn new(content: impl Into<Bytes>) -> Self {
        Self(content.into())
    }

    /// The bytes not yet taken.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all bytes are taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Body for Full {
    fn poll_content(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let content = std::mem::take(&mut self.0);
        Poll::Ready((!content.is_empty()).then_some(Ok(content)))
    }
}

/// Room for one read of a [`ReaderBody`].
const READ_BYTES: usize = 64 * 1024;

/// A body that is read, from a file for example.
#[derive(Debug)]
pub struct ReaderBody<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R> ReaderBody<R> {
    /// Everything up to the end of `reader`.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
        }
    }
}

impl<R: AsyncRead + Unpin> Body for ReaderBody<R> {
    fn poll_content(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        let this = self.get_mut();
        this.buffer.reserve(READ_BYTES);
        let read = ready!(pin!(this.reader.read_buf(&mut this.buffer)).poll(cx));
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(_) => Some(Ok(this.buffer.split().freeze())),
            Err(error) => Some(Err(error.into())),
        })
    }
}

/// A body of the `http` family of crates. Trailers are dropped: CGI has no
/// place for them.
#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug)]
pub struct HttpBody<B>(pub B);

#[cfg(feature = "http")]
impl<B> Body for HttpBody<B>
where
    B: http_body::Body<Data: Into<Bytes>, Error: Into<BoxError>> + Unpin,
{
    fn poll_content(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.0).poll_frame(cx));
            return Poll::Ready(match frame {
                None => None,
                Some(Err(error)) => Some(Err(error.into())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(content) => Some(Ok(content.into())),
                    Err(_) => continue,
                },
            });
        }
    }
}
