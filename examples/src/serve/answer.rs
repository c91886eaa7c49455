//! The bodies of all answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fpm_pool::http::SiteBody;
use http_body::{Body, Frame, SizeHint};

use super::files::FileContent;
use super::php::{BodyError, ScriptBody};

/// The body of an answer: a site's, or a page of the server itself.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub(crate) enum Answer {
    /// `None` once it is sent.
    Page(Option<Bytes>),
    Site(SiteBody<ScriptBody, FileContent>),
}

impl From<Bytes> for Answer {
    fn from(bytes: Bytes) -> Self {
        Self::Page((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Page(page) => Poll::Ready(page.take().map(|page| Ok(Frame::data(page)))),
            Self::Site(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Page(page) => page.is_none(),
            Self::Site(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Page(page) => {
                SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64))
            }
            Self::Site(body) => body.size_hint(),
        }
    }
}
