//! Reading what a worker's process writes: pipes, sockets, terminals.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::unix::AsyncFd;
use tokio::time::{Sleep, sleep};

use super::lines::{CHUNK, Splitter};
use crate::OutputSource;
use crate::sys::{is_exhausted, watch_output};

/// As much as is read of one descriptor after the end of its process, more
/// than a pipe usually holds: another process may write on without end.
const LAST: usize = 256 << 10;

/// The wait before the runtime is asked once more to watch a descriptor.
const WATCH_AGAIN: Duration = Duration::from_secs(1);

/// One of a process's output descriptors.
#[derive(Debug)]
pub(super) struct Pipe {
    input: Input,
    pub(super) lines: Splitter,
    pub(super) source: OutputSource,
}

#[derive(Debug)]
enum Input {
    /// The runtime could not watch it yet.
    Unwatched(OwnedFd),
    Watched(AsyncFd<OwnedFd>),
    Ended,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) all: Vec<Pipe>,
    /// Until then nothing is read.
    pause: Option<Pin<Box<Sleep>>>,
    /// Whose turn it is.
    next: usize,
}

impl Pipes {
    /// Takes over descriptors 1 and 2 of a process.
    pub(super) fn new(output: [Option<OwnedFd>; 2], process_id: u32) -> Self {
        let sources = [OutputSource::Stdout, OutputSource::Stderr];
        let mut all = Vec::new();
        for (fd, source) in output.into_iter().zip(sources) {
            let Some(fd) = fd else {
                continue;
            };
            let mut pipe = Pipe {
                input: Input::Unwatched(fd),
                lines: Splitter::default(),
                source,
            };
            if let Err(error) = pipe.prepare() {
                let pid = process_id;
                tracing::error!(pid, ?source, %error, "what a worker writes cannot be read");
            } else {
                all.push(pipe);
            }
        }
        Self {
            all,
            pause: None,
            next: 0,
        }
    }

    /// Reads nothing for a while.
    pub(super) fn pause(&mut self, pause: Duration) {
        self.pause = Some(Box::pin(sleep(pause)));
    }

    /// Reads once; whose it was, and how much. Pending for ever once there is
    /// no more. The second: whether all there was has been read.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut [u8; CHUNK],
    ) -> (Poll<(usize, usize)>, bool) {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return (Poll::Pending, false);
            }
            self.pause = None;
        }
        let all = self.all.len();
        for index in (self.next..all).chain(0..self.next.min(all)) {
            match self.all[index].poll_read(cx, chunk) {
                Poll::Ready(Ok(count)) => {
                    // One that is never empty must not keep the other waiting.
                    self.next = index + 1;
                    return (Poll::Ready((index, count)), false);
                }
                Poll::Ready(Err(_)) => {
                    self.next = index + 1;
                    self.pause(WATCH_AGAIN);
                    cx.waker().wake_by_ref();
                    return (Poll::Pending, false);
                }
                Poll::Pending => {}
            }
        }
        (Poll::Pending, true)
    }

    /// Reads what has been written by now, whether or not the runtime has
    /// noticed it yet, and passes it on.
    pub(super) fn written(&mut self, mut take: impl FnMut(&mut Pipe, &[u8])) {
        let mut chunk = [0; CHUNK];
        for pipe in &mut self.all {
            let mut room = LAST;
            while room > 0
                && let Some(count @ 1..) = pipe.read(&mut chunk)
            {
                room = room.saturating_sub(count);
                take(pipe, &chunk[..count]);
            }
        }
    }
}

impl Pipe {
    fn prepare(&mut self) -> io::Result<()> {
        if let Input::Unwatched(fd) = &self.input {
            let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
            fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        match self.watch() {
            Err(error) if !is_exhausted(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn watch(&mut self) -> io::Result<()> {
        self.input = match std::mem::replace(&mut self.input, Input::Ended) {
            Input::Unwatched(fd) => match watch_output(fd) {
                Ok(watched) => Input::Watched(watched),
                Err((fd, error)) => {
                    self.input = Input::Unwatched(fd);
                    return Err(error);
                }
            },
            other => other,
        };
        Ok(())
    }

    /// Reads once. An error: it cannot be watched yet.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut [u8; CHUNK],
    ) -> Poll<io::Result<usize>> {
        self.watch()?;
        let Input::Watched(fd) = &self.input else {
            return Poll::Pending;
        };
        loop {
            let Ok(mut guard) = ready!(fd.poll_read_ready(cx)) else {
                // The runtime is being dropped.
                return Poll::Pending;
            };
            match nix::unistd::read(fd, chunk) {
                Err(Errno::EAGAIN) => guard.clear_ready(),
                Err(Errno::EINTR) => {}
                Ok(count @ 1..) => return Poll::Ready(Ok(count)),
                // A terminal ends with an error.
                Ok(0) | Err(_) => {
                    self.input = Input::Ended;
                    return Poll::Ready(Ok(0));
                }
            }
        }
    }

    /// Reads once what is there.
    fn read(&self, chunk: &mut [u8; CHUNK]) -> Option<usize> {
        let fd = match &self.input {
            Input::Unwatched(fd) => fd.as_fd(),
            Input::Watched(fd) => fd.as_fd(),
            Input::Ended => return None,
        };
        loop {
            match nix::unistd::read(fd, chunk) {
                Err(Errno::EINTR) => {}
                result => return result.ok(),
            }
        }
    }
}
