//! The bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::content::ContentBody;
use super::trace::Trace;
use crate::request::BoxError;
use crate::{Answered, ResponseBody};

/// The body of a [`PhpSite`](super::PhpSite)'s answer: what a script prints,
/// a file as the host's file service sends it, or a few bytes at hand.
///
/// Dropping one that has not ended says that the client has left.
#[derive(Debug)]
pub struct SiteBody<P = ResponseBody, F = ContentBody> {
    source: Source<P, F>,
    answered: Option<Answered>,
    trace: Trace,
}

/// The body of an answer before it is followed.
#[derive(Debug)]
pub(super) struct Served<P, F> {
    pub(super) source: Source<P, F>,
    pub(super) answered: Option<Answered>,
}

impl<P, F> From<Source<P, F>> for Served<P, F> {
    /// Without a worker.
    fn from(source: Source<P, F>) -> Self {
        let answered = None;
        Self { source, answered }
    }
}

/// Where the bytes come from.
#[derive(Debug)]
pub(super) enum Source<P, F> {
    /// Bytes at hand; `None` once they are sent.
    Bytes(Option<Bytes>),
    Php(P),
    File(F),
}

impl<P, F> Source<P, F> {
    pub(super) fn bytes(bytes: Bytes) -> Self {
        Self::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    pub(super) const fn empty() -> Self {
        Self::Bytes(None)
    }
}

impl<P, F> SiteBody<P, F> {
    pub(super) fn new(served: Served<P, F>, trace: Trace) -> Self {
        let Served { source, answered } = served;
        Self {
            source,
            answered,
            trace,
        }
    }

    /// Which worker gave the answer, or the file that is sent, and how long
    /// that took; `None` if none did.
    #[must_use]
    pub const fn answered(&self) -> Option<&Answered> {
        self.answered.as_ref()
    }

    /// What the script prints, if this comes from one.
    #[must_use]
    pub const fn as_php(&self) -> Option<&P> {
        match &self.source {
            Source::Php(body) => Some(body),
            _ => None,
        }
    }

    /// The body that the host's file service gave, if this is a file.
    pub const fn as_file_mut(&mut self) -> Option<&mut F> {
        match &mut self.source {
            Source::File(body) => Some(body),
            _ => None,
        }
    }
}

impl<P, F> Body for SiteBody<P, F>
where
    P: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    F: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Php(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Source::File(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        };
        if this.trace.is_on()
            && let Poll::Ready(frame) = &frame
        {
            let is_end = this.source.is_end();
            this.trace.sent(frame.as_ref(), is_end);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Bytes(bytes) => SizeHint::with_exact(length(bytes.as_ref())),
            Source::Php(body) => body.size_hint(),
            Source::File(body) => body.size_hint(),
        }
    }
}

fn length(bytes: Option<&Bytes>) -> u64 {
    bytes.map_or(0, |bytes| bytes.len() as u64)
}

impl<P: Body, F: Body> Source<P, F> {
    pub(super) fn is_end(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::Php(body) => body.is_end_stream(),
            Self::File(body) => body.is_end_stream(),
        }
    }

    /// How many bytes come, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(length(bytes.as_ref())),
            Self::Php(body) => body.size_hint().exact(),
            Self::File(body) => body.size_hint().exact(),
        }
    }
}
