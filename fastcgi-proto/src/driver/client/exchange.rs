//! One request and its answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::ClientConnection;
use crate::RequestId;
use crate::client::{Event, RetryClass};
use crate::driver::{Body, Error, Stream, Transport};

/// One request and its answer, on a connection that it borrows.
///
/// Dropping it before the end aborts the request; the connection's
/// [`reuse`](ClientConnection::reuse) then tells what that came to.
#[derive(Debug)]
pub struct Exchange<'c, S: Transport = Stream, B = ()> {
    connection: &'c mut ClientConnection<S>,
    request: RequestId,
    body: B,
    ended: bool,
    /// How far it got when it failed.
    failed: Option<RetryClass>,
}

impl<'c, S: Transport, B: Body + Unpin> Exchange<'c, S, B> {
    pub(super) const fn new(
        connection: &'c mut ClientConnection<S>,
        request: RequestId,
        body: B,
    ) -> Self {
        Self {
            connection,
            request,
            body,
            ended: false,
            failed: None,
        }
    }

    /// The request.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// The next event of this request, `None` after its end. Events of other
    /// requests are skipped. Cancel safe: nothing is lost if the future is
    /// dropped.
    ///
    /// # Errors
    ///
    /// [`Error`]: no more events come, drop the connection.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Event>, Error>> {
        while !self.ended {
            let body = Pin::new(&mut self.body);
            let event = match self.connection.poll_event(cx, self.request, body) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(event)) => event,
                Poll::Ready(Err(error)) => {
                    self.give_up();
                    return Poll::Ready(Err(error));
                }
            };
            self.ended = matches!(event, Event::End { request, .. } if request == self.request);
            if event
                .request()
                .is_none_or(|request| request == self.request)
            {
                return Poll::Ready(Ok(Some(event)));
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Sends on without reading, while the caller cannot take more of the
    /// answer; done when nothing is left to send. May be dropped at any
    /// time, like [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// As [`ClientConnection::poll_send`].
    pub async fn send(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_send(cx)).await
    }

    /// [`send`](Self::send) for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        let body = Pin::new(&mut self.body);
        let sent = self.connection.poll_send(cx, self.request, body);
        if let Poll::Ready(Err(_)) = sent {
            self.give_up();
        }
        sent
    }

    /// Whether all of the request is written, its body included. `false`
    /// after its end.
    #[must_use]
    pub fn is_input_complete(&self) -> bool {
        self.connection.state().is_input_complete(self.request)
    }

    fn give_up(&mut self) {
        self.failed = Some(self.retry_class());
        self.ended = true;
        self.connection.state_mut().abort(self.request);
    }

    /// What a retry on another connection would risk.
    #[must_use]
    pub fn retry_class(&self) -> RetryClass {
        self.failed
            .or_else(|| self.connection.state().retry_class(self.request))
            .unwrap_or(RetryClass::Responded)
    }
}

impl<S: Transport, B> Drop for Exchange<'_, S, B> {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.state_mut().abort(self.request);
        }
    }
}
