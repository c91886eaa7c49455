//! The bodies of answers with files.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

use super::body::FileBody;

/// The body of an answer with a file.
#[derive(Debug)]
pub(crate) enum FileContent {
    /// Bytes at hand; `None` once they are sent.
    Bytes(Option<Bytes>),
    File(FileBody),
    /// What a thread compresses.
    Gzip(Receiver<io::Result<Bytes>>),
}

impl FileContent {
    pub(super) const fn empty() -> Self {
        Self::Bytes(None)
    }
}

impl From<Bytes> for FileContent {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for FileContent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = match self.get_mut() {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Self::File(body) => body.poll_chunk(cx),
            Self::Gzip(body) => body.poll_recv(cx),
        };
        chunk.map(|chunk| chunk.map(|read| read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::File(body) => body.remaining() == 0,
            Self::Gzip(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::File(body) => SizeHint::with_exact(body.remaining()),
            Self::Gzip(_) => SizeHint::default(),
        }
    }
}
