//! What the tests of sites behind HTTP share.

use fpm_pool::http::{Backend, FileService, PhpSite};
use http::{HeaderMap, Request, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) extensions: http::Extensions,
    pub(crate) text: String,
}

/// Asks the site, as a host does.
pub(crate) async fn ask<B, F, Q>(site: &PhpSite<B, F>, request: Request<Q>) -> Answer
where
    B: Backend,
    F: FileService,
    Q: Body<Data = bytes::Bytes> + Send + 'static,
    Q::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = site.respond(request).await.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        extensions: head.extensions,
        text: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// A GET without a body.
pub(crate) fn get(target: &str) -> Request<String> {
    request("GET", target, "")
}

pub(crate) fn request(method: &str, target: &str, body: &str) -> Request<String> {
    Request::builder()
        .method(method)
        .uri(target)
        .header("host", "example.org")
        .body(body.to_owned())
        .expect("a usual request")
}
