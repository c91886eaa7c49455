//! A request's output streams.

use std::task::{Context, Poll};

use bytes::Bytes;
use thiserror::Error;

use super::shared::Shared;
use crate::RequestId;
use crate::server::Connection;

/// Pieces below this are copied if they have to wait: each may be a part of
/// something much larger, which it would keep in memory.
const SMALL: usize = 1024;

/// Nobody waits for the request any more: it was aborted, or the connection
/// is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the request was aborted")]
pub struct Stopped;

/// Takes a request's answer.
#[derive(Debug)]
pub struct Responder {
    shared: Shared,
    request: RequestId,
}

impl Responder {
    pub(super) const fn new(shared: Shared, request: RequestId) -> Self {
        Self { shared, request }
    }

    /// Sends output, by reference, once the connection has room; small pieces
    /// that have to wait are copied. Cancel safe: either nothing was taken or
    /// all of it.
    ///
    /// # Errors
    ///
    /// [`Stopped`]: stop answering.
    pub async fn stdout(&mut self, content: Bytes) -> Result<(), Stopped> {
        self.ready().await?;
        let mut inner = self.shared.lock();
        let content = compact(content, &inner.state);
        let taken = inner.state.stdout(self.request, content);
        inner.wake_task();
        taken.map_err(|_| Stopped)
    }

    /// Sends a message for the web server's log.
    ///
    /// # Errors
    ///
    /// [`Stopped`]: stop answering.
    pub async fn stderr(&mut self, content: Bytes) -> Result<(), Stopped> {
        self.ready().await?;
        let mut inner = self.shared.lock();
        let content = compact(content, &inner.state);
        let taken = inner.state.stderr(self.request, content);
        inner.wake_task();
        taken.map_err(|_| Stopped)
    }

    /// Waits until the connection has room for output.
    ///
    /// # Errors
    ///
    /// [`Stopped`]: there will be none.
    pub async fn ready(&mut self) -> Result<(), Stopped> {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// [`ready`](Self::ready) for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`ready`](Self::ready).
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        let mut inner = self.shared.lock();
        let room = inner.state.send_capacity() > 0;
        match inner.get(self.request) {
            None => Poll::Ready(Err(Stopped)),
            Some(active) if active.aborted => Poll::Ready(Err(Stopped)),
            Some(_) if room => Poll::Ready(Ok(())),
            Some(_) => {
                inner.wait(self.request, cx);
                Poll::Pending
            }
        }
    }

    /// Waits until nobody waits for the request any more: the web server
    /// aborted it or left. Choose between it and the work.
    ///
    /// It needs neither the input to be read nor output to be taken. A peer
    /// that closes is noticed when the kernel tells:
    ///
    /// - on a Unix socket at once;
    /// - over TCP when its FIN comes, which is behind all input that it sent:
    ///   more unread input than the kernel's buffer holds delays it. A FIN
    ///   alone might also be the end of input alone;
    ///   [`half_close`](crate::server::Config::half_close) says how to take
    ///   it;
    /// - where a FIN is lost, when something is written.
    ///
    /// A web server may leave as soon as it has all it wants, the last byte of
    /// `Content-Length` for example: work that is to be done after that is not
    /// to stop here.
    ///
    /// An `ABORT_REQUEST` is noticed when it is read, which is after the input
    /// before it.
    pub async fn aborted(&self) {
        std::future::poll_fn(|cx| self.poll_aborted(cx)).await;
    }

    /// [`aborted`](Self::aborted) for hand-written futures.
    pub fn poll_aborted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.lock().poll_aborted(self.request, cx)
    }
}

fn compact(content: Bytes, connection: &Connection) -> Bytes {
    if content.len() < SMALL && connection.wants_write() {
        return Bytes::copy_from_slice(&content);
    }
    content
}
