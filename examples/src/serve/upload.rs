//! The body of a request, as the connection wants to know of it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// A request body that tells its connection when nobody reads it to its end.
#[derive(Debug)]
pub(crate) struct Upload {
    inner: Incoming,
    unread: Arc<AtomicBool>,
}

impl Upload {
    pub(crate) const fn new(inner: Incoming, unread: Arc<AtomicBool>) -> Self {
        Self { inner, unread }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.inner.is_end_stream() {
            self.unread.store(true, Ordering::Relaxed);
        }
    }
}
