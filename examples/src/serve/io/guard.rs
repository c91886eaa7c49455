//! A stream with a limit on how long its peer may refuse to take bytes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a connection that ends with unread input stays open for the
/// peer to see the answer: closing at once would reset it.
const LINGER: Duration = Duration::from_secs(2);

/// A stream that fails with `TimedOut` when a write makes no progress for
/// too long, and that gives back bytes read ahead.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    inner: S,
    /// Read while the protocol was detected.
    ahead: Bytes,
    stall: Stall,
    linger: Linger,
}

#[derive(Debug)]
struct Stall {
    limit: Duration,
    since: Option<Instant>,
    /// Made at the first stall; it may fire early and is then set again, so
    /// that a stall costs no change of the timer.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Linger {
    /// Set by whoever leaves a request body unread.
    wanted: Arc<AtomicBool>,
    closing: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Wraps `inner`; `unread` tells at the end whether to linger.
    pub(crate) fn new(
        inner: S,
        ahead: Bytes,
        send_stall: Duration,
        unread: Arc<AtomicBool>,
    ) -> Self {
        Self {
            inner,
            ahead,
            stall: Stall {
                limit: send_stall,
                since: None,
                timer: None,
            },
            linger: Linger {
                wanted: unread,
                closing: None,
            },
        }
    }
}

impl Stall {
    fn watch<T>(
        &mut self,
        progress: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.since = None;
            return progress;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let deadline = since + self.limit;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead[..length]);
            self.ahead.advance(length);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.stall.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.stall.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.stall.watch(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.closing.is_none() {
            let shut = Pin::new(&mut this.inner).poll_shutdown(cx);
            ready!(this.stall.watch(shut, cx))?;
            if !this.linger.wanted.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let closing = this
            .linger
            .closing
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut waste = [0; 4096];
        while closing.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn guard<S>(inner: S, ahead: &'static [u8]) -> Guarded<S> {
        let limit = Duration::from_secs(5);
        Guarded::new(inner, Bytes::from_static(ahead), limit, Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn write_without_progress_times_out() {
        let (ours, _theirs) = duplex(16);
        let error = guard(ours, b"").write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_but_steady_reader_is_served() {
        let (ours, mut theirs) = duplex(16);
        let writer = tokio::spawn(async move { guard(ours, b"").write_all(&[7; 100]).await });
        let mut total = 0;
        while total < 100 {
            tokio::time::sleep(Duration::from_secs(4)).await;
            total += theirs.read(&mut [0; 16]).await.unwrap();
        }
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn bytes_read_ahead_come_first() {
        let (ours, mut theirs) = duplex(16);
        theirs.write_all(b"T /").await.unwrap();
        drop(theirs);
        let mut all = String::new();
        guard(ours, b"GE").read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "GET /");
    }
}
