//! The body of a request, as the connection asks for it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fastcgi_proto::client::BodyLen;
use fastcgi_proto::driver::{Body, BoxError, HttpBody};
use http_body_util::combinators::UnsyncBoxBody;

type Streamed = HttpBody<UnsyncBoxBody<Bytes, BoxError>>;

/// The request's STDIN.
pub(crate) enum RequestBody {
    /// It is at hand.
    Bytes(Bytes),
    /// It comes as the client sends it.
    Stream {
        /// What was taken of the stream for a worker that got none of it.
        ahead: VecDeque<Bytes>,
        rest: Streamed,
        len: u64,
    },
}

impl RequestBody {
    pub(crate) const fn stream(body: UnsyncBoxBody<Bytes, BoxError>, len: u64) -> Self {
        Self::Stream {
            ahead: VecDeque::new(),
            rest: HttpBody(body),
            len,
        }
    }

    pub(crate) const fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { len, .. } => *len,
        }
    }

    pub(crate) const fn body_len(&self) -> BodyLen {
        match self.len() {
            0 => BodyLen::Empty,
            len => BodyLen::Exact(len),
        }
    }

    /// Another of the same, if it is at hand.
    pub(crate) fn copy(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream { .. } => None,
        }
    }

    /// Takes pieces back that reached nobody.
    pub(super) fn put_back(&mut self, pieces: VecDeque<Bytes>) {
        match self {
            Self::Bytes(bytes) => {
                if let Some(whole) = pieces.into_iter().next() {
                    *bytes = whole;
                }
            }
            // Pieces of an earlier attempt come before those that are left
            // of it.
            Self::Stream { ahead, .. } => {
                for piece in pieces.into_iter().rev() {
                    ahead.push_front(piece);
                }
            }
        }
    }
}

impl Body for RequestBody {
    fn poll_content(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BoxError>>> {
        match self.get_mut() {
            Self::Bytes(bytes) => {
                let content = std::mem::take(bytes);
                Poll::Ready((!content.is_empty()).then_some(Ok(content)))
            }
            Self::Stream { ahead, rest, .. } => match ahead.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(piece))),
                None => Pin::new(rest).poll_content(cx),
            },
        }
    }
}
