//! A request's input stream.

use std::boxed::Box;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::responder::Stopped;
use super::shared::Shared;
use crate::RequestId;
use crate::driver::{Body, BoxError};
use crate::server::LengthCheck;

/// An input stream of a request: its body, or the file of a Filter.
///
/// What is not read is not requested from the peer beyond
/// [`unread_input`](crate::ConnectionLimits::unread_input). It is a [`Body`],
/// so a gateway can hand it to another connection as it is.
///
/// Dropping it says that the rest is not wanted: it is read and thrown away,
/// and holds up neither the connection's other requests nor an
/// `ABORT_REQUEST` behind it.
#[derive(Debug)]
pub struct Input {
    shared: Shared,
    request: RequestId,
    kind: Kind,
    check: Option<LengthCheck>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Stdin,
    Data,
    /// The role has no such stream.
    None,
}

impl Input {
    pub(super) const fn new(shared: Shared, request: RequestId, kind: Kind) -> Self {
        Self {
            shared,
            request,
            kind,
            check: None,
        }
    }

    /// The next bytes, `None` at the end. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the rest will not come: the request was aborted.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Stopped> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Stopped>> {
        if self.check.is_some() {
            return Poll::Ready(Ok(None));
        }
        let mut inner = self.shared.lock();
        let Some(queue) = inner.queue(self.request, self.kind) else {
            return Poll::Ready(match self.kind {
                Kind::None => Ok(None),
                _ => Err(Stopped),
            });
        };
        if let Some(content) = queue.pop() {
            let read_before = inner.state.wants_read();
            inner.state.consumed(self.request, content.len());
            if !read_before {
                inner.wake_task();
            }
            return Poll::Ready(Ok(Some(content)));
        }
        if let Some(check) = queue.end {
            self.check = Some(check);
            return Poll::Ready(Ok(None));
        }
        match inner.get(self.request) {
            Some(active) if !active.aborted => {
                inner.wait(self.request, cx);
                Poll::Pending
            }
            _ => Poll::Ready(Err(Stopped)),
        }
    }

    /// After the end: whether the stream is as long as was declared. A
    /// handler that changes something refuses a short one.
    #[must_use]
    pub const fn check(&self) -> Option<LengthCheck> {
        self.check
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        let Some(queue) = inner.queue(self.request, self.kind) else {
            return;
        };
        queue.discard = true;
        let mut len = 0;
        while let Some(content) = queue.pop() {
            len += content.len();
        }
        if len > 0 {
            inner.state.consumed(self.request, len);
            inner.wake_task();
        }
    }
}

impl Body for Input {
    fn poll_content(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        self.poll_next(cx).map(|next| {
            next.map_err(|stopped| -> BoxError { Box::new(stopped) })
                .transpose()
        })
    }
}
