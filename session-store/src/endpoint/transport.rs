//! Bytes in and out of one connection, every wait bounded.

use std::future::pending;
use std::io;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Limits;

/// A connection's stream with the answers that wait to be sent.
#[derive(Debug)]
pub(super) struct Transport<S> {
    stream: S,
    out: BytesMut,
    write: Duration,
    idle: Duration,
    max_input: usize,
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub(super) enum Filled {
    More,
    Closed,
    Deadline,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    pub(super) fn new(stream: S, limits: &Limits) -> Self {
        Self {
            stream,
            out: BytesMut::new(),
            write: limits.write,
            idle: limits.idle,
            max_input: limits.max_request_bytes,
        }
    }

    /// Where answers are appended.
    pub(super) fn out(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    /// Whether so many answers wait that they should go first.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= MAX_WAITING
    }

    /// Sends the waiting answers.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.stream.write_all(&self.out);
        tokio::time::timeout(self.write, sent)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.out.clear();
        Ok(())
    }

    /// Reads what comes next; ends at `deadline`, or closes a connection that
    /// has none and says nothing for too long.
    pub(super) async fn fill(
        &mut self,
        input: &mut BytesMut,
        deadline: Option<Instant>,
    ) -> io::Result<Filled> {
        let until = deadline.unwrap_or_else(|| Instant::now() + self.idle);
        // Without room, a command would arrive in as many pieces as there are
        // corners left in the buffer.
        input.reserve(ROOM);
        let read = self.stream.read_buf(input);
        match tokio::time::timeout_at(until.into(), read).await {
            Ok(Ok(0)) => Ok(Filled::Closed),
            Ok(Ok(_)) => Ok(Filled::More),
            Ok(Err(error)) => Err(error),
            Err(_) if deadline.is_some() => Ok(Filled::Deadline),
            Err(_) => Ok(Filled::Closed),
        }
    }

    /// Returns when the client closes the connection; what it sends before is
    /// kept for later.
    pub(super) async fn closed(&mut self, input: &mut BytesMut) {
        while input.len() < self.max_input {
            match self.stream.read_buf(input).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        pending().await
    }
}

/// Room for what one read brings: most commands with their session.
const ROOM: usize = 4 * 1024;

/// A client that pipelines without reading gets no further than this.
const MAX_WAITING: usize = 64 * 1024;
