//! Reading an answer on while its client is slow: a task, and the queue
//! between it and the body.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::running::{Running, Stop};
use crate::{Error, ErrorKind, OnClientGone};

/// What of an answer has come and was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    chunks: VecDeque<Bytes>,
    held: usize,
    limit: usize,
    stderr: BytesMut,
    end: Option<Option<Error>>,
    /// The client left.
    left: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Stream {
    pub(super) fn new(running: &mut Running) -> Self {
        let chunks = std::mem::take(&mut running.chunks);
        let state = State {
            held: chunks.iter().map(Bytes::len).sum(),
            chunks,
            limit: running.lease.generation.limits.answer_buffer_bytes.max(1),
            stderr: running.stderr.clone(),
            end: None,
            left: false,
            reader: None,
            writer: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk for the client.
    pub(crate) fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut state = self.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            let was_full = state.held >= state.limit;
            state.held -= chunk.len();
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

    fn push(&self, chunk: Bytes) {
        let mut state = self.lock();
        state.held += chunk.len();
        state.chunks.push_back(chunk);
        state.wake_reader();
    }

    fn end(&self, error: Option<Error>) {
        let mut state = self.lock();
        state.end = Some(error);
        state.wake_reader();
    }

    /// Whether the client left, or else how much room there is; the writer is
    /// woken when either changes.
    fn poll_state(&self, cx: &Context<'_>) -> (bool, bool) {
        let mut state = self.lock();
        state.writer = Some(cx.waker().clone());
        (state.left, state.held < state.limit)
    }

    fn note_stderr(&self, running: &Running) {
        let mut state = self.lock();
        if state.stderr.len() < running.stderr.len() {
            let known = state.stderr.len();
            state.stderr.extend_from_slice(&running.stderr[known..]);
        }
    }
}

impl State {
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The writer's side: an answer always ends, even when the runtime does.
pub(super) struct Writer(pub(super) Stream);

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.end.is_none() {
            state.end = Some(Some(Error::new(ErrorKind::Runtime)));
            state.wake_reader();
        }
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
    let stream = &writer.0;
    loop {
        let step = poll_fn(|cx| poll_step(&mut running, stream, cx)).await;
        stream.note_stderr(&running);
        match step {
            Step::Chunk(chunk) => stream.push(chunk),
            Step::End => return stream.end(None),
            Step::Left if running.on_client_gone() == OnClientGone::Finish => {
                return finish_alone(running).await;
            }
            // Dropping it says the rest.
            Step::Left => return,
            Step::Failed(stop) => {
                running.lose(&stop, false);
                let error = running.explain(stop).await;
                return stream.end(Some(error));
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
