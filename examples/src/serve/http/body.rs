//! The bodies of answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fpm_pool::ResponseBody;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

use crate::serve::files::FileBody;

/// Any error that ends a body early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes at hand; `None` once they are sent.
    Bytes(Option<Bytes>),
    File(FileBody),
    /// What another task or thread makes.
    Channel(Receiver<io::Result<Bytes>>),
    /// What a script prints.
    Worker(ResponseBody),
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
            Self::Worker(body) => return Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::File(body) => body.poll_chunk(cx),
            Self::Channel(body) => body.poll_recv(cx),
        };
        chunk.map(|chunk| chunk.map(|read| read.map(Frame::data).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::File(body) => body.remaining() == 0,
            Self::Channel(_) => false,
            Self::Worker(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::File(body) => SizeHint::with_exact(body.remaining()),
            Self::Channel(_) => SizeHint::default(),
            Self::Worker(body) => body.size_hint(),
        }
    }
}
