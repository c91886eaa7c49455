//! Who runs the scripts.

use std::future::Future;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::Body;

use super::call::Call;
use super::content::Content;
use super::fault::Fault;
use crate::request::BoxError;
use crate::{Answered, PoolHandle, ResponseBody};

/// Who runs the scripts of a [`PhpSite`](super::PhpSite): a pool, or whatever
/// else takes FastCGI requests. A clone shares all but the place that
/// [`poll_place`](Self::poll_place) has kept.
///
/// # Examples
///
/// ```
/// use fpm_pool::http::{Backend, Call, Content, Fault, PhpSite};
/// use http_body_util::Full;
/// use tower_service::Service;
///
/// /// Says which script would run.
/// #[derive(Clone)]
/// struct Dry;
///
/// impl Backend for Dry {
///     type Body = Full<bytes::Bytes>;
///
///     async fn run(
///         &mut self,
///         call: Call<'_>,
///         _: Content,
///     ) -> Result<http::Response<Self::Body>, Fault> {
///         let name = call.script().name().to_owned();
///         Ok(http::Response::new(Full::new(name.into())))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("index.php"), "<?php")?;
/// let site = PhpSite::new(Dry, folder.path());
/// let request = http::Request::get("/").header("host", "a").body(String::new())?;
/// let answer = http_body_util::BodyExt::collect(site.respond(request).await.into_body());
/// assert_eq!(answer.await?.to_bytes(), "/index.php");
/// # Ok(())
/// # }
/// ```
pub trait Backend: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static;

    /// Ready when the next request is not refused for want of a place, which
    /// is then kept for it. Always ready by default.
    fn poll_place(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Whether a body may be passed on as it comes; otherwise it is whole.
    fn takes_streams(&self) -> bool {
        true
    }

    /// Runs a script, in the place that was kept if one was, and returns the
    /// head of its answer; the body follows.
    /// Dropping the future says that the client has left.
    ///
    /// # Errors
    ///
    /// A [`Fault`] to answer with.
    fn run(
        &mut self,
        call: Call<'_>,
        content: Content,
    ) -> impl Future<Output = Result<Response<Self::Body>, Fault>> + Send;

    /// Who answered, where that is known.
    fn answered(_: &Self::Body) -> Option<&Answered> {
        None
    }
}

impl Backend for PoolHandle {
    type Body = ResponseBody;

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_held(cx)
    }

    async fn run(
        &mut self,
        call: Call<'_>,
        content: Content,
    ) -> Result<Response<ResponseBody>, Fault> {
        let request = call.request(content)?;
        Ok(self.call_held(request).await?)
    }

    fn answered(body: &ResponseBody) -> Option<&Answered> {
        Some(body.answered())
    }
}
