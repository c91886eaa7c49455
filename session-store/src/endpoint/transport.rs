//! Bytes in and out of one connection, every wait bounded.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Sleep;

use super::Limits;
use crate::mode::bounded;

/// A connection's stream with the answers that wait to be sent.
#[derive(Debug)]
pub(super) struct Transport<S> {
    stream: S,
    out: BytesMut,
    /// Rings when reading has to end or earlier, never later.
    timer: Pin<Box<Sleep>>,
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
            timer: Box::pin(tokio::time::sleep(limits.idle)),
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
        let until = || tokio::time::Instant::now() + self.write;
        let sent = bounded(self.stream.write_all(&self.out), until).await;
        sent.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?;
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
        let until = deadline
            .unwrap_or_else(|| Instant::now() + self.idle)
            .into();
        // Without room, a command would arrive in as many pieces as there are
        // corners left in the buffer.
        input.reserve(ROOM);
        loop {
            // Each command moves the end away. To look again when the timer
            // rings too early is less work than to set it every time.
            if self.timer.is_elapsed() || self.timer.deadline() > until {
                self.timer.as_mut().reset(until);
            }
            let read = tokio::select! {
                biased;
                read = self.stream.read_buf(input) => read?,
                () = &mut self.timer => {
                    if tokio::time::Instant::now() < until {
                        continue;
                    }
                    return Ok(match deadline {
                        Some(_) => Filled::Deadline,
                        None => Filled::Closed,
                    });
                }
            };
            return Ok(if read == 0 {
                Filled::Closed
            } else {
                Filled::More
            });
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
