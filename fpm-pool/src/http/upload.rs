//! The body of a request, with its limits.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::request::BoxError;

/// Why the body of a request cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum UploadError {
    /// It is longer than [`BodyPolicy::max_bytes`](super::BodyPolicy).
    TooLong,
    /// The client sent nothing of it for too long.
    Stalled,
    /// It broke off: the client has left, or broke the rules.
    Broken(BoxError),
    /// The bodies that wait on disk take all the room that they may.
    NoRoom,
    /// It cannot be kept on disk.
    Disk(io::Error),
}

impl UploadError {
    /// What to answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the request body is longer than the limit",
            Self::Stalled => "the client sent nothing of the request body for too long",
            Self::Broken(_) => "the client left in the middle of the request body",
            Self::NoRoom => "no room on disk for another request body",
            Self::Disk(_) => "a request body cannot be kept on disk",
        })
    }
}

impl std::error::Error for UploadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(cause) => Some(&**cause),
            Self::Disk(cause) => Some(cause),
            _ => None,
        }
    }
}

/// A request body that ends with an error when it is too long or stalls.
pub(super) struct Upload {
    inner: UnsyncBoxBody<Bytes, BoxError>,
    left_bytes: u64,
    stall: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Upload {
    pub(super) fn new<B>(inner: B, limit_bytes: u64, stall: Option<Duration>) -> Self
    where
        B: Body<Data: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
    {
        let inner = inner.map_frame(|frame| frame.map_data(Into::into));
        Self {
            inner: inner.map_err(Into::into).boxed_unsync(),
            left_bytes: limit_bytes,
            stall,
            timer: None,
            ended: false,
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        // A limit beyond the clock's end is none.
        let deadline = self
            .stall
            .and_then(|stall| Instant::now().checked_add(stall));
        if self.timer.is_none() {
            self.timer = deadline.map(|deadline| Box::pin(sleep_until(deadline)));
        }
        let timer = self.timer.as_mut();
        timer.is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }

    fn fail<T>(&mut self, error: UploadError) -> Poll<Option<Result<T, UploadError>>> {
        self.ended = true;
        Poll::Ready(Some(Err(error)))
    }

    /// The next data; trailers are left out, FastCGI has none.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, UploadError> {
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending if this.poll_stalled(cx) => return this.fail(UploadError::Stalled),
            Poll::Pending => return Poll::Pending,
        };
        this.timer = None;
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => frame,
            Some(Err(cause)) => return this.fail(UploadError::Broken(cause)),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match this.left_bytes.checked_sub(length) {
            Some(left) => this.left_bytes = left,
            None => return this.fail(UploadError::TooLong),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::{Full, StreamBody};

    use super::*;

    const STALL: Option<Duration> = Some(Duration::from_secs(30));

    #[tokio::test]
    async fn body_past_its_limit_fails_once() {
        let body = Full::new(Bytes::from_static(b"12345"));
        let mut upload = Upload::new(body, 4, STALL);
        let error = upload.next().await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(upload.next().await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_stalls_fails() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>());
        let mut upload = Upload::new(silent, 4, STALL);
        let error = upload.next().await.unwrap_err();
        assert_eq!(error.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn endless_patience_is_legal() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>());
        let mut upload = Upload::new(silent, 4, Some(Duration::MAX));
        let waited = tokio::time::timeout(Duration::from_secs(1 << 30), upload.next());
        assert!(waited.await.is_err());
    }
}
