//! The body of a request in a form that a worker can take: with a length.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

use super::spool::Spooled;
use crate::request::BoxError;

/// The body of a request: nothing, at hand, or still to come.
pub struct Content(Kind);

enum Kind {
    Empty,
    Bytes(Bytes),
    /// As the client sends it, of the length it promised.
    Stream(UnsyncBoxBody<Bytes, BoxError>, u64),
    /// It was too large for memory.
    Spooled(Spooled),
}

impl Content {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that still comes, of `len` bytes.
    #[must_use]
    pub fn stream<B>(body: B, len: u64) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Kind::Stream(body.map_err(Into::into).boxed_unsync(), len))
    }

    /// `CONTENT_LENGTH`, of a request that has a body.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => None,
            Kind::Bytes(bytes) => Some(bytes.len() as u64),
            Kind::Stream(_, length) => Some(*length),
            Kind::Spooled(spooled) => Some(spooled.len()),
        }
    }

    /// The same body once more; `None` for one that still comes.
    #[must_use]
    pub fn copy(&self) -> Option<Self> {
        match &self.0 {
            Kind::Empty => Some(Self::empty()),
            Kind::Bytes(bytes) => Some(Self(Kind::Bytes(bytes.clone()))),
            Kind::Spooled(spooled) => Some(Self(Kind::Spooled(spooled.clone()))),
            Kind::Stream(..) => None,
        }
    }

    pub(super) const fn on_disk(spooled: Spooled) -> Self {
        Self(Kind::Spooled(spooled))
    }

    /// The bytes, if they are in memory.
    pub(super) fn into_bytes(self) -> Result<Bytes, Self> {
        match self.0 {
            Kind::Empty => Ok(Bytes::new()),
            Kind::Bytes(bytes) => Ok(bytes),
            _ => Err(self),
        }
    }

    /// The body as a stream; of what is on disk a part at a time is read.
    #[must_use]
    pub fn into_stream(self) -> ContentBody {
        ContentBody(match self.0 {
            Kind::Empty => Empty::new().map_err(Into::into).boxed_unsync(),
            Kind::Bytes(bytes) => Full::new(bytes).map_err(Into::into).boxed_unsync(),
            Kind::Stream(body, _) => body,
            Kind::Spooled(spooled) => spooled.into_body().map_err(Into::into).boxed_unsync(),
        })
    }
}

/// A [`Content`] as it is read.
pub struct ContentBody(UnsyncBoxBody<Bytes, BoxError>);

impl Body for ContentBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for ContentBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentBody").finish_non_exhaustive()
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::Empty => "empty",
            Kind::Bytes(_) => "in memory",
            Kind::Stream(..) => "still coming",
            Kind::Spooled(_) => "on disk",
        };
        f.debug_struct("Content")
            .field("kind", &kind)
            .field("length", &self.length())
            .finish()
    }
}
