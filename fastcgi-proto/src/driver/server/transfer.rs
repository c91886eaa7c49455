//! Moving bytes, and noticing that nobody is there to move them for.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Handler;
use super::connection::Driver;
use crate::driver::Transport;
use crate::driver::write::poll_write;
use crate::server::PeerClose;

const READ_BYTES: usize = 128 * 1024;
const MIN_READ_BYTES: usize = 8 * 1024;

impl<S: Transport, H: Handler> Driver<'_, S, H> {
    /// Writes what it can; whether that was anything.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        let mut inner = self.shared.lock();
        let had_room = inner.state.send_capacity() > 0;
        while inner.state.wants_write() && !inner.gone {
            match poll_write(&mut self.stream, cx, inner.state.outgoing()) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => progress = true,
                Poll::Ready(Err(error)) => {
                    self.io_error = Some(error);
                    inner.set_gone();
                }
            }
        }
        if !had_room && inner.state.send_capacity() > 0 {
            inner.wake_all();
        }
        progress
    }

    /// Ready: there is input, or the end of it.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        {
            let inner = self.shared.lock();
            if inner.gone || !inner.state.wants_read() {
                return Poll::Pending;
            }
        }
        if self.input.capacity() - self.input.len() < MIN_READ_BYTES {
            self.input.reserve(READ_BYTES);
        }
        let read = pin!(self.stream.read_buf(&mut self.input)).poll(cx);
        match read {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(0)) => self.note_close(self.stream.peer_close()),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => {
                self.io_error = Some(error);
                self.shared.lock().set_gone();
            }
        }
        Poll::Ready(())
    }

    /// Ready: the peer has left, which no reading would tell: its input has
    /// ended, or none is wanted for now.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = {
            let inner = self.shared.lock();
            if inner.state.wants_read() || !inner.is_awaited() {
                return Poll::Pending;
            }
            inner.state.is_at_eof()
        };
        // Made when first needed: most requests never do.
        if self.watch.is_none() {
            self.watch = self.stream.watch_peer();
        }
        let Some(watch) = &self.watch else {
            return Poll::Pending;
        };
        let close = if watch.poll_gone(cx).is_ready() {
            PeerClose::Full
        } else if !ended
            && !self.half_close
            && !watch.tells_half_close()
            && watch.poll_end(cx).is_ready()
        {
            PeerClose::Unknown
        } else {
            return Poll::Pending;
        };
        self.note_close(close);
        Poll::Ready(())
    }

    fn note_close(&self, close: PeerClose) {
        let mut inner = self.shared.lock();
        if close == PeerClose::Full {
            inner.set_gone();
        }
        while let Some(event) = inner.state.handle_eof(close) {
            inner.note(event);
        }
    }

    /// Writes the rest, tells the peer that it was the last, and reads what
    /// it still sends: closing with input unread would reset the connection.
    ///
    /// A peer that takes nothing for `patience`, or still sends after it, is
    /// left behind.
    pub(super) async fn close(&mut self, drain_bytes: u64, patience: Duration) {
        while self.wants_write() {
            let step = std::future::poll_fn(|cx| {
                if self.poll_flush(cx) || !self.wants_write() {
                    return Poll::Ready(());
                }
                Poll::Pending
            });
            if timeout(patience, step).await.is_err() {
                return;
            }
        }
        let _ = timeout(patience, self.drain(drain_bytes)).await;
    }

    fn wants_write(&self) -> bool {
        let inner = self.shared.lock();
        !inner.gone && inner.state.wants_write()
    }

    async fn drain(&mut self, drain_bytes: u64) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let mut drained = 0;
        while drained < drain_bytes {
            self.input.clear();
            self.input.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return,
                Ok(count) => drained += count as u64,
            }
        }
    }
}
