//! Who sends files.

use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri};
use http_body::Body;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower_service::Service;

use super::content::{Content, ContentBody};
use super::fault::Fault;
use super::root::Found;
use crate::request::BoxError;

/// What a path may not hold as it is (RFC 3986, section 3.3).
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Who sends the files of a site: any tower service that takes the head of
/// the client's request with the opened file as its body, and never fails.
/// The path of the request's URI is that of the file below its folder, so
/// that `tower_http::services::ServeDir` on the same folder is one.
pub trait FileService: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static;

    /// Answers a request for a file.
    fn send(self, request: Request<Found>) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl<S, B> FileService for S
where
    S: Service<Request<Found>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + Sync + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static,
{
    type Body = B;

    async fn send(mut self, request: Request<Found>) -> Response<B> {
        let Ok(()) = poll_fn(|cx| self.poll_ready(cx)).await;
        let Ok(response) = self.call(request).await;
        response
    }
}

/// Sends no files: what is no script is answered with 404.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Service<Request<Found>> for NoFiles {
    type Response = Response<ContentBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Found>) -> Self::Future {
        let fault = Fault::new(StatusCode::NOT_FOUND, "files are not served here");
        let answer = fault.to_response();
        ready(Ok(answer.map(|text| Content::from(text).into_stream())))
    }
}

/// The request for `found`, with its path as the URI; `None` if that is
/// longer than a URI can be.
pub(super) fn file_request(mut parts: Parts, found: Found) -> Option<Request<Found>> {
    let name = found.name();
    let is_plain = !name.contains('%') && name == parts.uri.path();
    if !is_plain {
        let mut path = utf8_percent_encode(name, ENCODED).to_string();
        if let Some(query) = parts.uri.query() {
            path = format!("{path}?{query}");
        }
        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        uri.path_and_query = Some(path.parse().ok()?);
        parts.uri = Uri::from_parts(uri).ok()?;
    }
    Some(Request::from_parts(parts, found))
}
