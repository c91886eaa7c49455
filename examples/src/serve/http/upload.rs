//! The body of a request, with its limits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// Why a request body ended early.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("the request body is longer than the limit")]
    TooLong,
    #[error("the client sent nothing of the request body for too long")]
    Stalled,
    #[error("the client left in the middle of the request body")]
    Broken,
}

impl UploadError {
    /// What to answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// What went wrong with a body that someone else reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct UploadFault(Arc<AtomicU8>);

impl UploadFault {
    fn set(&self, error: UploadError) {
        let code = match error {
            UploadError::TooLong => 1,
            UploadError::Stalled => 2,
            UploadError::Broken => 3,
        };
        self.0.store(code, Ordering::Relaxed);
    }

    /// The error that ended the body, if one did.
    pub(crate) fn get(&self) -> Option<UploadError> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(UploadError::TooLong),
            2 => Some(UploadError::Stalled),
            3 => Some(UploadError::Broken),
            _ => None,
        }
    }
}

/// A request body that ends with an error when it is too long or stalls.
#[derive(Debug)]
pub(crate) struct Upload {
    inner: Incoming,
    left_bytes: u64,
    stall: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    fault: UploadFault,
    /// Told to the connection when the body is dropped before its end.
    unread: Arc<AtomicBool>,
}

impl Upload {
    pub(crate) fn new(
        inner: Incoming,
        limit_bytes: u64,
        stall: Duration,
        unread: Arc<AtomicBool>,
    ) -> Self {
        Self {
            inner,
            left_bytes: limit_bytes,
            stall,
            timer: None,
            fault: UploadFault::default(),
            unread,
        }
    }

    /// Tells later what ended the body.
    pub(crate) fn fault(&self) -> UploadFault {
        self.fault.clone()
    }

    fn fail(&self, error: UploadError) -> UploadError {
        self.fault.set(error);
        error
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = Instant::now() + self.stall;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        timer.as_mut().poll(cx).is_ready()
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending if this.poll_stalled(cx) => {
                return Poll::Ready(Some(Err(this.fail(UploadError::Stalled))));
            }
            Poll::Pending => return Poll::Pending,
        };
        this.timer = None;
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return Poll::Ready(Some(Err(this.fail(UploadError::Broken)))),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match this.left_bytes.checked_sub(length) {
            Some(left) => this.left_bytes = left,
            None => return Poll::Ready(Some(Err(this.fail(UploadError::TooLong)))),
        }
        Poll::Ready(Some(Ok(frame)))
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
