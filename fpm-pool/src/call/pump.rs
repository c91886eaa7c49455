//! Reading an answer on while its client is slow: a task, and the queue
//! between it and the body.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::held::Held;
use super::running::Running;
use super::stop::Stop;
use crate::{Error, ErrorKind, OnClientGone};

/// What of an answer has come and was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    chunks: Held,
    limit: usize,
    stderr: BytesMut,
    app_status: Option<u32>,
    end: Option<Option<Error>>,
    /// The client left.
    left: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Stream {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk for the client.
    pub(crate) fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut state = self.lock();
        let was_full = state.is_full();
        if let Some(chunk) = state.chunks.pop() {
            let writer = if was_full { state.writer.take() } else { None };
            drop(state);
            if let Some(writer) = writer {
                writer.wake();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &mut state.end {
            Some(error) => Poll::Ready(error.take().map(Err)),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        let state = self.lock();
        state.chunks.is_empty() && matches!(state.end, Some(None))
    }

    pub(crate) fn app_status(&self) -> Option<u32> {
        self.lock().app_status
    }

    pub(crate) fn stderr(&self) -> Bytes {
        Bytes::copy_from_slice(&self.lock().stderr)
    }

    /// The client left.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        state.left = true;
        state.chunks.clear();
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Whether the client left, or else how much room there is; the writer is
    /// woken when either changes.
    fn poll_state(&self, cx: &Context<'_>) -> (bool, bool) {
        let mut state = self.lock();
        state.writer = Some(cx.waker().clone());
        (state.left, !state.is_full())
    }
}

/// The other end of a [`Stream`]. Dropped before the end, as it is when its
/// runtime shuts down, it ends the body with an error.
pub(super) struct Writer(Stream);

impl Writer {
    pub(super) fn new(running: &mut Running) -> (Self, Stream) {
        let state = State {
            chunks: std::mem::take(&mut running.chunks),
            limit: running.lease.generation.limits.answer_buffer_bytes.max(1),
            stderr: running.stderr.clone(),
            app_status: None,
            end: None,
            left: false,
            reader: None,
            writer: None,
        };
        let stream = Stream {
            state: Arc::new(Mutex::new(state)),
        };
        (Self(stream.clone()), stream)
    }

    fn push(&self, chunk: Bytes, buffer: usize) {
        let mut state = self.0.lock();
        state.chunks.push(chunk, buffer);
        wake_reader(state);
    }

    fn end(&self, error: Option<Error>, app_status: Option<u32>) {
        let mut state = self.0.lock();
        state.app_status = app_status;
        state.end.get_or_insert(error);
        wake_reader(state);
    }

    fn note_stderr(&self, running: &Running) {
        let mut state = self.0.lock();
        if state.stderr.len() < running.stderr.len() {
            let known = state.stderr.len();
            state.stderr.extend_from_slice(&running.stderr[known..]);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.end.is_none() {
            let gone = Error::new(ErrorKind::Runtime);
            let gone = gone.caused_by("the task that reads the answer has ended");
            state.end = Some(Some(gone));
            wake_reader(state);
        }
    }
}

impl State {
    const fn is_full(&self) -> bool {
        self.chunks.len() >= self.limit
    }
}

/// Wakes whoever waits for the answer, once the lock is free: it may poll or
/// drop the body at once.
fn wake_reader(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// What the writer found.
enum Step {
    Chunk(Bytes),
    End,
    Left,
    Failed(Stop),
}

/// Reads the rest of an answer as far as the bound allows.
pub(super) async fn run(mut running: Running, writer: Writer) {
    loop {
        let step = poll_fn(|cx| poll_step(&mut running, &writer.0, cx)).await;
        writer.note_stderr(&running);
        match step {
            Step::Chunk(chunk) => writer.push(chunk, running.buffer_bytes()),
            Step::End => return writer.end(None, running.app_status()),
            Step::Left if running.on_client_gone() == OnClientGone::Finish => {
                return finish_alone(running).await;
            }
            // Dropping it says the rest.
            Step::Left => return,
            Step::Failed(stop) => {
                running.lose(&stop, false);
                let app_status = running.app_status();
                return writer.end(Some(running.explain(stop).await), app_status);
            }
        }
    }
}

fn poll_step(running: &mut Running, stream: &Stream, cx: &mut Context<'_>) -> Poll<Step> {
    let (left, room) = stream.poll_state(cx);
    if left {
        return Poll::Ready(Step::Left);
    }
    if !room {
        return match running.poll_send(cx) {
            Ok(()) => Poll::Pending,
            Err(stop) => Poll::Ready(Step::Failed(stop)),
        };
    }
    running.poll_body(cx).map(|body| match body {
        Ok(Some(chunk)) => Step::Chunk(chunk),
        Ok(None) => Step::End,
        Err(stop) => Step::Failed(stop),
    })
}

/// Runs a script to its end after its client left, and drops the output.
pub(super) async fn finish_alone(mut running: Running) {
    running.lease.left_behind();
    loop {
        match poll_fn(|cx| running.poll_body(cx)).await {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(stop) => {
                running.lose(&stop, false);
                running.explain(stop).await;
                return;
            }
        }
    }
}
