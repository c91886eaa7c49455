//! What a worker answered.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::{Error, WorkerId};

/// Who answered, and how long it took to get there.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Answered {
    /// The worker.
    pub worker: WorkerId,
    /// Its process.
    pub process_id: u32,
    /// How long the request waited for it.
    pub queue_wait: Duration,
    /// From its start on the worker to the head of the answer.
    pub first_byte: Duration,
    /// Whether an earlier worker died before it sent a byte.
    pub replayed: bool,
}

/// The STDERR of one request: PHP's errors and warnings. It fills up while
/// the answer comes.
#[derive(Clone)]
pub struct RequestStderr {
    bytes: Bytes,
}

impl RequestStderr {
    /// What came so far, at most
    /// [`Limits::stderr_bytes`](crate::Limits::stderr_bytes).
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl fmt::Debug for RequestStderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestStderr")
            .field(&self.bytes().escape_ascii().to_string())
            .finish()
    }
}

/// The body of an answer.
///
/// A whole answer is held already, or it still comes from the worker: then
/// up to [`Limits::answer_buffer_bytes`](crate::Limits::answer_buffer_bytes)
/// are read ahead, so that a slow client does not hold the worker. Dropping
/// an unfinished body says that the client has left
/// ([`OnClientGone`](crate::OnClientGone)).
pub struct ResponseBody {
    answered: Answered,
    chunk: Option<Bytes>,
    stderr: RequestStderr,
}

impl ResponseBody {
    /// Who answered, and how long it took to get there.
    #[must_use]
    pub const fn answered(&self) -> &Answered {
        &self.answered
    }

    /// The STDERR of the request; keep it to read what comes after the head.
    #[must_use]
    pub fn stderr(&self) -> RequestStderr {
        self.stderr.clone()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(self.chunk.take().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunk.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.chunk.as_ref().map_or(0, |chunk| chunk.len() as u64))
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
