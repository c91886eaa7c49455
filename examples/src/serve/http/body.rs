//! The bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

use crate::serve::files::{FileBody, GzipBody};

/// Any error that ends a body early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes at hand; `None` once they are sent.
    Bytes(Option<Bytes>),
    File(FileBody),
    Gzip(GzipBody),
    /// What a script prints.
    Script(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    pub(crate) const fn empty() -> Self {
        Self::Bytes(None)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        let bytes = bytes.into();
        Self::Bytes((!bytes.is_empty()).then_some(bytes))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let chunk = match self.get_mut() {
            Self::Bytes(bytes) => return Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Script(body) => return Pin::new(body).poll_frame(cx),
            Self::File(body) => body.poll_chunk(cx),
            Self::Gzip(body) => body.poll_chunk(cx),
        };
        chunk.map(|chunk| chunk.map(|read| read.map(Frame::data).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::File(body) => body.remaining() == 0,
            Self::Gzip(_) => false,
            Self::Script(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::File(body) => SizeHint::with_exact(body.remaining()),
            Self::Gzip(_) => SizeHint::default(),
            Self::Script(body) => body.size_hint(),
        }
    }
}
