//! What a worker answered.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::call::{Held, Stream};
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
pub struct RequestStderr(Stderr);

#[derive(Clone)]
enum Stderr {
    Whole(Bytes),
    Stream(Stream),
}

impl RequestStderr {
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self(Stderr::Whole(bytes))
    }

    /// What came so far, at most
    /// [`PoolLimits::stderr_bytes`](crate::PoolLimits::stderr_bytes).
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match &self.0 {
            Stderr::Whole(bytes) => bytes.clone(),
            Stderr::Stream(stream) => stream.stderr(),
        }
    }
}

impl fmt::Debug for RequestStderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bytes().escape_ascii().to_string();
        f.debug_tuple("RequestStderr").field(&text).finish()
    }
}

/// The body of an answer.
///
/// A whole answer is held already, or it still comes from the worker: then
/// up to [`PoolLimits::answer_buffer_bytes`](crate::PoolLimits::answer_buffer_bytes)
/// are read ahead, so that a slow client does not hold the worker. Dropping
/// an unfinished body says that the client has left
/// ([`OnClientGone`](crate::OnClientGone)).
///
/// It ends with an error when the answer is not whole: the worker died, a
/// limit passed, or fewer bytes came than its `Content-Length` says
/// ([`ErrorKind::ShortAnswer`](crate::ErrorKind::ShortAnswer)). More bytes
/// than that are cut off and logged. Answers to `HEAD`, and those of status
/// 204 and 304, have no body, whatever the script sends.
pub struct ResponseBody {
    answered: Answered,
    source: Source,
}

enum Source {
    Whole {
        chunks: Held,
        stderr: RequestStderr,
        app_status: Option<u32>,
    },
    Stream(Stream),
}

impl ResponseBody {
    pub(crate) const fn whole(
        answered: Answered,
        chunks: Held,
        stderr: RequestStderr,
        app_status: Option<u32>,
    ) -> Self {
        Self {
            answered,
            source: Source::Whole {
                chunks,
                stderr,
                app_status,
            },
        }
    }

    pub(crate) const fn stream(answered: Answered, stream: Stream) -> Self {
        Self {
            answered,
            source: Source::Stream(stream),
        }
    }

    /// Who answered, and how long it took to get there.
    #[must_use]
    pub const fn answered(&self) -> &Answered {
        &self.answered
    }

    /// The STDERR of the request; keep it to read what comes after the head.
    #[must_use]
    pub fn stderr(&self) -> RequestStderr {
        match &self.source {
            Source::Whole { stderr, .. } => stderr.clone(),
            Source::Stream(stream) => RequestStderr(Stderr::Stream(stream.clone())),
        }
    }

    /// What the script ended with (`exit(3)`), once the worker has said so:
    /// at the latest when the body has come to its end.
    #[must_use]
    pub fn app_status(&self) -> Option<u32> {
        match &self.source {
            Source::Whole { app_status, .. } => *app_status,
            Source::Stream(stream) => stream.app_status(),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.source {
            Source::Whole { chunks, .. } => {
                Poll::Ready(chunks.pop().map(|chunk| Ok(Frame::data(chunk))))
            }
            Source::Stream(stream) => stream
                .poll_chunk(cx)
                .map(|chunk| chunk.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole { chunks, .. } => chunks.is_empty(),
            Source::Stream(stream) => stream.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole { chunks, .. } => SizeHint::with_exact(chunks.len() as u64),
            Source::Stream(_) => SizeHint::default(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Source::Stream(stream) = &self.source {
            stream.leave();
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
